//! What can go wrong, how it is said, and with which exit code the program ends.

use std::fmt::Display;
use std::process::ExitCode;

use domain::{FieldError, Owner};

use crate::api::Problem;
use crate::output::style;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, a file or standard input cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The API would find values wrong. It was not asked.
    #[error("the values are not valid")]
    Invalid(Vec<FieldError>),
    /// No credential of the kind that the command needs is at hand.
    #[error("{0}")]
    NoCredential(String),
    /// The API answered with a problem.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>, Option<IdempotencyKey>),
    /// The tenant, as it is now, is not one that the file can be applied to.
    #[error("{0}")]
    Refused(String),
    /// There was no answer, or none of this API's.
    #[error("{0}")]
    Unavailable(String, Option<IdempotencyKey>),
    /// A system that the API was asked about is not available. It is said on standard output already.
    #[error("unavailable")]
    Unhealthy,
    /// A tenant's run failed. Why is said already.
    #[error("the run of {0} failed")]
    RunFailed(String, Option<Owner>),
    /// A tenant's run is still under way.
    #[error("{0} is still being provisioned")]
    StillRunning(String),
    /// Rows of the audit log do not fit.
    #[error("{0}")]
    Altered(String),
    /// Ctrl-C while a tenant's run was watched.
    #[error("{0} is still being provisioned")]
    Interrupted(String),
    /// Something that no other variant foresees.
    #[error("{0}")]
    Unforeseen(String),
}

/// The key of a request that may be sent once more.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

/// How the program ends. `ivory --help` documents the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something unforeseen.
    Unforeseen = 1,
    /// The command line or the values are wrong.
    Usage = 2,
    /// The API refused: credential, right, no such thing, wrong state.
    Refused = 3,
    /// The API, or what it was asked about, is not available. The same command may succeed later.
    Unavailable = 4,
    /// The run was still under way when the time to wait for it ended.
    StillRunning = 5,
    /// Rows of the audit log were changed.
    Altered = 6,
    /// The run failed, and whoever sent the request can mend it.
    FailedByCaller = 10,
    /// The run failed, and whoever runs the installation can mend it.
    FailedByPlatform = 11,
    /// The run failed, and the outside system itself has to be mended.
    FailedByProvider = 12,
    /// The run failed at a limit that somebody has to raise.
    FailedByQuota = 13,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Error {
    /// An error of the operating system.
    pub fn system(error: impl Display) -> Self {
        Self::Unforeseen(error.to_string())
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Invalid(_) => Exit::Usage,
            Self::NoCredential(_) | Self::Refused(_) => Exit::Refused,
            Self::Problem(problem, _) => match problem.status {
                400 | 405 | 413 | 415 | 422 => Exit::Usage,
                429 | 500.. => Exit::Unavailable,
                _ => Exit::Refused,
            },
            Self::Unavailable(..) | Self::Unhealthy => Exit::Unavailable,
            Self::StillRunning(_) => Exit::StillRunning,
            Self::RunFailed(_, owner) => match owner {
                Some(Owner::Caller) => Exit::FailedByCaller,
                Some(Owner::Platform) => Exit::FailedByPlatform,
                Some(Owner::Provider) => Exit::FailedByProvider,
                Some(Owner::Quota) => Exit::FailedByQuota,
                None => Exit::Unforeseen,
            },
            Self::Altered(_) => Exit::Altered,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Unforeseen(_) => Exit::Unforeseen,
        }
    }

    /// Says on standard error what happened, why, and what to do now.
    pub fn explain(&self) {
        match self {
            // Said already, where the reader looks.
            Self::RunFailed(..) | Self::Unhealthy => return,
            _ => eprintln!("{} {self}", style::bad("error:")),
        }
        match self {
            Self::Invalid(errors) => fields(errors),
            Self::Problem(problem, key) => {
                fields(&problem.errors);
                let how = problem.how();
                if let Some(how) = how.filter(|how| *how != problem.detail) {
                    then(how);
                }
                again(problem.status >= 500 || problem.status == 429, key.as_ref());
                eprintln!("  code: {} ({})", problem.code, problem.status);
                if let Some(id) = &problem.request_id {
                    eprintln!("  request: {id}");
                }
            }
            Self::Unavailable(_, key) => again(true, key.as_ref()),
            Self::StillRunning(slug) | Self::Interrupted(slug) => then(&format!("ivory tenant watch {slug}")),
            Self::NoCredential(_) => then("ivory login --help"),
            Self::Usage(_)
            | Self::Refused(_)
            | Self::Altered(_)
            | Self::Unhealthy
            | Self::RunFailed(..)
            | Self::Unforeseen(_) => {}
        }
    }
}

fn fields(errors: &[FieldError]) {
    for FieldError { field, message } in errors {
        eprintln!("  {field}: {message}");
    }
}

fn then(what: &str) {
    eprintln!("  {} {what}", style::strong("then:"));
}

/// A request whose answer was lost may have been served. With its key it is served once, however often it is sent.
fn again(may_have_been_served: bool, key: Option<&IdempotencyKey>) {
    if let Some(IdempotencyKey(key)) = key.filter(|_| may_have_been_served) {
        then(&format!("the same command with --idempotency-key {key}, which does nothing twice"));
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}
