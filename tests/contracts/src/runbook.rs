//! The headings of `infra/RUNBOOK.md`, to which alarms and causes link, and the alarms.

use anyhow::Result;
use serde_json::Value;

use crate::read;
use crate::template::Template;

/// The document's path from the root.
pub const PATH: &str = "infra/RUNBOOK.md";
/// The templates with alarms.
pub const TEMPLATES: [&str; 2] = ["infra/aws/alarms.yaml", "infra/aws/region.yaml"];

/// The part of a link that leads to this heading, as GitHub makes it.
#[must_use]
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The sections (`###`) of one part (`##`), each with its text.
///
/// # Errors
/// The document cannot be read.
pub fn sections(part: &str) -> Result<Vec<(String, String)>> {
    let document = read(PATH)?;
    let parts = document.split("\n## ").filter_map(|text| text.split_once('\n'));
    let text = parts.filter(|(heading, _)| *heading == part).map(|(_, text)| text).collect::<String>();
    let sections = text.split("\n### ").skip(1).filter_map(|section| section.split_once('\n'));
    Ok(sections.map(|(heading, text)| (heading.to_owned(), text.to_owned())).collect())
}

/// The properties of every alarm, with its name.
///
/// # Errors
/// A template cannot be read.
pub fn alarms() -> Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    for path in TEMPLATES {
        let template = Template::of(path)?;
        for name in &template.order {
            let resource = template.resource(name)?;
            if resource["Type"] == "AWS::CloudWatch::Alarm" {
                found.push((name.clone(), resource["Properties"].clone()));
            }
        }
    }
    Ok(found)
}
