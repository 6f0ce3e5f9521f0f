//! The page, as code.

use std::fmt;

/// From this heading on, the page is for the platform's own services. They have not read what a tenant was given.
const PLATFORM: &str = "For services of the platform";

/// What a block of code is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Python,
    JavaScript,
}

impl Language {
    fn of_fence(fence: &str) -> Option<Self> {
        match fence {
            "python" => Some(Self::Python),
            "js" => Some(Self::JavaScript),
            _ => None,
        }
    }
}

/// One block of code.
#[derive(Clone, Debug)]
struct Block {
    heading: String,
    is_for_platform: bool,
    language: Language,
    /// How many lines of the page are before its first line.
    above: usize,
    code: String,
}

/// A section with code.
#[derive(Clone, Debug)]
pub struct Section {
    /// The section's heading.
    pub heading: String,
    /// Its language.
    pub language: Language,
    /// Whether it is for the platform's own services, and needs their credentials.
    pub is_for_platform: bool,
    /// The program: for a tenant's application, it begins by reading what it was given. Every line has the number that it
    /// has on the page, so an error message leads there.
    pub code: String,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TENANT.md, {}, {:?}", self.heading, self.language)
    }
}

/// The page.
pub struct Page {
    blocks: Vec<Block>,
    policy: String,
}

impl Page {
    /// The page of this checkout.
    #[must_use]
    pub fn of_checkout() -> Self {
        Self::parse(include_str!("../../../TENANT.md"))
    }

    fn parse(text: &str) -> Self {
        let (mut blocks, mut policy) = (Vec::new(), String::new());
        let (mut heading, mut is_for_platform) = (String::new(), false);
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(fence) = line.strip_prefix("```") {
                let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
                let code: String = inside.flat_map(|line| [line, "\n"]).collect();
                match Language::of_fence(fence) {
                    Some(language) => {
                        let heading = heading.clone();
                        blocks.push(Block { heading, is_for_platform, language, above: number + 1, code });
                    }
                    None => policy.push_str(&code),
                }
            } else if let Some(title) = line.strip_prefix('#') {
                title.trim_start_matches('#').trim_start().clone_into(&mut heading);
                is_for_platform |= heading == PLATFORM;
            }
        }
        Self { blocks, policy }
    }

    /// The policy of an application's role, for this secret.
    #[must_use]
    pub fn policy(&self, region: &str, account: &str, prefix: &str, tenant_id: &str) -> String {
        [("{region}", region), ("{account}", account), ("{prefix}", prefix), ("{tenant_id}", tenant_id)]
            .iter()
            .fold(self.policy.clone(), |policy, (gap, value)| policy.replace(gap, value))
    }

    /// The sections, in the order of the page. The first of each language is what the others of a tenant begin with.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let section = |block: &Block| {
            let Block { heading, is_for_platform, language, .. } = block.clone();
            let given = self.given(language).filter(|given| !is_for_platform && given.above != block.above);
            let code = placed(given.into_iter().chain([block]));
            Section { heading, language, is_for_platform, code }
        };
        self.blocks.iter().map(section).collect()
    }

    /// A program that begins with what a tenant was given, and goes on with this Python.
    #[must_use]
    pub fn continued_by(&self, python: &str) -> String {
        placed(self.given(Language::Python)) + python
    }

    fn given(&self, language: Language) -> Option<&Block> {
        self.blocks.iter().find(|block| block.language == language)
    }
}

/// These blocks, each at its place on the page.
fn placed<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> String {
    let mut program = String::new();
    for block in blocks {
        let missing = block.above.saturating_sub(program.lines().count());
        program.extend(std::iter::repeat_n('\n', missing));
        program.push_str(&block.code);
    }
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Page\n\n## Given\n\n```python\na = 1\n```\n\n```json\n{\"x\": \"{region}\"}\n```\n\n## Use\n\
        ```python\nassert a\n```\n\n## For services of the platform\n### Event\n```python\nb = 2\n```\n";

    #[test]
    fn a_program_begins_with_what_was_given() {
        let sections = Page::parse(TEXT).sections();
        let codes: Vec<_> = sections.iter().map(|section| (section.heading.as_str(), section.code.trim())).collect();
        assert_eq!(codes, [("Given", "a = 1"), ("Use", "a = 1\n\n\n\n\n\n\n\n\nassert a"), ("Event", "b = 2")]);
        assert!(!sections[1].is_for_platform && sections[2].is_for_platform);
    }

    #[test]
    fn a_line_keeps_its_number() {
        for section in Page::parse(TEXT).sections() {
            for (number, line) in section.code.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                assert_eq!(TEXT.lines().nth(number), Some(line));
            }
        }
    }

    #[test]
    fn the_policy_is_filled_in() {
        assert_eq!(Page::parse(TEXT).policy("eu", "", "", ""), "{\"x\": \"eu\"}\n");
    }
}
