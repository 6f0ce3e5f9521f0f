//! Whoever is called finds the section: every alarm and every group of causes has one, and no section is about nothing.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use contracts::runbook::{PATH, TEMPLATES, alarms, anchor, sections};
use contracts::template::Template;
use contracts::{read, root};
use domain::{CauseCode, System};
use regex::Regex;
use serde_json::json;

/// A line shorter than this tells nobody what to do.
const WORDS: usize = 12;

fn headings(part: &str) -> Result<Vec<String>> {
    Ok(sections(part)?.into_iter().map(|(heading, _)| heading).collect())
}

#[test]
fn every_alarm_ends_with_the_link_to_its_section() -> Result<()> {
    let headings = headings("Alarms")?;
    let mut linked = BTreeSet::new();
    for (name, alarm) in alarms()? {
        let description = alarm["AlarmDescription"].as_str().with_context(|| name.clone())?;
        let (said, link) = description.rsplit_once(". ").with_context(|| description.to_owned())?;
        let heading = headings.iter().find(|heading| link == format!("{PATH}#{}", anchor(heading)));
        let heading = heading.with_context(|| format!("{name}: {link} leads nowhere"))?;
        ensure!(name.starts_with(heading.as_str()), "{name} leads to the section of {heading}");
        ensure!(said.split(' ').count() >= 5 && description.len() <= 1024, "{name}: {description}");
        assert_eq!(alarm["AlarmActions"], json!([{ "Ref": "Topic" }]), "{name}");
        linked.insert(heading.clone());
    }
    assert_eq!(linked, headings.into_iter().collect());
    Ok(())
}

#[test]
fn every_group_of_causes_has_a_section() -> Result<()> {
    let titles: Vec<_> = System::ALL.iter().map(|system| system.title()).collect();
    assert_eq!(headings("Causes")?, titles);
    let anchors: BTreeSet<_> = titles.iter().map(|title| anchor(title)).collect();
    assert_eq!(anchors.len(), titles.len());
    Ok(())
}

#[test]
fn a_section_says_what_to_do() -> Result<()> {
    for part in ["Alarms", "Causes", "Procedures"] {
        for (heading, text) in sections(part)? {
            ensure!(text.split_whitespace().count() >= WORDS, "{heading} says next to nothing");
        }
    }
    Ok(())
}

/// A code that was renamed is not found by whoever searches for it.
#[test]
fn every_cause_that_is_named_exists() -> Result<()> {
    let known: BTreeSet<_> = CauseCode::ALL.iter().map(|code| code.as_str()).collect();
    let groups: BTreeSet<_> = known.iter().filter_map(|code| code.split_once('_')).map(|(first, _)| first).collect();
    let name = Regex::new("`([a-z]+(?:_[a-z]+)+)`")?;
    let mut named = 0;
    for (heading, text) in sections("Alarms")?.into_iter().chain(sections("Causes")?) {
        for found in name.captures_iter(&text) {
            let code = &found[1];
            // Names of other things share no first word with a cause.
            let is_other =
                ["request_id", "last_error", "ca_pem", "source_address", "latency_ms", "correlation_id", "tenant_id"];
            if groups.contains(code.split('_').next().unwrap_or_default()) && !is_other.contains(&code) {
                ensure!(known.contains(code), "{heading} names {code}");
                named += 1;
            }
        }
    }
    ensure!(named > 20, "{named} codes were found");
    Ok(())
}

#[test]
fn every_link_of_the_runbook_leads_somewhere() -> Result<()> {
    let document = read(PATH)?;
    let own: BTreeSet<_> =
        document.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').map(anchor)).collect();
    let link = Regex::new(r"\]\(([^)]+)\)")?;
    for found in link.captures_iter(&document) {
        let (path, fragment) = found[1].split_once('#').unwrap_or((&found[1], ""));
        let there = if path.is_empty() { own.contains(fragment) } else { root()?.join("infra").join(path).exists() };
        ensure!(there, "{} leads nowhere", &found[1]);
    }
    Ok(())
}

/// A metric filter counts lines by the names of their fields, which our functions or Lambda give them.
#[test]
fn an_alarm_counts_lines_that_somebody_writes() -> Result<()> {
    let template = Template::of(TEMPLATES[0])?;
    let written = ["$.level", "$.verdict", "$.status", "$.type", "$.record.status"];
    let field = Regex::new(r"\$\.[a-z_.]+")?;
    for name in &template.order {
        let resource = template.resource(name)?;
        if resource["Type"] == "AWS::Logs::MetricFilter" {
            let pattern = resource["Properties"]["FilterPattern"].as_str().context("FilterPattern")?;
            for found in field.find_iter(pattern) {
                ensure!(written.contains(&found.as_str()), "{name}: {}", found.as_str());
            }
            let metric = &resource["Properties"]["MetricTransformations"][0];
            let looks = alarms()?.iter().any(|(_, alarm)| alarm["MetricName"] == metric["MetricName"]);
            ensure!(looks, "no alarm looks at what {name} counts");
        }
    }
    Ok(())
}

/// The runbook says which alarms the tests see. The others look at what only an account has.
#[test]
fn every_alarm_was_seen_or_is_named_as_not_seen() -> Result<()> {
    let (document, tests) = (read(PATH)?, read("tests/e2e/tests/alarms/seen.rs")?);
    let part = document.split_once("## Alarms that were seen\n").context("no section")?.1;
    let (part, _) = part.split_once("\n## ").context("no end")?;
    let (seen, not) = part.split_once("\nNot seen,").context("nothing is not seen")?;
    let names = |text: &str| -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).filter(|name| !name.contains(['/', '.'])).map(str::to_owned).collect()
    };
    let (seen, not) = (names(seen), names(not));
    ensure!(seen.is_disjoint(&not), "both: {:?}", seen.intersection(&not));
    for name in &seen {
        ensure!(tests.contains(&format!("`{name}`")), "no test names {name}");
    }
    let alarms = alarms()?.into_iter().map(|(name, _)| name).collect();
    assert_eq!(&seen | &not, alarms);
    Ok(())
}
