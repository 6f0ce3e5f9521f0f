//! A function gets the variables its code reads, and its code reads the variables it gets.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use contracts::source;
use contracts::template::Template;
use contracts::workspace::Workspace;
use regex::Regex;
use serde_json::json;

/// Set by the Lambda runtime or read by the AWS SDK itself.
const RESERVED: &[&str] = &["AWS_", "LAMBDA_", "_X_AMZN_"];

/// What a kit reads for a function that calls it.
const HELPERS: &[(&str, &str)] = &[("cache_keys(", "TENANT_CACHE_KEYS")];

#[test]
fn what_is_given_is_read_and_what_is_read_is_given() -> Result<()> {
    let workspace = Workspace::load()?;
    let read = Regex::new(r#"env::var(?:_os)?\(\s*"([A-Z][A-Z0-9_]*)""#)?;
    // A function's own code may ask through something of a kit: any call whose first argument looks like a variable.
    let asked = Regex::new(r#"\(\s*"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)""#)?;
    for function in Template::load()?.functions()? {
        let name = function.name()?;
        let given: BTreeSet<String> = function.environment()?.into_keys().collect();
        let own = source::shipped(workspace.package(name)?)?;
        let mut all = String::new();
        for package in workspace.reach(name)? {
            all.push_str(&source::shipped(package)?);
        }
        let mentioned: BTreeSet<_> = asked.captures_iter(&all).map(|found| found[1].to_owned()).collect();
        let unread: Vec<_> = given.difference(&mentioned).collect();
        assert!(unread.is_empty(), "{name} is given {unread:?} and does not read it");

        let mut needed: BTreeSet<_> = read.captures_iter(&all).map(|found| found[1].to_owned()).collect();
        needed.extend(asked.captures_iter(&own).map(|found| found[1].to_owned()));
        needed.extend(HELPERS.iter().filter(|(call, _)| own.contains(call)).map(|(_, it)| (*it).to_owned()));
        needed.retain(|variable| !RESERVED.iter().any(|prefix| variable.starts_with(prefix)));
        let missing: Vec<_> = needed.difference(&given).collect();
        assert!(missing.is_empty(), "{name} reads {missing:?} and is not given that");
    }
    Ok(())
}

/// Parameter `TenantCacheKeys` is variable `TENANT_CACHE_KEYS`, wherever it goes.
#[test]
fn variables_are_named_after_their_parameters() -> Result<()> {
    let resources = BTreeMap::from([("STATE_MACHINE_ARN", "ProvisionTenantStateMachine")]);
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
