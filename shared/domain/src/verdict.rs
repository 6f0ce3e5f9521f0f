//! What a check of a region says about the systems that its tenants will need.

use serde::Serialize;

use crate::words::words;
use crate::{Cause, Region, Tier};

words! {
    /// An outside system that is checked before anything is made for a tenant.
    Checked, "must be an outside system" {
        /// A region's graphs.
        FalkorDb = "falkordb",
        /// A region's vector indices.
        OpenSearch = "opensearch",
        /// The organisation of the tenants' projects, and whether it may have some in a region.
        Supabase = "supabase",
        /// The account that bills the tenants, with one tier's price.
        Stripe = "stripe",
        /// The middleware's cache and the events.
        Valkey = "valkey",
        /// The mail server of invitations.
        Smtp = "smtp",
    }
}

words! {
    /// Something that works, and that whoever runs the installation should know.
    Warning, "must be a warning" {
        /// A query may run for ever.
        FalkorDbNoTimeout = "falkordb_no_timeout",
        /// A query may take all of the server's memory.
        FalkorDbNoMemoryCap = "falkordb_no_memory_cap",
        /// A query may load from the outside.
        FalkorDbLoadCsv = "falkordb_load_csv",
        /// What it limits is not shown to our user.
        FalkorDbLimitsUnknown = "falkordb_limits_unknown",
        /// Whether our user may do what it has to is not known before it does it.
        FalkorDbRightsUnknown = "falkordb_rights_unknown",
        /// A purge could not delete a graph or its user.
        FalkorDbNoPurge = "falkordb_no_purge",
        /// A purge could not delete an index.
        OpenSearchNoPurge = "opensearch_no_purge",
        /// Supabase reports trouble with new projects in the region.
        SupabaseRegionStrained = "supabase_region_strained",
        /// The key is one of test mode.
        StripeTestMode = "stripe_test_mode",
        /// Whether our user may do what it has to is not known before it does it.
        ValkeyRightsUnknown = "valkey_rights_unknown",
        /// The password is sent in plain, to this machine itself.
        SmtpInPlain = "smtp_in_plain",
    }
}

impl Warning {
    /// What to do about it, for people.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::FalkorDbNoTimeout => {
                "A tenant's query may run for ever and keep others waiting. Set TIMEOUT_MAX and TIMEOUT_DEFAULT of FalkorDB."
            }
            Self::FalkorDbNoMemoryCap => {
                "A tenant's query may take all memory of FalkorDB, which ends it for every tenant of the region. Set QUERY_MEM_CAPACITY."
            }
            Self::FalkorDbLoadCsv => {
                "A tenant's query may read HTTPS addresses from where FalkorDB is (LOAD CSV), and no setting of FalkorDB forbids it. Block the server's outgoing connections, and keep IMPORT_FOLDER empty."
            }
            Self::FalkorDbLimitsUnknown => {
                "FalkorDB does not show our user its limits. Allow it GRAPH.CONFIG, or see to TIMEOUT_MAX, TIMEOUT_DEFAULT, QUERY_MEM_CAPACITY and LOAD CSV yourself."
            }
            Self::FalkorDbRightsUnknown => {
                "Whether our user may do what FalkorDB is needed for can only be tried. Allow it MULTI and DISCARD, with which nothing is carried out."
            }
            Self::FalkorDbNoPurge => {
                "Our user of FalkorDB may not delete what a purge has to. Allow it GRAPH.DELETE and ACL DELUSER before a tenant is purged."
            }
            Self::OpenSearchNoPurge => {
                "Our user of OpenSearch may not delete what a purge has to. Allow it indices:admin/delete on client_* before a tenant is purged."
            }
            Self::SupabaseRegionStrained => {
                "Supabase reports that new projects in this region may fail just now; see its status page."
            }
            Self::StripeTestMode => "The key in control/stripe is one of test mode: nobody is billed.",
            Self::ValkeyRightsUnknown => {
                "Whether our user may do what Valkey is needed for can only be tried. Allow it MULTI and DISCARD, with which nothing is carried out."
            }
            Self::SmtpInPlain => "The mail server has no TLS. It is on this machine, so the password stays here.",
        }
    }
}

/// What is known about one system, for the tenants of one region or of all, of one tier or of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which system.
    pub system: Checked,
    /// The tenants' region; `None`: all of them.
    pub region: Option<Region>,
    /// The tenants' tier; `None`: all of them.
    pub tier: Option<Tier>,
    /// Why the system cannot be used, or why nothing is known about it. `None`: it can be used.
    pub cause: Option<Cause>,
    /// Nothing but a change by somebody mends the cause, so nothing is made for these tenants.
    pub stops: bool,
    /// What else should be known.
    pub warnings: Vec<Warning>,
}
