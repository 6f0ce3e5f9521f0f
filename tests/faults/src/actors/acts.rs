//! The effects of the actors that are not steps. Each is a row of the matrix.

use std::fmt;

use anyhow::Result;
use domain::names::{REHEARSED, REHEARSED_INDEX};
use domain::{CatalogId, TenantId};
use e2e::calls;
use fault_proxy::client::{HeaderMatch, Match, RuleId, When};

use crate::effects::{Subject, activation, aws_call, confirmation, insertion, intent, mail_to, tenant_statement};
use crate::fault::{Fault, Kind};
use crate::protocol::Protocol;
use crate::stage::Stage;

/// The name of the catalog in every cell.
pub const CATALOG: &str = "ivory-lakehouse";

/// The actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// `POST /v1/admin/tenants`.
    Post,
    /// `record-failure`.
    RecordFailure,
    /// `reconcile-tenants`.
    Reconciler,
    /// `check-region`.
    CheckRegion,
    /// `PATCH /v1/admin/tenants/{slug}` with a tier.
    Patch,
    /// `DELETE /v1/admin/tenants/{slug}`.
    Delete,
    /// The same during a step: its effect is held until `DELETE` is answered.
    DeleteDuring(usize),
    /// `POST /v1/admin/tenants/{slug}/restore`, and what only its run does.
    Restore,
    /// `PUT /v1/admin/tenants/{slug}/hold`.
    Hold,
    /// `DELETE /v1/admin/tenants/{slug}/hold`.
    Release,
    /// `POST /v1/admin/tenants/{slug}/invitation` with another address.
    Invite,
    /// The same for an admin who has accepted an invitation.
    Recover,
    /// `POST /v1/admin/tenants/{slug}/purge`.
    PurgeRequest,
    /// `POST /v1/admin/tenants/{slug}/purge/approval`.
    PurgeApproval,
    /// A step of a purge.
    Purge(usize),
    /// `record-purge-failure`.
    RecordPurgeFailure,
    /// `POST /v1/admin/tenants/{tenant_id}/catalog`.
    Catalog,
    /// `POST /v1/admin/tenants/{slug}/repair` of what was broken by hand.
    Repair,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post => f.write_str("POST"),
            Self::RecordFailure => f.write_str("record-failure"),
            Self::Reconciler => f.write_str("reconciler"),
            Self::CheckRegion => f.write_str("check-region"),
            Self::Patch => f.write_str("PATCH tier"),
            Self::Delete => f.write_str("DELETE"),
            Self::DeleteDuring(step) => write!(f, "DELETE in step {step}"),
            Self::Restore => f.write_str("restore"),
            Self::Hold => f.write_str("hold"),
            Self::Release => f.write_str("release"),
            Self::Invite => f.write_str("another admin"),
            Self::Recover => f.write_str("recovery"),
            Self::PurgeRequest => f.write_str("POST purge"),
            Self::PurgeApproval => f.write_str("approval"),
            Self::Purge(step) => write!(f, "purge {step}"),
            Self::RecordPurgeFailure => f.write_str("record-purge-failure"),
            Self::Catalog => f.write_str("catalog"),
            Self::Repair => f.write_str("repair"),
        }
    }
}

/// An effect of an actor that is not a step.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The actor that has the effect.
    pub actor: Actor,
    /// The name of the effect's row.
    pub name: &'static str,
    upstream: &'static str,
    protocol: Protocol,
    matching: fn(&Subject) -> Match,
}

/// Every act, in the order of the table.
pub const ACTS: &[Act] = &[
    sql(Actor::Post, "row", |s| insertion(&s.slug)),
    aws(Actor::Post, "start", |s| aws_call("AWSStepFunctions.StartExecution", &s.tenant_id.to_string())),
    sql(Actor::RecordFailure, "failure", run_failed),
    sql(Actor::Reconciler, "turn", |_| Match::statement(r"^INSERT INTO control\.leases ")),
    sql(Actor::Reconciler, "claim", |s| {
        Match::statement(&format!(r"SET touched_at = clock_timestamp\(\) WHERE.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Reconciler, "look", |s| aws_call("AWSStepFunctions.DescribeExecution", &s.tenant_id.to_string())),
    aws(Actor::Reconciler, "start", |s| aws_call("AWSStepFunctions.StartExecution", &s.tenant_id.to_string())),
    sql(Actor::Reconciler, "failure", run_failed),
    resp(Actor::Reconciler, "event", |s| Match::command(&format!("^EVAL(SHA)? .* {} ", s.slug))),
    sql(Actor::Reconciler, "delivery", |s| {
        Match::statement(&format!(r"^UPDATE control\.outbox SET delivered_at.* \$1={}$", s.row))
    }),
    resp_of(Actor::Reconciler, "graph user", FALKORDB, graph_user),
    sql(Actor::Reconciler, "graph user's end", graph_user_off),
    sql(Actor::Reconciler, "lease", lease),
    stripe(Actor::Reconciler, "cancellation", |s| {
        Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))
    }),
    sql(Actor::Reconciler, "settlement", |s| {
        Match::statement(&format!(
            r"SET lease_token = NULL, lease_until = NULL, stripe_customer_id.*delivered_at.*\$1={} ",
            s.tenant_id
        ))
    }),
    sql(Actor::Reconciler, "seals", |_| Match::statement(r"^INSERT INTO control\.audit_seals ")),
    aws(Actor::CheckRegion, "secret", |_| aws_call("secretsmanager.GetSecretValue", "/regions/ap-southeast-1")),
    resp_of(Actor::CheckRegion, "user", "falkordb-ap-southeast-1", |_| {
        Match::command(&format!("^ACL SETUSER {REHEARSED} "))
    }),
    Act {
        upstream: "opensearch-ap-southeast-1",
        ..stripe(Actor::CheckRegion, "index", |_| Match::request("PUT", &format!("^/{REHEARSED_INDEX}")))
    },
    Act {
        upstream: "supabase",
        ..stripe(Actor::CheckRegion, "organisation", |_| Match::request("GET", "^/v1/projects/available-regions"))
    },
    stripe(Actor::CheckRegion, "customer", |_| Match::request("GET", "^/v1/customers.*preflight")),
    resp(Actor::CheckRegion, "cache", |_| Match::command(&format!("^UNLINK tenant:slug:{REHEARSED}$"))),
    Act {
        upstream: "smtp",
        protocol: Protocol::Smtp,
        // Supabase's stand-in calls itself something else.
        ..sql(Actor::CheckRegion, "log-in", |_| Match {
            bytes_regex: Some(r"^EHLO localhost\r\n".to_owned()),
            ..Match::default()
        })
    },
    sql(Actor::CheckRegion, "verdicts", |_| Match::statement(r"INSERT INTO control\.verdicts ")),
    sql(Actor::Patch, "lease", lease),
    sql(Actor::Patch, "intent", |s| Match::statement(&format!(r"^INSERT INTO control\.outbox .*\$2={} ", s.tenant_id))),
    stripe(Actor::Patch, "subscription", |s| Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))),
    sql(Actor::Patch, "row", |s| Match::statement(&format!(r"SET tier = \$4.*\$1={} ", s.tenant_id))),
    resp(Actor::Patch, "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    sql(Actor::Delete, "row", |s| {
        Match::statement(&format!(r"SET provisioning_state = 'deprovisioned'.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Delete, "stop", |s| aws_call("AWSStepFunctions.StopExecution", &s.tenant_id.to_string())),
    resp(Actor::Delete, "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    sql(Actor::Delete, "lease", lease),
    resp_of(Actor::Delete, "graph user", FALKORDB, graph_user),
    resp_of(Actor::Delete, "connections", FALKORDB, |s| {
        Match::command(&format!("^CLIENT KILL USER client_{}$", s.slug))
    }),
    sql(Actor::Delete, "graph user's end", graph_user_off),
    during(1, "project"),
    during(2, "secret"),
    during(3, "commit"),
    during(4, "counts"),
    during(5, "invitation"),
    during(6, "user"),
    during(7, "index"),
    during(8, "cache"),
    during(9, "customer"),
    during(9, "subscription"),
    during(9, "activation"),
    sql(Actor::Restore, "row", |s| {
        Match::statement(&format!(r"restored_at = clock_timestamp\(\).*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Restore, "start", |s| aws_call("AWSStepFunctions.StartExecution", &s.tenant_id.to_string())),
    aws(Actor::Restore, "password", |s| aws_call("secretsmanager.PutSecretValue", &s.tenant_id.to_string())),
    sql(Actor::Restore, "password's mark", |s| {
        Match::statement(&format!(r"^UPDATE control\.resources r SET request = \$3 FROM.* \$1={} ", s.row))
    }),
    resp_of(Actor::Restore, "graph user", FALKORDB, |s| calls::graph_user(&s.slug)),
    stripe(Actor::Restore, "subscription", |s| {
        Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))
    }),
    sql(Actor::Restore, "activation", activation),
    resp(Actor::Restore, "event", |s| Match::command(&format!("^EVAL(SHA)? .* {} ", s.slug))),
    sql(Actor::Hold, "row", |s| Match::statement(&format!(r"SET hold_reason = \$3.*\$1={} ", s.tenant_id))),
    sql(Actor::Release, "row", |s| Match::statement(&format!(r"SET hold_reason = NULL.*\$1={} ", s.tenant_id))),
    sql(Actor::Invite, "lease", lease),
    sql(Actor::Invite, "intent", |s| intent(s, "admin_mail")),
    auth(Actor::Invite, "invitation", |s| to_chief("POST", "/auth/v1/invite", s)),
    smtp(Actor::Invite, "mail", |s| mail_to(&chief(s))),
    sql(Actor::Invite, "id", confirmation),
    pooler(Actor::Invite, "grant", |s| tenant_statement(s, "users_email_key")),
    pooler(Actor::Invite, "withdrawal", |s| tenant_statement(s, "SET status = 'disabled'")),
    auth(Actor::Invite, "deletion", |s| of_project("DELETE", "/auth/v1/admin/users/", s)),
    auth(Actor::Invite, "ban", |s| of_project("PUT", "/auth/v1/admin/users/", s)),
    sql(Actor::Invite, "row", invited),
    sql(Actor::Recover, "intent", |s| intent(s, "admin_mail")),
    auth(Actor::Recover, "recovery", |s| of_project("POST", "/auth/v1/recover", s)),
    smtp(Actor::Recover, "mail", |s| mail_to(&admin(s))),
    sql(Actor::Recover, "row", invited),
    sql(Actor::PurgeRequest, "row", |s| {
        Match::statement(&format!(r"INSERT INTO control\.purges .*\$1={} ", s.tenant_id))
    }),
    sql(Actor::PurgeApproval, "row", |s| {
        Match::statement(&format!(r"SET state = 'running', approved_by = \$4.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::PurgeApproval, "start", |s| {
        aws_call("AWSStepFunctions.StartExecution", &format!("{}-purge-1", s.tenant_id))
    }),
    resp_of(Actor::Purge(1), "graph user", FALKORDB, graph_user),
    search(Actor::Purge(1), "alias", |s| Match {
        body_regex: Some(format!("client_{}_v1", s.slug)),
        ..Match::request("POST", "^/_aliases")
    }),
    auth(Actor::Purge(1), "keys", |s| Match::request("DELETE", &format!("^/v1/projects/{}/api-keys/", s.project_ref))),
    auth(Actor::Purge(1), "password", |s| {
        Match::request("PATCH", &format!("^/v1/projects/{}/database/password", s.project_ref))
    }),
    resp(Actor::Purge(1), "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    sql(Actor::Purge(1), "completion", |s| purge_completed(s, 1)),
    stripe(Actor::Purge(2), "subscription", |s| {
        Match::request("DELETE", &format!("^/v1/subscriptions/{}", s.project_ref))
    }),
    sql(Actor::Purge(2), "item", |s| purge_item(s, 2)),
    sql(Actor::Purge(3), "lease", |s| purge_begun(s, 3)),
    search(Actor::Purge(3), "index", |s| Match::request("DELETE", &format!("^/client_{}_v1", s.slug))),
    sql(Actor::Purge(3), "item", |s| purge_item(s, 3)),
    resp_of(Actor::Purge(4), "graph", FALKORDB, |s| Match::command(&format!(r"^GRAPH\.DELETE client_{}$", s.slug))),
    resp_of(Actor::Purge(4), "user", FALKORDB, |s| Match::command(&format!("^ACL DELUSER client_{}$", s.slug))),
    sql(Actor::Purge(4), "item", |s| purge_item(s, 4)),
    iomete(Actor::Purge(5), "table", |s| {
        Match::request("DELETE", &format!("/namespaces/ivory_tenant_{}/tables/", s.slug))
    }),
    iomete(Actor::Purge(5), "namespace", |s| {
        Match::request("DELETE", &format!("/namespaces/ivory_tenant_{}$", s.slug))
    }),
    sql(Actor::Purge(5), "completion", |s| purge_completed(s, 5)),
    auth(Actor::Purge(6), "project", |s| Match::request("DELETE", &format!("^/v1/projects/{}$", s.project_ref))),
    sql(Actor::Purge(6), "wait", |s| {
        Match::statement(&format!(r"UPDATE control\.purge_steps s SET state = 'waiting'.*\$1={} ", s.tenant_id))
    }),
    sql(Actor::Purge(6), "item", |s| purge_item(s, 6)),
    aws(Actor::Purge(7), "secret", |s| aws_call("secretsmanager.DeleteSecret", &s.tenant_id.to_string())),
    sql(Actor::Purge(7), "item", |s| purge_item(s, 7)),
    sql(Actor::Purge(8), "certificate", |s| {
        Match::statement(&format!(r"SET state = 'done', certificate = \$3.*\$1={} ", s.tenant_id))
    }),
    sql(Actor::RecordPurgeFailure, "failure", |s| {
        Match::statement(&format!(r"control\.purges p SET state = 'failed'.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Catalog, "secret", catalog_secret),
    sql(Actor::Catalog, "row", |s| {
        Match::statement(&format!(r"before AS \( SELECT \* FROM lakehouse\.tenant_catalogs.*\$1={} ", s.tenant_id))
    }),
    sql(Actor::Repair, "lease", lease),
    sql(Actor::Repair, "beginning", |s| Match::statement(&format!(r"'tenant\.repair'.*\$1={} ", s.tenant_id))),
    aws(Actor::Repair, "secret", |s| aws_call("secretsmanager.PutSecretValue", &s.tenant_id.to_string())),
    pooler(Actor::Repair, "migrations", |s| tenant_statement(s, "CREATE TABLE iam.changes")),
    // The statements before belong to the migration history.
    pooler(Actor::Repair, "commit", |s| tenant_statement(s, "^COMMIT").nth(3)),
    resp_of(Actor::Repair, "graph user", FALKORDB, |s| calls::graph_user(&s.slug)),
    Act {
        upstream: "opensearch-us-east-1",
        ..stripe(Actor::Repair, "alias", |s| Match {
            body_regex: Some(format!("\"client_{}\"", s.slug)),
            ..Match::request("POST", "^/_aliases$")
        })
    },
    sql(Actor::Repair, "intent", |s| {
        Match::statement(&format!(r"^INSERT INTO control\.outbox .*\$2={} ", s.tenant_id))
    }),
    stripe(Actor::Repair, "subscription", |s| Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))),
    resp(Actor::Repair, "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    sql(Actor::Repair, "end", |s| Match::statement(&format!(r"'tenant\.repaired'.*\$1={} ", s.tenant_id))),
];

const fn sql(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { actor, name, upstream: "postgres", protocol: Protocol::Postgres, matching }
}

const fn aws(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "aws", protocol: Protocol::Aws, ..sql(actor, name, matching) }
}

const fn stripe(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "stripe", protocol: Protocol::Http, ..sql(actor, name, matching) }
}

const fn auth(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "supabase", protocol: Protocol::Http, ..sql(actor, name, matching) }
}

const fn iomete(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "iomete", ..stripe(actor, name, matching) }
}

const fn search(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "opensearch-us-east-1", ..stripe(actor, name, matching) }
}

const fn smtp(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "smtp", protocol: Protocol::Smtp, ..sql(actor, name, matching) }
}

const fn pooler(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "pooler", ..sql(actor, name, matching) }
}

const fn resp(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "valkey", protocol: Protocol::Resp, ..sql(actor, name, matching) }
}

const fn resp_of(actor: Actor, name: &'static str, upstream: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream, ..resp(actor, name, matching) }
}

/// The effect itself belongs to the step. The pattern given here is not used.
const fn during(step: usize, name: &'static str) -> Act {
    sql(Actor::DeleteDuring(step), name, lease)
}

fn lease(subject: &Subject) -> Match {
    Match::statement(&format!(
        r"SET lease_token = \$2, lease_until.*provisioning_state = ANY.*\$1={} ",
        subject.tenant_id
    ))
}

/// The address of a tenant's first admin.
pub fn admin(subject: &Subject) -> String {
    format!("admin@{}.example.com", subject.slug)
}

/// The address of the one who takes their place.
pub fn chief(subject: &Subject) -> String {
    format!("chief@{}.example.com", subject.slug)
}

fn to_chief(method: &str, path: &str, subject: &Subject) -> Match {
    Match { body_regex: Some(chief(subject)), ..Match::request(method, path) }
}

/// Calls of the project's Auth.
fn of_project(method: &str, path: &str, subject: &Subject) -> Match {
    Match::request(method, &format!("/projects/{}{path}", subject.project_ref))
}

/// The statement that ends an invitation.
fn invited(subject: &Subject) -> Match {
    Match::statement(&format!(r"SET admin_email = \$3.*\$1={} ", subject.tenant_id))
}

/// The region of every cell.
const FALKORDB: &str = "falkordb-us-east-1";

/// The command that takes everything from the tenant's graph user.
pub fn graph_user(subject: &Subject) -> Match {
    Match::command(&format!("^ACL SETUSER client_{} reset$", subject.slug))
}

/// The statement that says so.
fn graph_user_off(subject: &Subject) -> Match {
    Match::statement(&format!(r"'tenant\.' \|\| \$6.*\$1={} .*\$6=switch_off_graph_user", subject.tenant_id))
}

/// The statement that begins a step of a purge.
fn purge_begun(subject: &Subject, step: usize) -> Match {
    Match::statement(&format!(r"no_return_at = CASE.*\$1={} \$2=\d+ \$3={step} ", subject.tenant_id))
}

/// The statement that writes down what became of a resource.
fn purge_item(subject: &Subject, step: usize) -> Match {
    let id = subject.tenant_id;
    Match::statement(&format!(r"INSERT INTO control\.purge_items .*\$1={id} \$2=[^ ]+ \$3={step} "))
}

/// The statement that completes a step of a purge.
fn purge_completed(subject: &Subject, step: usize) -> Match {
    let id = subject.tenant_id;
    Match::statement(&format!(r"control\.purge_steps s SET state = 'completed'.*\$1={id} \$2=[^ ]+ \$3={step}( |$)"))
}

fn run_failed(subject: &Subject) -> Match {
    Match::statement(&format!(r"SET provisioning_state = 'failed'.*\$1={} ", subject.tenant_id))
}

impl Act {
    /// Whether the fault can happen there. `twice`, `stall` and `stale` are for steps only.
    #[must_use]
    pub fn can_meet(&self, fault: Fault) -> bool {
        match (self.actor, fault.kind) {
            (Actor::DeleteDuring(_), kind) => kind == Kind::Hang,
            (_, Kind::Twice | Kind::Stall | Kind::Stale) => false,
            // Auth sends the invitations' mails, and it is no process of ours to be killed.
            (Actor::CheckRegion, Kind::Kill) if self.protocol == Protocol::Smtp => true,
            (_, kind) if self.protocol == Protocol::Smtp => matches!(kind, Kind::Cut | Kind::Lost | Kind::Hang),
            (_, Kind::TooMany | Kind::Error) => fault.when == When::Before,
            _ => true,
        }
    }

    /// Whether it is a mail, which the provider sends.
    #[must_use]
    pub fn is_mail(&self) -> bool {
        self.protocol == Protocol::Smtp
    }

    /// Makes the rule for the fault.
    pub async fn lay(&self, stage: &Stage, fault: Fault, subject: &Subject) -> Result<RuleId> {
        let (action, times) = fault.action(self.protocol);
        stage.lay(self.upstream, (self.matching)(subject), action, times).await
    }
}

/// Calls that write the secret of the tenant's catalog.
fn catalog_secret(subject: &Subject) -> Match {
    let regex = r"^secretsmanager\.(CreateSecret|PutSecretValue)$".to_owned();
    let header = Some(HeaderMatch { name: "x-amz-target".to_owned(), regex });
    let body_regex = CATALOG.parse().ok().map(|name| CatalogId::of(TenantId(subject.tenant_id), &name).to_string());
    Match { header, body_regex, ..Match::default() }
}
