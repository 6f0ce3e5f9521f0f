//! What is wrong with an environment's description, found before anything is changed.

use crate::installation::{Installation, Stack};
use crate::stack::Kind;

/// The account of AWS's own examples.
const EXAMPLE_ACCOUNT: &str = "123456789012";

/// Everything that would make a deployment fail, or make an installation that cannot work.
pub fn problems(installation: &Installation) -> Vec<String> {
    let mut problems = Vec::new();
    for stack in &installation.stacks {
        let section = format!("[{}-{}]", installation.environment, stack.label);
        problems.extend(of_parameters(installation, stack).into_iter().map(|problem| format!("{section} {problem}")));
    }
    problems.extend(disagreements(installation));
    problems.extend(regions(installation));
    problems.extend(signing(installation));
    problems
}

/// What is still as the example has it: fine for a dry run, but nothing to deploy.
pub fn examples(installation: &Installation) -> Vec<String> {
    let mut examples = Vec::new();
    if installation.account == EXAMPLE_ACCOUNT {
        examples.push(format!("[{}.installation.parameters] account", installation.environment));
    }
    for stack in &installation.stacks {
        for (name, value) in &stack.parameters {
            let example = |part: &str| part.ends_with(".example") || part.contains(".example/");
            if value.split([',', '?']).any(example) {
                examples.push(format!("[{}-{}] {name}={value}", installation.environment, stack.label));
            }
        }
    }
    examples
}

fn of_parameters(installation: &Installation, stack: &Stack) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, value) in &stack.parameters {
        match stack.template.parameters.get(name) {
            None => problems.push(format!("{name}: {} declares no such parameter", stack.template_file)),
            Some(parameter) => problems.extend(parameter.accepts(value).err().map(|error| format!("{name}: {error}"))),
        }
    }
    for (name, parameter) in &stack.template.parameters {
        let handed = stack.kind.receives().iter().find(|handed| handed.parameter == name);
        let comes = handed.is_some_and(|handed| installation.of(handed.from).next().is_some());
        if !parameter.has_default && !comes && !stack.parameters.contains_key(name) {
            let source = handed.map_or_else(String::new, |handed| format!(" (no {} stack hands it)", handed.from));
            problems.push(format!("{name} has no value{source}"));
        }
    }
    for handed in stack.kind.receives() {
        for from in installation.of(handed.from).filter(|from| !from.template.outputs.contains(handed.output)) {
            problems.push(format!("{}: {} has no output {}", handed.parameter, from.template_file, handed.output));
        }
    }
    let has = |name| stack.parameters.contains_key(name);
    if stack.kind == Kind::Main && has("VpcSubnetIds") != has("VpcSecurityGroupIds") {
        problems.push("give both VpcSubnetIds and VpcSecurityGroupIds, or neither".to_owned());
    }
    problems
}

/// Stacks that have to be told the same.
fn disagreements(installation: &Installation) -> Vec<String> {
    let mut problems = Vec::new();
    for name in ["SecretPrefix", "SecretsKeyArn", "ConfiguredRegions"] {
        let declaring = installation.stacks.iter().filter(|stack| stack.template.parameters.contains_key(name));
        let told: Vec<_> = declaring.map(|stack| (&stack.label, stack.parameters.get(name))).collect();
        if told.iter().any(|(_, value)| *value != told[0].1) {
            let each: Vec<_> = told
                .iter()
                .map(|(label, value)| format!("{label}: {}", value.map_or("its default", String::as_str)))
                .collect();
            problems.push(format!("{name} differs between stacks ({})", each.join("; ")));
        }
    }
    let main = installation.of(Kind::Main).map(|main| main.name.as_str()).next();
    for stack in &installation.stacks {
        let name = stack.parameters.get("ControlPlaneStackName").map_or("ivory", String::as_str);
        if stack.template.parameters.contains_key("ControlPlaneStackName") && main.is_some_and(|main| main != name) {
            problems.push(format!(
                "[{}-{}] ControlPlaneStackName is {name:?}, and the main stack is {:?}",
                installation.environment,
                stack.label,
                main.unwrap_or_default()
            ));
        }
    }
    problems
}

/// A residency region's stack is deployed there. A region without one has an OpenSearch of the operator's.
fn regions(installation: &Installation) -> Vec<String> {
    let Ok(configured) = installation.regions() else { return Vec::new() };
    let mut problems = Vec::new();
    for stack in installation.of(Kind::Region) {
        let region = stack.label.trim_start_matches("region-");
        if stack.region != region {
            problems.push(format!("[{}-{}] is deployed into {}", installation.environment, stack.label, stack.region));
        }
        if !configured.contains(&region) {
            problems.push(format!("[{}-{}] is none of ConfiguredRegions", installation.environment, stack.label));
        }
    }
    problems
}

/// With a signing configuration, Lambda takes nothing that is not signed. Without one, a signature guards nothing.
fn signing(installation: &Installation) -> Option<String> {
    let main = installation.of(Kind::Main).next()?;
    let [profile, configuration] =
        [installation.signing_profile.is_some(), main.parameters.contains_key("CodeSigningConfigArn")];
    let Installation { environment, .. } = installation;
    (profile != configuration).then(|| {
        format!("give both signing_profile in [{environment}.installation.parameters] and CodeSigningConfigArn in [{environment}-main], or neither")
    })
}

#[cfg(test)]
mod tests {
    use crate::installation::root;

    use super::*;

    const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

    fn samconfig() -> String {
        std::fs::read_to_string(root().expect("the checkout").join("samconfig.toml")).expect("read")
    }

    fn installation(text: &str, environment: &str) -> Installation {
        Installation::parse(text, &root().expect("the checkout"), environment).expect("an installation")
    }

    #[test]
    fn the_three_environments_are_whole() {
        for environment in ENVIRONMENTS {
            let installation = installation(&samconfig(), environment);
            assert_eq!(problems(&installation), Vec::<String>::new(), "{environment}");
            for kind in Kind::IN_ORDER {
                assert!(installation.of(kind).next().is_some(), "{environment}: {kind}");
            }
            assert!(!examples(&installation).is_empty(), "{environment} has the account of the example");
        }
    }

    /// Each mistake in the description of prod, and a part of what is said about it.
    #[test]
    fn a_mistake_is_named_with_its_section() {
        let secrets = "\"SecretPrefix=ivory\",\n    \"ConfiguredRegions=us-east-1,eu-central-1,ap-southeast-1\",\n]\n\n[prod-database";
        for (right, wrong, said) in [
            (
                "parameter_overrides = [\"SecretPrefix=ivory\"]",
                "parameter_overrides = [\"SecretPrefix=ivory2\"]",
                "SecretPrefix differs",
            ),
            (secrets, "\"ConfiguredRegions=us-east-1\",\n]\n\n[prod-database", "ConfiguredRegions differs"),
            (
                "ConfiguredRegions=us-east-1,eu-central-1,ap-southeast-1",
                "ConfiguredRegions=us-east-1,eu-central-1,moon",
                "\"moon\" does not match",
            ),
            (
                "    \"ControlPlaneStackName=ivory\",\n    \"NotifyEmail=platform@bank.example\",\n]\n\n[prod-region-eu-central-1",
                "    \"ControlPlaneStackName=ivry\",\n    \"NotifyEmail=platform@bank.example\",\n]\n\n[prod-region-eu-central-1",
                "the main stack is \"ivory\"",
            ),
            ("parameter_overrides = []", "parameter_overrides = [\"NatPerZoan=false\"]", "declares no such parameter"),
            ("parameter_overrides = []", "parameter_overrides = [\"NatPerZone=no\"]", "none of true, false"),
            (
                "[prod-network.deploy.parameters]",
                "[prod-netwerk.deploy.parameters]",
                "SubnetIds has no value (no network stack hands it)",
            ),
            ("region = \"eu-central-1\"", "region = \"eu-west-1\"", "is deployed into eu-west-1"),
            ("[prod-region-eu-central-1", "[prod-region-eu-central-2", "is none of ConfiguredRegions"),
            (
                "account = \"123456789012\"",
                "account = \"123456789012\"\nsigning_profile = \"ivory\"",
                "CodeSigningConfigArn in [prod-main]",
            ),
            (
                "template_file = \"infra/aws/network.yaml\"",
                "template_file = \"infra/aws/alarms.yaml\"",
                "has no output PrivateSubnetIds",
            ),
        ] {
            let text = samconfig();
            assert!(text.contains(right), "{right}");
            let problems = problems(&installation(&text.replacen(right, wrong, 1), "prod"));
            assert!(problems.iter().any(|problem| problem.contains(said)), "{wrong}: {problems:#?}");
        }
    }

    #[test]
    fn half_a_vpc_is_refused() {
        let text = samconfig();
        let (before, main) = text.split_once("[prod-main").expect("prod-main");
        let main =
            main.replacen("parameter_overrides = [", "parameter_overrides = [\n    \"VpcSubnetIds=subnet-1\",", 1);
        let problems = problems(&installation(&format!("{before}[prod-main{main}"), "prod"));
        assert_eq!(problems, ["[prod-main] give both VpcSubnetIds and VpcSecurityGroupIds, or neither"]);
    }
}
