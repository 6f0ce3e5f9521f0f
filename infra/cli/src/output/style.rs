//! Colours: only on a terminal, and none where `NO_COLOR` is set.

use std::io::IsTerminal as _;

use console::{Style, StyledObject, set_colors_enabled, set_colors_enabled_stderr, style as styled};

/// `NO_COLOR` is heeded by `console`, also an empty one, which by its standard says nothing.
pub fn init() {
    if std::env::var_os("NO_COLOR").is_some_and(|value| value.is_empty()) {
        set_colors_enabled(std::io::stdout().is_terminal());
        set_colors_enabled_stderr(std::io::stderr().is_terminal());
    }
}

/// Something that went wrong, on standard error.
pub fn bad<D>(text: D) -> StyledObject<D> {
    styled(text).red().bold().for_stderr()
}

/// Something to look at, on standard error.
pub fn strong<D>(text: D) -> StyledObject<D> {
    styled(text).bold().for_stderr()
}

/// A state, coloured by its meaning.
pub fn state(word: &str) -> String {
    of_state(word, word)
}

/// What is left of a state in a narrow column, coloured by the whole word's meaning.
pub fn of_state(word: &str, shown: &str) -> String {
    let style = match word {
        "active" | "completed" | "made" | "mended" | "ok" | "sound" | "usable" | "yes" => Style::new().green(),
        "broken" | "failed" | "left" | "unusable" | "unavailable" | "refused" | "no" => Style::new().red(),
        "asked" | "not_asked" | "provisioning" | "running" | "waiting" | "unknown" => Style::new().yellow(),
        _ => Style::new().dim(),
    };
    style.apply_to(shown).to_string()
}
