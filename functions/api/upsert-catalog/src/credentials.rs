//! A catalog's credentials, and how a request changes them.

use domain::{CatalogId, CauseCode, Failure, Patch};
use lambda_kit::{VersionId, Versions};
use secrecy::SecretString;
use secrets::CatalogSecret;

/// Changes a catalog's credentials as a request asks, and returns the version that belongs to the catalog from now on, or
/// `None` if it has no credentials. `version` is the one that the catalog's row names. A later version was put by a request
/// that crashed before it could commit its row, and is ignored. (Secrets Manager drops the row's version only after a
/// hundred later ones.)
///
/// Nothing is put where nothing changes, and nothing is read where the request says nothing. If the row names a version
/// that does not exist, only a request that keeps one of the credentials fails.
pub async fn patch(
    secret: &Versions<CatalogSecret>,
    id: CatalogId,
    version: Option<&str>,
    s3_access_key_id: &Patch<SecretString>,
    s3_secret_key: &Patch<SecretString>,
) -> Result<Option<VersionId>, Failure> {
    let keeps = |patch: &Patch<SecretString>| matches!(patch, Patch::Keep);
    let named = version.map(|version| VersionId(version.to_owned()));
    if keeps(s3_access_key_id) && keeps(s3_secret_key) {
        return Ok(named);
    }
    let current: Option<CatalogSecret> = match version {
        None => None,
        Some(version) => match secret.read(id, version).await {
            Ok(current) => Some(current),
            Err(failure) if failure.code() == CauseCode::SecretMissing => {
                if keeps(s3_access_key_id) || keeps(s3_secret_key) {
                    return Err(failure);
                }
                None
            }
            Err(failure) => return Err(failure),
        },
    };
    match CatalogSecret::patched(current.as_ref(), s3_access_key_id, s3_secret_key) {
        Some(new) => secret.put(id, &new).await.map(Some),
        None => Ok(current.and(named)),
    }
}
