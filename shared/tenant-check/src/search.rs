//! The index, and the alias that applications use.

use domain::{CauseCode, Failure, TenantPart, names};
use region_search::SeenAlias;
use store::ResourceKind;

use crate::TenantCheck;
use crate::finding::{Finding, Findings};
use crate::project::NOT_MADE;
use crate::subject::Subject;

impl TenantCheck {
    pub(crate) async fn search(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        if !subject.has(ResourceKind::SearchIndex) {
            found.not_needed(&[TenantPart::SearchIndex, TenantPart::SearchAlias], NOT_MADE);
            return Ok(());
        }
        let tenant = &subject.tenant;
        let (index, alias) = (names::search_index(&tenant.slug), names::search_alias(&tenant.slug));
        let seen = self.search.seen(tenant.region, &index, &alias).await?;
        let part =
            Finding::of(TenantPart::SearchIndex).named(&*index).expecting("there, with the mapping it was made with");
        found.add(match seen.index {
            Some(Ok(version)) => part.finding(format!("version {} of the mapping", version as u8)).ok(),
            Some(Err(differs)) => part
                .finding("another mapping or other settings")
                .broken(Failure::with_detail(CauseCode::SearchIndexDiffers, differs.to_string())),
            None => part.finding("not there").broken(CauseCode::SearchIndexGone),
        });
        let part =
            Finding::of(TenantPart::SearchAlias).named(alias).expecting("leads to the whole index, and to no other");
        let differs = |how: &str| Failure::with_detail(CauseCode::SearchAliasDiffers, how);
        found.add(match seen.alias {
            SeenAlias::Whole => part.finding("the same").ok(),
            SeenAlias::Missing => part.finding("not there").broken(differs("is not there")),
            SeenAlias::Partly => part
                .finding("leads to a part, or not for writes")
                .broken(differs("leads to a part of {index}, or not for writes")),
            SeenAlias::Elsewhere(where_to) => part
                .finding("leads to another index")
                .broken(Failure::with_detail(CauseCode::SearchAliasElsewhere, where_to.to_string())),
        });
        Ok(())
    }
}
