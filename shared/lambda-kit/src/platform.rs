//! The start of a process.

use std::pin::Pin;
use std::sync::Mutex;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use domain::{CauseCode, Failure};

use crate::need::Need;
use crate::secret::Manager;
use crate::settings::Settings;
use crate::{aws, telemetry};

/// Work that the first request should not have to wait for.
type WarmUp = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What needs are made from. A function never gets to see it; it gets the handles that it declared.
pub struct Platform {
    sdk: SdkConfig,
    settings: Settings,
    manager: Manager,
    warm_ups: Mutex<Vec<WarmUp>>,
}

impl Platform {
    /// Starts the process: logging, the TLS provider, the AWS configuration, the settings.
    pub async fn start() -> Self {
        let settings = Settings::of_process();
        telemetry::init(&settings);
        Self::with(settings).await
    }

    /// What needs are made from, with these settings and without logging: for tests.
    pub async fn with(settings: Settings) -> Self {
        let sdk = aws::load().await;
        let prefix = settings.read("SECRET_PREFIX", Some("ivory")).unwrap_or_default();
        let manager = Manager::new(Client::new(&sdk), prefix);
        Self { sdk, settings, manager, warm_ups: Mutex::default() }
    }

    /// A function with everything it declares. The failure names every setting that cannot be used.
    pub fn open<N: Need>(&self) -> Result<N, Failure> {
        N::open(self).map_err(|wrong| Failure::with_detail(CauseCode::ConfigurationInvalid, wrong.to_string()))
    }

    /// Waits for what was given to [`Platform::warm_up`].
    pub async fn warmed_up(&self) {
        let warm_ups = self.warm_ups.lock().map(|mut warm_ups| std::mem::take(&mut *warm_ups)).unwrap_or_default();
        for warm_up in warm_ups {
            warm_up.await;
        }
    }

    /// Does something before the first request: opening a connection.
    pub fn warm_up(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(mut warm_ups) = self.warm_ups.lock() {
            warm_ups.push(Box::pin(work));
        }
    }

    /// The AWS configuration, for making a client.
    #[must_use]
    pub const fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn manager(&self) -> &Manager {
        &self.manager
    }
}
