//! What a link in a mail does, and for how long.

use anyhow::{Result, ensure};
use e2e::{is_timestamp, links};
use serde_json::json;

use crate::{Link, Tenant};

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_scanner_that_opens_every_link_uses_none_up() -> Result<()> {
    let tenant = Tenant::pilot("scanned").await?;
    let link = tenant.link(&tenant.email()).await?;
    for mail in tenant.cloud.mails_to(&tenant.email()).await? {
        for link in links(&mail) {
            ensure!(!link.contains("/auth/v1/"), "Auth itself is behind {link}");
            // The page is not part of this cloud. A scanner that makes up the link that Auth would follow knows no token
            // but this one, and the page does not link to it.
            ensure!(link.starts_with("https://app.example.com/accept-invitation/"), "{link}");
        }
    }
    assert!(!tenant.is_confirmed(&tenant.email()).await?);
    assert_eq!(tenant.accept(&link).await?, 200);
    assert!(tenant.is_confirmed(&tenant.email()).await?);
    assert_eq!(tenant.accept(&link).await?, 403, "a link works once");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_invitee_may_read_the_mail_after_hours_but_not_after_a_day() -> Result<()> {
    let tenant = Tenant::pilot("late").await?;
    tenant.pass(23 * 60).await?;
    let link = tenant.link(&tenant.email()).await?;
    tenant.pass(61).await?;
    assert_eq!(tenant.accept(&link).await?, 403, "24 hours are over");
    assert!(!tenant.is_confirmed(&tenant.email()).await?);

    let answer = tenant.cloud.invite_again(&tenant.slug, json!({})).await?.expect(200)?;
    assert_eq!((&answer["kind"], &answer["admin_email"]), (&json!("invitation"), &json!(tenant.email())));
    ensure!(is_timestamp(&answer["sent_at"]), "{answer}");
    assert_eq!(tenant.cloud.mails_to(&tenant.email()).await?.len(), 2);
    let again = tenant.link(&tenant.email()).await?;
    ensure!(again.token != link.token && again.kind == "invite", "{again:?}");
    tenant.pass(23 * 60).await?;
    assert_eq!(tenant.accept(&again).await?, 200);
    let (users, known) = tenant.people().await?;
    assert_eq!(users, [(tenant.email(), false)], "Auth keeps the user");
    assert_eq!(known, [(tenant.email(), "invited".to_owned(), true)]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn another_invitation_ends_the_link_before() -> Result<()> {
    let tenant = Tenant::pilot("renewed").await?;
    let first = tenant.link(&tenant.email()).await?;
    tenant
        .cloud
        .invite_again(&tenant.slug, json!({ "admin_email": tenant.email().to_uppercase() }))
        .await?
        .expect(200)?;
    let second = tenant.link(&tenant.email()).await?;
    assert_eq!(tenant.accept(&first).await?, 403);
    assert_eq!(tenant.accept(&second).await?, 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn whoever_has_accepted_gets_a_recovery_mail() -> Result<()> {
    let tenant = Tenant::pilot("recovered").await?;
    let invitation = tenant.link(&tenant.email()).await?;
    assert_eq!(tenant.accept(&invitation).await?, 200);
    // A request needs no body.
    let path = format!("/v1/admin/tenants/{}/invitation", tenant.slug);
    let answer = tenant.cloud.send(tenant.cloud.admin(reqwest::Method::POST, &path)).await?.expect(200)?;
    assert_eq!(answer["kind"], "recovery");
    let recovery = tenant.link(&tenant.email()).await?;
    assert_eq!(recovery, Link { kind: "recovery".to_owned(), token: recovery.token.clone() });
    // Auth itself sends a user one recovery mail a minute.
    let refused = tenant.cloud.invite_again(&tenant.slug, json!({})).await?;
    refused.later(429, "invitation_limit", "61")?;
    assert_eq!(tenant.cloud.mails_to(&tenant.email()).await?.len(), 2);
    tenant.pass(1).await?;
    tenant.cloud.invite_again(&tenant.slug, json!({})).await?.expect(200)?;
    assert_eq!(tenant.accept(&recovery).await?, 403, "the next mail ends the link before");
    let recovery = tenant.link(&tenant.email()).await?;
    assert_eq!(tenant.accept(&recovery).await?, 200);
    Ok(())
}
