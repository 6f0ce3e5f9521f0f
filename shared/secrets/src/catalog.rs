//! `catalogs/{catalog_id}`: the credentials of a catalog's object store.

use domain::{CatalogId, Patch, names};
use secrecy::SecretString;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::Secret;
use crate::tenant::exposed;

/// A catalog's credentials. Only `upsert-catalog` writes them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct CatalogSecret {
    /// The key's id.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub s3_access_key_id: Option<SecretString>,
    /// The key.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub s3_secret_key: Option<SecretString>,
}

impl CatalogSecret {
    /// The value to put so that the credentials are as the request wants them. `None` if they are so already, or if
    /// there were none and none are wanted. Credentials that are removed are overwritten, so that the current version
    /// does not hold them.
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

impl Secret for CatalogSecret {
    type Key = CatalogId;
    const NAMES: &'static str = "catalogs/*";

    fn name(id: &CatalogId) -> String {
        names::catalog_secret(*id)
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
        exposed(self.s3_access_key_id.as_ref()) == exposed(other.s3_access_key_id.as_ref())
            && exposed(self.s3_secret_key.as_ref()) == exposed(other.s3_secret_key.as_ref())
    }
}

/// Only for Secrets Manager: this serializes the values in clear.
impl Serialize for CatalogSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("CatalogSecret", 2)?;
        object.serialize_field("s3_access_key_id", &exposed(self.s3_access_key_id.as_ref()))?;
        object.serialize_field("s3_secret_key", &exposed(self.s3_secret_key.as_ref()))?;
        object.end()
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
    fn only_a_change_is_written() {
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
    fn without_credentials_no_secret_is_written() {
        let put = |id: Patch<_>, key: Patch<_>| CatalogSecret::patched(None, &id, &key);
        for (id, key) in [(Patch::Keep, Patch::Keep), (Patch::Clear, Patch::Clear), (Patch::Keep, Patch::Clear)] {
            assert_eq!(put(id, key), None);
        }
        assert_eq!(put(Patch::Keep, set("key")), Some(secret(None, Some("key"))));
        let cleared = secret(None, None);
        assert_eq!(CatalogSecret::patched(Some(&cleared), &Patch::Clear, &Patch::Keep), None);
    }

    #[test]
    fn values_are_written_only_into_the_secret() {
        let secret = secret(Some("id"), Some("hush"));
        let json = serde_json::to_string(&secret).expect("writable");
        assert_eq!(json, r#"{"s3_access_key_id":"id","s3_secret_key":"hush"}"#);
        assert_eq!(serde_json::from_str::<CatalogSecret>(&json).expect("readable"), secret);
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
