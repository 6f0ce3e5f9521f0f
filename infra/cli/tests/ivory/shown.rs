//! Snapshots of what is printed. Whatever differs from run to run stands there as its kind.

use insta::Settings;
use regex::Regex;

/// Patterns with what stands for them, as long as they are where a column depends on it.
const KINDS: [(&str, &str); 12] = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[a uuid, of thirty-six characters..]"),
    (r"(cli-[a-z]+)-[0-9a-f]{8}\b", "$1-xxxxxxxx"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[a time of six digits......]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time to a second.]"),
    (r"\b\d+ (s|min) ago", "[ago]"),
    (r" +(\d+ min )?\d+(\.\d)? s\b", " [span]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    (r#"((?:duration|latency)_ms"?: )\d+"#, "${1}[ms]"),
    (r"  request: .*", "  request: [id]"),
    (r"#[0-9a-f]{8}\b", "#[digest]"),
    (r"\bcus_[A-Za-z0-9]+", "[customer]"),
    (r"\b[a-z]{20}\b", "[project, of twenty.]"),
];

/// A text in which whatever differs from run to run stands as its kind.
pub fn without_what_differs(text: &str) -> String {
    let same = |text: String, (pattern, kind): &(&str, &str)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *kind).into_owned()
    };
    KINDS.iter().fold(text.to_owned(), same)
}

/// Compares a text with its snapshot.
pub fn shown(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, without_what_differs(text)));
}
