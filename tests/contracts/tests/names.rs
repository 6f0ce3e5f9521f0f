//! Folder, package, program, resource, code, state and route have the same name.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use contracts::functions;
use contracts::machine::Machine;
use contracts::pascal_case;
use contracts::template::Template;
use contracts::workspace::Workspace;
use serde_json::{Value, json};

#[test]
fn folder_package_and_program_have_one_name() -> Result<()> {
    for package in Workspace::load()?.below("functions/") {
        assert_eq!(package.folder_name(), package.name, "package of {}", package.folder);
        assert_eq!(package.binaries, [package.name.as_str()], "binaries of {}", package.folder);
        assert_eq!(package.folder.split('/').count(), 3, "{} is not functions/<group>/<name>", package.folder);
        assert!(["api", "steps", "purge", "ops"].contains(&package.group()), "{} is in no known group", package.folder);
    }
    Ok(())
}

#[test]
fn every_folder_is_a_listed_function_under_its_name() -> Result<()> {
    let listed = functions::all();
    for function in &listed {
        assert_eq!(function.name, function.package, "the name at run time is the crate's name");
    }
    let listed: BTreeSet<_> =
        listed.iter().map(|function| format!("functions/{}/{}", function.group, function.package)).collect();
    let folders: BTreeSet<_> = Workspace::load()?.below("functions/").map(|package| package.folder.clone()).collect();
    assert_eq!(listed, folders, "functions of contracts::functions, folders");
    Ok(())
}

#[test]
fn folders_and_functions_of_the_template_match() -> Result<()> {
    let workspace = Workspace::load()?;
    let folders: BTreeSet<_> = workspace.below("functions/").map(|package| package.name.clone()).collect();
    let mut deployed = BTreeSet::new();
    for function in Template::load()?.functions()? {
        let name = function.name()?;
        assert_eq!(function.resource, pascal_case(name) + "Function", "resource of {name}");
        deployed.insert(name.to_owned());
    }
    assert_eq!(deployed, folders, "functions of the template, folders");
    Ok(())
}

#[test]
fn logs_go_to_the_group_of_the_folder() -> Result<()> {
    let workspace = Workspace::load()?;
    for function in Template::load()?.functions()? {
        let group = pascal_case(functions::log_of(workspace.package(function.name()?)?.group())) + "LogGroup";
        assert_eq!(function.properties["LoggingConfig"]["LogGroup"], json!({ "Ref": group }), "{}", function.resource);
    }
    Ok(())
}

#[test]
fn the_template_lists_routes_then_both_kinds_of_steps_in_order_then_operations() -> Result<()> {
    let workspace = Workspace::load()?;
    let functions = Template::load()?.functions()?;
    let names = functions.iter().map(|function| function.name()).collect::<Result<Vec<_>>>()?;
    let groups = names.iter().map(|name| Ok(workspace.package(name)?.group())).collect::<Result<Vec<_>>>()?;
    let rank = |group: &&str| ["api", "steps", "purge", "ops"].iter().position(|known| known == group);
    assert!(groups.is_sorted_by_key(rank), "groups in the order of the file: {groups:?}");
    for (machine, group) in Machine::all()?.iter().zip(["steps", "purge"]) {
        let steps: Vec<_> = names.iter().zip(&groups).filter(|(_, of)| **of == group).map(|(name, _)| *name).collect();
        assert_eq!(steps, machine.steps(), "steps in the order of the file");
    }
    Ok(())
}

#[test]
fn states_are_named_after_their_functions() -> Result<()> {
    for machine in Machine::all()? {
        let states = machine.document["States"].as_object().context("States")?;
        let mut invoked = BTreeSet::new();
        for (state, body) in states.iter().filter(|(_, body)| body["Type"] == "Task") {
            let function = json!(format!("${{{state}Function}}"));
            assert_eq!(body["Parameters"]["FunctionName"], function, "function of {state}");
            invoked.insert(state.clone());
        }
        let expected: BTreeSet<_> = machine.all_tasks()?.into_iter().map(|(name, _)| name).collect();
        assert_eq!(invoked, expected, "task states");
    }
    Ok(())
}

#[test]
fn a_state_machine_substitutes_exactly_the_functions_that_it_invokes() -> Result<()> {
    let template = Template::load()?;
    for machine in Machine::all()? {
        let resource = template.resource(machine.resource)?;
        let substitutions = resource["Properties"]["DefinitionSubstitutions"].as_object().context("substitutions")?;
        let states = machine.document["States"].as_object().context("States")?;
        let expected: BTreeMap<String, Value> = states
            .iter()
            .filter(|(_, body)| body["Type"] == "Task")
            .map(|(state, _)| format!("{state}Function"))
            .map(|function| (function.clone(), json!({ "Fn::GetAtt": [function, "Arn"] })))
            .collect();
        let found: BTreeMap<String, Value> = substitutions.clone().into_iter().collect();
        assert_eq!(found, expected);
    }
    Ok(())
}
