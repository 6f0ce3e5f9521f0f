//! A control database, the connection to Stripe, and the state of a tenant in both.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing::{Biller, Billing, BillingSettings, Changed, Plan, Report};
use domain::{Patch, ProvisionRequest, ProvisioningState, Step, TenantChange, TenantId, Tier};
use lambda_kit::{Budget, Read};
use secrecy::{ExposeSecret as _, SecretString};
use secrets::StripeSecret;
use serde_json::{Value, json};
use store::{Activation, Author, Deactivated, Deactivation, Lease, NewTenant, NotLeased, StepTask, Tenant, Update};
use stripe::{Stripe, Subscription};
use uuid::Uuid;

use crate::database::Database;
use crate::wire::Wire;

/// One call of Stripe.
pub const CALL: Duration = Duration::from_secs(4);
/// A lease that lasts longer than any test.
pub const LEASE: Duration = Duration::from_mins(2);

pub struct World {
    pub database: Database,
    pub wire: Wire,
    billing: Billing,
    url: String,
    secrets_read: Arc<AtomicUsize>,
    key: Key,
}

/// The key in the secret `control/stripe`.
type Key = Arc<Mutex<SecretString>>;

/// The lookup keys of the two prices.
pub const PRICES: [&str; 2] = ["ivory_enterprise", "ivory_enterprise_plus"];

/// The lookup key of a tier's price.
pub fn lookup_key(tier: Tier) -> Option<&'static str> {
    match tier {
        Tier::Pilot => None,
        Tier::Enterprise => Some(PRICES[0]),
        Tier::EnterprisePlus => Some(PRICES[1]),
    }
}

pub fn to(tier: Tier) -> TenantChange {
    TenantChange { display_name: None, tier: Some(tier), custom_domain: Patch::Keep }
}

pub fn update<'a>(change: &'a TenantChange, version: Option<i64>, payload: &'a Value) -> Update<'a> {
    Update {
        change,
        version,
        invalidation: (Uuid::now_v7(), payload),
        author: Author { actor: "test", address: None, request_id: "r" },
    }
}

impl World {
    pub async fn start() -> Self {
        let [url, key] = ["STRIPE_API_URL", "STRIPE_SECRET_KEY"].map(|name| std::env::var(name).expect(name));
        let database = Database::create().await;
        let (wire, key) = (Wire::start(&url).await, Arc::new(Mutex::new(SecretString::from(key))));
        let secrets_read = Arc::default();
        let billing = billing(&wire, &key, &secrets_read, PRICES);
        Self { database, wire, billing, url, secrets_read, key }
    }

    /// A direct connection.
    pub fn stripe(&self) -> Stripe {
        Stripe::new(&self.url, self.key.lock().expect("no panic").clone(), CALL)
    }

    /// Puts the key of this variable into the secret: `STRIPE_SECRET_KEY` of test mode, `STRIPE_LIVE_SECRET_KEY` of live
    /// mode.
    pub fn use_key(&self, variable: &str) {
        *self.key.lock().expect("no panic") = SecretString::from(std::env::var(variable).expect(variable));
    }

    /// Billing over the wire.
    pub fn biller(&self) -> Biller<'_> {
        self.billing.within(CALL)
    }

    /// Billing over the wire with other prices.
    pub fn billing_with(&self, prices: [&str; 2]) -> Billing {
        billing(&self.wire, &self.key, &self.secrets_read, prices)
    }

    pub fn secrets_read(&self) -> usize {
        self.secrets_read.load(Ordering::Relaxed)
    }

    /// A tenant in step 9, under that step's lease.
    pub async fn provisioning(&self, tier: Tier) -> Lease<'_> {
        let id = Uuid::now_v7();
        let body = json!({"slug": format!("t-{}", id.simple()), "display_name": "Acme", "region": "us-east-1", "tier": tier,
                          "admin_email": format!("{id}@acme.com"), "data_residency_verified": true});
        let request = ProvisionRequest::parse(body.as_object().expect("an object"), &[]).expect("valid");
        let (tenant_id, store) = (TenantId(id), &self.database.store);
        let new = NewTenant {
            tenant_id,
            request: &request,
            correlation_id: "c",
            author: Author { actor: "test", address: None, request_id: "r" },
        };
        store.insert_tenant(new).await.expect("answers").expect("the slug is free");
        let task = StepTask { tenant_id, attempt: 1, step: Step::ActivateTenant };
        store.begin_step(task, "step", LEASE, LEASE).await.expect("free")
    }

    /// A tenant that step 9 billed and activated.
    pub async fn active(&self, tier: Tier) -> Tenant {
        let lease = self.provisioning(tier).await;
        let settled = self.biller().settle(&lease, Plan::of(tier)).await.expect("billed");
        let payload = json!({});
        let activation = Activation {
            stripe_customer_id: settled.customer_id.as_deref(),
            tier,
            invalidation: (Uuid::now_v7(), &payload),
            event: (Uuid::now_v7(), &payload),
        };
        lease.activate(activation).await.expect("activated");
        let tenant = self.row(lease.tenant()).await;
        self.check(&tenant).await;
        self.wire.seen();
        tenant
    }

    /// The active tenant's lease, for a route.
    pub async fn hold(&self, tenant: &Tenant) -> Lease<'_> {
        self.lease(tenant, "route").await.expect("free")
    }

    pub async fn lease(&self, tenant: &Tenant, token: &str) -> Result<Lease<'_>, NotLeased> {
        self.database.store.lease_for_billing(tenant.tenant_id, token, LEASE, &[ProvisioningState::Active]).await
    }

    /// A whole tier change.
    pub async fn change(&self, tenant: &Tenant, tier: Tier) -> Changed {
        let (change, payload) = (to(tier), json!({}));
        self.biller().change_tier(&self.hold(tenant).await, &update(&change, None, &payload)).await
    }

    /// A tier change that succeeds.
    pub async fn changed(&self, tenant: &Tenant, tier: Tier) -> Tenant {
        match self.change(tenant, tier).await {
            Changed::Done(tenant) => {
                assert_eq!(tenant.tier, tier);
                self.check(&tenant).await;
                *tenant
            }
            other => panic!("not changed: {other:?}"),
        }
    }

    pub async fn deactivate(&self, tenant: &Tenant) -> Option<Deactivated> {
        let (tenant_id, payload) = (tenant.tenant_id, json!({"keys": []}));
        let invalidation = (Uuid::now_v7(), &payload);
        let author = Author { actor: "test", address: None, request_id: "r" };
        let deactivation = Deactivation { tenant_id, version: None, invalidation, revoke_access: false, author };
        self.database.store.deactivate_tenant(deactivation).await.expect("answers")
    }

    pub async fn reconcile(&self) -> Report {
        let budget = Budget::of(Duration::from_mins(1));
        self.biller().settle_open(&self.database.store, budget, "reconciler").await.expect("answers")
    }

    /// Leases end, postponed intents are due, and no request is on its way any more.
    pub async fn time_passes(&self) {
        let sql = "UPDATE control.tenants SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL;
                   UPDATE control.resources SET sent_at = sent_at - interval '3 minutes';
                   UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL";
        self.database.client.batch_execute(sql).await.expect("answers");
    }

    pub async fn row(&self, tenant: &Tenant) -> Tenant {
        self.database.store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there")
    }

    /// How many billing intents are open.
    pub async fn open_intents(&self) -> i64 {
        let sql = "SELECT count(*) FROM control.outbox WHERE kind = 'settle_billing' AND delivered_at IS NULL";
        self.database.client.query_one(sql, &[]).await.expect("answers").get(0)
    }

    /// Every subscription of the tenant at Stripe, including ended ones.
    pub async fn subscriptions(&self, tenant: &Tenant) -> Vec<Subscription> {
        let (id, mut all) = (tenant.tenant_id.to_string(), Vec::new());
        let stripe = self.stripe();
        let customers = stripe.customers_by_email(tenant.admin_email.as_str()).await.expect("answers");
        assert!(customers.len() <= 1, "one customer: {customers:?}");
        for customer in customers {
            assert!(customer.is_tenants(&id));
            all.extend(stripe.subscriptions_of(&customer.id).await.expect("answers"));
        }
        assert!(all.iter().all(|subscription| subscription.is_tenants(&id)));
        all
    }

    /// The one live subscription.
    pub async fn live(&self, tenant: &Tenant) -> Option<Subscription> {
        let mut live: Vec<_> = self.subscriptions(tenant).await.into_iter().filter(Subscription::is_live).collect();
        assert!(live.len() <= 1, "never two: {live:?}");
        live.pop()
    }

    /// Checks that Stripe is at the row's tier: one subscription with one item of its price, or none that continues.
    pub async fn check(&self, tenant: &Tenant) {
        let row = self.row(tenant).await;
        let wanted = if row.is_active { lookup_key(row.tier) } else { None };
        match (wanted, self.live(&row).await) {
            (Some(key), Some(live)) => {
                assert_eq!(live.only_item().expect("one item").price.lookup_key.as_deref(), Some(key));
                assert!(!live.cancel_at_period_end);
            }
            (Some(key), None) => panic!("no subscription, and {key} is wanted"),
            (None, live) => assert!(live.is_none_or(|live| live.cancel_at_period_end), "it goes on"),
        }
    }

    /// Ends a subscription at once, as a person can in Stripe's dashboard.
    pub async fn end(&self, subscription: &Subscription) {
        self.delete(&format!("/v1/subscriptions/{}", subscription.id)).await;
    }

    /// Deletes the tenant's customer in Stripe's dashboard, which ends its subscriptions at once.
    pub async fn delete_customer(&self, tenant: &Tenant) {
        let customer = tenant.stripe_customer_id.as_deref().expect("a customer");
        self.delete(&format!("/v1/customers/{customer}")).await;
    }

    /// Deletes an object in Stripe's dashboard.
    pub async fn delete(&self, path: &str) {
        self.by_hand(&self.deletion(path)).await;
    }

    /// The request that deletes an object.
    pub fn deletion(&self, path: &str) -> String {
        self.request("DELETE", path, "")
    }

    /// Changes an object in Stripe's dashboard.
    pub async fn edit(&self, path: &str, form: &str) {
        self.by_hand(&self.request("POST", path, form)).await;
    }

    fn request(&self, method: &str, path: &str, form: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: stripe\r\nAuthorization: Bearer {}\r\nStripe-Version: 2026-07-29.dahlia\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.key.lock().expect("no panic").expose_secret(),
            form.len()
        )
    }

    async fn by_hand(&self, request: &str) {
        let answer = self.wire.direct(request).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }

    /// The Stripe objects of the tenant that the ledger has given up although they had an id, as the audit log names them.
    pub async fn given_up(&self, tenant: &Tenant) -> Vec<String> {
        let sql = "SELECT before ->> 'external_id' FROM control.audit_log
                   WHERE tenant_id = $1 AND action = 'tenant.give_up_resource' ORDER BY id";
        let rows = self.database.client.query(sql, &[&tenant.tenant_id.0]).await.expect("answers");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many promises the reconciler would complain about.
    pub async fn stuck(&self) -> i64 {
        self.database.store.outbox_stuck(1).await.expect("answers")
    }
}

/// Billing over the wire. Reads of its secret are counted.
fn billing(wire: &Wire, key: &Key, count: &Arc<AtomicUsize>, [enterprise, plus]: [&str; 2]) -> Billing {
    let (key, count) = (Arc::clone(key), Arc::clone(count));
    let account = Read::from_fn(move |()| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(StripeSecret { secret_key: key.lock().expect("no panic").clone() }))
    });
    let settings = BillingSettings {
        api_url: wire.url.clone(),
        enterprise: enterprise.to_owned(),
        enterprise_plus: plus.to_owned(),
    };
    Billing { account, settings }
}
