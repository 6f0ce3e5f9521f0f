//! The tenant's admin: a user of the project's Auth who was invited by mail, and whom the IAM schema names.
//!
//! Auth has no idempotency keys, so every mail has an intent that says when Auth had sent the mail before. Whether an
//! unanswered one went out shows in the tenant's database. A second mail is sent only if that says that there was no first.
//! One case is left: the mail server took the mail, and Auth did not learn that. Then Auth remembers no mail.

use std::time::Duration;

use domain::{AdminEmail, CauseCode, Failure, FailureKind};
use jiff::Timestamp;
use lambda_kit::needs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Intent, LastMail, Lease, RecentMails, Resource, ResourceKind};
use supabase::{AUTH_TIMEOUT, Auth, AuthError};
use tenant_database::{AuthUser, Leaving, TenantDatabase};
use uuid::Uuid;

use crate::access::ProjectAccess;
use crate::configuration::{AuthConfiguration, YOUNG_FOR};
use crate::project::ProjectUrl;

/// Within this time Auth has either sent a mail or rolled its transaction back: its own SMTP time-out is 10 s.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// A few rows in the tenant's database.
const GRANT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many further mails a tenant's admins get within an hour.
const MAILS_PER_HOUR: i64 = 5;
/// A request that repeats one whose answer was lost is answered with that one's mail. It is a repetition if it has the same
/// idempotency key, for a day; or if the one before was not finished, for ten minutes.
const KEY_COUNTS: Duration = Duration::from_hours(24);
const UNFINISHED_COUNTS: Duration = Duration::from_mins(10);

needs! {
    /// The admins of tenants.
    pub struct Admins {
        configuration: AuthConfiguration,
        access: ProjectAccess,
        project_url: ProjectUrl,
    }
}

/// What a further mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// The user has not accepted an invitation yet. The link of an earlier one ends.
    Invitation,
    /// The user has confirmed the address, and gets a way in.
    Recovery,
}

impl MailKind {
    /// As answers and the audit log show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Recovery => "recovery",
        }
    }

    /// When such a mail was last sent to the user.
    fn sent(self, user: Option<AuthUser>) -> Option<i64> {
        match self {
            Self::Invitation => user?.invitation_sent,
            Self::Recovery => user?.recovery_sent,
        }
    }
}

/// A further mail that was sent.
#[derive(Debug)]
pub struct SentMail {
    /// What it is.
    pub kind: MailKind,
    /// When it was sent.
    pub at: Timestamp,
    /// To whom.
    pub user: Uuid,
    /// Its row in the ledger.
    pub row: Resource,
    /// What its row's request becomes.
    pub done: String,
}

/// What became of a request for a further mail.
#[derive(Debug)]
pub enum Reminded {
    /// A mail was sent.
    Sent(SentMail),
    /// The request repeats one that was finished. No mail was sent.
    Before(MailKind, Timestamp),
}

/// Who asks for a further mail.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The address of the admin from now on.
    pub email: &'a AdminEmail,
    /// The caller's name and the request's idempotency key, if it has one.
    pub key: Option<(&'a str, &'a str)>,
    /// Whether nobody needs to have been invited before.
    pub anew: bool,
    /// The longest time for one call of Auth.
    pub call: Duration,
}

/// Why no further mail was sent.
#[derive(Debug)]
pub enum MailNotSent {
    /// Auth is applying its configuration.
    NotConfigured,
    /// Nobody was invited yet.
    NobodyInvited,
    /// There were as many mails within an hour as there may be. The next one may be sent after this time.
    TooMany(Duration),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for MailNotSent {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The request of a mail's intent.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    kind: MailKind,
    /// When the mail before was sent.
    before: Option<i64>,
    /// Whether the user was there already.
    known: bool,
    /// Stands for the request's idempotency key.
    key: Option<String>,
    /// When the mail was sent, once everything behind it is done.
    sent: Option<i64>,
}

impl Asked {
    fn of(request: Option<&str>) -> Option<Self> {
        serde_json::from_str(request?).ok()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the next request is the same one again.
    fn is_repeated(&self, key: Option<&str>, age: Duration) -> bool {
        age < KEY_COUNTS && key.is_some() && self.key.as_deref() == key
    }
}

impl Admins {
    /// Step 5: invites the admin, once, and makes them the admin in the IAM schema. False: Auth is applying its
    /// configuration.
    pub async fn admit(&self, lease: &Lease<'_>) -> Result<bool, Failure> {
        let Some(desk) = self.open(lease, AUTH_TIMEOUT).await? else { return Ok(false) };
        desk.withdraw_others().await?;
        desk.invite().await.map_err(|failure| desk.may_be_late(failure))?;
        Ok(true)
    }

    /// Sends another mail to the admin, or to another admin who takes their place.
    pub async fn remind(&self, lease: &Lease<'_>, asking: Asking<'_>) -> Result<Reminded, MailNotSent> {
        if !asking.anew && lease.resource(ResourceKind::AdminUser).await?.is_none() {
            return Err(MailNotSent::NobodyInvited);
        }
        let key = asking.key.map(|(caller, key)| hex::encode(&Sha256::digest(format!("{caller}\0{key}"))[..16]));
        let before = &lease.tenant().admin_email;
        if before == asking.email
            && let Some(LastMail { email, done, age }) = lease.last_mail().await?
            && let Some(done) = Asked::of(done.as_deref())
            && email == before.as_str()
            && done.is_repeated(key.as_deref(), age)
            && let Some(at) = done.sent.and_then(moment)
        {
            return Ok(Reminded::Before(done.kind, at));
        }
        let Some(desk) = self.open(lease, asking.call).await? else { return Err(MailNotSent::NotConfigured) };
        if !desk.was_invited().await? && !asking.anew {
            return Err(MailNotSent::NobodyInvited);
        }
        let sent = desk.send_again(asking.email, key).await.map_err(|reason| match reason {
            MailNotSent::Failed(failure) => MailNotSent::Failed(desk.may_be_late(failure)),
            other => other,
        })?;
        desk.grant(sent.user, asking.email.as_str()).await?;
        if before != asking.email {
            desk.withdraw(before.as_str(), true).await?;
        }
        Ok(Reminded::Sent(sent))
    }

    /// The reason for a failure. If the keys were replaced at Supabase, they are read again, for the next invocation.
    pub async fn explain(&self, lease: &Lease<'_>, failure: Failure) -> Failure {
        self.access.explain_and_renew_keys(lease, failure).await
    }

    async fn open<'a>(&self, lease: &'a Lease<'a>, call: Duration) -> Result<Option<Desk<'a>>, Failure> {
        let key = self.access.secret_key(lease).await?;
        let auth = Auth::within(call, &lease.tenant().fill(&self.project_url.template), key);
        let Some(configured_for) = self.configuration.applied(lease, &auth).await? else { return Ok(None) };
        let database = self.access.database(lease).await?;
        Ok(Some(Desk { lease, auth, database, configured_for, page: self.configuration.page(lease), call }))
    }
}

/// One tenant's Auth and database, ready for use.
struct Desk<'a> {
    lease: &'a Lease<'a>,
    auth: Auth,
    database: TenantDatabase,
    /// For how long Auth has had its configuration.
    configured_for: Duration,
    /// Where links lead.
    page: String,
    /// The longest time for one call of Auth.
    call: Duration,
}

impl Desk<'_> {
    /// One of Auth's servers may still use the configuration before, which has no mail server.
    fn may_be_late(&self, failure: Failure) -> Failure {
        match failure.code() {
            CauseCode::SupabaseAuthEmailNotAuthorized if self.configured_for < YOUNG_FOR => {
                failure.of_kind(FailureKind::Busy)
            }
            _ => failure,
        }
    }

    /// The first invitation.
    async fn invite(&self) -> Result<(), Failure> {
        let lease = self.lease;
        let email = lease.tenant().admin_email.as_str();
        let mut known = lease.resource(ResourceKind::AdminUser).await?;
        // A second invitation of a user who has not answered the first would mail again and end the first link.
        let invited = self.database.auth_user(email).await?.filter(|user| user.invited);
        if invited.is_none()
            && let Some(gone) = known.take_if(|known| known.external_id.is_some())
        {
            // Somebody deleted the user, or restored an older state of the project.
            lease.give_up(&gone).await?;
        }
        let resource = match known {
            Some(open) => open,
            None => lease.intend(Intent::named(ResourceKind::AdminUser, email, self.call)).await?,
        };
        let invited = match invited {
            Some(user) => user.id,
            None if resource.fresh => self.send(&resource).await?.0,
            // An invitation was not answered. Auth may still be sending its mail, and shows no user before that.
            None if resource.age < SETTLED_WITHIN => return Err(CauseCode::InvitationPending.into()),
            None => {
                lease.renew(&resource, self.call).await?;
                self.send(&resource).await?.0
            }
        };
        lease.confirm(&resource, &invited.to_string()).await?;
        self.grant(invited, email).await
    }

    /// Sends the invitation of an intent. If certainly no mail was sent, the intent is given up.
    async fn send(&self, intent: &Resource) -> Result<(Uuid, Timestamp), Failure> {
        match self.auth.invite(&intent.name, Some(&self.page)).await {
            Ok(user) => Ok((user.id, user.invited_at)),
            Err(error) => Err(self.not_sent(intent, error).await?),
        }
    }

    async fn not_sent(&self, intent: &Resource, error: AuthError) -> Result<Failure, Failure> {
        if no_mail_was_sent(&error) {
            self.lease.give_up(intent).await?;
        }
        Ok(error.into())
    }

    async fn grant(&self, user: Uuid, email: &str) -> Result<(), Failure> {
        self.lease.fence(GRANT_TIMEOUT).await?;
        self.database.grant_admin(user, email).await
    }

    /// Whether somebody was invited, after an open intent of step 5 was looked into.
    async fn was_invited(&self) -> Result<bool, Failure> {
        let Some(admin) = self.lease.resource(ResourceKind::AdminUser).await? else { return Ok(false) };
        if admin.external_id.is_some() {
            return Ok(true);
        }
        match self.database.auth_user(&admin.name).await?.filter(|user| user.invited) {
            Some(user) => self.lease.confirm(&admin, &user.id.to_string()).await.map(|()| true),
            None if admin.age < SETTLED_WITHIN => Err(CauseCode::InvitationPending.into()),
            None => self.lease.give_up(&admin).await.map(|()| false),
        }
    }

    /// Sends a mail to this address, unless an earlier request has just done so and was not finished.
    async fn send_again(&self, email: &AdminEmail, key: Option<String>) -> Result<SentMail, MailNotSent> {
        if let Some(unfinished) = self.lease.resource(ResourceKind::AdminMail).await?
            && let Some(sent) = self.take_up(unfinished, email, key.as_deref()).await?
        {
            return Ok(sent);
        }
        let RecentMails { mails, until_fewer } = self.lease.recent_mails().await?;
        if mails >= MAILS_PER_HOUR {
            return Err(MailNotSent::TooMany(until_fewer));
        }
        let user = self.database.auth_user(email.as_str()).await?;
        if let Some(banned) = user.filter(|user| user.banned) {
            self.lease.fence(self.call).await?;
            self.auth.set_banned(banned.id, false).await.map_err(Failure::from)?;
        }
        let kind = if user.is_some_and(|user| user.confirmed) { MailKind::Recovery } else { MailKind::Invitation };
        let asked = Asked { kind, before: kind.sent(user), known: user.is_some(), key, sent: None };
        let request = asked.text();
        let intent = Intent::named(ResourceKind::AdminMail, email.as_str(), self.call).asking(&request);
        let row = self.lease.intend(intent).await?;
        let (user, at) = match kind {
            MailKind::Invitation => self.send(&row).await?,
            MailKind::Recovery => self.recover(&row).await?,
        };
        self.lease.confirm(&row, &user.to_string()).await?;
        Ok(SentMail::new(asked, at, user, row))
    }

    async fn recover(&self, intent: &Resource) -> Result<(Uuid, Timestamp), Failure> {
        if let Err(error) = self.auth.recover(&intent.name, &self.page).await {
            return Err(self.not_sent(intent, error).await?);
        }
        // Auth's answer says nothing.
        let user = self.database.auth_user(&intent.name).await?;
        let at = MailKind::Recovery.sent(user).and_then(moment);
        // Somebody has just deleted the user.
        user.map(|user| user.id).zip(at).ok_or_else(|| CauseCode::SupabaseAuthUnexpectedAnswer.into())
    }

    /// Looks into a mail whose request was not finished. `None`: it is closed, and a mail is still to be sent.
    async fn take_up(&self, row: Resource, email: &AdminEmail, key: Option<&str>) -> Result<Option<SentMail>, Failure> {
        let asked = Asked::of(row.request.as_deref());
        let user = self.database.auth_user(&row.name).await?;
        let sent = asked.as_ref().and_then(|asked| {
            let at = asked.kind.sent(user);
            Some((user?.id, moment(at.filter(|_| at != asked.before)?)?))
        });
        if sent.is_none() && row.age < SETTLED_WITHIN {
            return Err(CauseCode::InvitationPending.into());
        }
        if let Some((id, _)) = sent
            && row.external_id.is_none()
        {
            self.lease.confirm(&row, &id.to_string()).await?;
        }
        let known = asked.as_ref().is_some_and(|asked| asked.known);
        if let Some((user, at)) = sent
            && let Some(asked) = asked
            && row.name == email.as_str()
            && (row.age < UNFINISHED_COUNTS || asked.is_repeated(key, row.age))
        {
            return Ok(Some(SentMail::new(asked, at, user, row)));
        }
        let another = row.name != email.as_str() && row.name != self.lease.tenant().admin_email.as_str();
        if another {
            self.withdraw(&row.name, !known).await?;
        }
        self.lease.give_up(&row).await?;
        Ok(None)
    }

    /// Withdraws everybody who was invited under an address that has been corrected since: they must not keep access.
    async fn withdraw_others(&self) -> Result<(), Failure> {
        for name in self.lease.resource_names(ResourceKind::AdminUser).await? {
            if name != self.lease.tenant().admin_email.as_str() {
                self.withdraw(&name, true).await?;
            }
        }
        Ok(())
    }

    /// Takes the tenant's administration from a user. One who came as its admin (`wholly`) loses all access: a user who
    /// never confirmed the address and whom no act names is deleted, everybody else is banned. Another one loses the grant.
    async fn withdraw(&self, email: &str, wholly: bool) -> Result<(), Failure> {
        let user = self.database.auth_user(email).await?;
        let leaving = match user {
            _ if !wholly => Leaving::Grant,
            Some(user) if user.confirmed => Leaving::Disabled,
            Some(_) | None => Leaving::Removed,
        };
        self.lease.fence(GRANT_TIMEOUT).await?;
        let stays = self.database.withdraw_admin(email, leaving).await?;
        let Some(user) = user.filter(|_| wholly) else { return Ok(()) };
        self.lease.fence(self.call).await?;
        if leaving == Leaving::Removed && !stays {
            Ok(self.auth.delete_user(user.id).await?)
        } else if user.banned {
            Ok(())
        } else {
            Ok(self.auth.set_banned(user.id, true).await?)
        }
    }
}

impl SentMail {
    fn new(asked: Asked, at: Timestamp, user: Uuid, row: Resource) -> Self {
        let kind = asked.kind;
        let done = Asked { sent: Some(at.as_microsecond()), ..asked }.text();
        Self { kind, at, user, row, done }
    }
}

fn moment(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

/// Whether Auth's answer says so. Then the address may still be corrected.
fn no_mail_was_sent(error: &AuthError) -> bool {
    match error {
        AuthError::EmailExists(_)
        | AuthError::EmailNotAuthorized(_)
        | AuthError::InvalidEmail(_)
        | AuthError::MailRateLimited(_)
        | AuthError::RateLimited(_)
        | AuthError::MailFailed(_)
        | AuthError::Unauthorized(_) => true,
        AuthError::Transport(error) => !error.may_have_had_effect(),
        AuthError::Server { .. } | AuthError::Unexpected { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_repetition_by_its_key() {
        let asked = |key: Option<&str>| Asked {
            kind: MailKind::Invitation,
            before: None,
            known: true,
            key: key.map(str::to_owned),
            sent: None,
        };
        let hour = Duration::from_hours(1);
        for (had, has, age, repeated) in [
            (None, None, hour, false),
            (Some("a"), Some("a"), hour, true),
            (Some("a"), Some("a"), hour * 25, false),
            (Some("a"), Some("b"), hour, false),
            (Some("a"), None, hour, false),
            (None, Some("a"), hour, false),
        ] {
            assert_eq!(asked(had).is_repeated(has, age), repeated, "{had:?} {has:?} {age:?}");
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let asked = Asked { kind: MailKind::Recovery, before: Some(7), known: true, key: None, sent: Some(8) };
        let read = Asked::of(Some(&asked.text())).expect("valid");
        assert_eq!(
            (read.kind, read.before, read.known, read.key, read.sent),
            (MailKind::Recovery, Some(7), true, None, Some(8))
        );
    }
}
