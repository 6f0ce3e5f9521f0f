//! Whether a name shows what it is. Two names that look alike can be told apart by nobody, and a text whose direction is
//! overridden reads as something else than it is.
//!
//! A character that is not seen is allowed only where writing needs it, as its neighbours show:
//! - ZWNJ and ZWJ where Unicode's rules for domain names allow them (RFC 5892, A.1 and A.2): ZWNJ between letters that would
//!   join, as in Persian, and both after a virama; both before a virama as well, as Bengali writes them;
//! - ZWJ between two emoji;
//! - a variation selector after what it selects a form of: an emoji, a keycap, an ideograph, a Mongolian letter.

use icu_properties::props::{
    BidiControl, CanonicalCombiningClass, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, JoiningType,
    NoncharacterCodePoint, UnifiedIdeograph,
};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::words::Invalid;

/// The error for a name that cannot be told from others.
pub(crate) const UNSEEN: Invalid =
    Invalid("must be visible, without invisible characters and without marks that change the direction of writing");

/// What no name has, wherever it stands, as in a regular expression between its brackets. Control characters are the first
/// two ranges. Beyond U+FFFF there is more of it, which JSON's patterns cannot name in every implementation.
pub(crate) const NEVER_SEEN: &str = r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff";

/// White space, in the same way. `\s` is something else in each implementation.
const WHITE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// The pattern of a text that has 1 to `max` characters, at least 2, once white space around it is taken off.
pub(crate) fn trimmed_pattern(max: usize) -> String {
    let (end, inside) = (format!("[^{WHITE}{NEVER_SEEN}]"), max - 2);
    format!("^[{WHITE}]*{end}([^{NEVER_SEEN}]{{0,{inside}}}{end})?[{WHITE}]*$")
}

/// Refuses a text that shows nothing, or has a character that is not seen where nothing needs it.
pub(crate) fn check(text: &str) -> Result<(), Invalid> {
    let chars: Vec<char> = text.chars().collect();
    let fits = |(at, c): (usize, &char)| !is_unseen(*c) || belongs(*c, &chars[..at], &chars[at + 1..]);
    let shows = |c: &char| !c.is_whitespace() && !is_unseen(*c);
    if chars.iter().any(shows) && chars.iter().enumerate().all(fits) { Ok(()) } else { Err(UNSEEN) }
}

fn is_unseen(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<BidiControl>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        // Ends of lines and paragraphs, annotations, the empty Braille cell, the empty note head.
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{2800}' | '\u{1d159}')
}

/// Whether writing needs this unseen character between what is before and what comes after.
fn belongs(c: char, before: &[char], after: &[char]) -> bool {
    let (Some(last), next) = (before.last().copied(), after.first().copied()) else { return false };
    match c {
        '\u{200c}' => is_virama(last) || next.is_some_and(is_virama) || would_join(before, after),
        '\u{200d}' => {
            is_virama(last) || next.is_some_and(is_virama) || (ends_in_emoji(before) && next.is_some_and(is_emoji))
        }
        '\u{fe0e}' | '\u{fe0f}' if is_emoji(last) => true,
        '\u{fe0f}' => matches!(last, '0'..='9' | '#' | '*') && next == Some('\u{20e3}'),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => {
            CodePointSetData::new::<UnifiedIdeograph>().contains(last)
        }
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(last, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

fn is_virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

/// Whether the letters on both sides would be joined if nothing stood between them. Marks on them do not count.
fn would_join(before: &[char], after: &[char]) -> bool {
    let joining = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let letter = |kind: &JoiningType| *kind != JoiningType::Transparent;
    let left = before.iter().rev().map(joining).find(letter);
    let right = after.iter().map(joining).find(letter);
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// Whether the last character is an emoji, of whichever form and skin.
fn ends_in_emoji(before: &[char]) -> bool {
    let modifies = |c: &char| *c == '\u{fe0f}' || CodePointSetData::new::<EmojiModifier>().contains(*c);
    before.iter().rev().find(|c| !modifies(c)).is_some_and(|c| is_emoji(*c))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// What the pattern refuses is refused wherever it stands, and what the pattern lets pass is refused by its place only.
    #[test]
    fn the_pattern_agrees_with_the_parser() {
        let never = Regex::new(&format!("[{NEVER_SEEN}]")).expect("valid");
        let by_place =
            |c| matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        for c in ('\0'..='\u{ffff}').filter(|c| !by_place(*c)) {
            let refused = c.is_control() || check(&format!("a{c}b")).is_err();
            assert_eq!(refused, never.is_match(&c.to_string()), "{c:?}");
        }
    }

    #[test]
    fn white_space_alone_is_nothing() {
        let pattern = Regex::new(&trimmed_pattern(3)).expect("valid");
        for nothing in ["", " ", "\u{a0}\u{3000}", "\u{2003}"] {
            assert!(check(nothing).is_err() && !pattern.is_match(nothing), "{nothing:?}");
        }
        for c in '\0'..=char::MAX {
            assert_eq!(pattern.is_match(&format!("{c}abc{c}")), c.is_whitespace(), "{c:?}");
        }
    }
}
