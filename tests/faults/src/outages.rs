//! Dependencies that are taken away, one after the other.

use std::time::Duration;

use anyhow::Result;
use fault_proxy::client::{Action, HeaderMatch, Match, Rule, UpstreamState, When};
use tokio::time::sleep;

use crate::stage::Stage;

/// How long each dependency is away.
pub const AWAY_FOR: Duration = Duration::from_secs(30);
/// From the return of one to the end of the next.
const BETWEEN: Duration = Duration::from_secs(15);

/// How a dependency is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// The state of an upstream of the proxy.
    Upstream(&'static str, UpstreamState),
    /// Calls of a service of AWS are cut. This is the beginning of their targets.
    Aws(&'static str),
}

/// Every dependency of a step. The bus of events is a stream in Valkey. Half of them refuse connections, the others are
/// silent, so that each way is met by HTTP, by Postgres and by RESP.
const DEPENDENCIES: [Away; 10] = [
    Away::Upstream("supabase", UpstreamState::Silent),
    Away::Upstream("postgres", UpstreamState::Refuse),
    Away::Aws("secretsmanager"),
    Away::Upstream("falkordb-us-east-1", UpstreamState::Silent),
    Away::Upstream("opensearch-us-east-1", UpstreamState::Refuse),
    Away::Upstream("pooler", UpstreamState::Silent),
    Away::Upstream("valkey", UpstreamState::Refuse),
    Away::Upstream("stripe", UpstreamState::Silent),
    // A mail server that is silent takes a mail that Auth has given up: a second mail that nobody can avoid.
    Away::Upstream("smtp", UpstreamState::Refuse),
    Away::Aws("AWSStepFunctions"),
];

impl Away {
    async fn for_a_while(self, stage: &Stage) -> Result<()> {
        match self {
            Self::Upstream(upstream, away) => {
                stage.proxy.set_state(upstream, away).await?;
                sleep(AWAY_FOR).await;
                stage.proxy.set_state(upstream, UpstreamState::Up).await?;
            }
            Self::Aws(service) => {
                let header = HeaderMatch { name: "x-amz-target".to_owned(), regex: format!("^{service}\\.") };
                let calls = Match { header: Some(header), ..Match::default() };
                let cut = Rule::new("aws", Action::Cut { when: When::Before }).matching(calls);
                let rule = stage.proxy.add(&cut).await?;
                sleep(AWAY_FOR).await;
                stage.mend(rule).await?;
            }
        }
        Ok(())
    }
}

/// Takes each dependency away once. Returns how many there are.
pub async fn one_after_the_other(stage: &Stage) -> Result<usize> {
    for away in DEPENDENCIES {
        sleep(BETWEEN).await;
        away.for_a_while(stage).await?;
    }
    Ok(DEPENDENCIES.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::effects::EFFECTS;

    #[test]
    fn every_system_that_a_step_changes_is_taken_away() {
        let of = |away: &Away| match away {
            Away::Upstream(name, _) => *name,
            Away::Aws(_) => "aws",
        };
        let away: BTreeSet<&str> = DEPENDENCIES.iter().map(of).collect();
        assert_eq!(away, EFFECTS.iter().map(|effect| effect.upstream).collect());
    }
}
