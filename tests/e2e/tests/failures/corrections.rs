//! Which fields a caller may correct when it resumes a tenant, or finds its run under way: those that no effect depends on yet,
//! and never the region.

use anyhow::{Result, ensure};
use e2e::{Answer, State, calls, with_faults};
use fault_proxy::client::Match;
use serde_json::{Value, json};

use crate::scenario::{RUN, Scenario};

fn refused(answer: &Answer, field: &str) -> Result<()> {
    let problem = answer.problem(409, "immutable_field")?;
    ensure!(problem["detail"].as_str().is_some_and(|detail| detail.starts_with(&format!("{field} "))), "{problem}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_address_that_could_not_be_invited_can_be_corrected_with_all_later_fields() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "mistyped");
        let body = json!({ "code": "email_address_invalid", "message": "Email address is invalid" }).to_string();
        faults.answer("supabase", calls::invitation(&tenant.slug).times(1), 400, &body).await?;
        let tenant_id = cloud.accepted(&tenant.slug, json!({})).await?;
        let failed = tenant.fails(5, "supabase_auth_invalid_email").await?;
        assert_eq!(failed.cause()?["owner"], "caller");

        let corrected = format!("chief@{}.example.com", tenant.slug);
        let order = json!({ "admin_email": corrected, "display_name": "Another name", "tier": "enterprise_plus" });
        let mut elsewhere = order.clone();
        elsewhere["region"] = json!("eu-central-1");
        refused(&cloud.provision(&tenant.slug, elsewhere).await?, "region")?;
        assert_eq!(cloud.status(&tenant.slug).await?.provisioning_state, State::Failed);

        cloud.accepted(&tenant.slug, order).await?;
        cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        let record = cloud.tenant(&tenant.slug).await?;
        assert_eq!(record["admin_email"], corrected);
        assert_eq!((&record["display_name"], &record["tier"]), (&json!("Another name"), &json!("enterprise_plus")));
        let mails = (cloud.mails_to(&tenant.email()).await?.len(), cloud.mails_to(&corrected).await?.len());
        assert_eq!(mails, (0, 1));
        let customers = cloud.customers(tenant_id).await?;
        assert_eq!(customers.len(), 1);
        assert_eq!((&customers[0]["email"], &customers[0]["name"]), (&json!(corrected), &json!("Another name")));
        let subscriptions = cloud.subscriptions(tenant_id).await?;
        assert_eq!(subscriptions.len(), 1);
        assert_eq!(subscriptions[0]["items"]["data"][0]["price"]["lookup_key"], "ivory_enterprise_plus");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn after_the_invitation_the_address_stays_but_name_and_tier_may_change() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "invited");
        let fault = faults.answer("opensearch-us-east-1", calls::index(&tenant.slug), 403, "{}").await?;
        let tenant_id = cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(7, "opensearch_unauthorized").await?;
        faults.mend(fault).await?;

        let other = json!({ "admin_email": format!("chief@{}.example.com", tenant.slug) });
        refused(&cloud.provision(&tenant.slug, other).await?, "admin_email")?;
        // The address counts as the same if only the case of its letters differs.
        let order =
            json!({ "admin_email": tenant.email().to_uppercase(), "display_name": "A pilot now", "tier": "pilot" });
        cloud.accepted(&tenant.slug, order).await?;
        cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        let record = cloud.tenant(&tenant.slug).await?;
        assert_eq!((&record["display_name"], &record["tier"]), (&json!("A pilot now"), &json!("pilot")));
        assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (0, 0));
        assert_eq!(cloud.announced(&tenant.slug).await?[0]["display_name"], "A pilot now");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn after_billing_began_nothing_can_change_and_the_tier_may_be_omitted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "billed");
        let body = json!({ "error": { "type": "card_error", "message": "Declined." } }).to_string();
        let fault = faults.answer("stripe", Match::request("POST", "^/v1/subscriptions$"), 402, &body).await?;
        let plus = json!({ "tier": "enterprise_plus" });
        let tenant_id = cloud.accepted(&tenant.slug, plus.clone()).await?;
        tenant.fails(9, "stripe_rejected").await?;
        faults.mend(fault).await?;

        for (field, value) in [
            ("admin_email", json!(format!("chief@{}.example.com", tenant.slug))),
            ("display_name", json!("Another name")),
            ("tier", json!("enterprise")),
            ("region", json!("ap-southeast-1")),
        ] {
            let mut order = plus.clone();
            order[field] = value;
            refused(&cloud.provision(&tenant.slug, order).await?, field)?;
        }
        cloud.accepted(&tenant.slug, json!({ "tier": null })).await?;
        cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        assert_eq!(cloud.tenant(&tenant.slug).await?["tier"], "enterprise_plus");
        let subscriptions = cloud.subscriptions(tenant_id).await?;
        assert_eq!(subscriptions.len(), 1);
        assert_eq!(subscriptions[0]["items"]["data"][0]["price"]["lookup_key"], "ivory_enterprise_plus");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn while_a_run_is_under_way_values_are_corrected_until_they_are_used() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "early");
        let fault = faults.answer("supabase", Match::request("GET", "^/v1/projects/[a-z]+/health"), 503, "{}").await?;
        let tenant_id = cloud.accepted(&tenant.slug, json!({})).await?;
        cloud.wait_for(&tenant.slug, RUN, |status| status.completed_steps == ["step_1"]).await?;

        let corrected = format!("chief@{}.example.com", tenant.slug);
        let order = json!({ "admin_email": corrected, "display_name": "Another name", "tier": "enterprise_plus" });
        let found = cloud.provision(&tenant.slug, order.clone()).await?.expect(202)?;
        assert_eq!((&found["run"], found.get("not_applied")), (&json!("found"), None));
        let record = cloud.tenant(&tenant.slug).await?;
        for (name, value) in order.as_object().into_iter().flatten() {
            assert_eq!(record[name], *value, "{name}");
        }
        // A tier that is not named is the one of the row, and the same request again changes nothing.
        let mut again = order;
        again["tier"] = json!(null);
        cloud.accepted(&tenant.slug, again).await?;
        let sql = "SELECT before, after FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.correct'";
        let rows = cloud.control().await?.query(sql, &[&tenant_id]).await?;
        let [row] = &rows[..] else { anyhow::bail!("{} rows", rows.len()) };
        let (before, after): (Value, Value) = (row.get("before"), row.get("after"));
        assert_eq!((&before["tier"], &after["tier"]), (&json!("enterprise"), &json!("enterprise_plus")));
        assert_eq!((&before["admin_email"], &after["admin_email"]), (&json!(tenant.email()), &json!(corrected)));

        faults.mend(fault).await?;
        cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        let mails = (cloud.mails_to(&tenant.email()).await?.len(), cloud.mails_to(&corrected).await?.len());
        assert_eq!(mails, (0, 1));
        let customers = cloud.customers(tenant_id).await?;
        assert_eq!(customers.len(), 1);
        assert_eq!((&customers[0]["email"], &customers[0]["name"]), (&json!(corrected), &json!("Another name")));
        assert_eq!(cloud.aws.executions_of(tenant_id).await?.len(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn what_comes_too_late_for_a_run_is_named_with_the_way_to_change_it() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "late");
        let index = faults.hold("opensearch-us-east-1", calls::index(&tenant.slug)).await?;
        let tenant_id = cloud.accepted(&tenant.slug, json!({})).await?;
        faults.held(index).await?;
        let subscription = faults.hold("stripe", calls::subscription(tenant_id)).await?;

        let other = format!("chief@{}.example.com", tenant.slug);
        let order = json!({ "admin_email": other, "display_name": "Another name", "tier": "enterprise_plus" });
        let fields = |answer: &Value| {
            let late = answer["not_applied"].as_array().into_iter().flatten();
            late.filter_map(|late| late["field"].as_str()).map(str::to_owned).collect::<Vec<_>>()
        };
        let found = cloud.provision(&tenant.slug, order).await?.expect(202)?;
        assert_eq!((&found["run"], fields(&found)), (&json!("found"), vec!["admin_email".to_owned()]), "{found}");
        let reason = found["not_applied"][0]["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("POST /v1/admin/tenants/{slug}/invitation"), "{found}");
        let record = cloud.tenant(&tenant.slug).await?;
        assert_eq!(record["admin_email"], tenant.email());
        assert_eq!((&record["display_name"], &record["tier"]), (&json!("Another name"), &json!("enterprise_plus")));

        faults.mend(index).await?;
        faults.held(subscription).await?;
        let found = cloud.provision(&tenant.slug, json!({ "tier": "pilot" })).await?.expect(202)?;
        assert_eq!(fields(&found), ["display_name", "tier"]);
        faults.mend(subscription).await?;
        cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        let record = cloud.tenant(&tenant.slug).await?;
        assert_eq!((&record["display_name"], &record["tier"]), (&json!("Another name"), &json!("enterprise_plus")));
        let customers = cloud.customers(tenant_id).await?;
        assert_eq!((customers.len(), &customers[0]["name"]), (1, &json!("Another name")));
        // The ways that the reasons name.
        cloud.change(&tenant.slug, json!({ "display_name": "A third", "tier": "enterprise" })).await?.expect(200)?;
        cloud.invite_again(&tenant.slug, json!({ "admin_email": other })).await?.expect(200)?;
        assert_eq!(cloud.tenant(&tenant.slug).await?["admin_email"], other);
        Ok(())
    })
    .await
}
