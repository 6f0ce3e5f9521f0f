//! What may be printed. Everything that derives `Debug` may end in a log, so nothing that does so holds a credential other
//! than in a `SecretString` or in `Wiped` JSON.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use anyhow::{Context as _, Result};
use contracts::root;
use regex::Regex;
use secrets::{
    CatalogSecret, DatabaseOwnerSecret, DatabaseReadSecret, IometeSecret, MasterSecret, PurgeKeySecret, RegionSecret,
    SmtpSecret, StripeSecret, SupabaseSecret, TenantSecret, ValkeySecret,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Where it stands for a credential.
const HUSH: &str = "hush-8c1f";

/// Fields that can hold anything, or are named like a credential, of types that derive `Debug`; and why they may.
const MAY: &[(&str, &str)] = &[
    ("Activation.event", "names and ids of a tenant"),
    ("Activation.invalidation", "keys of cache entries"),
    ("Answer.body", "what a caller gets"),
    ("Answer.policy_document", "the gateway's policy"),
    ("Asked.key", "a digest of an idempotency key"),
    ("AuditEntry.addresses", "digests and their salts, which answers show"),
    ("AuditEntry.after", "a row's, which answers show"),
    ("AuditEntry.before", "a row's, which answers show"),
    ("AuditRecord.addresses", "digests and their salts, which answers show"),
    ("AuditRecord.after", "a row's, which answers show"),
    ("AuditRecord.before", "a row's, which answers show"),
    ("Auth.base_url", "a project's address"),
    ("AuthSettings.site_url", "an installation's page"),
    ("CacheEntries.keys", "keys of cache entries"),
    ("Catalog.catalog_uri", "a `Uri`, which has no credentials"),
    ("Catalog.metadata", "a row's, which answers show"),
    ("CatalogRecord.catalog_uri", "a `Uri`, which has no credentials"),
    ("CatalogRecord.metadata", "a row's, which answers show"),
    ("CatalogRequest.metadata", "a row's, which answers show"),
    ("ChosenPrice.lookup_key", "a price's public name"),
    ("Context.credential", "the kind of credential"),
    ("Customer.metadata", "what we wrote at Stripe: a tenant's id and slug"),
    ("Deactivation.invalidation", "keys of cache entries"),
    ("Deployed.outputs", "a stack's outputs"),
    ("Effect.supabase_url", "a project's address"),
    ("Event.fields", "what the event says of a tenant"),
    ("Invited.invalidation", "keys of cache entries"),
    ("KeyedRequest.body", "a form for Stripe, which the ledger keeps"),
    ("KeyedRequest.idempotency_key", "ours, for Stripe"),
    ("KeysCommand.key", "the beginning of a digest"),
    ("Made.programs", "checksums"),
    ("Management.base_url", "the vendor's address"),
    ("OutboxRow.payload", "keys of cache entries, or an event"),
    ("PreparedPost.body", "a form for Stripe, which the ledger keeps"),
    ("Price.lookup_key", "a price's public name"),
    ("Purge.certificate", "what answers show"),
    ("PurgeKeySecret.public_key", "it is public"),
    ("PurgeSummary.poll_url", "a path below the host"),
    ("Request.client_request_token", "the name of a secret's version"),
    ("Resource.idempotency_key", "ours, for Stripe"),
    ("Response.data", "the schema's version"),
    ("Resume.values", "a tenant's name, tier and address"),
    ("Stack.parameters", "what samconfig.toml gives a template, whose parameters are no secrets"),
    ("Subscription.metadata", "what we wrote at Stripe: a tenant's id and slug"),
    ("SyncTarget.metadata", "a row's, which answers show"),
    ("SyncTargetRecord.metadata", "a row's, which answers show"),
    ("SyncTargetRequest.metadata", "a row's, which answers show"),
    ("Tenant.supabase_url", "a project's address"),
    ("TenantRecord.supabase_url", "a project's address"),
    ("Update.invalidation", "keys of cache entries"),
    ("Verified.content", "a certificate, which answers show"),
];

fn sources(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path)?;
            // Tests print what they like.
            found.push(text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned());
        }
    }
    Ok(())
}

#[test]
fn what_derives_debug_holds_credentials_in_their_wrappers_only() -> Result<()> {
    let item = Regex::new(
        r"(?s)#\[derive\(([^)]*)\)\]\n(?:#\[[^\n]*\]\n)*(?:pub(?:\([a-z]+\))? )?(?:struct|enum) (\w+)(?:<[^>]*>)? ?(\{.*?\n\}|\([^;]*\);)",
    )?;
    let named = Regex::new(r"(?m)^\s*(?:pub(?:\([a-z]+\))? )?(\w+): ([^\n/]+?),?$")?;
    let nameless = Regex::new(r"^\((.*)\);$")?;
    let anything = Regex::new(r"\b(?:HeaderMap|Bytes|Value|Vec<u8>|(?:Hash|BTree)Map<String, String>)")?;
    let wrapped = Regex::new(r"\b(?:Wiped|Zeroizing|SecretString)\b")?;
    let suspicious = Regex::new(
        r"^(?:\w+_)?(?:pass|password|secret|token|keys?|credentials?|authorization|body|headers?|json|query|ur[li])$",
    )?;
    let text = Regex::new(r"^(?:Option<)?(?:&(?:'\w+ )?str|String|Vec<String>|Cow<[^>]*>)>?$")?;
    let mut files = Vec::new();
    for folder in ["shared", "functions", "infra/cli/src", "infra/operate/src"] {
        sources(&root()?.join(folder), &mut files)?;
    }
    let (mut found, mut seen) = (BTreeSet::new(), 0);
    for file in &files {
        for item in item.captures_iter(file).filter(|item| item[1].contains("Debug")) {
            seen += 1;
            let body = &item[3];
            let fields = match nameless.captures(body) {
                Some(only) => vec![("0".to_owned(), only[1].to_owned())],
                None => named.captures_iter(body).map(|it| (it[1].to_owned(), it[2].to_owned())).collect(),
            };
            for (name, kind) in fields {
                let holds = anything.is_match(&kind) || (suspicious.is_match(&name) && text.is_match(&kind));
                if holds && !wrapped.is_match(&kind) {
                    found.insert(format!("{}.{name}", &item[2]));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} types were found");
    assert_eq!(found, MAY.iter().map(|(name, _)| (*name).to_owned()).collect(), "left: found, right: waived");
    Ok(())
}

/// Prints a value of this shape, in which every text that is a credential is [`HUSH`].
fn prints<T: DeserializeOwned + Debug>(value: Value) -> Result<(String, String)> {
    let kind = std::any::type_name::<T>();
    let value: T = serde_json::from_value(value).context(kind)?;
    let printed = format!("{value:?}{value:#?}");
    assert!(!printed.contains(HUSH), "{kind}: {printed}");
    Ok((kind.rsplit("::").next().unwrap_or_default().to_owned(), printed))
}

#[test]
fn no_secret_prints_its_credentials() -> Result<()> {
    let database = json!({ "host": "h", "port": 1, "dbname": "d", "username": "u", "password": HUSH });
    let url = format!("rediss://u:{HUSH}@h:1");
    let basic = json!({ "type": "basic", "username": "u", "password": HUSH });
    let region = json!({ "falkordb": { "url": url }, "opensearch": { "endpoint": "https://h", "auth": basic } });
    let smtp =
        json!({ "host": "h", "port": 1, "username": "u", "password": HUSH, "sender_email": "s", "sender_name": "s" });
    let printed = [
        prints::<DatabaseOwnerSecret>(database.clone())?,
        prints::<DatabaseReadSecret>(database)?,
        prints::<MasterSecret>(json!({ "username": "u", "password": HUSH }))?,
        prints::<SupabaseSecret>(json!({ "access_token": HUSH, "organization_slug": "o" }))?,
        prints::<StripeSecret>(json!({ "secret_key": HUSH }))?,
        prints::<ValkeySecret>(json!({ "url": url }))?,
        prints::<IometeSecret>(json!({ "token": HUSH }))?,
        prints::<PurgeKeySecret>(json!({ "private_key": HUSH, "public_key": "p" }))?,
        prints::<SmtpSecret>(smtp)?,
        prints::<RegionSecret>(region)?,
        prints::<TenantSecret>(
            json!({ "db_pass": HUSH, "graph_pass": HUSH, "publishable_key": HUSH, "secret_key": HUSH }),
        )?,
        prints::<CatalogSecret>(json!({ "s3_access_key_id": HUSH, "s3_secret_key": HUSH }))?,
    ];
    // Every type of these is above or inside one that is above, or cannot be printed.
    let mut files = Vec::new();
    sources(&root()?.join("shared/secrets/src"), &mut files)?;
    let derived = Regex::new(r"#\[derive\([^)]*Debug[^)]*\)\]\n(?:#\[[^\n]*\]\n)*pub (?:struct|enum) (\w+)")?;
    for file in &files {
        for kind in derived.captures_iter(file) {
            // An address of a pooler has no password; it is printed as part of the tenant's.
            let shown = printed.iter().any(|(_, text)| text.contains(&kind[1]))
                || ["PoolerAddress", "OpenSearchAuth"].contains(&&kind[1]);
            assert!(shown, "{} is not tried here", &kind[1]);
        }
    }
    Ok(())
}
