//! How long things take. No vendor promises it, so all of this is assumed.

use std::time::Duration;

/// A project comes up after at least this time…
pub const PROJECT_AT_LEAST: Duration = Duration::from_mins(1);
/// …and at most this much later. Each time between is as likely.
pub const PROJECT_VARIES: Duration = Duration::from_mins(2);
/// From then on until its services are healthy.
pub const SERVICES: Duration = Duration::from_secs(15);
/// From a change of Auth's configuration until Auth applies it. (It waits for 5 s and looks once a second.)
pub const CONFIGURATION: Duration = Duration::from_secs(6);

/// A new process of a function.
pub const COLD_START: Duration = Duration::from_millis(300);
/// What a step does beside the calls that are played: its lease, its ledger, `FalkorDB`, Valkey.
pub const OWN_WORK: Duration = Duration::from_millis(150);
/// The migrations of step 3.
pub const MIGRATIONS: Duration = Duration::from_secs(2);

/// A call of Supabase's Management API or of Stripe.
pub const VENDOR_CALL: Duration = Duration::from_millis(500);
/// A call of a project's Auth.
pub const AUTH_CALL: Duration = Duration::from_millis(300);
/// An invitation, which is answered once the mail server has taken the mail.
pub const INVITATION: Duration = Duration::from_millis(1500);
/// A call of Secrets Manager.
pub const SECRET_CALL: Duration = Duration::from_millis(20);
/// A read of `OpenSearch`.
pub const SEARCH_READ: Duration = Duration::from_millis(10);
/// A refusal.
pub const REFUSAL: Duration = Duration::from_millis(100);
