//! Step 8 of a purge: the certificate of what became of each resource. With it the slug is free, if all that it named is gone.

use domain::purge::{SlugReserved, slug_is_free};
use domain::{CauseCode, Failure, PurgeStep, PurgedItem, PurgedKind};
use jiff::Timestamp;
use lambda_kit::{Read, needs};
use purge_certificate::{Content, Decision, FORMAT, Item, SigningKey, sign};
use purge_kit::{Outcome, PurgeLease, Work};
use secrecy::ExposeSecret as _;
use secrets::PurgeKeySecret;
use store::Purge;

needs! {
    /// Signs the certificate.
    pub struct SignCertificate {
        key: Read<PurgeKeySecret>,
    }
}

impl Work for SignCertificate {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::SignCertificate;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        let PurgeKeySecret { private_key, public_key } = self.key.read().await?;
        let unusable = || Failure::from(CauseCode::PurgeKeyUnusable);
        let key = SigningKey::of_pair(private_key.expose_secret(), &public_key).map_err(|_| unusable())?;
        let items = lease.store().purged_items(lease.tenant().tenant_id).await?;
        let kept_by = slug_is_free(&items).err().map_or_else(Vec::new, |SlugReserved(kinds)| kinds);
        let content = content(lease.purge(), &items, &kept_by, Timestamp::now());
        let certificate = sign(&content, &key).map_err(|_| unusable())?;
        lease.finish_purge(&certificate, kept_by.is_empty()).await?;
        Ok(Outcome::Written)
    }
}

fn content(purge: &Purge, items: &[PurgedItem], kept_by: &[PurgedKind], now: Timestamp) -> Content {
    let approved = purge.approved_by.as_ref().zip(purge.approved_at);
    Content {
        format: FORMAT,
        tenant_id: purge.tenant_id.to_string(),
        slug: purge.slug.to_string(),
        issued_at: text(now),
        requested: Decision { by: purge.requested_by.clone(), at: text(purge.requested_at) },
        approved: approved.map(|(by, at)| Decision { by: by.clone(), at: text(at) }),
        reason: purge.reason.clone(),
        retrieval_days: purge.retrieval_days,
        customer: purge.policies.customer.as_str().to_owned(),
        data: purge.policies.data.as_str().to_owned(),
        point_of_no_return: purge.no_return_at.map(text),
        items: items.iter().map(item).collect(),
        slug_released: kept_by.is_empty(),
        slug_kept_by: kept_by.iter().map(|kind| kind.as_str().to_owned()).collect(),
    }
}

fn item(item: &PurgedItem) -> Item {
    Item {
        kind: item.kind.as_str().to_owned(),
        name: item.name.clone(),
        external_id: item.external_id.clone(),
        asked_at: text(item.asked_at),
        answered: item.answered.clone(),
        outcome: item.outcome.as_str().to_owned(),
        why: item.why.clone(),
        until: item.until.map(text),
    }
}

/// A time as the API writes it.
fn text(time: Timestamp) -> String {
    format!("{time:.6}")
}
