//! A catalog's credentials in a Secrets Manager: the local cloud's.

use aws_sdk_secretsmanager::Client;
use domain::{CatalogId, Patch};
use secrecy::{ExposeSecret, SecretString};
use secrets::{CatalogSecret, Name, Secrets};
use uuid::Uuid;

struct Installation {
    secrets: Secrets,
    client: Client,
    id: CatalogId,
}

impl Installation {
    async fn open() -> Self {
        assert!(std::env::var("AWS_ENDPOINT_URL").is_ok(), "without AWS_ENDPOINT_URL this would call the real AWS");
        let sdk = sdk_config::load().await;
        Self { secrets: Secrets::new(&sdk), client: Client::new(&sdk), id: CatalogId(Uuid::now_v7()) }
    }

    fn name(&self) -> String {
        let prefix = std::env::var("SECRET_PREFIX").unwrap_or_else(|_| "ivory".to_owned());
        format!("{prefix}/catalogs/{}", self.id)
    }

    async fn patch(&self, version: Option<&str>, id: Patch<&str>, key: Patch<&str>) -> Option<String> {
        let version = self.secrets.patch_catalog(self.id, version, &secret(id), &secret(key)).await;
        version.expect("it answers").map(|version| version.as_str().to_owned())
    }

    async fn at(&self, version: &str) -> (Option<String>, Option<String>) {
        let name = Name::Catalog(self.id);
        let secret: CatalogSecret = self.secrets.read_version(name, version).await.expect("it is there");
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
async fn credentials_are_made_kept_changed_and_cleared() {
    let it = Installation::open().await;
    assert_eq!(it.patch(None, Patch::Keep, Patch::Clear).await, None);
    assert_eq!(it.versions().await, 0, "no secret for no credentials");

    let first = it.patch(None, Patch::Set("id"), Patch::Set("key")).await.expect("made");
    assert_eq!(it.at(&first).await, pair(Some("id"), Some("key")));
    for (id, key) in
        [(Patch::Keep, Patch::Keep), (Patch::Set("id"), Patch::Keep), (Patch::Set("id"), Patch::Set("key"))]
    {
        assert_eq!(it.patch(Some(&first), id, key).await.as_ref(), Some(&first));
    }
    assert_eq!(it.versions().await, 1, "nothing was put where nothing changed");

    let second = it.patch(Some(&first), Patch::Keep, Patch::Set("new")).await.expect("changed");
    assert_eq!(it.at(&second).await, pair(Some("id"), Some("new")));
    assert_eq!(it.at(&first).await, pair(Some("id"), Some("key")), "whoever was told the first still reads it");
    let third = it.patch(Some(&second), Patch::Clear, Patch::Clear).await.expect("overwritten");
    assert_eq!(it.at(&third).await, pair(None, None));
    assert!(third != second && second != first);
    it.delete().await;
}

#[tokio::test]
#[ignore = "needs AWS_ENDPOINT_URL"]
async fn what_a_crashed_request_put_is_found_and_counts_for_nothing() {
    let it = Installation::open().await;
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
async fn missing_credentials_fail_only_who_wants_to_keep_them() {
    let it = Installation::open().await;
    let gone = Uuid::new_v4().to_string();
    let kept = it.secrets.patch_catalog(it.id, Some(&gone), &Patch::Keep, &secret(Patch::Set("key"))).await;
    assert_eq!(kept.expect_err("one half is missing").cause.code, "secret_missing");
    assert_eq!(it.patch(Some(&gone), Patch::Clear, Patch::Clear).await, None);
    let made = it.patch(Some(&gone), Patch::Set("id"), Patch::Set("key")).await.expect("made anew");
    assert_eq!(it.at(&made).await, pair(Some("id"), Some("key")));
    let kept = it.secrets.patch_catalog(it.id, Some(&gone), &Patch::Keep, &secret(Patch::Set("key"))).await;
    assert_eq!(kept.expect_err("the secret is there, the version is not").cause.code, "secret_missing");
    it.delete().await;
}
