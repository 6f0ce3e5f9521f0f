//! Colours: only on a terminal, and none where `NO_COLOR` is set.

use console::{Style, StyledObject, set_colors_enabled, set_colors_enabled_stderr, style as styled};

/// Heeds `NO_COLOR` (any value but an empty one).
pub fn init() {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        set_colors_enabled(false);
        set_colors_enabled_stderr(false);
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

/// A state in a table, by its meaning.
pub fn state(word: &str) -> String {
    let style = match word {
        "active" | "completed" | "made" | "usable" | "ok" | "yes" => Style::new().green(),
        "failed" | "unusable" | "unavailable" | "refused" | "no" => Style::new().red(),
        "asked" | "provisioning" | "running" | "waiting" | "unknown" => Style::new().yellow(),
        _ => Style::new().dim(),
    };
    style.apply_to(word).to_string()
}
