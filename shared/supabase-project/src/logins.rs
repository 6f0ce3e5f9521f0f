//! What the tenant's Auth asks of those who log in.

use std::str::FromStr;

use lambda_kit::settings;
use supabase::Logins;

settings! {
    /// What a project's Auth asks of those who log in.
    pub struct LoginSettings {
        /// The length of the shortest password.
        pub shortest_password: PasswordLength = "AUTH_SHORTEST_PASSWORD" or "12",
        /// Whether passwords that are known to have leaked are refused. Supabase's free plan does not have this.
        pub refuse_leaked: bool = "AUTH_REFUSE_LEAKED_PASSWORDS" or "true",
        /// Whether users may add an authenticator app as a second factor.
        pub authenticator_apps: bool = "AUTH_AUTHENTICATOR_APPS" or "true",
    }
}

impl LoginSettings {
    /// As the client takes them.
    pub(crate) const fn logins(&self) -> Logins {
        Logins {
            shortest_password: self.shortest_password.0,
            refuse_leaked: self.refuse_leaked,
            authenticator_apps: self.authenticator_apps,
        }
    }
}

/// The length of a password: 8 to 72, since Auth reads no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordLength(pub u8);

impl FromStr for PasswordLength {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let length = text.parse().ok().filter(|length| (8..=72).contains(length));
        length.map(Self).ok_or("must be 8 to 72")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_short() {
        assert_eq!("8".parse(), Ok(PasswordLength(8)));
        for bad in ["7", "73", "0", "-12", "12.0", ""] {
            assert!(bad.parse::<PasswordLength>().is_err(), "{bad}");
        }
    }
}
