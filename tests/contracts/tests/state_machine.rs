//! The order, retries, time-outs and names of the pipeline and of the purge.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use contracts::machine::Machine;
use contracts::template::Template;
use domain::FailureKind;
use purge_6_delete_project::DeleteProject;
use serde_json::{Value, json};
use step_2_await_environment::AwaitEnvironment;
use step_5_invite_admin::InviteAdmin;
use step_kit::Work as _;
use store::LEASE_MARGIN;

/// The time in seconds that a function may take to start. Its time-out counts only after that.
const INIT: u64 = 10;

fn retriers(state: &Value) -> Result<&Vec<Value>> {
    state["Retry"].as_array().context("Retry")
}

fn retrier<'a>(state: &'a Value, name: &str) -> Result<&'a Value> {
    let matching = |retrier: &&Value| retrier["ErrorEquals"].as_array().is_some_and(|all| all.contains(&json!(name)));
    retriers(state)?.iter().find(matching).with_context(|| format!("no retrier for {name}"))
}

fn number(value: &Value, field: &str) -> Result<u64> {
    value[field].as_u64().with_context(|| format!("{field} of {value}"))
}

/// A step that can wait: its number, the field of the input that says whether it is done, the Choice and the Wait after
/// it, and the pause that the step expects.
type Waiting = (usize, &'static str, &'static str, &'static str, Duration);

const WAITING: [Waiting; 2] = [
    (2, "environment", "IsEnvironmentReady", "WaitForEnvironment", AwaitEnvironment::POLL),
    (5, "invitation", "IsAdminInvited", "WaitForAuthConfiguration", InviteAdmin::POLL),
];

/// The same, in the purge.
const WAITING_IN_PURGE: [Waiting; 1] = [(6, "project", "IsProjectGone", "WaitForProject", DeleteProject::POLL)];

fn machines() -> Result<[(Machine, &'static [Waiting]); 2]> {
    let [pipeline, purge] = Machine::all()?;
    Ok([(pipeline, &WAITING), (purge, &WAITING_IN_PURGE)])
}

#[test]
fn the_steps_run_in_order_and_some_of_them_wait() -> Result<()> {
    for (machine, waiting) in machines()? {
        runs_in_order(&machine, waiting)?;
    }
    Ok(())
}

fn runs_in_order(machine: &Machine, waiting: &[Waiting]) -> Result<()> {
    let tasks = machine.tasks()?;
    assert_eq!(machine.document["StartAt"], json!(tasks[0].0));
    assert_eq!(machine.document.get("QueryLanguage"), None, "JSONPath");
    for (number, pair) in (1..).zip(tasks.windows(2)) {
        let ((name, state), (next, _)) = (&pair[0], &pair[1]);
        let Some(&(_, field, choice, wait, pause)) = waiting.iter().find(|waiting| waiting.0 == number) else {
            assert_eq!(state["Next"], json!(next), "after {name}");
            continue;
        };
        assert_eq!(state["Next"], json!(choice), "after {name}");
        let ready = json!([{ "Variable": format!("$.{field}.ready"), "BooleanEquals": true, "Next": next }]);
        let choice = machine.state(choice)?;
        assert_eq!((&choice["Choices"], &choice["Default"]), (&ready, &json!(wait)));
        assert_eq!(*machine.state(wait)?, json!({ "Type": "Wait", "Seconds": pause.as_secs(), "Next": name }));
    }
    let (_, last) = tasks.last().context("no step")?;
    assert_eq!(last["End"], json!(true));
    Ok(())
}

/// A task gets the state's whole input. A path to a part of it would fail the runs that the release before started, whose
/// input lacks what is new.
fn whole_input(state: &Value) -> Value {
    json!({ "FunctionName": state["Parameters"]["FunctionName"], "Payload.$": "$" })
}

#[test]
fn a_task_gets_what_names_its_run_and_its_output_is_dropped() -> Result<()> {
    for (machine, waiting) in machines()? {
        for (number, (name, state)) in (1..).zip(machine.tasks()?) {
            assert_eq!(state["Resource"], json!("arn:aws:states:::lambda:invoke"), "{name}");
            assert_eq!(state["Parameters"], whole_input(state), "{name}");
            if let Some((_, field, ..)) = waiting.iter().find(|waiting| waiting.0 == number) {
                assert_eq!(state["ResultSelector"], json!({ "ready.$": "$.Payload.ready" }));
                assert_eq!(state["ResultPath"], json!(format!("$.{field}")));
            } else {
                assert_eq!(state.get("ResultPath"), Some(&Value::Null), "{name}: history keeps every output");
            }
        }
    }
    Ok(())
}

/// Each step of both machines.
fn each_step(look: impl Fn(&str, &Value) -> Result<()>) -> Result<()> {
    for machine in Machine::all()? {
        for (name, state) in machine.tasks()? {
            look(&name, state)?;
        }
    }
    Ok(())
}

#[test]
fn the_status_routes_know_the_waits_of_the_machines() -> Result<()> {
    each_step(|name, state| {
        let interval = |error| number(retrier(state, error)?, "IntervalSeconds");
        assert_eq!(interval("Step.RateLimited")?, step_kit::RATE_LIMITED_RETRY.as_secs(), "{name}");
        assert_eq!(interval("Step.Busy")?, step_kit::BUSY_RETRY.as_secs(), "{name}");
        Ok(())
    })
}

/// What Lambda answers while a function is being prepared, or while Lambda is full or broken.
fn of_lambda() -> Value {
    json!({
        "ErrorEquals": [
            "Lambda.CodeArtifactUserPendingException",
            "Lambda.CodeArtifactUserDeletedException",
            "Lambda.ResourceNotReadyException",
            "Lambda.ResourceConflictException",
            "Lambda.ENINotReadyException",
            "Lambda.ENILimitReachedException",
            "Lambda.SubnetIPAddressLimitReachedException",
            "Lambda.EC2ThrottledException",
            "Lambda.EC2UnexpectedException",
            "Lambda.TooManyRequestsException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
        ],
        "IntervalSeconds": 5, "MaxAttempts": 60, "BackoffRate": 2.0, "JitterStrategy": "FULL", "MaxDelaySeconds": 30,
    })
}

#[test]
fn all_steps_have_the_same_retriers() -> Result<()> {
    let expected = json!([
        { "ErrorEquals": ["Step.Rejected", "Step.Internal", "Step.Superseded"], "MaxAttempts": 0 },
        { "ErrorEquals": ["Step.RateLimited"], "IntervalSeconds": 30, "MaxAttempts": 360, "BackoffRate": 1.0 },
        { "ErrorEquals": ["Step.Busy"], "IntervalSeconds": 5, "MaxAttempts": 120, "BackoffRate": 1.0 },
        of_lambda(),
        { "ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2.0,
          "JitterStrategy": "FULL", "MaxDelaySeconds": 60 },
    ]);
    each_step(|name, state| {
        assert_eq!(state["Retry"], expected, "{name}");
        Ok(())
    })
}

#[test]
fn every_failure_is_recorded() -> Result<()> {
    for machine in Machine::all()? {
        let (recorder, failed) = (machine.recorder, machine.failed);
        let expected = json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": recorder }]);
        for (name, state) in machine.tasks()? {
            assert_eq!(state["Catch"], expected, "{name}");
        }
        let record = machine.state(recorder)?;
        assert_eq!(record["Parameters"], whole_input(record));
        assert_eq!(record.get("ResultPath"), Some(&Value::Null));
        assert_eq!(record["Next"], json!(failed));
        // If it cannot be recorded, the execution still fails with the step's error, where the reconciler finds it.
        let expected = json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.unrecorded", "Next": failed }]);
        assert_eq!(record["Catch"], expected);
        assert!(retriers(record)?.contains(&of_lambda()), "the recorder waits for Lambda as the steps do");
        let expected = json!({ "Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause" });
        assert_eq!(*machine.state(failed)?, expected);
    }
    Ok(())
}

#[test]
fn error_names_match_the_kinds_of_failures() -> Result<()> {
    for machine in Machine::all()? {
        let states = machine.document["States"].as_object().context("States")?;
        let mut matched = BTreeSet::new();
        for state in states.values().filter(|state| state["Type"] == "Task") {
            for retrier in retriers(state)? {
                let names = retrier["ErrorEquals"].as_array().context("ErrorEquals")?;
                matched.extend(names.iter().filter_map(Value::as_str).filter(|name| name.starts_with("Step.")));
            }
        }
        // Transient failures are retried by the retrier for States.ALL, like a killed process.
        matched.insert(FailureKind::Transient.error_name());
        assert_eq!(matched, FailureKind::ALL.into_iter().map(FailureKind::error_name).collect());
    }
    Ok(())
}

/// The machines retry exactly the failures that the table of causes marks as retried.
#[test]
fn kinds_are_retried_as_the_table_of_causes_says() -> Result<()> {
    each_step(|name, state| {
        for kind in FailureKind::ALL {
            let retrier = retrier(state, kind.error_name()).or_else(|_| retrier(state, "States.ALL"))?;
            let tries = number(retrier, "MaxAttempts")?;
            assert_eq!(tries > 0, kind.is_retried(), "{name}: {kind:?}");
        }
        Ok(())
    })
}

#[test]
fn a_task_times_out_after_its_function() -> Result<()> {
    let template = Template::load()?;
    for machine in Machine::all()? {
        for (name, state) in machine.all_tasks()? {
            let function = template.function(&format!("{name}Function"))?.timeout()?;
            let task = number(state, "TimeoutSeconds")?;
            assert!(
                task >= function + INIT,
                "{name}: {task} s; its function may run {function} s after {INIT} s of start"
            );
        }
    }
    Ok(())
}

#[test]
fn retries_of_a_busy_step_outlast_the_longest_lease() -> Result<()> {
    let mut longest = 0;
    for function in Template::load()?.functions()? {
        longest = longest.max(function.timeout()? + LEASE_MARGIN.as_secs());
    }
    for machine in Machine::all()? {
        for (name, state) in machine.all_tasks()? {
            let busy = retrier(state, "Step.Busy")?;
            let waited = number(busy, "IntervalSeconds")? * number(busy, "MaxAttempts")?;
            assert!(waited > longest, "{name} waits {waited} s, a lease may last {longest} s");
        }
    }
    Ok(())
}

/// The longest that one state may take is its waits for a rate limit, after it was waited for Lambda and for others.
#[test]
fn the_run_may_take_longer_than_the_waits_of_any_state() -> Result<()> {
    for machine in Machine::all()? {
        let limit = number(&machine.document, "TimeoutSeconds")?;
        for (name, state) in machine.tasks()? {
            let mut longest = 0;
            for retrier in retriers(state)? {
                let tries = number(retrier, "MaxAttempts")?;
                let pause = retrier["MaxDelaySeconds"]
                    .as_u64()
                    .map_or_else(|| if tries == 0 { Ok(0) } else { number(retrier, "IntervalSeconds") }, Ok)?;
                longest += tries * pause;
            }
            assert!(limit > 2 * longest, "{name} may wait {longest} s");
        }
    }
    Ok(())
}
