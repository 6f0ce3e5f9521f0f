//! The causes of failures: one table of every code with its group, its kind, who can mend it and how.
//!
//! Code inside the control plane compares [`CauseCode`]s. Text appears only at the edge, as a [`Cause`]: in the answer of
//! the status route, in execution history, in the database and in logs. Every text comes from this table, so no answer
//! of an outside system can reach those places. The names in a certificate that is not trusted can, cut and cleaned: a
//! server shows them before it is told anything.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Whoever sent the request: another value would work.
    Caller,
    /// The outside system itself.
    Provider,
    /// A limit bought from the provider: projects, mails, invoices.
    Quota,
    /// Whoever runs this installation: a credential, a parameter, a network path.
    Platform,
}

impl Owner {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Provider => "provider",
            Self::Quota => "quota",
            Self::Platform => "platform",
        }
    }
}

/// How the pipeline goes on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A rate limit. The state machine tries again every 30 seconds, for three hours.
    RateLimited,
    /// Somebody else is at work, something is being changed, or an earlier request's outcome is not visible yet. The
    /// state machine looks again every 5 seconds, for 10 minutes.
    Busy,
    /// A dropped connection, a time-out, a 5xx. The state machine tries again a few times, with growing pauses.
    Transient,
    /// The other side understood and said no. The run fails at once.
    Rejected,
    /// A mistake on our side: a broken invariant, an unreadable setting. The run fails at once.
    Internal,
    /// The tenant moved on to another attempt or state. The run ends.
    Superseded,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::RateLimited, Self::Busy, Self::Transient, Self::Rejected, Self::Internal, Self::Superseded];

    /// Whether the pipeline tries again by itself.
    #[must_use]
    pub const fn is_retried(self) -> bool {
        match self {
            Self::RateLimited | Self::Busy | Self::Transient => true,
            Self::Rejected | Self::Internal | Self::Superseded => false,
        }
    }
}

/// A cause as text: in the status route's answer, in execution history and in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// Stable `snake_case` name, for machines.
    pub code: String,
    /// Who can mend it.
    pub owner: Owner,
    /// Whether the same POST may succeed without anybody changing anything.
    pub retryable: bool,
    /// What to do about it, one sentence, for people.
    pub hint: String,
    /// The provider's own id of the failed request, for their support.
    #[serde(default)]
    pub provider_request_id: Option<String>,
    /// When a check of the region found the cause, before the step itself could meet it. Null: the step met it.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub foreseen_at: Option<String>,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CauseRow {
    /// The code as text.
    pub code: &'static str,
    /// Which part of the world it is about.
    pub system: System,
    /// How the pipeline goes on, unless the circumstances say more.
    pub kind: FailureKind,
    /// Who can mend it.
    pub owner: Owner,
    /// The same POST may succeed without anybody changing anything, although the run failed at once.
    pub retryable: bool,
    /// What happened.
    pub meaning: &'static str,
    /// What to do about it. `{}` stands for the failure's detail, and each [`Fact`](crate::Fact) has its gap.
    pub hint: &'static str,
}

/// Makes the enums and the table out of one list.
macro_rules! causes {
    ($($(#[doc = $title:literal])+ $system:ident {
        $($(#[doc = $meaning:literal])+ $code:ident = $text:literal, $kind:ident, $owner:ident, $retryable:literal, $hint:literal;)+
    })+) => {
        /// The part of the world that a cause is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum System { $($(#[doc = $title])+ $system),+ }

        impl System {
            /// Every group, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$system),+];

            /// What the group is, for people.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$system => concat!($($title),+).trim()),+ }
            }
        }

        /// Why something failed. The set is closed, and a code keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CauseCode { $($($(#[doc = $meaning])+ $code,)+)+ }

        impl CauseCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$($(Self::$code,)+)+];

            /// The code's row.
            #[must_use]
            pub const fn row(self) -> CauseRow {
                match self {
                    $($(Self::$code => CauseRow {
                        code: $text,
                        system: System::$system,
                        kind: FailureKind::$kind,
                        owner: Owner::$owner,
                        retryable: $retryable || FailureKind::$kind.is_retried(),
                        meaning: concat!($($meaning),+),
                        hint: $hint,
                    },)+)+
                }
            }
        }
    };
}

causes! {
    /// The pipeline itself
    Pipeline {
        /// Another attempt of the tenant has taken over.
        Superseded = "superseded", Superseded, Platform, false,
            "Another attempt of this tenant has taken over; nothing has to be done.";
        /// Another invocation holds the tenant's lease, or died while it held it.
        LeaseHeld = "lease_held", Busy, Platform, true,
            "Another invocation is at work on this tenant, or died at it; its lease ends by itself within minutes.";
        /// The invocation has not enough time left for its next call.
        LeaseTooShort = "lease_too_short", Busy, Platform, true,
            "The invocation had too little time left for its next call; the next invocation makes that call.";
        /// The invocation was stalled until its lease ended. It wrote nothing after that.
        LeaseLapsed = "lease_lapsed", Busy, Platform, true,
            "The invocation was stalled until its lease ended; the next invocation goes on.";
        /// The step did not finish within its function's time-out.
        StepTimeout = "step_timeout", Transient, Platform, true,
            "The step did not finish in time. If the run has ended, find out from the step's log what was slow, then POST the tenant again.";
        /// The step's process ended by itself.
        StepCrashed = "step_crashed", Transient, Platform, true,
            "The step's process ended several times in a row. Find out from the step's log why, then POST the tenant again.";
        /// Step Functions could not invoke the step.
        StepNotRun = "step_not_run", Transient, Platform, true,
            "The step could not be invoked. Find out from the execution's history why, then POST the tenant again.";
        /// Lambda ran as many functions at the same time as the account may.
        LambdaFull = "lambda_full", Transient, Quota, true,
            "Lambda ran as many functions at the same time as this account may, for longer than the run waits. Ask AWS for more concurrent executions, then POST the tenant again.";
        /// Lambda found no room for the function in its subnets.
        LambdaNetworkFull = "lambda_network_full", Transient, Platform, true,
            "Lambda found no free address or network interface for the step's function. Make room in the subnets of VpcSubnetIds, then POST the tenant again.";
        /// The step's function was not ready for longer than the run waits.
        LambdaNotReady = "lambda_not_ready", Transient, Platform, true,
            "Lambda did not get the step's function ready for longer than the run waits. Find out from the function's state why, then POST the tenant again.";
        /// Lambda failed for longer than the run waits.
        LambdaUnavailable = "lambda_unavailable", Transient, Provider, true,
            "Lambda failed for longer than the run waits. Once AWS reports no disturbance, POST the tenant again.";
        /// The step failed with an error that it does not know.
        StepBroken = "step_broken", Transient, Platform, true,
            "The step failed with an unknown error. Find the error in the step's log, then POST the tenant again.";
        /// The execution ended without recording its failure.
        RunLost = "run_lost", Transient, Platform, true,
            "The execution was stopped or timed out before it could record why. POST the tenant again to resume it.";
        /// A row of the ledger holds a value that cannot be right.
        LedgerUnreadable = "ledger_unreadable", Rejected, Platform, false,
            "The ledger holds a project reference that is not one. Correct the row in control.resources, then POST the tenant again.";
        /// Step 1 is completed, but the tenant's row holds no project reference.
        ProjectUnknown = "project_unknown", Internal, Platform, false,
            "The tenant's row holds no project reference although step 1 is completed. Correct the row with the help of control.resources, then POST the tenant again.";
        /// The tenant changed, or the lease ended, before step 9 could activate the tenant.
        ActivationOvertaken = "activation_overtaken", Busy, Platform, true,
            "The tenant changed, or the lease ended, before the tenant could be activated; the step is tried again.";
        /// An outbox row was written by another release and cannot be read by this one.
        OutboxPayloadUnreadable = "outbox_payload_unreadable", Internal, Platform, false,
            "An outbox row does not have this release's shape; deploy the release that wrote it.";
        /// Settings of the function are missing or cannot be read.
        ConfigurationInvalid = "configuration_invalid", Internal, Platform, false,
            "The function cannot start with its settings: {}. Correct the parameters and deploy the template, then send the request again.";
    }
    /// Purges
    Purge {
        /// The tenant is under a legal hold, so nothing of it may be deleted.
        PurgeHeld = "purge_held", Rejected, Platform, false,
            "The tenant is under a legal hold, so nothing of it is deleted. Once the hold is released, POST its purge again.";
        /// The lease ended, the tenant was held, or a step was begun anew before the certificate could be kept.
        PurgeOvertaken = "purge_overtaken", Busy, Platform, true,
            "The lease ended, the tenant was held, or another step was begun anew before the certificate could be kept; the step is tried again.";
        /// Something has the name of one of the tenant's resources, and is not the tenant's.
        PurgeForeign = "purge_foreign", Rejected, Platform, false,
            "{} lacks this tenant's mark, so it is not deleted. Find out whose it is, and rename it, mark it or delete it yourself; then POST the purge again.";
        /// A system accepted a deletion, and has the resource nevertheless.
        PurgeStillThere = "purge_still_there", Busy, Provider, true,
            "{} is still there, although its system accepted the deletion; it is asked again. If the purge has ended, delete it in its system, then POST the purge again.";
        /// The customer is to be deleted, and has invoices that are to be paid.
        PurgeCustomerUnpaid = "purge_customer_unpaid", Rejected, Platform, false,
            "The customer {} has invoices that are not paid, so it is not deleted. Have them paid or made void in Stripe, then POST the purge again.";
        /// The key that signs certificates cannot be used.
        PurgeKeyUnusable = "purge_key_unusable", Rejected, Platform, false,
            "The secret control/purge-key holds no pair of Ed25519 keys. Put private_key and public_key of one pair, each in hexadecimal, then POST the purge again.";
        /// The purge's execution ended without recording its failure.
        PurgeLost = "purge_lost", Transient, Platform, true,
            "The purge's execution was stopped or timed out before it could record why. POST the purge again; it goes on where it ended.";
    }
    /// Secrets Manager
    Secrets {
        /// A secret does not exist, or has no value.
        SecretMissing = "secret_missing", Rejected, Platform, false,
            "The secret {} does not exist or has no value. Create it and put a value, then send the request again.";
        /// A secret's value is not of its documented shape.
        SecretMalformed = "secret_malformed", Rejected, Platform, false,
            "The secret {} is empty or does not have the documented shape. Put a valid value, then send the request again.";
        /// The function's role may not use a secret.
        SecretForbidden = "secret_forbidden", Rejected, Platform, false,
            "The function's role may not use the secret {} or its KMS key. Check the key's policy and deploy the template, then send the request again.";
        /// A secret is scheduled for deletion.
        SecretBeingDeleted = "secret_being_deleted", Rejected, Platform, false,
            "The secret {} is scheduled for deletion. Restore it, then send the request again.";
        /// The KMS key of a secret cannot be used.
        SecretKeyUnusable = "secret_key_unusable", Rejected, Platform, false,
            "The KMS key of the secret {} cannot be used. Check that SecretsKeyArn names an enabled key of this region, then send the request again.";
        /// A rotation was asked for a secret that is not rotated.
        SecretNotRotated = "secret_not_rotated", Rejected, Platform, false,
            "Secrets Manager asked to rotate {}. This function rotates control/database and control/database-read only. Take the rotation off the other secret.";
        /// A secret's new value cannot be written as JSON.
        SecretUnwritable = "secret_unwritable", Internal, Platform, false,
            "A secret's value cannot be written as JSON; report this as a fault of the control plane.";
        /// Secrets Manager throttles the account.
        SecretsThrottled = "secrets_throttled", RateLimited, Platform, true,
            "Secrets Manager throttles this account; the call is tried again.";
        /// Secrets Manager cannot be reached.
        SecretsUnavailable = "secrets_unavailable", Transient, Platform, true,
            "Secrets Manager cannot be reached right now; the call is tried again.";
    }
    /// Step Functions
    StepFunctions {
        /// The function's role may not use the state machine.
        ExecutionsForbidden = "executions_forbidden", Rejected, Platform, false,
            "The function's role may not use the state machine; deploy the template.";
        /// The state machine does not exist.
        StateMachineMissing = "state_machine_missing", Rejected, Platform, false,
            "The state machine does not exist; deploy the template.";
        /// Step Functions throttles the account.
        ExecutionsThrottled = "executions_throttled", RateLimited, Platform, true,
            "Step Functions throttles this account; the call is tried again.";
        /// Step Functions cannot be reached, or did not answer in time.
        ExecutionsUnavailable = "executions_unavailable", Transient, Platform, true,
            "Step Functions cannot be reached right now; the call is tried again.";
    }
    /// DynamoDB: the idempotency records
    DynamoDb {
        /// The function's role may not use the table.
        IdempotencyForbidden = "idempotency_forbidden", Rejected, Platform, false,
            "The function's role may not use the table of idempotency records; deploy the template.";
        /// The table does not exist.
        IdempotencyTableMissing = "idempotency_table_missing", Rejected, Platform, false,
            "The table of idempotency records does not exist; deploy the template.";
        /// The table cannot be used right now.
        IdempotencyUnavailable = "idempotency_unavailable", Transient, Platform, true,
            "The table of idempotency records cannot be used right now; send the request again.";
    }
    /// CloudFormation: answers to a deployment
    CloudFormation {
        /// CloudFormation refused the answer of the migrations.
        CloudFormationRejected = "cloudformation_rejected", Rejected, Platform, false,
            "CloudFormation did not accept the answer, so the deployment will time out; start the deployment again.";
        /// There is no connection to CloudFormation's answer address.
        CloudFormationUnreachable = "cloudformation_unreachable", Transient, Platform, true,
            "CloudFormation could not be reached; check the function's network path to Amazon S3.";
        /// CloudFormation's answer address shows a certificate that is not trusted.
        CloudFormationUntrusted = "cloudformation_untrusted", Rejected, Platform, false,
            "CloudFormation's answer address is not trusted: {}. Check what intercepts the function's way to Amazon S3, then start the deployment again.";
        /// CloudFormation did not answer in time.
        CloudFormationTimeout = "cloudformation_timeout", Transient, Provider, true,
            "CloudFormation did not answer in time; the call is tried again.";
        /// CloudFormation closed the connection before its answer was complete.
        CloudFormationConnectionLost = "cloudformation_connection_lost", Transient, Provider, true,
            "CloudFormation closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        CloudFormationAnswerTooLarge = "cloudformation_answer_too_large", Rejected, Provider, false,
            "CloudFormation sent an answer larger than any it documents; start the deployment again.";
        /// The answer address cannot be used.
        CloudFormationBadConfiguration = "cloudformation_bad_configuration", Internal, Platform, false,
            "CloudFormation gave an address that cannot be called; start the deployment again.";
    }
    /// The control database
    ControlDatabase {
        /// A database's certificate authority cannot be read.
        DatabaseCaMalformed = "database_ca_malformed", Rejected, Platform, false,
            "The database's authority is not a PEM certificate: ca_pem of the secret control/database or control/database-read, or database_ca_pem of control/supabase. Put a valid one, or none, then send the request again.";
        /// The control database cannot be used right now.
        ControlDatabaseUnavailable = "control_database_unavailable", Busy, Platform, true,
            "The control database cannot be used right now; the call is tried again.";
        /// The control database shows a certificate that is not trusted.
        ControlDatabaseUntrusted = "control_database_untrusted", Rejected, Platform, false,
            "The control database is not trusted: {}. Check its host, or put its authority into ca_pem of control/database, control/database-read and control/database-owner, then send the request again.";
        /// The control database's schema is not the one of this release.
        ControlDatabaseMismatch = "control_database_mismatch", Internal, Platform, false,
            "The control database's schema does not fit this release; run the deployment's migrations.";
        /// The control database is not prepared for the migrations.
        ControlDatabaseUnprepared = "control_database_unprepared", Rejected, Platform, false,
            "The control database lacks {}. Set the parameter MasterSecretArn, so that the migrations can prepare it, or let its master prepare it; then deploy again.";
        /// The control database does not accept its master user.
        ControlDatabaseMasterRefused = "control_database_master_refused", Rejected, Platform, false,
            "The control database does not accept the user and password of the secret MasterSecretArn. Check that the secret is this database's and that its rotation has ended, then deploy again.";
        /// The master user may not prepare the control database.
        ControlDatabaseMasterForbidden = "control_database_master_forbidden", Rejected, Platform, false,
            "The user of MasterSecretArn may not prepare the control database. Let it own the database, give it CREATEROLE, and grant it users that exist already WITH ADMIN OPTION; then deploy again.";
        /// A user of the control database has another purpose as well.
        ControlDatabaseUserTaken = "control_database_user_taken", Rejected, Platform, false,
            "The user {} has another purpose: the secrets control/database, control/database-read and control/database-owner and MasterSecretArn have to name four users, which have no other. Put another name into the secret, then deploy again.";
    }
    /// Migrations of the control database and of a tenant's database
    Migrations {
        /// The connection broke, or the database could not finish. Nothing was applied.
        MigrationInterrupted = "migration_interrupted", Transient, Provider, true,
            "The database could not finish the migrations just now. Nothing was applied, and they are tried again.";
        /// Something that a migration creates is there already.
        MigrationConflict = "migration_conflict", Transient, Platform, true,
            "What the migrations create is there already: {}. They are tried again; if the run has ended, drop what is in the way, then POST the tenant again.";
        /// Another session holds the lock of the control database's migrations.
        MigrationLocked = "migration_locked", Busy, Platform, true,
            "Another deployment has not finished with the control database: {} holds the lock of the migrations. Wait until it ends, or end it with pg_terminate_backend, then deploy again.";
        /// A table that a migration of the control database changes is in use.
        MigrationBlocked = "migration_blocked", Busy, Platform, true,
            "The migrations change a table of the control database that was in use all the time, by {}. Wait until that ends, or end it with pg_terminate_backend, then deploy again.";
        /// The database refused a migration.
        MigrationRefused = "migration_refused", Rejected, Platform, false,
            "The database refused a migration. Find the reason in the database's log, correct the schema, then POST the tenant again.";
        /// The database's migration history is not this product's.
        MigrationDiverged = "migration_diverged", Rejected, Platform, false,
            "The database's migration history is not this product's: {}. Compare refinery_schema_history with the release, correct it, then POST the tenant again.";
        /// The migrations of this release cannot be run at all.
        MigrationBroken = "migration_broken", Internal, Platform, false,
            "The migrations of this release cannot be run; deploy a corrected release.";
    }
    /// The tenant's database
    TenantDatabase {
        /// The tenant's database does not accept the stored password.
        TenantDatabaseRefused = "tenant_database_refused", Transient, Platform, true,
            "The database of the tenant's project {project} does not accept the stored password, which is set again at Supabase. If the run has ended, check that project's pooler in Supabase, then POST the tenant again.";
        /// The tenant's database cannot be reached through its pooler.
        TenantDatabaseUnavailable = "tenant_database_unavailable", Transient, Provider, true,
            "The database of the tenant's project {project} cannot be reached through its pooler; the step is tried again. If the run has ended, check the project's pooler and network restrictions in Supabase, then POST the tenant again.";
        /// The pooler of the tenant's database shows a certificate that is not trusted.
        TenantDatabaseUntrusted = "tenant_database_untrusted", Rejected, Platform, false,
            "The pooler of the tenant's database is not trusted: {}. If Supabase has a new authority, put it into database_ca_pem of the secret control/supabase, then POST the tenant again.";
        /// The tenant's database does not hold the schema that this release ships.
        TenantDatabaseMismatch = "tenant_database_mismatch", Rejected, Platform, false,
            "The database of the tenant's project {project} does not hold the schema that this release ships. Correct or drop that schema, then POST the tenant again.";
        /// The tenant's database does not hold the rows that the migrations ship.
        SeedMismatch = "seed_mismatch", Rejected, Platform, false,
            "The tenant's database holds {}. Restore its seed rows, then POST the tenant again.";
    }
    /// The tenant's environment at Supabase
    Environment {
        /// The creation of the project was not answered, and its project is not listed yet.
        EnvironmentNotVisible = "environment_not_visible", Busy, Provider, true,
            "The creation of the environment was not answered; its project is looked for by name.";
        /// The new project came up dead and is being deleted.
        EnvironmentReplaced = "environment_replaced", Busy, Provider, true,
            "The environment came up dead and is being deleted; a new one is created next.";
        /// A project of the tenant's name exists in another region.
        EnvironmentElsewhere = "environment_elsewhere", Rejected, Platform, false,
            "A project of the tenant's name exists in another region: {}. Delete or rename it in Supabase, then POST the tenant again.";
        /// Several projects have the tenant's name.
        EnvironmentAmbiguous = "environment_ambiguous", Rejected, Platform, false,
            "Several projects have the tenant's name: {}. Delete or rename all but the right one in Supabase, then POST the tenant again.";
        /// The project is being changed or is unwell at Supabase.
        EnvironmentNotReady = "environment_not_ready", Busy, Provider, true,
            "The environment {project} is being changed or is unwell at Supabase; the step goes on once it is healthy. If the run has ended, wait until Supabase shows the project as healthy, then POST the tenant again.";
        /// Supabase could not bring the project up, and it was deleted.
        EnvironmentFailed = "environment_failed", Rejected, Provider, true,
            "Supabase could not bring the environment {project} up, and it was deleted. POST the tenant again to build a new one.";
        /// The project did not become healthy within 30 minutes.
        EnvironmentTimeout = "environment_timeout", Rejected, Provider, true,
            "The environment {project} did not become healthy within 30 minutes. Check Supabase's status page, then POST the tenant again to go on waiting.";
        /// The project was paused, removed or broke after step 3 began; it may hold the tenant's data.
        EnvironmentGone = "environment_gone", Rejected, Platform, false,
            "The tenant's environment {project} was paused, removed or broke after it was built. Restore it in Supabase and POST the tenant again, or DELETE the tenant.";
        /// The project's API keys had been replaced at Supabase and were fetched again.
        EnvironmentKeysRenewed = "environment_keys_renewed", Busy, Provider, true,
            "The keys of the environment {project} had been replaced at Supabase and were fetched again; the step goes on with the new keys.";
        /// Supabase Auth still uses an earlier configuration, although it accepted the new one minutes ago.
        AuthConfigurationNotApplied = "auth_configuration_not_applied", Rejected, Provider, true,
            "Supabase Auth accepted its configuration but does not apply it. Restart the project {project} in Supabase, then POST the tenant again.";
        /// An invitation was sent and not answered; whether it went out is not known yet.
        InvitationPending = "invitation_pending", Busy, Provider, true,
            "An invitation was sent but not answered; whether it went out is looked up.";
        /// The administrator's address belongs to somebody who acted in the tenant under another account.
        AdminIdentityKept = "admin_identity_kept", Rejected, Caller, false,
            "The administrator's address belongs to somebody who acted in the tenant under another account, which their acts keep naming. POST the tenant, or its invitation, with another admin_email.";
    }
    /// Supabase's Management API
    Supabase {
        /// There is no connection to Supabase.
        SupabaseUnreachable = "supabase_unreachable", Transient, Platform, true,
            "Supabase could not be reached; check its address, the network path and its status page.";
        /// Supabase shows a certificate that is not trusted.
        SupabaseUntrusted = "supabase_untrusted", Rejected, Platform, false,
            "Supabase is not trusted: {}. Check SupabaseApiUrl and what intercepts the network path, then POST the tenant again.";
        /// Supabase did not answer in time.
        SupabaseTimeout = "supabase_timeout", Transient, Provider, true,
            "Supabase did not answer in time; the call is tried again.";
        /// Supabase closed the connection before its answer was complete.
        SupabaseConnectionLost = "supabase_connection_lost", Transient, Provider, true,
            "Supabase closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        SupabaseAnswerTooLarge = "supabase_answer_too_large", Rejected, Provider, false,
            "Supabase sent an answer larger than any it documents. Check that SupabaseApiUrl is the right address, then POST the tenant again.";
        /// The configured address or credential cannot be used in a request.
        SupabaseBadConfiguration = "supabase_bad_configuration", Internal, Platform, false,
            "Supabase cannot be called with the configured address and credential. Correct them, then POST the tenant again.";
        /// A setting cannot be part of a valid call.
        SupabaseBadArgument = "supabase_bad_argument", Internal, Platform, false,
            "A setting cannot be sent to Supabase. Check the organisation slug and the site's URLs, then POST the tenant again.";
        /// The rate limit is used up.
        SupabaseRateLimited = "supabase_rate_limited", RateLimited, Quota, true,
            "Supabase's rate limit is used up; the call is tried again.";
        /// The access token is not accepted.
        SupabaseUnauthorized = "supabase_unauthorized", Rejected, Platform, false,
            "Supabase does not accept the access token. Put a valid one into the secret control/supabase, then POST the tenant again.";
        /// The access token does not allow the call.
        SupabaseForbidden = "supabase_forbidden", Rejected, Platform, false,
            "The Supabase access token does not allow the call. Give it the rights of the organisation's owner, then POST the tenant again.";
        /// The organisation has a project of this name that is not listed yet.
        SupabaseNameTaken = "supabase_name_taken", Busy, Platform, true,
            "Supabase has a project of this name that is not listed yet; it is looked for again.";
        /// The organisation may have no more projects.
        SupabaseProjectLimit = "supabase_project_limit", Rejected, Quota, false,
            "The Supabase organisation may have no more projects. Upgrade its plan or remove unused projects, then POST the tenant again.";
        /// The organisation has overdue invoices.
        SupabaseOverdueInvoices = "supabase_overdue_invoices", Rejected, Quota, false,
            "The Supabase organisation has overdue invoices. Pay them, then POST the tenant again.";
        /// The organisation's plan does not include a setting of Auth.
        SupabasePlanTooSmall = "supabase_plan_too_small", Rejected, Quota, false,
            "The plan of the Supabase organisation does not refuse leaked passwords. Upgrade it, or set AuthRefuseLeakedPasswords to false and deploy the template, then POST the tenant again.";
        /// Supabase did not accept the request.
        SupabaseInvalidRequest = "supabase_invalid_request", Rejected, Platform, false,
            "Supabase did not accept the request. Check that it offers {region} and that the settings are valid, then POST the tenant again.";
        /// The project is gone, or the access token belongs to another organisation.
        SupabaseNotFound = "supabase_not_found", Rejected, Platform, false,
            "The Supabase project {project} is gone, or the access token belongs to another organisation. Correct either, then POST the tenant again.";
        /// The access token does not see the organisation.
        SupabaseOrganizationUnknown = "supabase_organization_unknown", Rejected, Platform, false,
            "The access token does not see the Supabase organisation. Check organization_slug and access_token in the secret control/supabase, then POST the tenant again.";
        /// The organisation cannot have projects in the region.
        SupabaseRegionUnknown = "supabase_region_unknown", Rejected, Platform, false,
            "Supabase does not offer {region} to the organisation. Take it out of ConfiguredRegions and deploy the template, or ask Supabase for it, then POST the tenant again.";
        /// Supabase had an internal error.
        SupabaseServerError = "supabase_server_error", Transient, Provider, true,
            "Supabase had an internal error; the call is tried again.";
        /// Supabase sent an answer of an unknown shape.
        SupabaseUnexpectedAnswer = "supabase_unexpected_answer", Transient, Provider, true,
            "Supabase sent an answer of an unknown shape; if this stays, check that SupabaseApiUrl is the right address.";
        /// The young project has no API keys yet.
        SupabaseKeysMissing = "supabase_keys_missing", Transient, Provider, true,
            "The Supabase project {project} has no API keys yet; they are asked for again.";
        /// The young project is not known to its pooler yet.
        SupabasePoolerMissing = "supabase_pooler_missing", Transient, Provider, true,
            "The Supabase project {project} is not known to its pooler yet; the pooler is asked for again.";
        /// The project's pooler has no session mode.
        SupabaseNoSessionPooler = "supabase_no_session_pooler", Rejected, Provider, false,
            "The pooler of the Supabase project {project} lists no session mode, which migrations need. Ask Supabase's support to enable it, then POST the tenant again.";
    }
    /// Supabase Auth of the tenant's project
    SupabaseAuth {
        /// There is no connection to the project's Auth.
        SupabaseAuthUnreachable = "supabase_auth_unreachable", Transient, Platform, true,
            "Supabase Auth could not be reached; check its address, the network path and its status page.";
        /// The project's Auth shows a certificate that is not trusted.
        SupabaseAuthUntrusted = "supabase_auth_untrusted", Rejected, Platform, false,
            "Supabase Auth is not trusted: {}. Check SupabaseProjectUrlTemplate and what intercepts the network path, then POST the tenant again.";
        /// Auth did not answer in time.
        SupabaseAuthTimeout = "supabase_auth_timeout", Transient, Provider, true,
            "Supabase Auth did not answer in time; the call is tried again.";
        /// Auth closed the connection before its answer was complete.
        SupabaseAuthConnectionLost = "supabase_auth_connection_lost", Transient, Provider, true,
            "Supabase Auth closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        SupabaseAuthAnswerTooLarge = "supabase_auth_answer_too_large", Rejected, Provider, false,
            "Supabase Auth sent an answer larger than any it documents. Check that SupabaseProjectUrlTemplate is right, then POST the tenant again.";
        /// The project's address or key cannot be used in a request.
        SupabaseAuthBadConfiguration = "supabase_auth_bad_configuration", Internal, Platform, false,
            "Supabase Auth cannot be called with the project's address and key. Correct SupabaseProjectUrlTemplate, then POST the tenant again.";
        /// The administrator's address belongs to a confirmed user.
        SupabaseAuthEmailExists = "supabase_auth_email_exists", Rejected, Caller, false,
            "The administrator's address belongs to a confirmed user already. POST the tenant with another admin_email.";
        /// Supabase's own mail server does not mail to this address.
        SupabaseAuthEmailNotAuthorized = "supabase_auth_email_not_authorized", Rejected, Platform, false,
            "Supabase's own mail server mails only to the organisation's team. Correct the secret control/smtp, then POST the tenant again.";
        /// Auth does not accept the administrator's address.
        SupabaseAuthInvalidEmail = "supabase_auth_invalid_email", Rejected, Caller, false,
            "Supabase does not accept the administrator's e-mail address. POST the tenant, or its invitation, with another admin_email.";
        /// The project's mails of this hour are used up.
        SupabaseAuthMailLimit = "supabase_auth_mail_limit", RateLimited, Quota, true,
            "The project's mails of this hour are used up; the invitation is tried again.";
        /// The rate limit is used up.
        SupabaseAuthRateLimited = "supabase_auth_rate_limited", RateLimited, Quota, true,
            "The rate limit of Supabase Auth is used up; the call is tried again.";
        /// The invitation's mail could not be sent.
        SupabaseAuthMailFailed = "supabase_auth_mail_failed", Transient, Platform, true,
            "The invitation could not be mailed; check the mail server, its credential in control/smtp and the address.";
        /// The project's secret key is not accepted.
        SupabaseAuthUnauthorized = "supabase_auth_unauthorized", Rejected, Platform, false,
            "Supabase Auth does not accept the secret key of the project {project}. Check in Supabase whether it was revoked, then POST the tenant again.";
        /// Auth had an internal error.
        SupabaseAuthServerError = "supabase_auth_server_error", Transient, Provider, true,
            "Supabase Auth had an internal error; the call is tried again.";
        /// Auth sent an answer of an unknown shape.
        SupabaseAuthUnexpectedAnswer = "supabase_auth_unexpected_answer", Transient, Provider, true,
            "Supabase Auth sent an answer of an unknown shape; if this stays, check that SupabaseProjectUrlTemplate is right.";
    }
    /// FalkorDB
    FalkorDb {
        /// The region's secret holds no usable URL.
        FalkorDbBadConfiguration = "falkordb_bad_configuration", Internal, Platform, false,
            "The secret regions/{region} holds no usable FalkorDB URL, or its falkordb.ca_pem is no list of PEM certificates. Correct it, then POST the tenant again.";
        /// There is no connection to FalkorDB.
        FalkorDbUnreachable = "falkordb_unreachable", Transient, Platform, true,
            "FalkorDB of {region} could not be reached; check its address, the network path and TLS.";
        /// FalkorDB shows a certificate that is not trusted.
        FalkorDbUntrusted = "falkordb_untrusted", Rejected, Platform, false,
            "FalkorDB of {region} is not trusted: {}. Check the host in the secret regions/{region}, or put its authority into falkordb.ca_pem there, then POST the tenant again.";
        /// FalkorDB did not answer in time.
        FalkorDbTimeout = "falkordb_timeout", Transient, Platform, true,
            "FalkorDB of {region} did not answer in time; check its load if this persists.";
        /// FalkorDB closed the connection.
        FalkorDbConnectionLost = "falkordb_connection_lost", Transient, Platform, true,
            "FalkorDB of {region} closed the connection; the call is tried again.";
        /// FalkorDB refused our credentials.
        FalkorDbUnauthorized = "falkordb_unauthorized", Rejected, Platform, false,
            "FalkorDB of {region} refused our credentials. Check user, password and permissions of the URL in the secret regions/{region}, then POST the tenant again.";
        /// FalkorDB cannot serve for now.
        FalkorDbNotReady = "falkordb_not_ready", Transient, Platform, true,
            "FalkorDB of {region} cannot serve now; check its memory, disk, connections and replication if this persists.";
        /// FalkorDB refused a command.
        FalkorDbRefused = "falkordb_refused", Rejected, Platform, false,
            "FalkorDB of {region} refused a command. Check that its version is a supported one, then POST the tenant again.";
        /// FalkorDB sent an undocumented answer.
        FalkorDbUnexpectedAnswer = "falkordb_unexpected_answer", Rejected, Platform, false,
            "FalkorDB of {region} sent an undocumented answer. Check its version, then POST the tenant again.";
        /// The server has no FalkorDB module, or an old one.
        FalkorDbNoModule = "falkordb_no_module", Rejected, Platform, false,
            "The server of the secret regions/{region} lacks FalkorDB's commands. Load the module or correct the secret, then POST the tenant again.";
        /// A graph of the tenant's name belongs to another tenant.
        FalkorDbForeignGraph = "falkordb_foreign_graph", Rejected, Platform, false,
            "The graph {graph} in {region} belongs to another tenant. Move or remove it, then POST the tenant again.";
        /// A name contains a NUL.
        FalkorDbBadName = "falkordb_bad_name", Internal, Platform, false,
            "A name contains a NUL, which no graph query can carry; report this as a fault of the control plane.";
        /// Another write to the graph is in progress.
        FalkorDbWriteInProgress = "falkordb_write_in_progress", Busy, Platform, true,
            "Another write to the graph {graph} in {region} is in progress; the step is tried again.";
        /// The graph's unique constraint is still under construction.
        FalkorDbConstraintPending = "falkordb_constraint_pending", Busy, Platform, true,
            "The unique constraint of the graph {graph} in {region} is still under construction; the step is tried again.";
        /// The graph's unique constraint cannot be enforced.
        FalkorDbConstraintFailed = "falkordb_constraint_failed", Rejected, Platform, false,
            "The graph {graph} in {region} holds two tenant nodes with one id. Remove one and drop the constraint, then POST the tenant again.";
        /// The graph was not there after its creation.
        FalkorDbGraphMissing = "falkordb_graph_missing", Transient, Platform, true,
            "The graph {graph} was not in {region} after its creation; the step is tried again.";
        /// The server would forget its users at a restart.
        FalkorDbNoAclFile = "falkordb_no_acl_file", Rejected, Platform, false,
            "FalkorDB of {region} would forget its users at a restart. Start it with an aclfile, then POST the tenant again.";
        /// The server does not let our user make users.
        FalkorDbNoUsers = "falkordb_no_users", Rejected, Platform, false,
            "FalkorDB of {region} does not let our user make users. Give it the rights to ACL SETUSER, GETUSER and SAVE, or use a server of your own where it has them (no user of FalkorDB Cloud does), then POST the tenant again.";
        /// The tenant's graph user does not have the rights that were set.
        FalkorDbGrantMissing = "falkordb_grant_missing", Transient, Platform, true,
            "The user {graph} in {region} did not have the rights that were set; check whether something else changes users. The step is tried again.";
    }
    /// OpenSearch
    OpenSearch {
        /// There is no connection to OpenSearch.
        OpenSearchUnreachable = "opensearch_unreachable", Transient, Platform, true,
            "OpenSearch of {region} could not be reached; check its address, the network path and its health.";
        /// OpenSearch shows a certificate that is not trusted.
        OpenSearchUntrusted = "opensearch_untrusted", Rejected, Platform, false,
            "OpenSearch of {region} is not trusted: {}. Check the host in the secret regions/{region}, or put its authority into opensearch.ca_pem there, then POST the tenant again.";
        /// OpenSearch did not answer in time.
        OpenSearchTimeout = "opensearch_timeout", Transient, Provider, true,
            "OpenSearch of {region} did not answer in time; the call is tried again.";
        /// OpenSearch closed the connection before its answer was complete.
        OpenSearchConnectionLost = "opensearch_connection_lost", Transient, Provider, true,
            "OpenSearch of {region} closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        OpenSearchAnswerTooLarge = "opensearch_answer_too_large", Rejected, Provider, false,
            "OpenSearch of {region} sent an answer larger than any it documents. Check that the region's endpoint is the right one, then POST the tenant again.";
        /// The region's secret holds no usable endpoint.
        OpenSearchBadConfiguration = "opensearch_bad_configuration", Internal, Platform, false,
            "The secret regions/{region} holds no usable OpenSearch endpoint, credential or ca_pem. Correct it, then POST the tenant again.";
        /// There were no AWS credentials to sign with.
        OpenSearchNoCredentials = "opensearch_no_credentials", Transient, Platform, true,
            "There were no AWS credentials to sign with; check the function's role if this persists.";
        /// The region's endpoint is a collection of OpenSearch Serverless.
        OpenSearchServerless = "opensearch_serverless", Rejected, Platform, false,
            "The OpenSearch of {region} is a Serverless collection, which is not supported: some refuse to be told the engine of a vector index. Put a managed domain or a cluster of your own into the secret regions/{region}, then POST the tenant again.";
        /// OpenSearch refused our credentials.
        OpenSearchUnauthorized = "opensearch_unauthorized", Rejected, Platform, false,
            "OpenSearch of {region} refused our credentials. Check user and password in the secret regions/{region}, or the region that requests are signed for, then POST the tenant again.";
        /// IAM does not let us use the domain.
        OpenSearchAccessPolicy = "opensearch_access_policy", Rejected, Platform, false,
            "IAM does not let the step's function use the OpenSearch domain. Name the domain in SearchDomainArns, let its access policy allow the function's role, and use sigv4 where that policy names roles, then POST the tenant again.";
        /// The security plugin does not let our user or role do this.
        OpenSearchPermissionMissing = "opensearch_permission_missing", Rejected, Platform, false,
            "The access control of OpenSearch in {region} does not let our user or role do this. Map it to a role with indices:admin/create, indices:admin/get, indices:admin/aliases and indices:admin/aliases/get on client_*, then POST the tenant again.";
        /// An operator has blocked changes of the index or the cluster.
        OpenSearchBlocked = "opensearch_blocked", Transient, Platform, true,
            "The OpenSearch cluster of {region} or its index {index} takes no changes: an operator set it read-only. Remove that block, then POST the tenant again.";
        /// The cluster takes nothing new, because its disks or its memory are nearly full.
        OpenSearchNoRoom = "opensearch_no_room", Busy, Quota, true,
            "The OpenSearch cluster of {region} takes nothing new, because its disks or its memory are nearly full. Enlarge its disks or its nodes, or delete what is not needed; once the block is gone, POST the tenant again.";
        /// The cluster has no k-NN plugin.
        OpenSearchNoKnn = "opensearch_no_knn", Rejected, Platform, false,
            "The OpenSearch cluster of {region} does not know vector indices. Install its k-NN plugin, or put another cluster into the secret regions/{region}, then POST the tenant again.";
        /// OpenSearch asks for fewer requests.
        OpenSearchRateLimited = "opensearch_rate_limited", RateLimited, Provider, true,
            "OpenSearch of {region} asks for fewer requests; the call is tried again.";
        /// OpenSearch answered with a 5xx.
        OpenSearchUnavailable = "opensearch_unavailable", Transient, Provider, true,
            "OpenSearch of {region} is unavailable; check the cluster's health if this persists.";
        /// The cluster has as many shards as it may have.
        OpenSearchShardLimit = "opensearch_shard_limit", Rejected, Quota, false,
            "The OpenSearch cluster of {region} has as many shards as it may have. Add data nodes, or raise cluster.max_shards_per_node where it can be changed, then POST the tenant again.";
        /// The number of replicas does not fit the cluster's zones.
        OpenSearchReplicas = "opensearch_replicas", Rejected, Platform, false,
            "The copies of an index cannot be spread evenly over the zones of the OpenSearch cluster of {region}. Set KnnReplicas so that 1 + KnnReplicas is a multiple of its zones, deploy the template, then POST the tenant again.";
        /// An index or alias of the tenant's name is not the one we would create.
        OpenSearchConflict = "opensearch_conflict", Rejected, Platform, false,
            "In {region}, {}. Remove or rename it, or restore the parameters it was made with, then POST the tenant again.";
        /// OpenSearch refused the index.
        OpenSearchRefused = "opensearch_refused", Rejected, Platform, false,
            "OpenSearch of {region} refused the index {index}. Check KnnEngine and KnnDimension against its version, then POST the tenant again.";
        /// OpenSearch sent an undocumented answer.
        OpenSearchUnexpectedAnswer = "opensearch_unexpected_answer", Rejected, Platform, false,
            "OpenSearch of {region} sent an undocumented answer. Check that the endpoint is the right one, then POST the tenant again.";
        /// OpenSearch accepted the index but does not show it yet.
        OpenSearchNotVisible = "opensearch_not_visible", Busy, Provider, true,
            "OpenSearch of {region} accepted the index {index} but does not show it yet; it is looked for again.";
    }
    /// Valkey
    Valkey {
        /// The secret holds no usable URL.
        ValkeyBadConfiguration = "valkey_bad_configuration", Internal, Platform, false,
            "The secret control/valkey holds no usable URL, or its ca_pem is no list of PEM certificates. Correct it, then send the request again.";
        /// There is no connection to Valkey.
        ValkeyUnreachable = "valkey_unreachable", Transient, Platform, true,
            "Valkey could not be reached; check its address, the network path and TLS.";
        /// Valkey shows a certificate that is not trusted.
        ValkeyUntrusted = "valkey_untrusted", Rejected, Platform, false,
            "Valkey is not trusted: {}. Check the host in control/valkey, or put its authority into ca_pem there, then send the request again.";
        /// Valkey did not answer in time.
        ValkeyTimeout = "valkey_timeout", Transient, Platform, true,
            "Valkey did not answer in time; check its load if this persists.";
        /// Valkey closed the connection.
        ValkeyConnectionLost = "valkey_connection_lost", Transient, Platform, true,
            "Valkey closed the connection; the call is tried again.";
        /// Valkey refused our credentials.
        ValkeyUnauthorized = "valkey_unauthorized", Rejected, Platform, false,
            "Valkey refused our credentials. Check user, password and permissions of the URL in control/valkey, then send the request again.";
        /// Valkey cannot serve for now.
        ValkeyNotReady = "valkey_not_ready", Transient, Platform, true,
            "Valkey cannot serve now; check its memory, disk, connections and replication if this persists.";
        /// Valkey refused a command.
        ValkeyRefused = "valkey_refused", Rejected, Platform, false,
            "Valkey refused a command. Check that its version is a supported one, then send the request again.";
        /// Valkey sent an undocumented answer.
        ValkeyUnexpectedAnswer = "valkey_unexpected_answer", Rejected, Platform, false,
            "Valkey sent an undocumented answer. Check its version, then send the request again.";
        /// Valkey would drop events when its memory is full.
        ValkeyEvicting = "valkey_evicting", Rejected, Platform, false,
            "Valkey would drop events when its memory is full. Set maxmemory-policy to noeviction; the event is then delivered by itself.";
    }
    /// The mail server of invitations
    Smtp {
        /// There is no connection to the mail server.
        SmtpUnreachable = "smtp_unreachable", Transient, Platform, true,
            "The mail server could not be reached from here, which says little about Supabase, from where mails are sent; check host and port in control/smtp.";
        /// The mail server shows a certificate that is not trusted.
        SmtpUntrusted = "smtp_untrusted", Rejected, Platform, false,
            "The mail server is not trusted: {}. Correct host or port in control/smtp, or give the server a certificate of a public authority, then POST the tenant again.";
        /// The mail server did not answer in time.
        SmtpTimeout = "smtp_timeout", Transient, Platform, true,
            "The mail server did not answer in time; check the port in control/smtp if this persists.";
        /// The mail server closed the connection.
        SmtpConnectionLost = "smtp_connection_lost", Transient, Platform, true,
            "The mail server closed the connection; it is asked again.";
        /// The mail server does not accept the credentials.
        SmtpUnauthorized = "smtp_unauthorized", Rejected, Platform, false,
            "The mail server does not accept username and password in control/smtp. Put valid ones, then POST the tenant again.";
        /// The mail server offers neither TLS nor STARTTLS.
        SmtpUnencrypted = "smtp_unencrypted", Rejected, Platform, false,
            "The mail server offers no encryption, and no password is sent without it. Name a port with TLS or STARTTLS in control/smtp (465 or 587), then POST the tenant again.";
        /// The mail server takes no log-in that can be made with a password.
        SmtpNoLogin = "smtp_no_login", Rejected, Platform, false,
            "The mail server offers no log-in with a password (AUTH PLAIN or LOGIN). Name another server or port in control/smtp, then POST the tenant again.";
        /// The mail server cannot serve for now.
        SmtpNotReady = "smtp_not_ready", Transient, Provider, true,
            "The mail server cannot serve now; it is asked again.";
        /// The mail server refused a command.
        SmtpRefused = "smtp_refused", Rejected, Platform, false,
            "The mail server refuses to talk to us. Correct host and port in control/smtp, then POST the tenant again.";
        /// What answers is no mail server.
        SmtpUnexpectedAnswer = "smtp_unexpected_answer", Transient, Platform, true,
            "What answers is no mail server; check host and port in control/smtp.";
    }
    /// IOMETE: the lakehouse
    Iomete {
        /// There is no connection to the lakehouse.
        IometeUnreachable = "iomete_unreachable", Transient, Platform, true,
            "The lakehouse could not be reached; check IometeUrl and the network path.";
        /// The lakehouse shows a certificate that is not trusted.
        IometeUntrusted = "iomete_untrusted", Rejected, Platform, false,
            "The lakehouse is not trusted: {}. Check IometeUrl and what intercepts the network path, then send the request again.";
        /// The lakehouse did not answer in time.
        IometeTimeout = "iomete_timeout", Transient, Provider, true,
            "The lakehouse did not answer in time; the call is tried again.";
        /// The lakehouse closed the connection before its answer was complete.
        IometeConnectionLost = "iomete_connection_lost", Transient, Provider, true,
            "The lakehouse closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        IometeAnswerTooLarge = "iomete_answer_too_large", Rejected, Provider, false,
            "The lakehouse sent an answer larger than any it documents. Check that IometeUrl is the right address, then send the request again.";
        /// The configured address or token cannot be used in a request.
        IometeBadConfiguration = "iomete_bad_configuration", Internal, Platform, false,
            "The lakehouse cannot be called with the configured address and token. Correct IometeUrl or control/iomete, then send the request again.";
        /// The lakehouse limits how often it is called.
        IometeRateLimited = "iomete_rate_limited", RateLimited, Quota, true,
            "The lakehouse limits how often it is called; the call is tried again.";
        /// The lakehouse had an error of its own, or is overloaded.
        IometeUnavailable = "iomete_unavailable", Transient, Provider, true,
            "The lakehouse had an error of its own, or is overloaded; the call is tried again.";
        /// The lakehouse does not accept the token.
        IometeUnauthorized = "iomete_unauthorized", Rejected, Platform, false,
            "The lakehouse does not accept the token, or the token lacks a right. Put a valid one into the secret control/iomete, then send the request again.";
        /// A namespace has something in it that cannot be listed.
        IometeNamespaceNotEmpty = "iomete_namespace_not_empty", Rejected, Platform, false,
            "The tenant's namespace holds something that is neither a table nor a view nor a namespace. Drop it in the lakehouse, then send the request again.";
        /// The lakehouse refused the request.
        IometeRefused = "iomete_refused", Rejected, Platform, false,
            "The lakehouse refused the request. Find out from its log why, then send the request again.";
        /// The lakehouse sent an answer of an unknown shape.
        IometeUnexpectedAnswer = "iomete_unexpected_answer", Transient, Provider, true,
            "The lakehouse sent an answer of an unknown shape; check that IometeUrl is the right address.";
    }
    /// Stripe
    Stripe {
        /// There is no connection to Stripe.
        StripeUnreachable = "stripe_unreachable", Transient, Platform, true,
            "Stripe could not be reached; check its address, the network path and its status page.";
        /// Stripe shows a certificate that is not trusted.
        StripeUntrusted = "stripe_untrusted", Rejected, Platform, false,
            "Stripe is not trusted: {}. Check StripeApiUrl and what intercepts the network path, then send the request again.";
        /// Stripe did not answer in time.
        StripeTimeout = "stripe_timeout", Transient, Provider, true,
            "Stripe did not answer in time; the call is tried again.";
        /// Stripe closed the connection before its answer was complete.
        StripeConnectionLost = "stripe_connection_lost", Transient, Provider, true,
            "Stripe closed the connection before its answer was complete; the call is tried again.";
        /// The answer is larger than any that is documented.
        StripeAnswerTooLarge = "stripe_answer_too_large", Rejected, Provider, false,
            "Stripe sent an answer larger than any it documents. Check that StripeApiUrl is the right address, then send the request again.";
        /// The configured address or key cannot be used in a request.
        StripeBadConfiguration = "stripe_bad_configuration", Internal, Platform, false,
            "Stripe cannot be called with the configured address and key. Correct them, then send the request again.";
        /// Stripe limits how often it is called.
        StripeRateLimited = "stripe_rate_limited", RateLimited, Quota, true,
            "Stripe limits how often it is called; the call is tried again.";
        /// Stripe is still at work on the same request.
        StripeBusy = "stripe_busy", Busy, Provider, true,
            "Stripe is still at work on the same request; its outcome is asked for again.";
        /// Stripe had an error of its own.
        StripeError = "stripe_error", Transient, Provider, true,
            "Stripe had an error of its own; the call is tried again. If this persists, check its status page.";
        /// Stripe does not accept the secret key.
        StripeUnauthorized = "stripe_unauthorized", Rejected, Platform, false,
            "Stripe does not accept the secret key, or the key lacks a right. Put a valid one into the secret control/stripe, then send the request again.";
        /// The tenant is billed in Stripe's live mode, and the secret key is one of test mode.
        StripeKeyOfTestMode = "stripe_key_of_test_mode", Rejected, Platform, false,
            "The tenant is billed in Stripe's live mode, but the secret control/stripe holds a key of test mode, which sees nothing of that. Put the live key back, then send the request again.";
        /// Stripe refused the request.
        StripeRejected = "stripe_rejected", Rejected, Platform, false,
            "Stripe refused the request. Look up its id in Stripe's dashboard, correct what it names, then send the request again.";
        /// Stripe sent an answer of an unknown shape.
        StripeUnexpectedAnswer = "stripe_unexpected_answer", Transient, Provider, true,
            "Stripe sent an answer of an unknown shape; check that StripeApiUrl is the right address.";
        /// Stripe replays an old error for a new request.
        StripeReplays = "stripe_replays", Busy, Provider, true,
            "Stripe replays an old error for a new request; the request is tried again.";
        /// Stripe has no active price with the tier's lookup key.
        BillingPriceMissing = "billing_price_missing", Rejected, Platform, false,
            "Stripe has no active price with the lookup key {}. Create one or change the parameter, then send the request again.";
        /// The price with the tier's lookup key is not a recurring one.
        BillingPriceOnce = "billing_price_once", Rejected, Platform, false,
            "The price with the lookup key {} is paid once, which no subscription can have. Give the key to a recurring price in Stripe, or change the parameter, then send the request again.";
        /// Billing was not settled in the time there was.
        BillingTimeout = "billing_timeout", Transient, Platform, true,
            "Billing was not settled in the time there was; it is tried again.";
        /// The new subscription ended at once.
        SubscriptionEnds = "subscription_ends", Busy, Provider, true,
            "The tenant's new subscription ended at once; it is looked at again.";
        /// The subscription does not have exactly one item.
        SubscriptionItemsSeveral = "subscription_items_several", Rejected, Platform, false,
            "The tenant's subscription {} does not have exactly one item. Leave one with a tier's price in Stripe, then send the request again.";
        /// The subscription has a price that belongs to no tier, and nothing says that it is the tenant's.
        SubscriptionPriceForeign = "subscription_price_foreign", Rejected, Platform, false,
            "The tenant's subscription {} has a price that belongs to no tier. Give it a tier's price or the tenant's id (metadata tenant_id) in Stripe, or name its lookup key in the parameters, then send the request again.";
        /// The request for the subscription was not answered, and what it made is not visible yet.
        SubscriptionNotVisible = "subscription_not_visible", Busy, Provider, true,
            "The request for the tenant's subscription was not answered; the subscription is looked for until it would be visible.";
        /// Stripe refused to change the subscription.
        SubscriptionChangeRefused = "subscription_change_refused", Rejected, Platform, false,
            "Stripe refused to change the tenant's subscription {}. Look up the request's id in Stripe's dashboard, correct what it names, then send the request again.";
    }
    /// What a check of a tenant finds broken
    TenantCheck {
        /// The tenant's project is not there any more, or does not recover without help.
        ProjectGone = "project_gone", Rejected, Platform, false,
            "The tenant's project {project} is {} at Supabase and does not recover without help. Restore it in Supabase, then check the tenant again.";
        /// The tenant's project is being changed or is unwell.
        ProjectUnwell = "project_unwell", Rejected, Provider, true,
            "The tenant's project {project} is {} at Supabase. Wait until Supabase shows it as healthy, then check the tenant again.";
        /// The tenant's secret does not hold what the project has.
        KeysOutdated = "keys_outdated", Rejected, Platform, false,
            "The tenant's secret does not hold the project's {}. Repair keys.";
        /// The project has no keys that can be used.
        KeysOff = "keys_off", Rejected, Platform, false,
            "The project {project} has no API keys that can be used. Make new ones in Supabase, or switch the old ones on, then repair keys.";
        /// Auth refuses the secret key that Supabase shows for the project.
        KeysRefused = "keys_refused", Rejected, Provider, true,
            "Supabase Auth does not accept the secret key that Supabase shows for the project {project}. A new key is known everywhere within a minute; if this stays, look in Supabase whether the key is switched off.";
        /// The tenant's database lacks migrations of this release, or the row does not say that it has them.
        SchemaOutdated = "schema_outdated", Rejected, Platform, false,
            "The schema of the tenant's database is not this release's: {}. Repair schema.";
        /// The tenant's database does not hold the rows that the migrations ship.
        SeedIncomplete = "seed_incomplete", Rejected, Platform, false,
            "The tenant's database holds {}. No step writes such rows a second time: restore them from a backup, or as the tenant-database's V5__seed.sql has them.";
        /// The tenant's admin cannot log in, or is not its admin.
        AdminUnable = "admin_unable", Rejected, Platform, false,
            "The tenant's admin {}. Unless the tenant wants it so, invite the admin again, which gives them a way in and the role.";
        /// The tenant's graph is not there, or lacks the tenant's node.
        GraphGone = "graph_gone", Rejected, Platform, false,
            "The graph {graph} in {region} is not there, or the tenant's node is not in it. Restore it from a backup of that FalkorDB: an empty one would hide the loss.";
        /// The graph's user does not have exactly its rights.
        GraphUserDiffers = "graph_user_differs", Rejected, Platform, false,
            "The user {graph} in {region} does not have exactly the password and rights that were set. Repair graph_user.";
        /// A deprovisioned tenant's graph user is on.
        GraphUserOn = "graph_user_on", Rejected, Platform, false,
            "The user {graph} in {region} may still log in, although the tenant was deprovisioned. The reconciler switches it off once that FalkorDB can be reached; if this stays, find out from its log why it does not.";
        /// The tenant's index is not there.
        SearchIndexGone = "search_index_gone", Rejected, Platform, false,
            "The index {index} in {region} is not there. Restore it from a snapshot of that OpenSearch, or index the tenant's documents anew: an empty one would hide the loss.";
        /// The tenant's index is not the one that was made.
        SearchIndexDiffers = "search_index_differs", Rejected, Platform, false,
            "In {region}, {}. Reindex into an index with the right mapping, or restore the parameters it was made with.";
        /// The alias does not lead to the whole index.
        SearchAliasDiffers = "search_alias_differs", Rejected, Platform, false,
            "In {region}, the alias {alias} {}. Repair search_alias.";
        /// The alias leads to another index, or its name is that of one.
        SearchAliasElsewhere = "search_alias_elsewhere", Rejected, Platform, false,
            "In {region}, {}. If nobody meant it so, lead the alias back to {index} there.";
        /// Stripe does not have the tenant's customer any more.
        CustomerGone = "customer_gone", Rejected, Platform, false,
            "Stripe has no customer of the tenant. Repair subscription, which makes the customer anew.";
        /// The tenant's subscription does not go on.
        SubscriptionOver = "subscription_over", Rejected, Platform, false,
            "The tenant's tier is paid for, and its subscription {}. Repair subscription.";
        /// A tenant without a paid tier is billed.
        SubscriptionGoesOn = "subscription_goes_on", Rejected, Platform, false,
            "The tenant's subscription goes on, although its tier costs nothing or it was deprovisioned. Repair subscription; a deprovisioned tenant's is cancelled by the reconciler.";
        /// The tenant's subscription has another price than its tier's.
        PriceDiffers = "price_differs", Rejected, Platform, false,
            "The tenant's subscription has {}. Repair subscription, which gives it the tier's price.";
        /// The middleware's cache may answer for ever with what is not so any more.
        CacheOutdated = "cache_outdated", Rejected, Platform, false,
            "The middleware's cache holds entries of the tenant that never expire. Repair cache, or invalidate the tenant's cache if it is not active: the middleware reads its record again then.";
        /// The version of a catalog's credentials that its row names is not there.
        CatalogSecretGone = "catalog_secret_gone", Rejected, Platform, false,
            "The credentials of the catalog {} are not there in the version that belongs to it. POST the catalog with its credentials.";
        /// A namespace into which tables are synced is not in the lakehouse.
        NamespaceGone = "namespace_gone", Rejected, Platform, false,
            "The lakehouse has no namespace {}, into which the tenant's tables are synced. If nothing was synced yet, the first sync makes it; else restore it in IOMETE.";
    }
    /// Callers' credentials: the secret control/callers and the issuer's keys
    Callers {
        /// The object `jwt` of the secret control/callers cannot be used.
        CallersJwtMalformed = "callers_jwt_malformed", Rejected, Platform, false,
            "The object jwt of the secret control/callers cannot be used: {}. Put a valid value, then send the request again.";
        /// A consumer in the secret control/callers cannot be used.
        CallersConsumerMalformed = "callers_consumer_malformed", Rejected, Platform, false,
            "The consumer {} of the secret control/callers has a field that is not known. Take it out, then send the request again.";
        /// There is no connection to the issuer's JWKS.
        JwksUnreachable = "jwks_unreachable", Transient, Platform, true,
            "The keys of a configured issuer could not be reached; check its jwks_url or discovery, the network path and the issuer's status page.";
        /// The issuer's JWKS shows a certificate that is not trusted.
        JwksUntrusted = "jwks_untrusted", Rejected, Platform, false,
            "The server with the keys of a configured issuer is not trusted: {}. Check the URL, ca_pem and what intercepts the network path.";
        /// The issuer did not answer in time.
        JwksTimeout = "jwks_timeout", Transient, Provider, true,
            "A configured issuer did not send its keys in time; it is asked again.";
        /// The issuer closed the connection before its answer was complete.
        JwksConnectionLost = "jwks_connection_lost", Transient, Provider, true,
            "The issuer closed the connection before its JWKS was complete; it is asked for again.";
        /// The JWKS is larger than is accepted.
        JwksAnswerTooLarge = "jwks_answer_too_large", Rejected, Provider, false,
            "The keys of a configured issuer are too large an answer; check that the URL is the right one.";
        /// The configured `jwks_url` cannot be called.
        JwksBadConfiguration = "jwks_bad_configuration", Internal, Platform, false,
            "The address or the ca_pem of a configured issuer cannot be used; correct it in the secret control/callers.";
        /// The issuer answered with another status than 200.
        JwksRefused = "jwks_refused", Transient, Provider, true,
            "A configured issuer did not answer 200 when asked for its keys; check its jwks_url or discovery and the issuer's status page.";
        /// The issuer's answer is not a JWKS.
        JwksMalformed = "jwks_malformed", Transient, Provider, true,
            "What a configured issuer sent is no key set, or no discovery document; check its jwks_url or discovery and the issuer's status page.";
        /// The discovery document at the issuer's address is another issuer's.
        JwksOtherIssuer = "jwks_other_issuer", Rejected, Platform, false,
            "The discovery document at the configured issuer names another issuer; write issuer in the secret control/callers exactly as the document does.";
        /// The fetch of the JWKS was interrupted.
        JwksInterrupted = "jwks_interrupted", Transient, Provider, true,
            "The fetch of the JWKS was interrupted; it is fetched again.";
    }
}

impl CauseCode {
    /// The code as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The part of the world it is about.
    #[must_use]
    pub const fn system(self) -> System {
        self.row().system
    }

    /// The code of this text; `None` if this release has no such code.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Who can mend it.
    #[must_use]
    pub const fn owner(self) -> Owner {
        self.row().owner
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let codes: BTreeSet<_> = CauseCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), CauseCode::ALL.len());
        for code in codes {
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
        }
    }

    #[test]
    fn hints_and_meanings_are_sentences() {
        for code in CauseCode::ALL {
            let row = code.row();
            assert!(row.hint.ends_with('.') && row.meaning.ends_with('.'), "{code:?}");
            assert!(row.hint.matches("{}").count() <= 1, "{code:?}");
        }
    }

    #[test]
    fn a_hint_that_asks_for_the_same_post_says_what_comes_first() {
        for code in CauseCode::ALL {
            let row = code.row();
            if row.hint.contains("POST the tenant again") && !row.retryable {
                assert!(row.hint.contains(", then POST") || row.hint.contains(" and POST"), "{code:?}");
            }
        }
    }

    #[test]
    fn causes_that_the_pipeline_retries_are_retryable_for_a_client() {
        for code in CauseCode::ALL {
            let row = code.row();
            assert!(row.retryable || !row.kind.is_retried(), "{code:?}");
        }
    }
}
