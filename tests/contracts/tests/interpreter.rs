//! The state machines in a second interpreter. The local cloud's knows neither jitter nor a time-out of the whole run, and
//! Lambda never refuses there. moto's follows the specification; `python/run_machine.py` drives it.

#![allow(clippy::disallowed_methods, reason = "a test takes its interpreter from the environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use contracts::machine::Machine;
use domain::{Caught, CauseCode, Failure, FailureKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// The refusals that were seen in machines of this kind.
const SEEN: [&str; 4] =
    ["CodeArtifactUserPendingException", "ResourceNotReadyException", "TooManyRequestsException", "ServiceException"];
/// A function that nobody had called for weeks was refused for 40 to 106 seconds
/// (accelerated-intelligent-document-processing-on-aws #801).
const SEEN_FOR: u64 = 106;
/// In seconds.
const FIVE_MINUTES: u64 = 300;
/// What else Lambda may answer and trying again does not mend soon.
const LASTING: &[&str] = &[
    "CodeArtifactUserFailedException",
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "ModeNotSupportedException",
    "NoPublishedVersionException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "S3FilesMountConnectivityException",
    "S3FilesMountFailureException",
    "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException",
    "ServiceQuotaExceededException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "UnsupportedMediaTypeException",
];
/// Step Functions ends an execution with more events.
const MOST_EVENTS: u64 = 25_000;

#[derive(Debug, Deserialize)]
struct Answer {
    refusals: BTreeSet<String>,
    runs: BTreeMap<String, Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    status: String,
    error: Option<String>,
    cause: Option<String>,
    seconds: f64,
    events: u64,
    calls: Vec<Call>,
}

#[derive(Debug, Deserialize)]
struct Call {
    state: String,
    at: f64,
    payload: Value,
}

impl Run {
    /// The states that were called, each once, in order of their last call.
    fn states(&self) -> Vec<&str> {
        let mut states: Vec<&str> = self.calls.iter().map(|call| call.state.as_str()).collect();
        states.dedup();
        states
    }

    fn calls_of(&self, state: &str) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.state == state).collect()
    }

    fn succeeded(&self) -> Result<()> {
        ensure!(self.status == "SUCCEEDED" && self.error.is_none(), "{self:?}");
        Ok(())
    }

    /// The execution's own error.
    fn caught(&self) -> Result<Caught> {
        ensure!(self.status == "FAILED", "{self:?}");
        Ok(Caught { error: self.error.clone().context("error")?, cause: self.cause.clone().context("cause")? })
    }

    /// The run fails with this cause, after `RecordFailure` was given it.
    fn failed(&self, code: CauseCode) -> Result<()> {
        ensure!(self.caught()?.cause().code == code.as_str(), "{self:?}");
        let given = self.calls.last().filter(|call| call.state == "RecordFailure").context("not recorded")?;
        let given: Caught = serde_json::from_value(given.payload["error"].clone())?;
        ensure!(given == self.caught()?, "{given:?}: {self:?}");
        Ok(())
    }
}

/// All runs, in one process: it takes seconds to start.
static ANSWER: LazyLock<Result<Answer, String>> =
    LazyLock::new(|| interpret_pipeline().map_err(|error| format!("{error:?}")));

fn interpret_pipeline() -> Result<Answer> {
    interpret(&Machine::load()?, &scripts()?)
}

fn answer() -> Result<&'static Answer> {
    ANSWER.as_ref().map_err(|error| anyhow!("{error}"))
}

fn run(name: &str) -> Result<&'static Run> {
    answer()?.runs.get(name).with_context(|| format!("no run {name}"))
}

/// What the functions answer in each run.
fn scripts() -> Result<Value> {
    let states = states()?;
    let step = |answer: Value| json!({ "Step6CreateGraph": [answer] });
    let busy = failed(CauseCode::LeaseHeld, FailureKind::Busy)?;
    let limited = failed(CauseCode::StripeRateLimited, FailureKind::RateLimited)?;
    let transient = failed(CauseCode::OpenSearchTimeout, FailureKind::Transient)?;
    let rejected = failed(CauseCode::OpenSearchConflict, FailureKind::Rejected)?;
    let internal = failed(CauseCode::ProjectUnknown, FailureKind::Internal)?;
    let superseded = failed(CauseCode::Superseded, FailureKind::Superseded)?;
    let last = |step: &Value, recorder: Value| json!({ "Step9ActivateTenant": [step], "RecordFailure": [recorder] });
    let end = json!({ "failed": failed(CauseCode::StripeError, FailureKind::Rejected)? });
    let broken = json!({ "errorType": "Runtime.ExitError", "errorMessage": "exit status 1" });
    let mut scripts = json!({
        "waits": {
            "Step2AwaitEnvironment": [{ "ready": false, "times": 3 }],
            "Step5InviteAdmin": [{ "ready": false, "times": 2 }],
        },
        "never ready": { "Step2AwaitEnvironment": [{ "ready": false, "takes": 40 }] },

        "busy": step(json!({ "failed": busy, "seconds": 595 })),
        "busy too long": step(json!({ "failed": busy })),
        "rate-limited": step(json!({ "failed": limited, "seconds": 10_790 })),
        "rate-limited too long": step(json!({ "failed": limited })),
        "transient": step(json!({ "failed": transient, "times": 5 })),
        "transient too often": step(json!({ "failed": transient, "times": 6 })),
        "rejected": step(json!({ "failed": rejected, "times": 1 })),
        "internal": step(json!({ "failed": internal, "times": 1 })),
        "superseded": step(json!({ "failed": superseded, "times": 1 })),
        "one after the other": { "Step6CreateGraph": [
            { "failed": transient, "times": 5 },
            { "refused": "TooManyRequestsException", "seconds": 300 },
            { "failed": busy, "seconds": 800 },
            { "failed": limited, "seconds": 4_000 },
        ] },

        "endless": step(json!({ "refused": "TooManyRequestsException" })),
        "lasting": step(json!({ "refused": "ResourceNotFoundException" })),

        "recorder is busy": last(&end, json!({ "failed": busy, "seconds": 595 })),
        "recorder is refused": last(&end, json!({ "refused": "TooManyRequestsException" })),
        "recorder is broken": last(&end, json!({ "failed": broken })),
        "both are refused": last(
            &json!({ "refused": "ServiceException" }),
            json!({ "refused": "ResourceNotFoundException" }),
        ),
    });
    for refused in SEEN {
        let answer = json!({ "refused": refused, "seconds": SEEN_FOR });
        let on_all: Value = states.iter().map(|state| (state.clone(), json!([answer]))).collect();
        scripts[format!("{refused} on all")] = on_all;
        scripts[format!("{refused} on the recorder")] = last(&end, answer);
    }
    // Each run meets nine refusals, one at each state. After some errors of the network, Lambda waits five minutes.
    let refusals: Vec<_> = Machine::load()?.refusals(&states[0])?.into_iter().collect();
    for (number, some) in refusals.chunks(states.len()).enumerate() {
        let pairs = states.iter().zip(some);
        let one_each: Value = pairs
            .map(|(state, refused)| (state.clone(), json!([{ "refused": refused, "seconds": FIVE_MINUTES }])))
            .collect();
        scripts[format!("every refusal, part {number}")] = one_each;
    }
    Ok(scripts)
}

/// Runs a machine once for each script.
fn interpret(machine: &Machine, runs: &Value) -> Result<Answer> {
    let python = std::env::var("TEST_PYTHON").context("TEST_PYTHON")?;
    let definition = machine.document.to_string();
    // Each function has the name of its state.
    let definition = regex::Regex::new(r"\$\{(\w+)Function\}")?.replace_all(&definition, "$1").into_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/run_machine.py");
    let mut command = Command::new(python);
    // The addresses and credentials of a cloud are for other tests.
    command.env_clear().env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.arg("-B").arg(script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting the interpreter")?;
    let input = json!({ "definition": definition, "runs": runs }).to_string();
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a step answers that fails in this way.
fn failed(code: CauseCode, kind: FailureKind) -> Result<Value> {
    let message = serde_json::to_string(&Failure::from(code).of_kind(kind).cause())?;
    Ok(json!({ "errorType": kind.error_name(), "errorMessage": message }))
}

/// The nine states, in order.
fn states() -> Result<Vec<String>> {
    Ok(Machine::load()?.tasks()?.into_iter().map(|(name, _)| name).collect())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn lambda_may_refuse_every_step_for_longer_than_was_seen() -> Result<()> {
    let states = states()?;
    for refused in SEEN {
        let run = run(&format!("{refused} on all"))?;
        run.succeeded().context(refused)?;
        assert_eq!(run.states(), states, "{refused}");
        assert!(states.iter().all(|state| run.calls_of(state).len() > 3), "{refused} was not met at every step");
        assert!(run.events < MOST_EVENTS, "{refused}: {} events", run.events);
    }
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn every_refusal_that_passes_is_waited_for_and_no_other() -> Result<()> {
    let retried = Machine::load()?.refusals("Step1CreateEnvironment")?;
    // These are errors of the SDK with which Step Functions calls Lambda, so the API does not name them.
    let of_sdk = ["AWSLambdaException", "ClientExecutionTimeoutException", "SdkClientException"].map(str::to_owned);
    let named: BTreeSet<String> = retried.difference(&of_sdk.into()).cloned().collect();
    let lasting: BTreeSet<String> = LASTING.iter().map(|&name| name.to_owned()).collect();
    assert!(named.is_disjoint(&lasting));
    // An answer that the API's model gains has to be put on one of the two lists.
    let refusals = &answer()?.refusals;
    let unknown: Vec<_> = refusals.iter().filter(|name| !named.contains(*name) && !lasting.contains(*name)).collect();
    assert!(unknown.is_empty(), "neither retried nor lasting: {unknown:?}");

    for refused in &retried {
        let error = Caught { error: format!("Lambda.{refused}"), cause: String::new() };
        assert!(error.cause().code.starts_with("lambda_"), "{refused}: {}", error.cause().code);
    }
    for part in ["every refusal, part 0", "every refusal, part 1"] {
        run(part)?.succeeded().context(part)?;
    }
    let endless = run("endless")?;
    endless.failed(CauseCode::LambdaFull)?;
    assert!(endless.seconds > 600.0, "given up after {} s", endless.seconds);
    let lasting = run("lasting")?;
    lasting.failed(CauseCode::StepNotRun)?;
    assert!(lasting.seconds < 63.0 && lasting.calls_of("Step6CreateGraph").len() == 6, "{lasting:?}");
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn each_kind_of_failure_has_its_own_patience() -> Result<()> {
    for name in ["busy", "rate-limited", "transient", "one after the other"] {
        run(name)?.succeeded().context(name)?;
    }
    for (name, code, calls) in [
        ("busy too long", CauseCode::LeaseHeld, 121),
        ("rate-limited too long", CauseCode::StripeRateLimited, 361),
        ("transient too often", CauseCode::OpenSearchTimeout, 6),
        ("rejected", CauseCode::OpenSearchConflict, 1),
        ("internal", CauseCode::ProjectUnknown, 1),
        ("superseded", CauseCode::Superseded, 1),
    ] {
        let run = run(name)?;
        run.failed(code).context(name)?;
        assert_eq!(run.calls_of("Step6CreateGraph").len(), calls, "{name}");
        assert!(run.calls_of("Step7CreateSearchIndex").is_empty(), "{name}");
    }
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn a_step_that_waits_is_asked_again_until_it_is_ready() -> Result<()> {
    let run = run("waits")?;
    run.succeeded()?;
    let asked = |state: &str| run.calls_of(state).iter().map(|call| call.at).collect::<Vec<_>>();
    assert_eq!(asked("Step2AwaitEnvironment"), [0.0, 15.0, 30.0, 45.0]);
    assert_eq!(asked("Step5InviteAdmin"), [45.0, 50.0, 55.0]);
    assert_eq!(run.states(), states()?);
    for call in &run.calls {
        // What the steps before found ready, and what the execution was started with: history keeps every input.
        let mut task = call.payload.clone();
        let task = task.as_object_mut().context("no object")?;
        for (_, added) in ["environment", "invitation"].into_iter().filter_map(|it| task.remove_entry(it)) {
            assert_eq!(added.as_object().context("no object")?.keys().collect::<Vec<_>>(), ["ready"], "{}", call.state);
        }
        let given: domain::Run = serde_json::from_value(Value::Object(task.clone()))?;
        assert_eq!(serde_json::to_value(given)?, Value::Object(task.clone()), "{}", call.state);
    }
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn the_failure_is_recorded_although_lambda_refuses_the_recorder_too() -> Result<()> {
    let on_recorder = SEEN.map(|refused| format!("{refused} on the recorder"));
    for name in on_recorder.iter().map(String::as_str).chain(["recorder is busy"]) {
        let run = run(name)?;
        run.failed(CauseCode::StripeError).context(name.to_owned())?;
        assert!(run.calls_of("RecordFailure").len() > 3 && run.seconds > 106.0, "{name}: {run:?}");
    }
    Ok(())
}

/// The reconciler reads the error of an execution that failed. So it has to be the step's, not the recorder's.
#[test]
#[ignore = "needs TEST_PYTHON"]
fn a_failure_that_nobody_recorded_is_the_error_of_the_execution() -> Result<()> {
    for (name, code) in [
        ("recorder is refused", CauseCode::StripeError),
        ("recorder is broken", CauseCode::StripeError),
        ("both are refused", CauseCode::LambdaUnavailable),
    ] {
        let run = run(name)?;
        assert!(run.calls_of("RecordFailure").len() > 5, "{name}: {run:?}");
        assert_eq!(run.caught()?.cause().code, code.as_str(), "{name}");
    }
    Ok(())
}

/// Its own limits end a step that waits long before. A run that is still there hours later is given up, and the
/// reconciler records that.
#[test]
#[ignore = "needs TEST_PYTHON"]
fn a_run_that_does_not_end_is_timed_out() -> Result<()> {
    let run = run("never ready")?;
    let limit = Machine::load()?.document["TimeoutSeconds"].as_f64().context("TimeoutSeconds")?;
    assert_eq!((run.status.as_str(), run.seconds), ("TIMED_OUT", limit));
    assert!(run.calls_of("RecordFailure").is_empty() && run.events < MOST_EVENTS, "{} events", run.events);
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn a_purge_waits_for_the_project_and_says_where_it_gave_up() -> Result<()> {
    let machine = Machine::purge()?;
    let states: Vec<_> = machine.tasks()?.into_iter().map(|(name, _)| name).collect();
    let rejected = failed(CauseCode::PurgeForeign, FailureKind::Rejected)?;
    let held_up = json!({ "failed": failed(CauseCode::LeaseHeld, FailureKind::Busy)?, "seconds": 595 });
    let answer = interpret(
        &machine,
        &json!({
            "waits": { "Purge6DeleteProject": [{ "ready": false, "times": 3 }] },
            "refused": { "Purge4DeleteGraph": [{ "failed": rejected }], "RecordPurgeFailure": [held_up] },
        }),
    )?;
    let run = |name: &str| answer.runs.get(name).with_context(|| format!("no run {name}"));
    let waits = run("waits")?;
    waits.succeeded()?;
    assert_eq!(waits.states(), states);
    let asked: Vec<_> = waits.calls_of("Purge6DeleteProject").iter().map(|call| call.at).collect();
    assert_eq!(asked, [0.0, 15.0, 30.0, 45.0]);

    let refused = run("refused")?;
    let caught = refused.caught()?;
    assert_eq!(caught.cause().code, CauseCode::PurgeForeign.as_str());
    assert_eq!(refused.calls_of("Purge4DeleteGraph").len(), 1);
    assert!(refused.calls_of("Purge5DropNamespace").is_empty());
    let recorded = refused.calls_of("RecordPurgeFailure");
    assert!(recorded.len() > 100, "{} calls of the recorder", recorded.len());
    let given: Caught = serde_json::from_value(recorded[0].payload["error"].clone())?;
    assert_eq!(given, caught);
    Ok(())
}
