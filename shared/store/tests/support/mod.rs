//! A control database for one test, with tenants in it.

use domain::{ProvisionRequest, TenantId};
use serde_json::json;
use store::{Author, NewTenant, Store, Tenant};
use test_database::TestDatabase;
use uuid::Uuid;

/// Dropped at the end of the test.
pub(crate) struct Database {
    pub(crate) own: TestDatabase,
    pub(crate) store: Store,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let own = TestDatabase::control().await;
        Self { store: own.store(), own }
    }

    pub(crate) async fn tenant(&self, slug: &str) -> Tenant {
        let body = json!({"slug": slug, "display_name": "Acme", "region": "us-east-1", "admin_email": "a@acme.com", "data_residency_verified": true});
        let request = ProvisionRequest::parse(body.as_object().expect("an object"), &[]).expect("valid");
        let new = NewTenant {
            tenant_id: TenantId(Uuid::now_v7()),
            request: &request,
            correlation_id: "c",
            author: Author { actor: "test", address: None, request_id: "r" },
        };
        self.store.insert_tenant(new).await.expect("the database answers").expect("the slug is free")
    }
}
