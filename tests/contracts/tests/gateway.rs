//! The gateway in front of the routes: how much it takes, and what it writes down.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use contracts::template::Template;
use domain::routes::{Credential, ROUTES, Route};
use regex::Regex;
use serde_json::{Value, json};

/// What the access log may hold. The gateway, the network or this project chooses each of these texts. A path, a query, a
/// user agent or a protocol is chosen by the caller, who could write a line's end or a credential into it. Of these only
/// `requestId` can be chosen: it may be another UUID, which is why `extendedRequestId` is there too.
const WRITTEN: [&str; 15] = [
    "authorizer.error",
    // An actor, which is visible ASCII without quotes: `domain::Actor`.
    "authorizer.principalId",
    "authorizer.status",
    "error.responseType",
    "extendedRequestId",
    "httpMethod",
    "identity.sourceIp",
    "integrationLatency",
    "requestId",
    "requestTimeEpoch",
    // The route's template, not the path.
    "resourcePath",
    "responseLatency",
    "responseLength",
    "status",
    "wafResponseCode",
];

fn api(template: &Template) -> Result<&Value> {
    Ok(&template.resource("Api")?["Properties"])
}

/// The parameters that limit a route.
fn limits(route: &Route) -> &'static str {
    match (route.credential, route.method) {
        (Credential::None, _) => "Health",
        (_, "GET") => "Reads",
        _ => "Writes",
    }
}

#[test]
fn every_route_is_throttled_as_its_kind_is() -> Result<()> {
    let template = Template::load()?;
    let settings = api(&template)?["MethodSettings"].as_array().context("MethodSettings")?;
    let mut found = BTreeMap::new();
    for setting in settings {
        let text = |name: &str| setting[name].as_str().map(str::to_owned).context(name.to_owned());
        let limit = |name: &str| setting[name]["Ref"].as_str().context(name.to_owned());
        let kind = limit("ThrottlingRateLimit")?.strip_suffix("PerSecond").context("no rate")?;
        ensure!(limit("ThrottlingBurstLimit")? == format!("{kind}AtOnce"), "{setting}");
        ensure!(
            found.insert((text("ResourcePath")?, text("HttpMethod")?), kind.to_owned()).is_none(),
            "twice: {setting}"
        );
    }
    ensure!(
        found.remove(&("/*".to_owned(), "*".to_owned())).as_deref() == Some("Reads"),
        "no limit for everything else"
    );
    let tighter = ROUTES.iter().filter(|route| limits(route) != "Reads").map(|route| {
        let path = route.path.strip_prefix("/v1").unwrap_or_default().replace('/', "~1");
        ((format!("/{path}"), route.method.to_owned()), limits(route).to_owned())
    });
    assert_eq!(found, tighter.collect());
    let default = |name: String| template.document["Parameters"][name]["Default"].as_u64().context("a number");
    for kind in ["Writes", "Health"] {
        for limit in ["PerSecond", "AtOnce"] {
            let (tight, usual) = (default(format!("{kind}{limit}"))?, default(format!("Reads{limit}"))?);
            assert!((1..usual).contains(&tight), "{kind}{limit}");
        }
    }
    Ok(())
}

#[test]
fn the_access_log_says_who_from_where_and_why_not_and_nothing_that_a_caller_writes() -> Result<()> {
    let template = Template::load()?;
    let setting = &api(&template)?["AccessLogSetting"];
    assert_eq!(setting["DestinationArn"], json!({ "Fn::GetAtt": ["AccessLogGroup", "Arn"] }));
    let format = setting["Format"].as_str().context("Format")?;
    assert!(!format.contains('\n'), "one line for each request");
    let line: BTreeMap<String, String> = serde_json::from_str(format)?;
    let variables: BTreeSet<_> = line.values().map(|value| value.strip_prefix("$context.").unwrap_or(value)).collect();
    assert_eq!(variables, BTreeSet::from(WRITTEN));
    // What the documents, the alarm and a person look for.
    for (name, variable) in [
        ("request_id", "requestId"),
        ("source", "identity.sourceIp"),
        ("route", "resourcePath"),
        ("status", "status"),
        ("caller", "authorizer.principalId"),
        ("refusal", "error.responseType"),
        ("latency_ms", "responseLatency"),
    ] {
        assert_eq!(line.get(name), Some(&format!("$context.{variable}")), "{name}");
    }
    assert_eq!(template.resource("AccessLogGroup")?, template.resource("ApiLogGroup")?, "kept as the others are");
    Ok(())
}

#[test]
fn a_burst_of_refusals_raises_an_alarm() -> Result<()> {
    let alarms = Template::of("infra/aws/alarms.yaml")?;
    let filter = &alarms.resource("RefusedCallersLines")?["Properties"];
    assert_eq!(filter["LogGroupName"], json!({ "Ref": "AccessLogGroup" }));
    let pattern = filter["FilterPattern"].as_str().context("FilterPattern")?;
    let statuses: BTreeSet<_> =
        Regex::new(r#"\$\.status = "(\d+)""#)?.captures_iter(pattern).map(|found| found[1].to_owned()).collect();
    assert_eq!(statuses, BTreeSet::from(["401", "403"].map(str::to_owned)));
    let alarm = &alarms.resource("RefusedCallers")?["Properties"];
    let counted = &filter["MetricTransformations"][0];
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&counted["MetricNamespace"], &counted["MetricName"]));
    Ok(())
}

#[test]
fn the_health_route_cannot_be_switched_off_by_a_number() -> Result<()> {
    let template = Template::load()?;
    let parameter = &template.document["Parameters"]["HealthConcurrency"];
    let allowed = Regex::new(parameter["AllowedPattern"].as_str().context("AllowedPattern")?)?;
    for good in ["", "1", "10", "1000"] {
        assert!(allowed.is_match(good), "{good:?}");
    }
    for bad in ["0", "00", "01", "-1", "1.5", " ", "10000", "five"] {
        assert!(!allowed.is_match(bad), "{bad:?}");
    }
    let reserved = &template.resource("CheckLakehouseHealthFunction")?["Properties"]["ReservedConcurrentExecutions"];
    let expected =
        json!({ "Fn::If": ["HasHealthConcurrency", { "Ref": "HealthConcurrency" }, { "Ref": "AWS::NoValue" }] });
    assert_eq!(*reserved, expected);
    Ok(())
}

#[test]
fn only_given_addresses_may_call_if_any_are_given() -> Result<()> {
    let template = Template::load()?;
    let statements = &api(&template)?["Auth"]["ResourcePolicy"]["CustomStatements"];
    let everybody =
        json!({ "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*" });
    let mut others = everybody.clone();
    others["Effect"] = json!("Deny");
    // A text that is split: SAM puts a parameter's value in before CloudFormation makes a list of it.
    let given = json!({ "Fn::Split": [",", { "Ref": "AllowedSourceCidrs" }] });
    others["Condition"] = json!({ "NotIpAddress": { "aws:SourceIp": given } });
    let denied = json!({ "Fn::If": ["HasAllowedSources", others, { "Ref": "AWS::NoValue" }] });
    assert_eq!(*statements, json!([everybody, denied]));
    let allowed =
        template.document["Parameters"]["AllowedSourceCidrs"]["AllowedPattern"].as_str().context("a pattern")?;
    let allowed = Regex::new(allowed)?;
    for good in ["", "203.0.113.0/24", "203.0.113.7/32,2001:db8::/32"] {
        assert!(allowed.is_match(good), "{good:?}");
    }
    for bad in ["203.0.113.7", "*", "203.0.113.0/24,", "203.0.113.0/24, 2001:db8::/32", "0.0.0.0/0 "] {
        assert!(!allowed.is_match(bad), "{bad:?}");
    }
    Ok(())
}
