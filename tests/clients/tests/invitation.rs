//! An invitation, as the invitee and their mail scanner meet it: the shipped page, run as a browser runs it.

use anyhow::{Context as _, Result, bail, ensure};
use clients::Programs;
use e2e::{Cloud, links};
use serde_json::{Value, json};
use tokio_postgres::Client;

const EMAIL: &str = "SELECT email_confirmed_at IS NOT NULL FROM auth.users WHERE email = $1";

/// A tenant whose admin has a mail.
struct Invited {
    cloud: Cloud,
    slug: String,
    email: String,
    project_ref: String,
    database: Client,
}

impl Invited {
    async fn new(name: &str) -> Result<Self> {
        let cloud = Cloud::from_env()?;
        let (slug, _) = cloud.live(name, json!({ "tier": "pilot" })).await?;
        let email = format!("admin@{slug}.example.com");
        let project_ref = cloud.environment(&slug).await?;
        let database = cloud.tenant_database(&project_ref).await?;
        Ok(Self { cloud, slug, email, project_ref, database })
    }

    /// The only link of the last mail.
    async fn link(&self) -> Result<String> {
        let mails = self.cloud.mails_to(&self.email).await?;
        let mail = mails.last().context("no mail")?;
        match links(mail).as_slice() {
            [link] => Ok(link.clone()),
            links => bail!("not one link: {links:?}"),
        }
    }

    async fn is_confirmed(&self) -> Result<bool> {
        Ok(self.database.query_one(EMAIL, &[&self.email]).await?.get(0))
    }

    /// Opens the page at a link.
    async fn open(&self, link: &str, click: bool) -> Result<Value> {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/aws/accept-invitation");
        let template = self.cloud.aws.environment_of("invite-admin").await?["SUPABASE_PROJECT_URL_TEMPLATE"].clone();
        let variables = [
            ("PAGE_FOLDER", page.to_owned()),
            ("LINK", link.to_owned()),
            ("PROJECT_URL", template.as_str().context("no template")?.to_owned()),
            ("CLICK", if click { "1".to_owned() } else { String::new() }),
        ];
        let said = Programs::from_env()?.javascript(include_str!("../node/accept.mjs"), &variables).await?;
        serde_json::from_str(&said).with_context(|| said.clone())
    }
}

/// A scanner opens every link, and runs what it finds there. Nothing happens until somebody clicks.
#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn only_a_click_accepts_an_invitation() -> Result<()> {
    let invited = Invited::new("clicked").await?;
    let link = invited.link().await?;
    ensure!(link.starts_with("https://app.example.com/accept-invitation/?tenant="), "{link}");
    for _ in 0..2 {
        let seen = invited.open(&link, false).await?;
        ensure!(seen["offered"] == true && seen["calls"] == json!([]), "{seen}");
        assert_eq!(seen["query"], "", "the token stays in the address");
        assert!(!invited.is_confirmed().await?);
    }
    let seen = invited.open(&link, true).await?;
    assert_eq!(seen["message"], "Your address is confirmed.", "{seen}");
    assert!(invited.is_confirmed().await?);
    // A token works once.
    let seen = invited.open(&link, true).await?;
    assert_eq!(seen["message"], "This link has ended, or was used before. Ask for another one.", "{seen}");

    // Another mail is a recovery now, and its link works in the same way.
    let again = invited.cloud.invite_again(&invited.slug, json!({})).await?.expect(200)?;
    assert_eq!((&again["kind"], &again["admin_email"]), (&json!("recovery"), &json!(invited.email)));
    let recovery = invited.link().await?;
    ensure!(recovery.ends_with("&type=recovery"), "{recovery}");
    let seen = invited.open(&recovery, true).await?;
    assert_eq!(seen["message"], "Your address is confirmed.", "{seen}");
    Ok(())
}

/// The page sends a token to a project of Supabase and nowhere else.
#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn a_link_cannot_lead_the_token_elsewhere() -> Result<()> {
    let invited = Invited::new("elsewhere").await?;
    let link = invited.link().await?;
    let reference = &invited.project_ref;
    for (part, other) in [
        (reference.as_str(), "evil.example.com/"),
        (reference.as_str(), "evil.example.com%2F%23"),
        (reference.as_str(), ""),
        ("type=invite", "type=email_change"),
        ("token_hash=", "token_hash=%2e%2e%2F"),
    ] {
        let changed = link.replace(part, other);
        ensure!(changed != link, "{link} has no {part}");
        let seen = invited.open(&changed, true).await?;
        ensure!(seen["offered"] == false && seen["calls"] == json!([]), "{changed}: {seen}");
    }
    assert!(!invited.is_confirmed().await?);
    Ok(())
}
