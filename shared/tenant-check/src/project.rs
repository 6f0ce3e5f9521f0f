//! The Supabase project, and its keys.

use std::time::Duration;

use domain::{CauseCode, Failure, TenantPart};
use supabase::ProjectStatus;
use supabase_project::SeenKeys;

use crate::TenantCheck;
use crate::finding::{Finding, Findings};
use crate::subject::Subject;

/// Why a deprovisioned tenant's keys, database and admin are not looked at.
pub(crate) const ACCESS_ENDED: &str = "the tenant's access has ended";
/// Why a part is not looked at that no step has made.
pub(crate) const NOT_MADE: &str = "not made yet";

impl TenantCheck {
    pub(crate) async fn project(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        let Some(project) = subject.project()? else {
            found.not_needed(&[TenantPart::Project], NOT_MADE);
            return Ok(());
        };
        let status = self.project.status(&project).await?;
        let part = Finding::of(TenantPart::Project).named(project.as_str()).expecting("ACTIVE_HEALTHY");
        let shown = status.map_or_else(|| "not there".to_owned(), shown);
        found.add(match status {
            Some(ProjectStatus::ActiveHealthy) => part.finding(shown).ok(),
            Some(status) if !status.is_terminal() && subject.is_being_made() => part.not_needed(shown),
            Some(status) if !status.is_terminal() => {
                part.finding(&*shown).broken(Failure::with_detail(CauseCode::ProjectUnwell, shown))
            }
            Some(_) | None => part.finding(&*shown).broken(Failure::with_detail(CauseCode::ProjectGone, shown)),
        });
        Ok(())
    }

    pub(crate) async fn keys(&self, subject: &Subject, found: &Findings<'_>, call: Duration) -> Result<(), Failure> {
        let part = Finding::of(TenantPart::Keys);
        if subject.is_off() {
            found.add(part.not_needed(ACCESS_ENDED));
            return Ok(());
        }
        // Step 2 writes the keys, and step 3 needs them.
        let (Some(project), Some(_)) = (subject.project()?, subject.tenant.schema_version) else {
            found.add(part.not_needed(NOT_MADE));
            return Ok(());
        };
        let part = part.expecting("the project's keys and pooler in the tenant's secret, accepted by Auth");
        found.add(match self.project.keys(&subject.tenant, &project, call).await? {
            SeenKeys::Good => part.finding("the same, accepted").ok(),
            SeenKeys::Refused => part.finding("the same, refused").broken(CauseCode::KeysRefused),
            SeenKeys::Outdated(what) => {
                part.finding(format!("other {what}")).broken(Failure::with_detail(CauseCode::KeysOutdated, what))
            }
        });
        Ok(())
    }
}

/// A state as Supabase writes it.
fn shown(status: ProjectStatus) -> String {
    serde_json::to_value(status).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
