//! Who reads decides how it is printed.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::answers::{NAMES, active, failed, running, tenant};
use crate::program::Ivory;
use crate::server::{Reply, Server};
use crate::terminal::Terminal;

const PATIENCE: Duration = Duration::from_secs(20);
const STATUS: &str = "tenant status acme-bank";

async fn on_a_terminal(ivory: &Ivory, size: (u16, u16), line: &str) -> Result<Terminal> {
    let mut terminal = Terminal::open(ivory, size, line)?;
    assert_eq!(terminal.ends(PATIENCE).await?, 0, "{}", terminal.screen());
    Ok(terminal)
}

#[tokio::test]
async fn people_get_a_table_and_programs_json() -> Result<()> {
    let server = Server::replying(|_| tenant("Acme Bank")).await?;
    let ivory = Ivory::at(&server.url)?;
    assert_eq!(ivory.json(0, "tenant get acme-bank").await?["display_name"], "Acme Bank");
    let table = on_a_terminal(&ivory, (30, 100), "tenant get acme-bank").await?.screen();
    ensure!(table.contains("Acme Bank") && !table.contains('{'), "{table}");
    let json = on_a_terminal(&ivory, (30, 100), "tenant get acme-bank -o json").await?.screen();
    ensure!(json.starts_with('{'), "{json}");
    Ok(())
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() -> Result<()> {
    let server = Server::replying(|_| failed("platform", "opensearch_conflict", "Mend it.")).await?;
    let coloured = |text: &str| text.contains("\u{1b}[3") || text.contains("\u{1b}[9") || text.contains("\u{1b}[1m");
    let ivory = Ivory::at(&server.url)?;
    ensure!(coloured(&on_a_terminal(&ivory, (30, 100), STATUS).await?.raw()), "no colours");
    ensure!(!coloured(&ivory.run(&format!("{STATUS} -o table")).await?.all()), "colours for a program");
    let ivory = ivory.set("NO_COLOR", "1");
    ensure!(!coloured(&on_a_terminal(&ivory, (30, 100), STATUS).await?.raw()), "colours in spite of NO_COLOR");
    ensure!(
        coloured(&on_a_terminal(&ivory.set("NO_COLOR", ""), (30, 100), STATUS).await?.raw()),
        "an empty NO_COLOR counts"
    );
    Ok(())
}

/// A row that is broken in two cannot be read as one.
#[tokio::test]
async fn a_table_fits_the_terminal() -> Result<()> {
    let listed = |number: usize| {
        json!({
            "display_name": "A bank whose name is long, 銀行 with wide characters in it ".repeat(number),
            "is_active": true,
            "provisioned_at": "2026-01-02T03:04:05.000000Z",
            "provisioning_state": "active",
            "region": "ap-southeast-1",
            "slug": format!("acme-bank-{number}"),
            "tenant_id": "0198c0de-0000-7000-8000-000000000001",
            "tier": "enterprise_plus",
        })
    };
    let list = json!((1..4).map(listed).collect::<Vec<_>>());
    let server = Server::replying(move |_| Reply::json(200, &list)).await?;
    for columns in [70, 80, 140] {
        let screen = on_a_terminal(&Ivory::at(&server.url)?, (30, columns), "tenant list").await?.screen();
        let rows: Vec<_> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
        ensure!(rows.len() == 4, "not one row each in {columns} columns:\n{screen}");
        ensure!(rows[1..].iter().all(|row| row.contains("acme-bank-")), "no slug in {columns} columns:\n{screen}");
    }
    Ok(())
}

/// A name that is typed is the one that is meant.
#[tokio::test]
async fn a_deletion_is_confirmed_by_the_name() -> Result<()> {
    let gone = Reply::Answer { status: 204, headers: vec![], body: String::new() };
    for (typed, code, sent) in [("acme", 3, vec![]), ("acme-bank", 0, vec!["DELETE /v1/admin/tenants/acme-bank"])] {
        let server = Server::script([gone.clone()]).await?;
        let mut terminal = Terminal::open(&Ivory::at(&server.url)?, (30, 100), "tenant delete acme-bank")?;
        terminal.shows("acme-bank", PATIENCE).await?;
        terminal.types(&format!("{typed}\n"))?;
        assert_eq!(terminal.ends(PATIENCE).await?, code, "{}", terminal.screen());
        assert_eq!(server.lines(), sent, "{typed}");
    }
    Ok(())
}

/// A list is as long as it is, however many pages the API makes of it.
#[tokio::test]
async fn a_list_has_all_pages() -> Result<()> {
    let page = |slug: &str| Reply::json(200, &json!([{ "slug": slug }]));
    let pages = || [page("one").with("link", "</v1/admin/tenants?limit=1&cursor=Aa%2Fb>; rel=\"next\""), page("two")];
    let server = Server::script(pages()).await?;
    let all = Ivory::at(&server.url)?.text("tenant list -o name").await?;
    assert_eq!((all.as_str(), server.asked().len()), ("one\ntwo\n", 2));
    let next = &server.asked()[1].path;
    ensure!(next.starts_with("/v1/admin/tenants?") && next.contains("cursor=Aa%2Fb"), "{next}");
    let server = Server::script(pages()).await?;
    let first = Ivory::at(&server.url)?.text("tenant list -o name --limit 1").await?;
    assert_eq!((first.as_str(), server.asked().len()), ("one\n", 1));
    Ok(())
}

/// While nine lines are drawn again and again, what is said stands above them and stays.
#[tokio::test]
async fn what_is_said_meanwhile_does_not_move_the_steps() -> Result<()> {
    let later = Reply::problem(503, "unavailable").with("retry-after", "1");
    let server = Server::script([running(), later, running(), active()]).await?;
    let line = "--debug tenant watch acme-bank --poll-every 500ms";
    let screen = on_a_terminal(&Ivory::at(&server.url)?, (40, 100), line).await?.screen();
    let rows: Vec<_> = screen.lines().collect();
    let first = rows.iter().position(|row| row.contains(NAMES[0])).unwrap_or_default();
    for (row, name) in rows[first..].iter().zip(NAMES) {
        ensure!(row.starts_with(" ✓") && row.contains(name), "no line of {name}:\n{screen}");
        assert_eq!(screen.matches(name).count(), 1, "{name} several times:\n{screen}");
    }
    let said = |text: &str| rows[..first].iter().any(|row| row.contains(text));
    ensure!(said("> GET") && said("again in 1 s"), "it is gone:\n{screen}");
    ensure!(rows[first + NAMES.len()].starts_with("acme-bank is active"), "{screen}");
    Ok(())
}

/// Whoever pipes into `head` gets no panic.
#[tokio::test]
async fn a_reader_may_stop_reading() -> Result<()> {
    let mut child = Ivory::new()?.start("completions zsh")?;
    drop(child.stdout.take());
    let said = crate::program::Said::of(child).await?;
    ensure!(said.code == Some(0) && said.err.is_empty(), "{said:#?}");
    Ok(())
}
