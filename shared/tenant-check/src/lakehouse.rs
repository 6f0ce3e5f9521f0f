//! The namespaces into which the tenant's tables are synced.

use std::time::Duration;

use domain::{CauseCode, Failure, TenantPart};
use futures_util::{StreamExt as _, stream};
use iomete::{Catalog, Iomete, ProbeError};
use lambda_kit::{Read, needs, settings};
use secrets::IometeSecret;

use crate::finding::{Finding, Findings};
use crate::subject::Subject;
use crate::{Asking, TenantCheck};

/// How many namespaces are asked for at the same time.
const AT_ONCE: usize = 8;

settings! {
    /// Where IOMETE is.
    struct IometeSettings {
        /// Empty where the installation has no lakehouse.
        url: String = "IOMETE_URL" or "",
    }
}

needs! {
    /// The lakehouse's catalog.
    pub(crate) struct Lakehouse {
        settings: IometeSettings,
        secret: Read<IometeSecret>,
    }
}

impl TenantCheck {
    pub(crate) async fn namespaces(
        &self,
        subject: &Subject,
        found: &Findings<'_>,
        call: Duration,
    ) -> Result<(), Failure> {
        let Lakehouse { settings, secret } = &self.lakehouse;
        let why = if settings.url.is_empty() {
            "this installation has no lakehouse"
        } else if subject.namespaces.is_empty() {
            "nothing is synced"
        } else {
            let IometeSecret { token } = secret.read().await?;
            let iomete = Iomete::new(&settings.url, token, call);
            let catalog = &iomete.catalog().await.map_err(failure)?;
            let asked = |namespace| Box::pin(async move { found.add(look(catalog, namespace).await) }) as Asking<'_>;
            let asked: Vec<_> = subject.namespaces.iter().map(String::as_str).map(asked).collect();
            stream::iter(asked).buffer_unordered(AT_ONCE).collect::<()>().await;
            return Ok(());
        };
        found.not_needed(&[TenantPart::Namespace], why);
        Ok(())
    }
}

async fn look(catalog: &Catalog<'_>, namespace: &str) -> Finding {
    let part = Finding::of(TenantPart::Namespace).named(namespace).expecting("there");
    match catalog.has_namespace(namespace).await {
        Ok(true) => part.finding("there").ok(),
        Ok(false) => part.finding("not there").broken(Failure::with_detail(CauseCode::NamespaceGone, namespace)),
        Err(error) => part.not_asked(failure(error)),
    }
}

fn failure(error: ProbeError) -> Failure {
    match error {
        ProbeError::Timeout => CauseCode::LakehouseTimeout,
        ProbeError::Refused
        | ProbeError::Unresolved
        | ProbeError::Tls
        | ProbeError::Unreachable
        | ProbeError::Closed => CauseCode::LakehouseUnreachable,
        ProbeError::Untrusted => CauseCode::LakehouseUntrusted,
        // 419: the token has expired.
        ProbeError::Status(401 | 403 | 419) => CauseCode::LakehouseUnauthorized,
        ProbeError::Status(_) => CauseCode::LakehouseUnavailable,
        ProbeError::UnexpectedAnswer => CauseCode::LakehouseUnexpectedAnswer,
        ProbeError::BadConfiguration => CauseCode::LakehouseBadConfiguration,
    }
    .into()
}
