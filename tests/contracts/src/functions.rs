//! Every function of the product, as its type declares it.

use api_kit::Handler;
use domain::{PurgeStep, Step};
use lambda_kit::Declaration;
use lambda_kit::operation::Operation;
use step_kit::{Declared, Work};

/// One function.
#[derive(Debug)]
pub struct Function {
    /// The function's name at run time: in the route table, in the state machine and in logs.
    pub name: String,
    /// The crate that defines its type, as Cargo writes the name.
    pub package: String,
    /// The folder below `functions/` that holds functions of this kind.
    pub group: &'static str,
    /// What it may reach.
    pub declaration: Declaration,
}

/// All functions: routes, steps and steps of a purge in their order, then the operations.
#[must_use]
pub fn all() -> Vec<Function> {
    vec![
        route::<provision_tenant::ProvisionTenant>(),
        route::<list_tenants::ListTenants>(),
        route::<get_tenant::GetTenant>(),
        route::<get_tenant_status::GetTenantStatus>(),
        route::<update_tenant::UpdateTenant>(),
        route::<deactivate_tenant::DeactivateTenant>(),
        route::<retry_tenant::RetryTenant>(),
        route::<restore_tenant::RestoreTenant>(),
        route::<hold_tenant::HoldTenant>(),
        route::<release_tenant_hold::ReleaseTenantHold>(),
        route::<get_purge_plan::GetPurgePlan>(),
        route::<purge_tenant::PurgeTenant>(),
        route::<approve_purge::ApprovePurge>(),
        route::<get_purge::GetPurge>(),
        route::<invite_admin::InviteAdmin>(),
        route::<invalidate_tenant_cache::InvalidateTenantCache>(),
        route::<list_systems::ListSystems>(),
        route::<list_tenant_resources::ListTenantResources>(),
        route::<check_tenant::CheckTenant>(),
        route::<repair_tenant::RepairTenant>(),
        route::<list_tenant_audit::ListTenantAudit>(),
        route::<list_audit::ListAudit>(),
        route::<get_caller::GetCaller>(),
        route::<upsert_catalog::UpsertCatalog>(),
        route::<get_catalog::GetCatalog>(),
        route::<list_catalogs::ListCatalogs>(),
        route::<check_lakehouse_health::CheckLakehouseHealth>(),
        route::<register_sync_target::RegisterSyncTarget>(),
        route::<list_sync_targets::ListSyncTargets>(),
        route::<get_lakehouse_caller::GetLakehouseCaller>(),
        route::<get_console::GetConsole>(),
        step::<step_1_create_environment::CreateEnvironment>(),
        step::<step_2_await_environment::AwaitEnvironment>(),
        step::<step_3_migrate_tenant::MigrateTenant>(),
        step::<step_4_verify_seed::VerifySeed>(),
        step::<step_5_invite_admin::InviteAdmin>(),
        step::<step_6_create_graph::CreateGraph>(),
        step::<step_7_create_search_index::CreateSearchIndex>(),
        step::<step_8_invalidate_cache::InvalidateCache>(),
        step::<step_9_activate_tenant::ActivateTenant>(),
        purge_step::<purge_1_close_access::CloseAccess>(),
        purge_step::<purge_2_end_subscription::EndSubscription>(),
        purge_step::<purge_3_delete_index::DeleteIndex>(),
        purge_step::<purge_4_delete_graph::DeleteGraph>(),
        purge_step::<purge_5_drop_namespace::DropNamespace>(),
        purge_step::<purge_6_delete_project::DeleteProject>(),
        purge_step::<purge_7_delete_secrets::DeleteSecrets>(),
        purge_step::<purge_8_sign_certificate::SignCertificate>(),
        operation::<authorize_caller::AuthorizeCaller>(),
        operation::<record_failure::RecordFailure>(),
        operation::<record_purge_failure::RecordPurgeFailure>(),
        operation::<reconcile_tenants::ReconcileTenants>(),
        operation::<anchor_audit::AnchorAudit>(),
        operation::<check_region::CheckRegion>(),
        operation::<migrate_control::MigrateControl>(),
        operation::<rotate_database_secret::RotateDatabaseSecret>(),
    ]
}

/// What a log group is called after, of the functions in a folder below `functions/`: all steps share one.
#[must_use]
pub fn log_of(group: &str) -> &str {
    if group == "purge" { "steps" } else { group }
}

fn route<H: Handler>() -> Function {
    of::<H>("api", H::ROUTE.name, api_kit::declaration::<H>())
}

fn step<W: Work<Step = Step>>() -> Function {
    of::<W>("steps", W::STEP.function(), Declared::by::<W>())
}

fn purge_step<W: Work<Step = PurgeStep>>() -> Function {
    of::<W>("purge", W::STEP.function(), Declared::by::<W>())
}

fn operation<O: Operation>() -> Function {
    of::<O>("ops", O::NAME, Declaration::of::<O>())
}

fn of<T>(group: &'static str, name: &str, declaration: Declaration) -> Function {
    let path = std::any::type_name::<T>();
    let package = path.split("::").next().unwrap_or(path).replace('_', "-");
    Function { name: name.to_owned(), package, group, declaration }
}
