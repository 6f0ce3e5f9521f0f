//! The files of `page/` as one document, and the policy that lets a browser run nothing else.
//!
//! The files are modules as an editor and a type checker want them. In the document they share one scope, in this order:
//! `import` lines and the word `export` fall away; comments, indentation and breaks that mean nothing stay behind. So a name
//! exists once in all of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

const SKELETON: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/style.css");

macro_rules! modules {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../page/", $name, ".js")))),+]
    };
}

/// Each module comes after those that it needs while it is read.
const MODULES: &[(&str, &str)] = modules![
    "routes",
    "api",
    "dom",
    "format",
    "forms",
    "commands",
    "lists",
    "account",
    "actions",
    "timeline",
    "purge",
    "parts",
    "tenant",
    "tenants",
    "overview",
    "audit",
    "lakehouse",
    "create",
    "main",
];

/// The console.
pub struct Document {
    /// The document.
    pub text: String,
    /// Its `Content-Security-Policy`.
    pub policy: String,
    /// A number that only this text has, for its `ETag`.
    pub version: i64,
}

impl Document {
    /// Puts it together.
    pub fn new() -> Self {
        let (style, script) = (style(), script());
        let text = SKELETON.replace("{{style}}", &style).replace("{{script}}", &script);
        // Everything is forbidden that is not named. The page asks its own host only, sends no form, and makes no markup of text.
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            source(&script),
            source(&style),
        );
        let digest = Sha256::digest(text.as_bytes());
        let version = digest.iter().take(7).fold(0, |version, byte| version << 8 | i64::from(*byte));
        Self { text, policy, version }
    }
}

/// A text as a policy names it.
fn source(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn style() -> String {
    squeezed(joined(&without_comments(STYLE)))
}

/// A style without the spaces that only people need.
fn squeezed(style: String) -> String {
    let needless = [(" {", "{"), ("{ ", "{"), ("; ", ";"), (" }", "}"), (";}", "}"), (": ", ":"), (", ", ",")];
    needless.iter().fold(style, |style, (from, to)| style.replace(from, to))
}

/// Lines that go on where a break means nothing, in a style and in a script.
fn joined(code: &str) -> String {
    let needless = [("{\n", "{"), ("(\n", "("), ("[\n", "["), (",\n", ","), (";\n", ";")];
    needless.iter().fold(code.to_owned(), |code, (from, to)| code.replace(from, to))
}

fn script() -> String {
    let lines = MODULES.iter().flat_map(|(_, text)| text.lines()).filter(|line| !line.starts_with("import "));
    let lines = lines.map(|line| line.strip_prefix("export ").unwrap_or(line));
    joined(&without_comments(&lines.flat_map(|line| [line, "\n"]).collect::<String>()))
}

/// The lines of code, without indentation. A comment has lines of its own in these files.
fn without_comments(text: &str) -> String {
    let (mut code, mut inside) = ("\n".to_owned(), false);
    for line in text.lines() {
        let words = line.trim();
        let begins = words.starts_with("/*");
        if !inside && !begins && !words.starts_with("//") && !words.is_empty() {
            code.extend([&without_types(words), "\n"]);
        }
        inside = (inside || begins) && !words.ends_with("*/");
    }
    code
}

/// A line without what it says to the type checker.
fn without_types(line: &str) -> String {
    let mut parts = line.split("/** ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| code + part.split_once("*/ ").map_or(part, |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use regex::Regex;

    use super::*;

    /// The most bytes that the page may have.
    const MOST: usize = 60_000;

    fn all(pattern: &str, text: &str) -> Vec<String> {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
    }

    #[test]
    fn the_page_is_small_and_whole() {
        let text = Document::new().text;
        assert!(text.len() <= MOST, "{} bytes", text.len());
        println!("The console has {} bytes.", text.len());
        assert!(!text.contains("{{"), "a gap that nothing fills");
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).expect("a folder");
        let files: BTreeSet<_> =
            folder.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        let modules = MODULES.iter().map(|(name, _)| format!("{name}.js"));
        // What only the type checker reads.
        let others = ["index.html", "style.css", "types.js"].map(str::to_owned);
        assert_eq!(files, modules.chain(others).collect());
    }

    /// A browser takes the digest of exactly what is between the tags.
    #[test]
    fn the_policy_names_every_script_and_style_and_nothing_else() {
        let Document { text, policy, .. } = Document::new();
        let digests = |inside: Vec<String>| inside.iter().map(|text| source(text)).collect::<BTreeSet<_>>();
        for (directive, tag) in [("script-src", "script"), ("style-src", "style")] {
            let found = digests(all(&format!("(?s)<{tag}[^>]*>(.*?)</{tag}>"), &text));
            let allowed = all(&format!("{directive} ([^;]*);"), &policy);
            let allowed: BTreeSet<_> =
                allowed[0].split(' ').map(|source| source.trim_matches('\'').to_owned()).collect();
            assert_eq!((found.len(), &found), (1, &allowed), "{directive}");
        }
        assert_eq!(all("(unsafe-[a-z-]*|https?:|\\*)", &policy), Vec::<String>::new());
        for part in ["default-src 'none'", "connect-src 'self'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{part}");
        }
    }

    /// What the policy would forbid, or would not notice.
    #[test]
    fn nothing_comes_from_outside_and_no_text_becomes_markup() {
        let text = Document::new().text;
        // Where links lead that somebody clicks, and the name of a format.
        let links = ["https://dashboard.stripe.com", "https://supabase.com", "http://www.w3.org"];
        for url in all("(https?://[^/'\"`$]*)", &text) {
            assert!(links.contains(&url.as_str()), "{url}");
        }
        let lower = text.to_lowercase();
        for (what, pattern) in [
            ("a resource", r"<(?:img|iframe|object|embed|base|script src|link rel=.stylesheet)()"),
            ("a handler in markup", r"<[a-z][^>]*\s(on[a-z]+)="),
            ("a style in markup", r"<[a-z][^>]*\s(style)="),
            (
                "markup from text",
                r"(innerhtml|outerhtml|insertadjacenthtml|document\.write|createcontextualfragment|domparser)",
            ),
            ("code from text", r"(\beval\(|new function|javascript:)"),
            ("a place that outlives the page", r"(localstorage|sessionstorage|indexeddb|document\.cookie|caches\.)"),
            ("a log", r"(console\.(?:log|warn|error|info|debug))"),
        ] {
            assert_eq!(all(pattern, &lower), Vec::<String>::new(), "{what}");
        }
        // The end of the script would come too early.
        assert!(!script().contains("</") && !script().contains("<!--"));
    }

    /// What is rewritten with a few rules has to keep to them.
    #[test]
    fn the_modules_can_share_one_scope() {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let mut read: Vec<&str> = Vec::new();
        for (module, text) in MODULES {
            for line in text.lines() {
                let words = line.trim_start();
                if line.starts_with("import ") {
                    assert!(line.ends_with(".js\";") && !line.contains(" as "), "{module}: {line}");
                }
                assert!(!words.starts_with("export {") && !words.starts_with("export default"), "{module}: {line}");
                let comment = words.starts_with("/*") && words.contains("*/");
                assert!(!comment || words.ends_with("*/"), "{module}: code after a comment: {line}");
                assert!(!words.contains(" // ") || words.starts_with('*'), "{module}: a comment after code: {line}");
                let (open, closed) = (line.matches("/** ").count(), line.matches("*/ ").count());
                assert!(comment || words.starts_with("/*") || open == closed, "{module}: {line}");
                assert_eq!(line.matches('`').count() % 2, 0, "{module}: a text of several lines: {line}");
            }
            for name in all(r"(?m)^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", text) {
                let other = names.insert(name.clone(), module);
                assert_eq!(other, None, "{name} of {module}");
            }
            read.push(module);
        }
        // Each import is of a name that there is.
        let import = Regex::new(r"(?m)^import \{ (.*) \} from .\./(\w+)\.js.;$").expect("a pattern");
        for (module, text) in MODULES {
            for (list, from) in import.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned())) {
                assert!(read.contains(&from.as_str()), "{module} imports {from}");
                for name in list.split(", ") {
                    assert_eq!(names.get(name).copied(), Some(from.as_str()), "{module}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_style_means_the_same_without_spaces() {
        let style = "a b, .c > d { color: red; width: min(1rem, 2vw - 3px); }\n@media (width: 1px) {\na { margin: 0 1px; }\n}\n";
        let by_hand = "a b,.c > d{color:red;width:min(1rem,2vw - 3px)}\n@media (width:1px){a{margin:0 1px}\n}\n";
        assert_eq!(squeezed(joined(style)), by_hand);
        // What is quoted would lose its spaces too.
        let quoted = all("[\"']([^\"']*)[\"']", &without_comments(STYLE));
        assert!(quoted.iter().all(|text| !text.contains(' ')) && !STYLE.contains("url("), "{quoted:?}");
    }

    #[test]
    fn comments_stay_behind_and_code_does_not() {
        let text = "/** A sum.\n * @param {number} a */\nexport const sum = (/** @type {number} */ a) => a;\n\n// No.\n/* x */\nlet b = \"/*\";\n";
        assert_eq!(without_comments(text), "\nexport const sum = (a) => a;\nlet b = \"/*\";\n");
    }
}
