//! What can go wrong, how it is said, and with which exit code the program ends.

use std::fmt::Display;
use std::process::ExitCode;

use domain::{FieldError, Owner};

use crate::api::Problem;
use crate::output::{note, plain, style};

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
    /// What went wrong is said already, where the reader looks.
    #[error("said already")]
    Said(Exit),
    /// A tenant's run is still under way.
    #[error("{0} is still being provisioned")]
    StillRunning(String),
    /// A purge is still under way, or waits for approval.
    #[error("the purge of {0} is not done yet")]
    PurgeRunning(String),
    /// Rows of the audit log do not fit.
    #[error("{0}")]
    Altered(String),
    /// Ctrl-C: while this tenant's run was watched, or while a request with this key was on its way.
    #[error("interrupted")]
    Interrupted(Option<String>, Option<IdempotencyKey>),
    /// Whoever reads the output has seen enough.
    #[error("nobody reads the output")]
    Closed,
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
    /// Nothing went wrong.
    Done = 0,
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
    /// A check found something broken, or a repair did not bring it back.
    Broken = 7,
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

impl From<Option<Owner>> for Exit {
    /// A run failed. Who can mend it? Who runs the installation finds out what a failure without a cause is.
    fn from(owner: Option<Owner>) -> Self {
        match owner {
            Some(Owner::Caller) => Self::FailedByCaller,
            Some(Owner::Platform) | None => Self::FailedByPlatform,
            Some(Owner::Provider) => Self::FailedByProvider,
            Some(Owner::Quota) => Self::FailedByQuota,
        }
    }
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
            Self::Problem(problem, _) if problem.is_temporary() => Exit::Unavailable,
            Self::Problem(problem, _) => match problem.status {
                400 | 405 | 413 | 415 | 422 => Exit::Usage,
                400..500 => Exit::Refused,
                _ => Exit::Unavailable,
            },
            Self::Unavailable(..) => Exit::Unavailable,
            Self::Said(exit) => *exit,
            Self::StillRunning(_) | Self::PurgeRunning(_) => Exit::StillRunning,
            Self::Altered(_) => Exit::Altered,
            Self::Interrupted(..) => Exit::Interrupted,
            Self::Closed => Exit::Done,
            Self::Unforeseen(_) => Exit::Unforeseen,
        }
    }

    /// Says on standard error what happened, why, and what to do now.
    pub fn explain(&self) {
        match self {
            Self::Said(_) | Self::Closed => return,
            _ => note(format_args!("{} {}", style::bad("error:"), plain(&self.to_string()))),
        }
        match self {
            Self::Invalid(errors) => fields(errors),
            Self::Problem(problem, key) => {
                fields(&problem.errors);
                if let Some(how) = problem.how().filter(|how| *how != problem.detail) {
                    then(how);
                }
                again(key.as_ref().filter(|_| problem.is_temporary() || problem.status >= 500));
                if problem.code.is_empty() {
                    note(format_args!("  status: {}", problem.status));
                } else {
                    note(format_args!("  code: {} ({})", problem.code, problem.status));
                }
                if let Some(id) = &problem.request_id {
                    note(format_args!("  request: {id}"));
                }
            }
            Self::Unavailable(_, key) => again(key.as_ref()),
            Self::StillRunning(slug) => then(&format!("ivory tenant watch {slug}")),
            Self::PurgeRunning(tenant) => then(&format!("ivory purge watch {tenant}")),
            Self::Interrupted(slug, key) => {
                if let Some(slug) = slug {
                    note(format_args!("  {slug} is being provisioned all the same"));
                    then(&format!("ivory tenant watch {slug}"));
                }
                again(key.as_ref());
            }
            Self::NoCredential(_) => then("ivory login --help"),
            Self::Usage(_)
            | Self::Refused(_)
            | Self::Altered(_)
            | Self::Said(_)
            | Self::Closed
            | Self::Unforeseen(_) => {}
        }
    }

    /// Without the key of the request: of a command that sends several, none can be repeated with it.
    pub fn without_key(self) -> Self {
        match self {
            Self::Problem(problem, _) => Self::Problem(problem, None),
            Self::Unavailable(what, _) => Self::Unavailable(what, None),
            Self::Interrupted(slug, _) => Self::Interrupted(slug, None),
            other => other,
        }
    }
}

fn fields(errors: &[FieldError]) {
    for FieldError { field, message } in errors {
        note(format_args!("  {field}: {message}"));
    }
}

fn then(what: &str) {
    note(format_args!("  {} {what}", style::strong("then:")));
}

/// A request whose answer was lost may have been served. With its key it is served once, however often it is sent.
fn again(key: Option<&IdempotencyKey>) {
    if let Some(IdempotencyKey(key)) = key {
        then(&format!("the same command with --idempotency-key {key}, which does nothing twice"));
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}
