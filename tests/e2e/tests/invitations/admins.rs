//! Another admin takes the place of the one before.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{State, calls, unique, with_faults};
use serde_json::json;

use crate::Tenant;

const RUN: Duration = Duration::from_mins(2);

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_misspelt_address_of_a_live_tenant_is_corrected() -> Result<()> {
    let tenant = Tenant::live("misspelt", json!({})).await?;
    let misspelt = tenant.link(&tenant.email()).await?;
    let (old, new) = (tenant.email(), format!("chief@{}.example.com", tenant.slug));
    let before = tenant.cloud.tenant(&tenant.slug).await?;
    let answer = tenant.cloud.invite_again(&tenant.slug, json!({ "admin_email": new })).await?.expect(200)?;
    assert_eq!((&answer["kind"], &answer["admin_email"]), (&json!("invitation"), &json!(new)));

    let (users, known) = tenant.people().await?;
    assert_eq!(users, [(new.clone(), false)], "the misspelt one is gone");
    assert_eq!(known, [(new.clone(), "invited".to_owned(), true)]);
    assert_eq!(tenant.accept(&misspelt).await?, 403);
    assert_eq!(tenant.accept(&tenant.link(&new).await?).await?, 200);
    let mails = (tenant.cloud.mails_to(&old).await?.len(), tenant.cloud.mails_to(&new).await?.len());
    assert_eq!(mails, (1, 1));

    let record = tenant.cloud.tenant(&tenant.slug).await?;
    assert_eq!(record["admin_email"], new);
    assert_ne!(record["updated_at"], before["updated_at"]);
    // Stripe's customer follows, and so does whatever else the reconciler was promised.
    let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL";
    tenant
        .cloud
        .reconcile_until(async || {
            let open: i64 = tenant.cloud.control().await?.query_one(open, &[&tenant.id]).await?.get(0);
            Ok(open == 0)
        })
        .await?;
    let customers = tenant.cloud.customers(tenant.id).await?;
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["email"], new);
    assert_eq!(tenant.cloud.subscriptions(tenant.id).await?.len(), 1);
    let audited = "SELECT before, after FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.invite'";
    let audited = tenant.cloud.control().await?.query_one(audited, &[&tenant.id]).await?;
    let (was, is): (serde_json::Value, serde_json::Value) = (audited.get(0), audited.get(1));
    assert_eq!((was, is), (json!({ "admin_email": old }), json!({ "admin_email": new, "kind": "invitation" })));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_admin_who_has_acted_is_disabled_and_can_come_back() -> Result<()> {
    let tenant = Tenant::pilot("acted").await?;
    let (first, second) = (tenant.email(), format!("chief@{}.example.com", tenant.slug));
    assert_eq!(tenant.accept(&tenant.link(&first).await?).await?, 200);
    let act = "INSERT INTO iam.users (auth_user_id, email) VALUES (gen_random_uuid(), 'clerk@example.com');
               INSERT INTO iam.user_roles (user_id, role_code, granted_by)
               SELECT clerk.user_id, 'ap_clerk', admin.user_id FROM iam.users AS clerk, iam.users AS admin
               WHERE clerk.email = 'clerk@example.com' AND admin.email <> clerk.email;
               UPDATE iam.users SET status = 'active'";
    tenant.database.batch_execute(act).await?;
    let clerk = ("clerk@example.com".to_owned(), "active".to_owned(), false);

    tenant.cloud.invite_again(&tenant.slug, json!({ "admin_email": second })).await?.expect(200)?;
    let (users, known) = tenant.people().await?;
    assert_eq!(users, [(first.clone(), true), (second.clone(), false)], "the first one may not log in");
    let disabled = (first.clone(), "disabled".to_owned(), false);
    assert_eq!(known, [disabled, (second.clone(), "invited".to_owned(), true), clerk.clone()]);

    // The first one comes back: the address is confirmed, so it is a recovery.
    let answer = tenant.cloud.invite_again(&tenant.slug, json!({ "admin_email": first })).await?.expect(200)?;
    assert_eq!(answer["kind"], "recovery");
    let (users, known) = tenant.people().await?;
    assert_eq!(users, [(first.clone(), false)], "the second one never accepted");
    assert_eq!(known, [(first.clone(), "active".to_owned(), true), clerk]);
    assert_eq!(tenant.accept(&tenant.link(&first).await?).await?, 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_misspelt_address_of_a_failed_tenant_is_corrected_after_the_invitation() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("mistaken");
        let fault = faults.answer("opensearch-us-east-1", calls::index(&slug), 403, "{}").await?;
        let id = cloud.accepted(&slug, json!({})).await?;
        cloud.wait_until(&slug, State::Failed, RUN).await?;
        faults.mend(fault).await?;
        let tenant = Tenant::of(cloud.clone(), slug.clone(), id).await?;
        let new = format!("chief@{slug}.example.com");
        let other = json!({ "admin_email": new });
        cloud.provision(&slug, other.clone()).await?.problem(409, "immutable_field")?;
        cloud.invite_again(&slug, other.clone()).await?.expect(200)?;
        assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Failed, "it is resumed by POST");
        cloud.accepted(&slug, other).await?;
        let status = cloud.wait_until(&slug, State::Active, RUN).await?;
        ensure!(status.attempt == 2, "{status:?}");
        assert_eq!(tenant.people().await?.0, [(new.clone(), false)]);
        assert_eq!(cloud.mails_to(&new).await?.len(), 1);
        let customers = cloud.customers(id).await?;
        assert_eq!((customers.len(), &customers[0]["email"]), (1, &json!(new)));
        Ok(())
    })
    .await
}

/// Billing had begun with the address before.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_customer_of_a_tenant_that_failed_in_billing_follows_too() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("billed");
        let body = json!({ "error": { "type": "card_error", "message": "Declined." } }).to_string();
        let id = cloud.accepted(&slug, json!({})).await?;
        let fault = faults.answer("stripe", calls::subscription(id), 402, &body).await?;
        cloud.wait_until(&slug, State::Failed, RUN).await?;
        faults.mend(fault).await?;
        let new = json!({ "admin_email": format!("chief@{slug}.example.com") });
        cloud.invite_again(&slug, new.clone()).await?.expect(200)?;
        cloud.accepted(&slug, new.clone()).await?;
        cloud.wait_until(&slug, State::Active, RUN).await?;
        let customers = cloud.customers(id).await?;
        assert_eq!((customers.len(), &customers[0]["email"]), (1, &new["admin_email"]));
        Ok(())
    })
    .await
}
