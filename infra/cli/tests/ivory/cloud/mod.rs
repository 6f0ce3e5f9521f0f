//! Every command against a local cloud.

mod access;
mod apply;
mod failures;
mod life;
mod live;

use anyhow::Result;
use e2e::{Cloud, Issuer};

use crate::program::Ivory;
use crate::recorder::Recorder;

/// An administrator at a terminal.
pub struct Desk {
    pub cloud: Cloud,
    pub recorder: Recorder,
    pub ivory: Ivory,
}

impl Desk {
    pub async fn new() -> Result<Self> {
        Self::at(&Cloud::from_env()?).await
    }

    pub async fn at(cloud: &Cloud) -> Result<Self> {
        let recorder = Recorder::before(cloud).await?;
        let ivory = Ivory::at(recorder.url())?
            .set("IVORY_API_KEY", &cloud.admin_key)
            .set("IVORY_TOKEN", &Issuer::of(cloud).await?.admin()?);
        Ok(Self { cloud: cloud.clone(), recorder, ivory })
    }
}

/// The command that makes a tenant.
pub fn create(slug: &str) -> String {
    format!(
        "tenant create {slug} --display-name 'Acme Bank' --region us-east-1 --tier enterprise \
         --admin admin@{slug}.example.com --residency-verified"
    )
}
