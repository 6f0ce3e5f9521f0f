//! A catalog's credentials in a Secrets Manager: the local cloud's.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]
#![allow(clippy::disallowed_types, reason = "a test opens a need itself")]

use aws_sdk_secretsmanager::Client;
use domain::{CatalogId, CauseCode, Failure, Patch};
use lambda_kit::{Platform, Settings, VersionId, Versions};
use secrecy::{ExposeSecret, SecretString};
use secrets::CatalogSecret;
use upsert_catalog::credentials;
use uuid::Uuid;

struct Installation {
    secret: Versions<CatalogSecret>,
    client: Client,
    prefix: String,
    id: CatalogId,
}

impl Installation {
    /// The real Secrets Manager is never used, so the endpoint has to be set.
    fn open() -> Self {
        let settings = Settings::of_process();
        let _: String = settings.read("AWS_ENDPOINT_URL", None).expect("the local cloud's environment");
        let prefix = settings.read("SECRET_PREFIX", Some("ivory")).expect("a text");
        let platform = Platform::with("upsert-catalog", settings);
        let secret = platform.open().expect("nothing else is needed");
        Self { secret, client: Client::new(platform.sdk()), prefix, id: CatalogId(Uuid::now_v7()) }
    }

    fn name(&self) -> String {
        format!("{}/catalogs/{}", self.prefix, self.id)
    }

    async fn try_patch(
        &self,
        version: Option<&str>,
        id: Patch<&str>,
        key: Patch<&str>,
    ) -> Result<Option<String>, Failure> {
        let put = credentials::patch(&self.secret, self.id, version, &secret(id), &secret(key)).await?;
        Ok(put.map(|VersionId(version)| version))
    }

    async fn patch(&self, version: Option<&str>, id: Patch<&str>, key: Patch<&str>) -> Option<String> {
        self.try_patch(version, id, key).await.expect("it is answered")
    }

    async fn at(&self, version: &str) -> (Option<String>, Option<String>) {
        let secret = self.secret.read(self.id, version).await.expect("it is there");
        let exposed = |key: Option<SecretString>| key.map(|key| key.expose_secret().to_owned());
        (exposed(secret.s3_access_key_id), exposed(secret.s3_secret_key))
    }

    async fn versions(&self) -> usize {
        let list = self.client.list_secret_version_ids().secret_id(self.name()).include_deprecated(true).send().await;
        list.map_or(0, |list| list.versions().len())
    }

    async fn delete(&self) {
        let delete = self.client.delete_secret().secret_id(self.name()).force_delete_without_recovery(true);
        delete.send().await.expect("deleted");
    }
}

fn secret(patch: Patch<&str>) -> Patch<SecretString> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => Patch::Set(value.into()),
    }
}

fn pair(id: Option<&str>, key: Option<&str>) -> (Option<String>, Option<String>) {
    (id.map(str::to_owned), key.map(str::to_owned))
}

#[tokio::test]
#[ignore = "needs AWS_ENDPOINT_URL"]
async fn credentials_are_created_kept_changed_and_cleared() {
    let it = Installation::open();
    assert_eq!(it.patch(None, Patch::Keep, Patch::Clear).await, None);
    assert_eq!(it.versions().await, 0, "no secret for no credentials");

    let first = it.patch(None, Patch::Set("id"), Patch::Set("key")).await.expect("made");
    assert_eq!(it.at(&first).await, pair(Some("id"), Some("key")));
    for (id, key) in
        [(Patch::Keep, Patch::Keep), (Patch::Set("id"), Patch::Keep), (Patch::Set("id"), Patch::Set("key"))]
    {
        assert_eq!(it.patch(Some(&first), id, key).await.as_ref(), Some(&first));
    }
    assert_eq!(it.versions().await, 1, "nothing is put where nothing changes");

    let second = it.patch(Some(&first), Patch::Keep, Patch::Set("new")).await.expect("changed");
    assert_eq!(it.at(&second).await, pair(Some("id"), Some("new")));
    assert_eq!(it.at(&first).await, pair(Some("id"), Some("key")), "the first version can still be read");
    let third = it.patch(Some(&second), Patch::Clear, Patch::Clear).await.expect("overwritten");
    assert_eq!(it.at(&third).await, pair(None, None));
    assert!(third != second && second != first);
    it.delete().await;
}

#[tokio::test]
#[ignore = "needs AWS_ENDPOINT_URL"]
async fn a_version_of_a_crashed_request_is_ignored() {
    let it = Installation::open();
    it.patch(None, Patch::Set("lost"), Patch::Set("lost")).await.expect("put, and then the row was not committed");
    let first = it.patch(None, Patch::Set("id"), Patch::Keep).await.expect("put into the same secret");
    assert_eq!(it.at(&first).await, pair(Some("id"), None));
    it.patch(Some(&first), Patch::Set("lost"), Patch::Set("lost")).await.expect("and not committed again");
    let second = it.patch(Some(&first), Patch::Keep, Patch::Set("key")).await.expect("changed");
    assert_eq!(it.at(&second).await, pair(Some("id"), Some("key")));
    it.delete().await;
}

#[tokio::test]
#[ignore = "needs AWS_ENDPOINT_URL"]
async fn missing_credentials_fail_only_a_request_that_keeps_one() {
    let it = Installation::open();
    let gone = Uuid::new_v4().to_string();
    let kept = it.try_patch(Some(&gone), Patch::Keep, Patch::Set("key")).await;
    assert_eq!(kept.expect_err("one half is missing").code(), CauseCode::SecretMissing);
    assert_eq!(it.patch(Some(&gone), Patch::Clear, Patch::Clear).await, None);
    let made = it.patch(Some(&gone), Patch::Set("id"), Patch::Set("key")).await.expect("made anew");
    assert_eq!(it.at(&made).await, pair(Some("id"), Some("key")));
    let kept = it.try_patch(Some(&gone), Patch::Keep, Patch::Set("key")).await;
    assert_eq!(kept.expect_err("the secret is there, the version is not").code(), CauseCode::SecretMissing);
    it.delete().await;
}
