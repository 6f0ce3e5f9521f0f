//! Failures on request, for tests of those who call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Method;
use serde::Deserialize;

use crate::error::ApiError;

/// The next `times` requests of this method whose path starts like this go wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `POST`, `GET` or `DELETE`.
    pub method: String,
    /// The beginning of the path, e.g. `/v1/customers`.
    pub path: String,
    /// What happens.
    pub kind: Kind,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// Milliseconds that execution takes longer, after the idempotency key was claimed and before the effect.
    #[serde(default)]
    pub delay_ms: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 429 before execution: nothing happens, nothing is remembered.
    RateLimited,
    /// 429 with code `lock_timeout`: nothing happens, nothing is remembered.
    LockTimeout,
    /// 500 during execution, without an effect; remembered under the key.
    ErrorWithoutEffect,
    /// 500 during execution, after the effect; remembered under the key.
    ErrorAfterEffect,
    /// Nothing but the delay.
    Slow,
}

impl Kind {
    fn refusal(self) -> Option<ApiError> {
        match self {
            Self::RateLimited => Some(ApiError::rate_limited()),
            Self::LockTimeout => Some(ApiError::lock_timeout()),
            Self::ErrorWithoutEffect | Self::ErrorAfterEffect | Self::Slow => None,
        }
    }
}

fn once() -> u32 {
    1
}

/// How one execution goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) delay: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The error a request is refused with before execution, if that is planned.
    pub(crate) fn refusal(&self, method: &Method, path: &str) -> Option<ApiError> {
        self.take(method, path, |kind| kind.refusal().is_some())?.kind.refusal()
    }

    /// How the execution of a request goes wrong, if that is planned.
    pub(crate) fn trouble(&self, method: &Method, path: &str) -> Option<Trouble> {
        let fault = self.take(method, path, |kind| kind.refusal().is_none())?;
        Some(Trouble { kind: fault.kind, delay: Duration::from_millis(fault.delay_ms) })
    }

    fn take(&self, method: &Method, path: &str, wanted: impl Fn(Kind) -> bool) -> Option<Fault> {
        let mut faults = self.lock();
        let fits = |fault: &Fault| {
            fault.method == method.as_str() && path.starts_with(&fault.path) && fault.times > 0 && wanted(fault.kind)
        };
        let fault = faults.iter_mut().find(|fault| fits(fault))?;
        fault.times -= 1;
        Some(fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
