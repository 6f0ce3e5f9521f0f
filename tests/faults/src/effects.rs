//! What each step does to something outside its own process, as the proxies see it: one row of the matrix each.
//!
//! The control database is among the outside systems: a step's lease, its intents and its completion are effects too.

use fault_proxy::client::{HeaderMatch, Match};
use uuid::Uuid;

use crate::fault::{Fault, Kind};

/// Whom a cell is about, as far as it is known yet.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Known from the start.
    pub slug: String,
    /// Known once the row is there.
    pub tenant_id: Uuid,
    /// Known once step 1 is completed.
    pub project_ref: String,
    /// The ledger row, known once the intent is written; the outbox row, known once the tenant is active.
    pub row: Uuid,
}

/// What must have happened before the calls of an effect can be told from those of other tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The tenant's row was inserted.
    Tenant,
    /// Step 1 was completed.
    Environment,
    /// The intent of this kind was written.
    Intent(&'static str),
    /// The tenant was activated, and this promise made.
    Promise(&'static str),
}

/// How the other side says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON or forms over HTTP.
    Http,
    /// The same, where a stored 500 is replayed to every repeat of its idempotency key.
    Stripe,
    /// AWS's JSON protocols.
    Aws,
    /// Statements.
    Postgres,
    /// Commands.
    Resp,
    /// The mail server; its client is the provider, not a process of ours.
    Smtp,
}

/// One outside effect of one step.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// Whose, 1 to 9.
    pub step: usize,
    /// Its row's name.
    pub name: &'static str,
    /// The proxy it passes.
    pub upstream: &'static str,
    /// What it is said in.
    pub protocol: Protocol,
    /// From when on it can be recognized.
    pub known: Known,
    matching: fn(&Subject) -> Match,
}

impl Effect {
    /// From when on the fault can be laid: Stripe's stored error needs the key it is stored under.
    #[must_use]
    pub fn known_for(&self, fault: Fault) -> Known {
        match (self.protocol, fault.kind, self.name) {
            (Protocol::Stripe, Kind::Error, "customer") => Known::Intent("stripe_customer"),
            (Protocol::Stripe, Kind::Error, _) => Known::Intent("stripe_subscription"),
            _ => self.known,
        }
    }

    /// Whether the tenant is active by then.
    #[must_use]
    pub fn follows_activation(&self) -> bool {
        self.step == 9 && matches!(self.name, "cache" | "event" | "delivery")
    }

    /// The calls that are this effect for this tenant.
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

/// Every effect, in the order in which a run has them.
pub const EFFECTS: &[Effect] = &[
    lease(1),
    aws(1, "secret", |s| aws_call("secretsmanager.CreateSecret", &s.tenant_id.to_string())),
    postgres(1, "intent", |s| intent(s, "supabase_project")),
    http(1, "project", |s| body("POST", "^/v1/projects$", &s.slug)),
    confirmation(1, "supabase_project"),
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
    // The ones before are of the history: its table, its rows.
    pooler(3, "commit", |s| tenant_statement(s, "^COMMIT").nth(3)),
    completed(3),
    lease(4),
    pooler(4, "counts", |s| tenant_statement(s, "sod_rules")),
    completed(4),
    lease(5),
    Effect {
        known: Known::Environment,
        ..http(5, "mail settings", |s| {
            Match::request("PATCH", &format!("^/v1/projects/{}/config/auth$", s.project_ref))
        })
    },
    postgres(5, "intent", |s| intent(s, "admin_user")),
    http(5, "invitation", |s| body("POST", "/auth/v1/invite", &s.slug)),
    Effect { upstream: "smtp", protocol: Protocol::Smtp, ..http(5, "mail", mail) },
    confirmation(5, "admin_user"),
    pooler(5, "grant", |s| tenant_statement(s, "iam.user_roles")),
    completed(5),
    lease(6),
    postgres(6, "intent", |s| intent(s, "graph")),
    resp(6, "falkordb-us-east-1", "graph", |s| command(&format!(r"^GRAPH\.QUERY client_{} .*MERGE", s.slug))),
    resp(6, "falkordb-us-east-1", "index", |s| command(&format!(r"^GRAPH\.QUERY client_{} CREATE INDEX", s.slug))),
    resp(6, "falkordb-us-east-1", "constraint", |s| command(&format!(r"^GRAPH\.CONSTRAINT CREATE client_{} ", s.slug))),
    resp(6, "falkordb-us-east-1", "user", |s| command(&format!(r"^ACL SETUSER client_{} ", s.slug))),
    confirmation(6, "graph"),
    completed(6),
    lease(7),
    postgres(7, "intent", |s| intent(s, "search_index")),
    Effect {
        upstream: "opensearch-us-east-1",
        ..http(7, "index", |s| Match::request("PUT", &format!("^/client_{}_v1", s.slug)))
    },
    confirmation(7, "search_index"),
    completed(7),
    lease(8),
    resp(8, "valkey", "cache", |s| command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    completed(8),
    lease(9),
    postgres(9, "customer's intent", |s| intent(s, "stripe_customer")),
    stripe("customer", |s| body("POST", "^/v1/customers$", &s.tenant_id.to_string())),
    confirmation(9, "stripe_customer"),
    postgres(9, "subscription's intent", |s| intent(s, "stripe_subscription")),
    stripe("subscription", |s| body("POST", "^/v1/subscriptions$", &s.tenant_id.to_string())),
    confirmation(9, "stripe_subscription"),
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

const fn confirmation(step: usize, kind: &'static str) -> Effect {
    let confirm: fn(&Subject) -> Match =
        |s| Match::statement(&format!(r"^UPDATE control\.resources r SET external_id.* \$1={} ", s.row));
    let name = match kind.as_bytes() {
        b"stripe_customer" => "customer's id",
        b"stripe_subscription" => "subscription's id",
        _ => "id",
    };
    Effect { known: Known::Intent(kind), ..postgres(step, name, confirm) }
}

/// A step of a tenant is begun.
#[must_use]
pub fn begin(subject: &Subject, step: usize) -> Match {
    Match::statement(&format!(r"begun\.begun_secs .*\$1={} \$2=\d+ \$3={step} ", subject.tenant_id))
}

/// A step of a tenant is completed, other than the last.
#[must_use]
pub fn completion(subject: &Subject, step: usize) -> Match {
    let id = subject.tenant_id;
    Match::statement(&format!(r"opensearch_alias = coalesce.*\$1={id} \$2=[^ ]+ \$3={step} "))
}

/// The tenant goes live.
#[must_use]
pub fn activation(subject: &Subject) -> Match {
    Match::statement(&format!(r"SET provisioning_state = 'active'.*\$1={} ", subject.tenant_id))
}

/// The tenant's row is inserted.
#[must_use]
pub fn insertion(slug: &str) -> Match {
    Match::statement(&format!(r"INSERT INTO control\.tenants .*\$2={slug} "))
}

/// The intent of one kind is written.
#[must_use]
pub fn intent(subject: &Subject, kind: &str) -> Match {
    Match::statement(&format!(r"^INSERT INTO control\.resources .*\$2={} \$3={kind} ", subject.tenant_id))
}

fn tenant_statement(subject: &Subject, sql: &str) -> Match {
    Match { database: Some(format!("project_{}", subject.project_ref)), ..Match::statement(sql) }
}

fn command(regex: &str) -> Match {
    Match::command(regex)
}

fn body(method: &str, path: &str, regex: &str) -> Match {
    Match { body_regex: Some(regex.to_owned()), ..Match::request(method, path) }
}

/// A call of one AWS operation whose body names something.
#[must_use]
pub fn aws_call(target: &str, regex: &str) -> Match {
    Match { body_regex: Some(regex.to_owned()), ..Match::aws(target) }
}

/// The end of a mail's text.
fn mail(subject: &Subject) -> Match {
    Match { bytes_regex: Some(format!(r"(?s)^.*To: <?admin@{}.*\r\n\.\r\n$", subject.slug)), ..Match::default() }
}

/// Calls with this idempotency key.
#[must_use]
pub fn with_key(key: &str) -> Match {
    Match {
        header: Some(HeaderMatch { name: "idempotency-key".to_owned(), regex: format!("^{key}$") }),
        ..Match::default()
    }
}
