//! The filters of `infra/aws/alarms.yaml`, and which lines they take.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

const ALARMS: &str = "infra/aws/alarms.yaml";

/// What a metric filter takes: CloudWatch's [syntax for JSON](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html)
/// as far as this project uses it.
#[derive(Debug)]
pub enum Pattern {
    /// The text at this path is this one. A star at its end stands for any rest.
    Is(Vec<String>, String),
    /// There is a text at this path, and it is another one.
    IsNot(Vec<String>, String),
    /// All of them.
    All(Vec<Self>),
    /// One of them at least.
    Any(Vec<Self>),
}

impl Pattern {
    /// The pattern of a filter of the alarms' template.
    pub fn of(filter: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(ALARMS);
        let template = std::fs::read_to_string(path)?;
        let mut lines = template.lines().skip_while(|line| *line != format!("  {filter}:")).skip(1);
        let mut of_it = lines.by_ref().take_while(|line| line.starts_with("    "));
        let text = of_it.find_map(|line| line.trim().strip_prefix("FilterPattern: "));
        Self::parse(text.with_context(|| format!("{filter} has no pattern"))?)
    }

    /// A pattern in the quotes of a template or of a shell.
    pub fn parse(text: &str) -> Result<Self> {
        let inner = text.strip_prefix("'{").and_then(|text| text.strip_suffix("}'")).context("no braces")?;
        let mut rest = inner.trim();
        let pattern = Self::term(&mut rest)?;
        ensure!(rest.is_empty(), "{rest} is left of {text}");
        Ok(pattern)
    }

    /// Terms of one kind only: `&&` beside `||` needs parentheses here.
    fn term(rest: &mut &str) -> Result<Self> {
        let mut terms = vec![Self::atom(rest)?];
        let Some(sign) = ["&&", "||"].into_iter().find(|sign| rest.starts_with(sign)) else {
            return terms.pop().context("no term");
        };
        while let Some(after) = rest.strip_prefix(sign) {
            *rest = after.trim_start();
            terms.push(Self::atom(rest)?);
        }
        Ok(if sign == "&&" { Self::All(terms) } else { Self::Any(terms) })
    }

    fn atom(rest: &mut &str) -> Result<Self> {
        let term = if let Some(inner) = rest.strip_prefix('(') {
            *rest = inner.trim_start();
            let term = Self::term(rest)?;
            *rest = rest.strip_prefix(')').context("no )")?;
            term
        } else {
            let Some((path, after)) = rest.strip_prefix("$.").and_then(|text| text.split_once(' ')) else {
                bail!("no selector: {rest}");
            };
            let (sign, after) = after.split_once(" \"").context("no text")?;
            let (value, after) = after.split_once('"').context("no quote")?;
            let stars = value.strip_suffix('*').unwrap_or(value).contains('*') || (sign != "=" && value.contains('*'));
            ensure!(!stars, "a wildcard that is not the end of what is equal: {value}");
            *rest = after;
            let (path, value) = (path.split('.').map(str::to_owned).collect(), value.to_owned());
            match sign {
                "=" => Self::Is(path, value),
                "!=" => Self::IsNot(path, value),
                _ => bail!("no comparison: {sign}"),
            }
        };
        *rest = rest.trim_start();
        Ok(term)
    }

    /// Whether the filter counts this line.
    pub fn takes(&self, line: &Value) -> bool {
        match self {
            Self::Is(path, wanted) => text_at(line, path).is_some_and(|found| match wanted.strip_suffix('*') {
                Some(beginning) => found.starts_with(beginning),
                None => found == wanted,
            }),
            Self::IsNot(path, wanted) => text_at(line, path).is_some_and(|found| found != wanted),
            Self::All(terms) => terms.iter().all(|term| term.takes(line)),
            Self::Any(terms) => terms.iter().any(|term| term.takes(line)),
        }
    }
}

fn text_at<'a>(line: &'a Value, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(line, |value, name| value.get(name))?.as_str()
}
