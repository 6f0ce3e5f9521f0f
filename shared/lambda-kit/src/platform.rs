//! The start of a process.

use std::sync::Mutex;

use aws_types::SdkConfig;
use futures_util::future::BoxFuture;

use crate::aws::Sdk;
use crate::manager::Manager;
use crate::settings::Settings;
use crate::{aws, telemetry};

/// Work that is done before the first request, so that the request does not wait for it.
type WarmUp = BoxFuture<'static, ()>;

/// The source of all needs. A function never sees it; it gets only the handles that it declared.
pub struct Platform {
    function: String,
    settings: Settings,
    sdk: Sdk,
    manager: Manager,
    warm_ups: Mutex<Vec<WarmUp>>,
}

const SECRET_PREFIX: &str = "SECRET_PREFIX";
const DATABASE_ADDRESS: &str = "DATABASE_ADDRESS";

impl Platform {
    /// The settings that every function has, besides those that it declares.
    pub const SETTINGS: [&str; 4] = [telemetry::LOG_LEVEL, SECRET_PREFIX, DATABASE_ADDRESS, aws::CA_BUNDLE];

    /// Starts this function's process: logging and the settings.
    #[must_use]
    pub fn start(function: &str) -> Self {
        let settings = Settings::of_process();
        telemetry::init(&settings);
        Self::with(function, settings)
    }

    /// A platform with these settings and without logging, for tests.
    #[must_use]
    pub fn with(function: &str, settings: Settings) -> Self {
        let sdk = Sdk::of(settings.clone());
        let prefix = settings.text(SECRET_PREFIX).unwrap_or("ivory");
        Self {
            function: function.to_owned(),
            manager: Manager::new(sdk.clone(), prefix),
            sdk,
            settings,
            warm_ups: Mutex::default(),
        }
    }

    /// Waits for the work that was given to [`Platform::warm_up`].
    pub async fn warmed_up(&self) {
        let warm_ups = self.warm_ups.lock().map(|mut warm_ups| std::mem::take(&mut *warm_ups)).unwrap_or_default();
        for warm_up in warm_ups {
            warm_up.await;
        }
    }

    /// Starts work before the first request, such as opening a connection.
    pub fn warm_up(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(mut warm_ups) = self.warm_ups.lock() {
            warm_ups.push(Box::pin(work));
        }
    }

    /// The function's name.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The AWS configuration, with which clients are made.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        self.sdk.config()
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the control database was at the deployment, as `host` or `host:port`. Its secret has the last word.
    #[must_use]
    pub fn database_address(&self) -> Option<&str> {
        self.settings.text(DATABASE_ADDRESS)
    }

    pub(crate) const fn manager(&self) -> &Manager {
        &self.manager
    }
}
