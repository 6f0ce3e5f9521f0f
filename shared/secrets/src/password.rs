//! Passwords that we make.

use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

/// Characters of a password: 190 bits.
const LENGTH: usize = 32;

/// A password that nobody had before. It needs no quoting anywhere.
#[must_use]
pub fn new_password() -> SecretString {
    Alphanumeric.sample_string(&mut rand::rng(), LENGTH).into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn passwords_differ_and_need_no_quoting_anywhere() {
        let (a, b) = (new_password(), new_password());
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert_eq!(a.expose_secret().len(), LENGTH);
        assert!(a.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
