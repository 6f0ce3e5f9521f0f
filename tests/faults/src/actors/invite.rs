//! Another mail to a tenant's admin, or to the one who takes their place. Each admin gets one mail, and one admin is left.

use anyhow::{Context as _, Result, ensure};
use e2e::links;
use fault_proxy::client::RuleId;
use serde_json::{Value, json};
use url::Url;

use crate::actors::acts::{Act, admin, chief};
use crate::actors::requests::{kill_if_asked, met, repeated, until};
use crate::effects::{self, Known, Subject};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// The client repeats its request until it is answered. Then the other one is the admin, everywhere.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let (subject, status) = live(stage).await?;
    // Whoever has accepted an invitation is not deleted but banned.
    let accepted = act.name == "ban";
    if accepted {
        accept(stage, &subject).await?;
    }
    let (before, after) = (admin(&subject), chief(&subject));
    invited(stage, act, fault, &subject, &json!({ "admin_email": after })).await?;

    let record = stage.cloud.tenant(&subject.slug).await?;
    ensure!(record["admin_email"] == after, "another admin: {record}");
    let customers = stage.cloud.customers(subject.tenant_id).await?;
    ensure!(customers.iter().all(|customer| customer["email"] == after), "Stripe has another address: {customers:?}");
    let mut testimony = witness::of(&stage.cloud, &subject, &status).await?;
    testimony.count("first mail", stage.cloud.mails_to(&before).await?.len());
    testimony.mails = Some(stage.cloud.mails_to(&after).await?.len());
    if accepted {
        testimony.counts.retain(|count| count.what != "live invitation");
    }
    let database = stage.cloud.tenant_database(&subject.project_ref).await?;
    let able = "SELECT count(*) FROM auth.users AS one JOIN iam.users AS known ON known.auth_user_id = one.id
                JOIN iam.user_roles USING (user_id)
                WHERE role_code = 'tenant_admin' AND known.status <> 'disabled' AND one.email = $1
                  AND NOT coalesce(banned_until > now(), false)";
    let able: i64 = database.query_one(able, &[&after]).await?.get(0);
    testimony.count("admin who can log in", usize::try_from(able)?);
    let left = "SELECT count(*) FROM auth.users WHERE email = $1 AND NOT coalesce(banned_until > now(), false)";
    let left: i64 = database.query_one(left, &[&before]).await?.get(0);
    testimony.none("former admin who can log in", usize::try_from(left)?);
    testimony.count("invitation audited", audited(stage, &subject).await?);
    Ok(Played { testimony, posts: 0 })
}

/// The same for the admin who has accepted the invitation.
pub async fn play_recovery(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let (subject, status) = live(stage).await?;
    accept(stage, &subject).await?;
    invited(stage, act, fault, &subject, &json!({})).await?;
    let mut testimony = witness::of(&stage.cloud, &subject, &status).await?;
    // The first one was the invitation.
    testimony.mails = testimony.mails.map(|mails| mails - 1);
    testimony.count("invitation audited", audited(stage, &subject).await?);
    Ok(Played { testimony, posts: 0 })
}

/// An active tenant.
async fn live(stage: &Stage) -> Result<(Subject, e2e::Status)> {
    let mut subject = stage.ordered(async |subject| Ok(subject)).await?;
    let (status, _) = stage.goes_live(&subject).await?;
    stage.learn(Known::Environment, &mut subject).await?;
    Ok((subject, status))
}

/// The admin clicks on the link in the mail.
async fn accept(stage: &Stage, subject: &Subject) -> Result<()> {
    let mails = stage.cloud.mails_to(&admin(subject)).await?;
    let link = links(mails.first().context("no mail")?).pop().context("no link")?;
    let link = Url::parse(&link)?;
    let token = link.query_pairs().find(|(name, _)| name == "token_hash").context("no token")?.1.into_owned();
    ensure!(stage.cloud.verify(&subject.project_ref, "invite", &token).await? == 200, "the link does not work");
    Ok(())
}

/// Meets the fault. The client repeats the request until it is answered, and the reconciler keeps what was promised.
async fn invited(stage: &Stage, act: &Act, fault: Fault, subject: &Subject, body: &Value) -> Result<()> {
    // With a key, a repeated request is the same one, so that it sends no second mail.
    let request = async || stage.cloud.invite_again_as(&subject.slug, body.clone(), &subject.slug).await;
    let rule = if act.name == "id" {
        let pause = stage.pause("postgres", effects::intent(subject, "admin_mail")).await?;
        let laid = async {
            let rule = lay(stage, act, fault, subject, pause).await?;
            kill_if_asked(stage, fault, rule).await.map(|()| rule)
        };
        let (rule, answered) = tokio::join!(laid, until(200, request));
        answered.and(rule)?
    } else {
        let rule = act.lay(stage, fault, subject).await?;
        repeated(stage, fault, rule, 200, request).await?;
        rule
    };
    met(stage, rule).await?;
    witness::settle(&stage.cloud, subject.tenant_id).await
}

/// Lays the fault while the request pauses at the mail's intent, whose row is known then.
async fn lay(stage: &Stage, act: &Act, fault: Fault, subject: &Subject, pause: RuleId) -> Result<RuleId> {
    stage.held(pause).await?;
    let mut subject = subject.clone();
    stage.learn(Known::Intent("admin_mail"), &mut subject).await?;
    let rule = act.lay(stage, fault, &subject).await?;
    stage.mend(pause).await?;
    Ok(rule)
}

async fn audited(stage: &Stage, subject: &Subject) -> Result<usize> {
    let sql = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.invite'";
    let audited: i64 = stage.cloud.control().await?.query_one(sql, &[&subject.tenant_id]).await?.get(0);
    Ok(usize::try_from(audited)?)
}
