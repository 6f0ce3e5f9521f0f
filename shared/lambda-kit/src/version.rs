//! Which release runs.

/// The release and the commit, e.g. `0.1.0+4fe1c2d0a9b1`, as `cargo xtask deploy` builds it. Other builds do not know the
/// commit, and name the release alone.
pub const VERSION: &str = match option_env!("IVORY_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

// It is a header's value.
const _: () = assert!(is_plain(VERSION.as_bytes()), "IVORY_VERSION has to be made of [A-Za-z0-9.+-]");

const fn is_plain(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_alphanumeric() && !matches!(text[at], b'.' | b'+' | b'-') {
            return false;
        }
        at += 1;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_headers_value() {
        for good in ["0.1.0", "0.1.0+4fe1c2d0a9b1", "1.0.0-rc.1"] {
            assert!(is_plain(good.as_bytes()), "{good}");
        }
        for bad in ["", "0.1.0 ", "0.1.0\n", "0.1.0\"", "0.1.0+ü"] {
            assert!(!is_plain(bad.as_bytes()), "{bad:?}");
        }
        assert!(VERSION.starts_with(env!("CARGO_PKG_VERSION")), "{VERSION}");
    }
}
