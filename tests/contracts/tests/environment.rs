//! A function gets exactly the environment variables that its type declares.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use contracts::template::Template;
use contracts::{functions, pascal_case};
use lambda_kit::Platform;
use serde_json::json;

#[test]
fn a_function_gets_exactly_the_variables_that_it_declares() -> Result<()> {
    let template = Template::load()?;
    for function in functions::all() {
        let deployed = template.function(&(pascal_case(&function.package) + "Function"))?;
        let given = deployed.environment()?;
        let mut declared: BTreeSet<&str> = Platform::SETTINGS.into();
        declared.extend(&function.declaration.settings);
        assert_eq!(given.keys().map(String::as_str).collect::<BTreeSet<_>>(), declared, "{}", function.name);
    }
    Ok(())
}

/// The value of parameter `TenantCacheKeys` is always passed in the variable `TENANT_CACHE_KEYS`.
#[test]
fn variables_are_named_after_their_parameters() -> Result<()> {
    let resources = BTreeMap::from([
        ("STATE_MACHINE_ARN", "ProvisionTenantStateMachine"),
        ("PURGE_STATE_MACHINE_ARN", "PurgeTenantStateMachine"),
    ]);
    for function in Template::load()?.functions()? {
        for (variable, value) in function.environment()? {
            let words = variable.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
            let parameter: String = words.collect();
            let expected = resources.get(variable.as_str()).map_or(parameter, ToString::to_string);
            assert_eq!(value, json!({ "Ref": expected }), "{}: {variable}", function.resource);
        }
    }
    Ok(())
}
