//! The issuers whose tokens are accepted. An entry is chosen by the exact `iss`, and shares nothing with another one.

use std::collections::BTreeSet;

use serde_json::Value;
use url::{Host, Url};

use crate::claims::{Bearer, Expected};
use crate::config::{self, Malformed, Mistake};
use crate::key::Key;
use crate::now::Now;
use crate::refusal::{Refusal, Rule, Seen};
use crate::token::Token;

/// The object `jwt` of the secret `control/callers`. An entry that cannot be used does not keep the others from it.
pub struct Issuers {
    entries: Vec<Result<Issuer, Malformed>>,
}

impl Issuers {
    /// Reads the object: `{issuers: [...]}`, or one entry itself.
    #[must_use]
    pub fn parse(jwt: &Value) -> Self {
        let mut entries = config::entries(jwt);
        // Of two entries for one issuer, nobody knows which one's keys and rights are meant.
        let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for issuer in entries.iter().flatten() {
            for name in issuer.names().collect::<BTreeSet<_>>() {
                if !seen.insert(name.to_owned()) {
                    twice.insert(name.to_owned());
                }
            }
        }
        for (index, entry) in entries.iter_mut().enumerate() {
            if entry.as_ref().is_ok_and(|issuer| issuer.names().any(|name| twice.contains(name))) {
                *entry = Err(Malformed::new(format!("jwt.issuers[{index}].issuer"), Mistake::IssuerTwice));
            }
        }
        Self { entries }
    }

    /// The entries that can be used.
    pub fn usable(&self) -> impl Iterator<Item = &Issuer> {
        self.entries.iter().flatten()
    }

    /// Why the others cannot be.
    pub fn mistakes(&self) -> impl Iterator<Item = &Malformed> {
        self.entries.iter().filter_map(|entry| entry.as_ref().err())
    }

    /// The position of the entry for a token's issuer among those that can be used, or why there is none. With a mistake in
    /// the configuration nobody knows whether it is meant to be there.
    pub fn find(&self, token: &Token<'_>) -> Result<Result<usize, Refusal>, &Malformed> {
        let position = self.usable().position(|issuer| issuer.names().any(|name| Some(name) == token.issuer()));
        if let Some(position) = position {
            return Ok(Ok(position));
        }
        if let Some(mistake) = self.mistakes().next() {
            return Err(mistake);
        }
        let names: Vec<_> = self.usable().flat_map(Issuer::names).collect();
        Ok(Err(Refusal::new(Rule::Issuer, &format!("iss {}", names.join(" or ")))))
    }
}

/// One entry.
pub struct Issuer {
    pub(crate) expected: Expected,
    pub(crate) keys: Vec<Key>,
    pub(crate) published: Option<Published>,
}

/// Keys that an issuer publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where they are.
    pub address: Address,
    /// Authorities to trust besides the public ones, as PEM.
    pub ca_pem: Option<String>,
}

/// Where keys are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// In the key set at this URL.
    KeySet(Url),
    /// In the key set that this document names (`OpenID` Connect Discovery), if its `issuer` is this one.
    Discovery {
        /// `{issuer}/.well-known/openid-configuration`.
        document: Url,
        /// Exactly as it is configured.
        issuer: String,
    },
}

impl Issuer {
    /// Every `iss` that it is.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.expected.issuers.iter().map(String::as_str)
    }

    /// Where it publishes keys.
    #[must_use]
    pub const fn published(&self) -> Option<&Published> {
        self.published.as_ref()
    }

    /// The caller that the token is about, if the issuer signed it with one of its configured keys or of these `published`
    /// ones, and it says what it has to.
    ///
    /// A claim that is wrong is told rather than a signature that is: so that nobody's keys are fetched for an old token.
    pub fn verify(&self, token: &Token<'_>, published: &[Key], now: Now) -> Result<Bearer, Refusal> {
        let said = self.expected.bearer(token, now);
        match (said, self.signed(token, published)) {
            (Ok(bearer), Ok(())) => Ok(bearer),
            (Ok(_), Err(rule)) => Err(Refusal::new(rule, &self.key_names(published))),
            (Err(refusal), Ok(())) => Err(Refusal { seen: Some(Box::new(Seen::of(token))), ..refusal }),
            (Err(refusal), Err(_)) => Err(refusal),
        }
    }

    fn signed(&self, token: &Token<'_>, published: &[Key]) -> Result<(), Rule> {
        // A shared secret is never published.
        let published = if token.alg.is_shared() { &[] } else { published };
        let mut outcome = Err(Rule::NoKey);
        for key in self.keys.iter().chain(published).filter(|key| key.is_for(token)) {
            if key.made(token) {
                return Ok(());
            }
            outcome = Err(Rule::Signature);
        }
        outcome
    }

    fn key_names(&self, published: &[Key]) -> String {
        let name = |key: &Key| format!("{} {}", key.alg(), key.kid().unwrap_or("-"));
        let names: Vec<_> = self.keys.iter().chain(published).map(name).collect();
        format!("one of the keys {}", names.join(", "))
    }
}

/// The URL, if what comes from there can be trusted: https, or http on this machine.
#[must_use]
pub fn reachable(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (url.scheme() == "https" || (url.scheme() == "http" && here)).then_some(url)
}
