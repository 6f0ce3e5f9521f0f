//! The graph, and its user.

use domain::{CauseCode, Failure, TenantPart};
use graph_users::{Found, Rights};
use store::ResourceKind;

use crate::TenantCheck;
use crate::finding::{Finding, Findings};
use crate::project::NOT_MADE;
use crate::subject::Subject;

impl TenantCheck {
    pub(crate) async fn graph(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        if !subject.has(ResourceKind::Graph) {
            found.not_needed(&[TenantPart::Graph, TenantPart::GraphUser], NOT_MADE);
            return Ok(());
        }
        let graph = self.graphs.of(&subject.tenant).await?;
        let part = Finding::of(TenantPart::Graph).named(graph.name()).expecting("there, with the tenant's node");
        found.add(match graph.seen().await? {
            Found::Ours => part.finding("the same").ok(),
            Found::Nothing | Found::Unmarked => {
                part.finding("not there, or without that node").broken(CauseCode::GraphGone)
            }
            Found::Foreign => part.finding("another tenant's").broken(CauseCode::FalkorDbForeignGraph),
        });
        let part = Finding::of(TenantPart::GraphUser).named(graph.name());
        let rights = graph.rights().await?;
        let seen = match rights {
            Rights::AsGranted => "on, with exactly its rights",
            Rights::Nothing => "off",
            Rights::Nobody => "not there",
            Rights::Others => "another password or other rights",
        };
        found.add(if subject.is_off() {
            let part = part.expecting("off").finding(seen);
            match rights {
                Rights::Nothing | Rights::Nobody => part.ok(),
                Rights::AsGranted | Rights::Others => part.broken(CauseCode::GraphUserOn),
            }
        } else {
            let part = part.expecting("on, with exactly its rights").finding(seen);
            match rights {
                Rights::AsGranted => part.ok(),
                Rights::Nothing | Rights::Nobody | Rights::Others => part.broken(CauseCode::GraphUserDiffers),
            }
        });
        Ok(())
    }
}
