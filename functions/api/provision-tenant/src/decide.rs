//! What to do about a request, given the tenant of its slug. Pure, so that a table can test every case.

use api_kit::Problem;
use api_kit::records::NotApplied;
use domain::{ProvisionRequest, ProvisioningState, Region};
use store::{BegunEffects, Tenant, Values};

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// There is no such tenant: write its row.
    Create,
    /// The row is there, written by this request: start its run. Starting an attempt twice starts it once.
    Start(&'a Tenant),
    /// A run is there already: correct the row as far as it is not too late, and look after the run.
    Join(&'a Tenant, Corrections),
    /// The run failed: resume it with these corrections, all or none.
    Resume(&'a Tenant, Corrections),
    /// Refuse the request.
    Refuse(Refusal),
}

/// Values of the tenant that the request wants changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrections {
    pub display_name: bool,
    pub tier: bool,
    pub admin_email: bool,
}

/// A value that was used already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    AdminEmail,
    DisplayName,
    Tier,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    RegionNotConfigured,
    Active,
    Deprovisioned,
    RegionFixed,
    TooLate(Used),
}

/// Decides. `tenant` is the tenant of the slug, if there is one. `configured` are the installation's regions. `unanswered`
/// says that an earlier write of this request got no answer, so that the row may be its own.
pub fn decide<'a>(
    tenant: Option<&'a Tenant>,
    asked: &ProvisionRequest,
    configured: &[Region],
    unanswered: bool,
) -> Action<'a> {
    let Some(tenant) = tenant else {
        let served = configured.contains(&asked.region);
        return if served { Action::Create } else { Action::Refuse(Refusal::RegionNotConfigured) };
    };
    match tenant.state {
        ProvisioningState::Active => Action::Refuse(Refusal::Active),
        ProvisioningState::Deprovisioned => Action::Refuse(Refusal::Deprovisioned),
        ProvisioningState::Provisioning | ProvisioningState::Failed if tenant.region != asked.region => {
            Action::Refuse(Refusal::RegionFixed)
        }
        ProvisioningState::Provisioning => match Corrections::between(tenant, asked) {
            // A row with other values is somebody else's.
            Corrections::NONE if unanswered => Action::Start(tenant),
            corrections => Action::Join(tenant, corrections),
        },
        ProvisioningState::Failed => Action::Resume(tenant, Corrections::between(tenant, asked)),
    }
}

impl Corrections {
    pub const NONE: Self = Self { display_name: false, tier: false, admin_email: false };

    /// A request without a tier wants the one of the row.
    fn between(tenant: &Tenant, asked: &ProvisionRequest) -> Self {
        Self {
            display_name: tenant.display_name != asked.display_name,
            tier: asked.tier.is_some_and(|tier| tier != tenant.tier),
            admin_email: tenant.admin_email != asked.admin_email,
        }
    }

    /// Those that come too late, given the effects that were begun with the old values.
    pub fn too_late(self, begun: BegunEffects) -> Vec<Used> {
        let late = [
            (begun.invited && self.admin_email, Used::AdminEmail),
            (begun.billed && self.display_name, Used::DisplayName),
            (begun.billed && self.tier, Used::Tier),
        ];
        late.into_iter().filter_map(|(late, used)| late.then_some(used)).collect()
    }

    /// All but these.
    pub fn without(mut self, late: &[Used]) -> Self {
        for used in late {
            match used {
                Used::AdminEmail => self.admin_email = false,
                Used::DisplayName => self.display_name = false,
                Used::Tier => self.tier = false,
            }
        }
        self
    }

    /// The row's values with these corrections.
    pub fn of<'a>(self, tenant: &'a Tenant, asked: &'a ProvisionRequest) -> Values<'a> {
        Values {
            display_name: if self.display_name { &asked.display_name } else { &tenant.display_name },
            tier: asked.tier.filter(|_| self.tier).unwrap_or(tenant.tier),
            admin_email: if self.admin_email { &asked.admin_email } else { &tenant.admin_email },
        }
    }
}

impl Used {
    /// The request's field, why its value cannot be changed, and how it can be later.
    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::AdminEmail => (
                "admin_email",
                "an invitation to the address first given was begun",
                "once the tenant is active, POST /v1/admin/tenants/{slug}/invitation with the other address",
            ),
            Self::DisplayName => (
                "display_name",
                "billing under the name first given was begun",
                "PATCH /v1/admin/tenants/{slug} changes the tenant's name",
            ),
            Self::Tier => (
                "tier",
                "billing of the tier first given was begun",
                "once the tenant is active, PATCH /v1/admin/tenants/{slug} changes its tier",
            ),
        }
    }

    /// As an answer names it.
    pub fn not_applied(self) -> NotApplied {
        let (field, why, later) = self.texts();
        NotApplied { field, reason: format!("{why}; {later}") }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RegionNotConfigured => Self::region_not_configured(),
            Refusal::Active => Self::tenant_active(),
            Refusal::Deprovisioned => Self::tenant_deprovisioned(),
            Refusal::RegionFixed => {
                Self::immutable_field("region", "the tenant's data may already be in the region first asked for")
            }
            Refusal::TooLate(used) => {
                let (field, why, _) = used.texts();
                Self::immutable_field(field, why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, Tier};
    use jiff::Timestamp;

    use super::*;

    fn asked() -> ProvisionRequest {
        ProvisionRequest {
            slug: "acme".parse().expect("a slug"),
            display_name: "Acme".parse().expect("a name"),
            region: Region::UsEast1,
            tier: Some(Tier::Enterprise),
            admin_email: "admin@acme.com".parse().expect("an address"),
        }
    }

    /// The row that [`asked`] would have written, in a state, but for some values.
    fn tenant(state: ProvisioningState, region: Region, other: Corrections) -> Tenant {
        let asked = asked();
        let parsed = |name: &str| name.parse().expect("a name");
        Tenant {
            tenant_id: "019a0000-0000-7000-8000-000000000001".parse::<TenantId>().expect("an id"),
            slug: asked.slug,
            display_name: if other.display_name { parsed("Other") } else { asked.display_name },
            region,
            tier: if other.tier { Tier::Pilot } else { Tier::Enterprise },
            admin_email: if other.admin_email {
                "other@acme.com".parse().expect("an address")
            } else {
                asked.admin_email
            },
            supabase_url: None,
            supabase_project_ref: None,
            falkordb_graph_name: None,
            opensearch_alias: None,
            schema_version: None,
            custom_domain: None,
            stripe_customer_id: None,
            state,
            is_active: state == ProvisioningState::Active,
            error_message: None,
            attempt: 1,
            correlation_id: String::new(),
            version: 1,
            touched_at: Timestamp::UNIX_EPOCH,
            provisioned_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            activated_at: None,
            restored_at: None,
            lost_domain: None,
            hold: None,
        }
    }

    /// Every combination of corrections.
    fn corrections() -> impl Iterator<Item = Corrections> {
        (0..8).map(|bits| Corrections { display_name: bits & 1 != 0, tier: bits & 2 != 0, admin_email: bits & 4 != 0 })
    }

    #[test]
    fn without_a_row_the_region_decides() {
        let (two, none) = (&[Region::UsEast1, Region::EuCentral1][..], &[][..]);
        let refused = Action::Refuse(Refusal::RegionNotConfigured);
        for (region, configured, action) in [
            (Region::UsEast1, two, Action::Create),
            (Region::EuCentral1, two, Action::Create),
            (Region::ApSoutheast1, two, refused),
            (Region::UsEast1, none, refused),
        ] {
            for unanswered in [false, true] {
                let asked = ProvisionRequest { region, ..asked() };
                assert_eq!(
                    decide(None, &asked, configured, unanswered),
                    action,
                    "{region} {configured:?} {unanswered}"
                );
            }
        }
    }

    #[test]
    fn with_a_row_its_state_region_and_values_decide() {
        enum Expected {
            Refused(Refusal),
            /// If the row has the request's values, else joined.
            Started,
            Joined,
            /// With whatever corrections the request has.
            Resumed,
        }
        use Expected::{Joined, Refused, Resumed, Started};
        use ProvisioningState::{Active, Deprovisioned, Failed, Provisioning};
        // State, whether the row is in another region, whether a write was unanswered, and what is done.
        let table = [
            (Active, false, false, Refused(Refusal::Active)),
            (Active, false, true, Refused(Refusal::Active)),
            (Active, true, false, Refused(Refusal::Active)),
            (Active, true, true, Refused(Refusal::Active)),
            (Deprovisioned, false, false, Refused(Refusal::Deprovisioned)),
            (Deprovisioned, false, true, Refused(Refusal::Deprovisioned)),
            (Deprovisioned, true, false, Refused(Refusal::Deprovisioned)),
            (Deprovisioned, true, true, Refused(Refusal::Deprovisioned)),
            (Provisioning, false, false, Joined),
            (Provisioning, false, true, Started),
            (Provisioning, true, false, Refused(Refusal::RegionFixed)),
            (Provisioning, true, true, Refused(Refusal::RegionFixed)),
            (Failed, false, false, Resumed),
            (Failed, false, true, Resumed),
            (Failed, true, false, Refused(Refusal::RegionFixed)),
            (Failed, true, true, Refused(Refusal::RegionFixed)),
        ];
        assert_eq!(table.len(), ProvisioningState::ALL.len() * 4);
        let asked = asked();
        for (state, elsewhere, unanswered, expected) in table {
            for corrections in corrections() {
                let tenant = tenant(state, if elsewhere { Region::EuCentral1 } else { asked.region }, corrections);
                let action = match expected {
                    Refused(refusal) => Action::Refuse(refusal),
                    Started if corrections == Corrections::NONE => Action::Start(&tenant),
                    Started | Joined => Action::Join(&tenant, corrections),
                    Resumed => Action::Resume(&tenant, corrections),
                };
                // A row whose region is not configured any more is treated like any other.
                for configured in [&[Region::UsEast1][..], &[]] {
                    assert_eq!(decide(Some(&tenant), &asked, configured, unanswered), action, "{unanswered}");
                }
            }
        }
    }

    #[test]
    fn a_request_without_a_tier_keeps_the_tier_of_the_row() {
        let asked = ProvisionRequest { tier: None, ..asked() };
        let other_tier = Corrections { tier: true, ..Corrections::NONE };
        let pilot = tenant(ProvisioningState::Failed, asked.region, other_tier);
        assert_eq!(decide(Some(&pilot), &asked, &[], false), Action::Resume(&pilot, Corrections::NONE));
        assert_eq!(Corrections::NONE.of(&pilot, &asked).tier, Tier::Pilot);
    }

    #[test]
    fn a_correction_is_too_late_once_the_old_value_was_used() {
        for corrections in corrections() {
            for (invited, billed) in [(false, false), (true, false), (false, true), (true, true)] {
                let late = corrections.too_late(BegunEffects { invited, billed });
                let expected = [
                    (invited && corrections.admin_email, Used::AdminEmail),
                    (billed && corrections.display_name, Used::DisplayName),
                    (billed && corrections.tier, Used::Tier),
                ];
                for (is_late, used) in expected {
                    assert_eq!(late.contains(&used), is_late, "{corrections:?} {invited} {billed} {used:?}");
                }
                let asked = asked();
                let row = tenant(ProvisioningState::Provisioning, asked.region, corrections);
                let values = corrections.without(&late).of(&row, &asked);
                assert_eq!(*values.admin_email == asked.admin_email, !late.contains(&Used::AdminEmail));
                assert_eq!(*values.display_name == asked.display_name, !late.contains(&Used::DisplayName));
                assert_eq!(Some(values.tier) == asked.tier, !late.contains(&Used::Tier));
            }
        }
    }
}
