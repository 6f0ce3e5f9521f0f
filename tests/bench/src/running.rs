//! One start of a function, and its invocations.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::emulator::{Emulator, KEY_ID, SECRET_KEY, Said};
use crate::process::{Process, Start};
use crate::share::Quota;
use crate::targets::Target;

/// How long a process may say nothing. Under an instruction counter the slowest one needs minutes for its start.
const PATIENCE: Duration = Duration::from_mins(4);

/// How often it is looked whether a silent process still lives.
const GLANCE: Duration = Duration::from_millis(500);

/// A function that is ready for its next event.
#[derive(Debug)]
pub struct Running {
    process: Process,
    emulator: Emulator,
    /// Through this it is given its next event.
    waits: oneshot::Sender<Bytes>,
    begun: Instant,
    /// From the moment in which the process became the program until it asked for its first event.
    pub initialised: Duration,
}

/// An answered event.
#[derive(Debug)]
pub struct Answered {
    /// From the event to the answer.
    pub took: Duration,
    /// From the start of the program to the answer.
    pub since_start: Duration,
    /// What was answered.
    pub answer: Bytes,
}

impl Running {
    /// Starts a function, below `wrapper` if there is one.
    pub async fn start(target: &Target, wrapper: &[std::ffi::OsString], quota: Option<&Quota>) -> Result<Self> {
        let mut emulator = Emulator::start(target.secret.clone()).await?;
        let address = emulator.address.to_string();
        let mut variables = target.variables.clone();
        variables.extend(of_lambda(&address).map(|(name, value)| (name.to_owned(), value.into())));
        let program = wrapper.iter().chain(&target.program).cloned().collect();
        let mut process = Process::stand(&Start { program, variables, group: quota.map(Quota::entrance) }).await?;
        let begun = process.go().await?;
        let (at, waits) = match heard(&mut emulator, &mut process).await {
            Ok(Said::Ready(at, waits)) => (at, waits),
            Ok(Said::Answered(..)) => bail!("{} answered before it was asked", target.name),
            Ok(Said::Failed(why)) => bail!("{} did not start: {why}\n{}", target.name, process.last_lines()),
            Err(error) => return Err(error.context(target.name.clone())),
        };
        Ok(Self { process, emulator, waits, begun, initialised: at - begun })
    }

    /// Gives it an event, and waits until it has answered and asked for the next one.
    pub async fn call(&mut self, event: &Bytes) -> Result<Answered> {
        let (next, _) = oneshot::channel();
        let sent = Instant::now();
        std::mem::replace(&mut self.waits, next).send(event.clone()).map_err(|_| anyhow!("it waits no more"))?;
        let mut answered = None;
        loop {
            match heard(&mut self.emulator, &mut self.process).await? {
                Said::Answered(at, answer) => {
                    answered = Some(Answered { took: at - sent, since_start: at - self.begun, answer });
                }
                Said::Ready(_, waits) => {
                    self.waits = waits;
                    return answered.context("it asks for the next event without an answer to the last one");
                }
                Said::Failed(why) => bail!("an invocation failed: {why}\n{}", self.process.last_lines()),
            }
        }
    }

    /// Its process.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(self) -> Result<()> {
        self.process.end().await
    }
}

async fn heard(emulator: &mut Emulator, process: &mut Process) -> Result<Said> {
    let mut silent = Duration::ZERO;
    loop {
        if let Ok(said) = timeout(GLANCE, emulator.next()).await {
            return said;
        }
        silent += GLANCE;
        if let Some(how) = process.has_ended() {
            bail!("the process has ended ({how}):\n{}", process.last_lines());
        }
        if silent > PATIENCE {
            bail!("nothing is heard of the process any more:\n{}", process.last_lines());
        }
    }
}

/// What Lambda gives to every process.
fn of_lambda(api: &str) -> [(&'static str, String); 20] {
    [
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{api}")),
        ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/03/24/[$LATEST]0123456789abcdef".to_owned()),
        ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000".to_owned()),
        ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
    ]
}
