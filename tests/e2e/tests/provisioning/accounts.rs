//! Step 5: the admin gets one mail, exists in Auth, and is tenant admin in the IAM schema.

use anyhow::{Result, bail};
use e2e::{Cloud, links};
use serde_json::json;
use uuid::Uuid;

use crate::Live;

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let mails = cloud.mails_to(&live.email()).await?;
    let [mail] = mails.as_slice() else { bail!("not one mail: {mails:?}") };
    let leads_to_page = |link: &String| link.starts_with("https://app.example.com/accept-invitation/?tenant=");
    assert!(links(mail).iter().any(leads_to_page), "no link: {mail}");

    let asked = cloud.supabase(&format!("/v1/projects/{}/config/auth", live.project_ref)).await?;
    for (setting, value) in [
        ("password_min_length", json!(12)),
        ("password_hibp_enabled", json!(true)),
        ("mfa_totp_enroll_enabled", json!(true)),
    ] {
        assert_eq!(asked[setting], value, "{setting}");
    }

    let database = cloud.tenant_database(&live.project_ref).await?;
    let invited = "SELECT id FROM auth.users WHERE invited_at IS NOT NULL AND email = $1";
    let invited: Vec<Uuid> = database.query(invited, &[&live.email()]).await?.iter().map(|row| row.get(0)).collect();
    // Users may change their own metadata, so no application must find anything of ours there.
    let metadata: serde_json::Value =
        database.query_one("SELECT raw_user_meta_data FROM auth.users", &[]).await?.get(0);
    assert_eq!(metadata, json!({}));
    let everybody: i64 = database.query_one("SELECT count(*) FROM auth.users", &[]).await?.get(0);
    assert_eq!((invited.len(), everybody), (1, 1));
    let grants = "SELECT users.auth_user_id, users.email, granted.role_code
                  FROM iam.users JOIN iam.user_roles AS granted USING (user_id)";
    let grants = database.query(grants, &[]).await?;
    let grants: Vec<(Uuid, String, String)> = grants.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(grants, [(invited[0], live.email(), "tenant_admin".to_owned())]);
    Ok(())
}
