//! The credentials of the tenant's catalogs, in the versions that their rows name.

use domain::{CauseCode, Failure, TenantPart};
use futures_util::{StreamExt as _, stream};
use store::CatalogCredentials;

use crate::finding::{Finding, Findings};
use crate::subject::Subject;
use crate::{Asking, TenantCheck};

/// How many secrets are read at the same time.
const AT_ONCE: usize = 8;

impl TenantCheck {
    pub(crate) async fn catalog_secrets(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        if subject.catalogs.is_empty() {
            found.not_needed(&[TenantPart::CatalogSecret], "no active catalog has credentials");
            return Ok(());
        }
        let asked = |catalog| Box::pin(async move { found.add(self.catalog_secret(catalog).await) }) as Asking<'_>;
        let asked: Vec<_> = subject.catalogs.iter().map(asked).collect();
        stream::iter(asked).buffer_unordered(AT_ONCE).collect::<()>().await;
        Ok(())
    }

    async fn catalog_secret(&self, catalog: &CatalogCredentials) -> Finding {
        let name = catalog.catalog_name.as_str().to_owned();
        let part = Finding::of(TenantPart::CatalogSecret).named(&*name).expecting("the version that its row names");
        match self.catalogs.read_version_of(catalog.id, &catalog.version).await {
            Ok(_) => part.finding("the same").ok(),
            Err(failure) if is_gone(failure.code()) => {
                part.finding("not there").broken(Failure::with_detail(CauseCode::CatalogSecretGone, name))
            }
            Err(failure) => part.not_asked(failure),
        }
    }
}

/// A secret that is scheduled for deletion cannot be read either.
const fn is_gone(code: CauseCode) -> bool {
    matches!(code, CauseCode::SecretMissing | CauseCode::SecretBeingDeleted | CauseCode::SecretMalformed)
}
