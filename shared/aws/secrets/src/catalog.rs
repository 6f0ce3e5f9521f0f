//! A catalog's credentials, and how a request changes them.

use domain::{CatalogId, Failure, Patch};
use secrecy::{ExposeSecret, SecretString};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Name, Secrets, VersionId};

/// `catalogs/{catalog_id}`: written by the catalog's route only.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CatalogSecret {
    /// One half.
    #[serde(default)]
    pub s3_access_key_id: Option<SecretString>,
    /// The other.
    #[serde(default)]
    pub s3_secret_key: Option<SecretString>,
}

impl CatalogSecret {
    /// What has to be put so that the credentials are as the request wants them; `None` where they are already, or there
    /// never were any and none are wanted. Cleared ones are overwritten: the current version is not to hold them.
    #[must_use]
    pub fn patched(
        current: Option<&Self>,
        s3_access_key_id: &Patch<SecretString>,
        s3_secret_key: &Patch<SecretString>,
    ) -> Option<Self> {
        let none = Self::default();
        let old = current.unwrap_or(&none);
        let new = Self {
            s3_access_key_id: apply(s3_access_key_id, old.s3_access_key_id.as_ref()),
            s3_secret_key: apply(s3_secret_key, old.s3_secret_key.as_ref()),
        };
        (new != *old).then_some(new)
    }
}

fn apply(patch: &Patch<SecretString>, old: Option<&SecretString>) -> Option<SecretString> {
    match patch {
        Patch::Keep => old.cloned(),
        Patch::Clear => None,
        Patch::Set(new) => Some(new.clone()),
    }
}

impl PartialEq for CatalogSecret {
    fn eq(&self, other: &Self) -> bool {
        let exposed = |key: &Option<SecretString>| key.as_ref().map(|key| key.expose_secret().to_owned());
        exposed(&self.s3_access_key_id) == exposed(&other.s3_access_key_id)
            && exposed(&self.s3_secret_key) == exposed(&other.s3_secret_key)
    }
}

/// Written into Secrets Manager and nowhere else: the one place where the values leave their wrapper.
impl Serialize for CatalogSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("CatalogSecret", 2)?;
        object.serialize_field("s3_access_key_id", &self.s3_access_key_id.as_ref().map(ExposeSecret::expose_secret))?;
        object.serialize_field("s3_secret_key", &self.s3_secret_key.as_ref().map(ExposeSecret::expose_secret))?;
        object.end()
    }
}

impl Secrets {
    /// Changes a catalog's credentials as a request wants it and says which version is the catalog's from now on; `None`:
    /// it has none. `version` is the one its row names: a later one was put by a request that crashed before it could
    /// commit its row, and counts for nothing. (It takes a hundred of those to make Secrets Manager drop the row's.)
    ///
    /// Nothing is put where nothing changes, nor read where nothing is said. Credentials that are missing although the
    /// row names a version fail only a request that wants to keep one of them.
    pub async fn patch_catalog(
        &self,
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
            Some(version) => match self.read_version(Name::Catalog(id), version).await {
                Ok(current) => Some(current),
                Err(failure) if failure.cause.code == "secret_missing" => {
                    if keeps(s3_access_key_id) || keeps(s3_secret_key) {
                        return Err(failure);
                    }
                    None
                }
                Err(failure) => return Err(failure),
            },
        };
        match CatalogSecret::patched(current.as_ref(), s3_access_key_id, s3_secret_key) {
            Some(new) => self.put_version(Name::Catalog(id), &new).await.map(Some),
            None => Ok(current.and(named)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(id: Option<&str>, key: Option<&str>) -> CatalogSecret {
        CatalogSecret { s3_access_key_id: id.map(Into::into), s3_secret_key: key.map(Into::into) }
    }

    fn set(value: &str) -> Patch<SecretString> {
        Patch::Set(value.into())
    }

    #[test]
    fn only_a_change_is_put() {
        let current = secret(Some("id"), Some("key"));
        let put = |id: Patch<_>, key: Patch<_>| CatalogSecret::patched(Some(&current), &id, &key);
        assert_eq!(put(Patch::Keep, Patch::Keep), None);
        assert_eq!(put(set("id"), set("key")), None);
        assert_eq!(put(Patch::Keep, set("key")), None);
        assert_eq!(put(Patch::Keep, set("new")), Some(secret(Some("id"), Some("new"))));
        assert_eq!(put(Patch::Clear, Patch::Keep), Some(secret(None, Some("key"))));
        assert_eq!(put(Patch::Clear, Patch::Clear), Some(secret(None, None)), "overwritten");
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let put = |id: Patch<_>, key: Patch<_>| CatalogSecret::patched(None, &id, &key);
        for (id, key) in [(Patch::Keep, Patch::Keep), (Patch::Clear, Patch::Clear), (Patch::Keep, Patch::Clear)] {
            assert_eq!(put(id, key), None);
        }
        assert_eq!(put(Patch::Keep, set("key")), Some(secret(None, Some("key"))));
        let cleared = secret(None, None);
        assert_eq!(CatalogSecret::patched(Some(&cleared), &Patch::Clear, &Patch::Keep), None);
    }

    #[test]
    fn values_go_into_the_secret_and_nowhere_else() {
        let secret = secret(Some("id"), Some("hush"));
        let json = serde_json::to_string(&secret).expect("writable");
        assert_eq!(json, r#"{"s3_access_key_id":"id","s3_secret_key":"hush"}"#);
        assert_eq!(serde_json::from_str::<CatalogSecret>(&json).expect("readable"), secret);
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
