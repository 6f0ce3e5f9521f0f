//! The files of `page/` as one document, and the policy that lets a browser run nothing else.
//!
//! The files are modules as an editor and a type checker want them. In the document they share one scope, in this order:
//! `import` lines and the word `export` fall away, and comments stay behind. So a name exists once in all of them.

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
    "routes", "api", "dom", "format", "forms", "commands", "lists", "account", "actions", "timeline", "purge", "parts", "tenant",
    "tenants", "overview", "audit", "lakehouse", "create", "main",
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
        let (style, script) = (without_comments(STYLE), script());
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

fn script() -> String {
    let lines = MODULES.iter().flat_map(|(_, text)| text.lines()).filter(|line| !line.starts_with("import "));
    let lines = lines.map(|line| line.strip_prefix("export ").unwrap_or(line));
    without_comments(&lines.flat_map(|line| [line, "\n"]).collect::<String>())
}

/// The lines of code. A comment has lines of its own in these files.
fn without_comments(text: &str) -> String {
    let (mut code, mut inside) = ("\n".to_owned(), false);
    for line in text.lines() {
        let words = line.trim();
        let begins = words.starts_with("/*");
        if !inside && !begins && !words.starts_with("//") && !words.is_empty() {
            code.extend([line, "\n"]);
        }
        inside = (inside || begins) && !words.ends_with("*/");
    }
    code
}
