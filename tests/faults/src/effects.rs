//! The effects of the steps: everything that a step changes outside its own process. Each is a row of the matrix.
//!
//! The control database is outside as well, so a step's lease, its intents and its completion are effects.

use e2e::calls;
use fault_proxy::client::{HeaderMatch, Match, When};
use uuid::Uuid;

use crate::fault::{Fault, Kind};
use crate::protocol::Protocol;

/// The tenant of a cell, as far as it is known yet.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Known from the start.
    pub slug: String,
    /// Known once the row exists.
    pub tenant_id: Uuid,
    /// Known once step 1 is completed.
    pub project_ref: String,
    /// The ledger row, known once the intent is written, or the outbox row, known once the tenant is active.
    pub row: Uuid,
}

/// What must have happened before an effect's calls can be recognized as those of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The tenant's row was inserted.
    Tenant,
    /// Step 1 was completed.
    Environment,
    /// The intent of this kind was written.
    Intent(&'static str),
    /// The tenant was activated, with this promise.
    Promise(&'static str),
}

/// One outside effect of one step.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// The number of its step, 1 to 9.
    pub step: usize,
    /// The name of its row.
    pub name: &'static str,
    /// The name of the upstream at the proxy.
    pub upstream: &'static str,
    /// The upstream's protocol.
    pub protocol: Protocol,
    /// When its calls can be recognized.
    pub known: Known,
    matching: fn(&Subject) -> Match,
}

impl Effect {
    /// When the fault's rule can be made. For Stripe's stored error the idempotency key must be known.
    #[must_use]
    pub fn known_for(&self, fault: Fault) -> Known {
        match (self.protocol, fault.kind, self.name) {
            (Protocol::Stripe, Kind::Error, "customer") => Known::Intent("stripe_customer"),
            (Protocol::Stripe, Kind::Error, _) => Known::Intent("stripe_subscription"),
            _ => self.known,
        }
    }

    /// Whether the fault is possible for this effect.
    #[must_use]
    pub fn can_meet(&self, fault: Fault) -> bool {
        use Protocol::{Http, Smtp, Stripe};
        match (fault.kind, fault.when) {
            // The mail server's client is the provider. It is not our process, and does not understand HTTP answers.
            _ if self.protocol == Smtp => matches!(fault.kind, Kind::Cut | Kind::Lost | Kind::Hang),
            (Kind::TooMany, When::After) => matches!(self.protocol, Http | Stripe),
            (Kind::Error, When::After) => self.protocol == Stripe,
            // Once the tenant is active, no other attempt can do the work.
            (Kind::Stale, _) if self.follows_activation() => false,
            (Kind::Stale, When::After) => self.name != "activation",
            _ => true,
        }
    }

    /// Whether the tenant is active when the effect happens.
    #[must_use]
    pub fn follows_activation(&self) -> bool {
        self.step == 9 && matches!(self.name, "cache" | "event" | "delivery")
    }

    /// Matches the calls that are this effect for this tenant.
    #[must_use]
    pub fn calls(&self, subject: &Subject) -> Match {
        if self.name == LEASE {
            return begin(subject, self.step);
        }
        if self.name == COMPLETION && self.step < 9 {
            return completion(subject, self.step);
        }
        (self.matching)(subject)
    }
}

const LEASE: &str = "lease";
const COMPLETION: &str = "completion";

/// Every effect, in the order in which they happen.
pub const EFFECTS: &[Effect] = &[
    lease(1),
    aws(1, "secret", |s| aws_call("secretsmanager.CreateSecret", &s.tenant_id.to_string())),
    postgres(1, "intent", |s| intent(s, "supabase_project")),
    http(1, "project", |s| body("POST", "^/v1/projects$", &s.slug)),
    confirmed(1, "supabase_project"),
    completed(1),
    lease(2),
    Effect {
        known: Known::Environment,
        ..http(2, "status", |s| Match::request("GET", &format!("^/v1/projects/{}$", s.project_ref)))
    },
    Effect {
        known: Known::Environment,
        ..http(2, "keys", |s| Match::request("GET", &format!("^/v1/projects/{}/api-keys", s.project_ref)))
    },
    aws(2, "secret", |s| aws_call("secretsmanager.PutSecretValue", &s.tenant_id.to_string())),
    completed(2),
    lease(3),
    pooler(3, "migrations", |s| tenant_statement(s, "CREATE SCHEMA")),
    // The statements before belong to the migration history: its table and its rows.
    pooler(3, "commit", |s| tenant_statement(s, "^COMMIT").nth(3)),
    completed(3),
    lease(4),
    pooler(4, "counts", |s| tenant_statement(s, "sod_rules")),
    completed(4),
    lease(5),
    postgres(5, "settings' intent", |s| intent(s, "auth_configuration")),
    Effect {
        known: Known::Environment,
        ..http(5, "mail settings", |s| {
            Match::request("PATCH", &format!("^/v1/projects/{}/config/auth$", s.project_ref))
        })
    },
    confirmed(5, "auth_configuration"),
    postgres(5, "intent", |s| intent(s, "admin_user")),
    http(5, "invitation", |s| calls::invitation(&s.slug)),
    Effect { upstream: "smtp", protocol: Protocol::Smtp, ..http(5, "mail", mail) },
    confirmed(5, "admin_user"),
    pooler(5, "grant", |s| tenant_statement(s, "iam.user_roles")),
    completed(5),
    lease(6),
    postgres(6, "intent", |s| intent(s, "graph")),
    resp(6, "falkordb-us-east-1", "graph", |s| command(&format!(r"^GRAPH\.QUERY client_{} .*MERGE", s.slug))),
    resp(6, "falkordb-us-east-1", "index", |s| command(&format!(r"^GRAPH\.QUERY client_{} CREATE INDEX", s.slug))),
    resp(6, "falkordb-us-east-1", "constraint", |s| command(&format!(r"^GRAPH\.CONSTRAINT CREATE client_{} ", s.slug))),
    resp(6, "falkordb-us-east-1", "user", |s| calls::graph_user(&s.slug)),
    confirmed(6, "graph"),
    completed(6),
    lease(7),
    postgres(7, "intent", |s| intent(s, "search_index")),
    Effect { upstream: "opensearch-us-east-1", ..http(7, "index", |s| calls::index(&s.slug)) },
    confirmed(7, "search_index"),
    completed(7),
    lease(8),
    resp(8, "valkey", "cache", |s| command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    completed(8),
    lease(9),
    postgres(9, "customer's intent", |s| intent(s, "stripe_customer")),
    stripe("customer", |s| body("POST", "^/v1/customers$", &s.tenant_id.to_string())),
    confirmed(9, "stripe_customer"),
    postgres(9, "subscription's intent", |s| intent(s, "stripe_subscription")),
    stripe("subscription", |s| calls::subscription(s.tenant_id)),
    confirmed(9, "stripe_subscription"),
    postgres(9, "activation", activation),
    Effect {
        known: Known::Promise("invalidate_cache"),
        ..resp(9, "valkey", "cache", |s| command(&format!("^UNLINK tenant:slug:{}$", s.slug)))
    },
    resp(9, "valkey", "event", |s| command(&format!("^EVAL(SHA)? .* {} ", s.slug))),
    Effect {
        known: Known::Promise("publish_event"),
        ..postgres(9, "delivery", |s| {
            Match::statement(&format!(r"^UPDATE control\.outbox SET delivered_at.* \$1={}$", s.row))
        })
    },
];

const fn http(step: usize, name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { step, name, upstream: "supabase", protocol: Protocol::Http, known: Known::Tenant, matching }
}

const fn stripe(name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { upstream: "stripe", protocol: Protocol::Stripe, ..http(9, name, matching) }
}

const fn aws(step: usize, name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { upstream: "aws", protocol: Protocol::Aws, ..http(step, name, matching) }
}

const fn postgres(step: usize, name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { upstream: "postgres", protocol: Protocol::Postgres, ..http(step, name, matching) }
}

const fn pooler(step: usize, name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { upstream: "pooler", known: Known::Environment, ..postgres(step, name, matching) }
}

const fn resp(step: usize, upstream: &'static str, name: &'static str, matching: fn(&Subject) -> Match) -> Effect {
    Effect { upstream, protocol: Protocol::Resp, ..http(step, name, matching) }
}

const fn lease(step: usize) -> Effect {
    postgres(step, LEASE, activation)
}

const fn completed(step: usize) -> Effect {
    postgres(step, COMPLETION, activation)
}

const fn confirmed(step: usize, kind: &'static str) -> Effect {
    let name = match kind.as_bytes() {
        b"auth_configuration" => "settings' id",
        b"stripe_customer" => "customer's id",
        b"stripe_subscription" => "subscription's id",
        _ => "id",
    };
    Effect { known: Known::Intent(kind), ..postgres(step, name, confirmation) }
}

/// The statement that confirms the subject's ledger row.
#[must_use]
pub fn confirmation(subject: &Subject) -> Match {
    Match::statement(&format!(r"^UPDATE control\.resources r SET external_id.* \$1={} ", subject.row))
}

/// The statement that begins a step.
#[must_use]
pub fn begin(subject: &Subject, step: usize) -> Match {
    Match::statement(&format!(r"begun\.begun_secs .*\$1={} \$2=\d+ \$3={step} ", subject.tenant_id))
}

/// The statement that completes a step other than the last one.
#[must_use]
pub fn completion(subject: &Subject, step: usize) -> Match {
    let id = subject.tenant_id;
    Match::statement(&format!(r"opensearch_alias = coalesce.*\$1={id} \$2=[^ ]+ \$3={step} "))
}

/// The statement that activates the tenant.
#[must_use]
pub fn activation(subject: &Subject) -> Match {
    Match::statement(&format!(r"SET provisioning_state = 'active'.*\$1={} ", subject.tenant_id))
}

/// The statement that inserts the tenant's row.
#[must_use]
pub fn insertion(slug: &str) -> Match {
    Match::statement(&format!(r"INSERT INTO control\.tenants .*\$2={slug} "))
}

/// The statement that writes an intent of this kind.
#[must_use]
pub fn intent(subject: &Subject, kind: &str) -> Match {
    Match::statement(&format!(r"^INSERT INTO control\.resources .*\$2={} \$3={kind} ", subject.tenant_id))
}

/// A statement in the tenant's database.
#[must_use]
pub fn tenant_statement(subject: &Subject, sql: &str) -> Match {
    Match { database: Some(format!("project_{}", subject.project_ref)), ..Match::statement(sql) }
}

fn command(regex: &str) -> Match {
    Match::command(regex)
}

fn body(method: &str, path: &str, regex: &str) -> Match {
    Match { body_regex: Some(regex.to_owned()), ..Match::request(method, path) }
}

/// A call of an AWS operation whose body matches.
#[must_use]
pub fn aws_call(target: &str, regex: &str) -> Match {
    Match { body_regex: Some(regex.to_owned()), ..Match::aws(target) }
}

/// The end of the text of a mail to the tenant's admin.
fn mail(subject: &Subject) -> Match {
    mail_to(&format!("admin@{}.", subject.slug))
}

/// The end of the text of a mail to an address that begins like this.
#[must_use]
pub fn mail_to(address: &str) -> Match {
    Match { bytes_regex: Some(format!(r"(?s)^.*To: <?{address}.*\r\n\.\r\n$")), ..Match::default() }
}

/// Calls with this idempotency key.
#[must_use]
pub fn with_key(key: &str) -> Match {
    Match {
        header: Some(HeaderMatch { name: "idempotency-key".to_owned(), regex: format!("^{key}$") }),
        ..Match::default()
    }
}
