//! Slugs that no new tenant gets. A slug is a DNS label below a domain of the installation and stands in paths, names and
//! mails, so some would be taken for something else than a tenant. A tenant that has one already keeps it.

use crate::schema;
use crate::tenant::Slug;
use crate::words::Invalid;

/// Why each group is reserved, and its words with spaces between them.
const RESERVED: &[(&str, &str)] = &[
    (
        "services of a domain: programs and people look for them under these names",
        "autoconfig autodiscover broadcasthost cdn dns domain e-mail email extranet ftp gateway host hosts \
         imap imap4 intranet ipv4 ipv6 isatap ldap localdomain localhost mail mta-sts mx ns1 ns2 ns3 ns4 ntp \
         pop pop3 proxy sftp smtp ssh vpn webmail wpad www www1 www2 www3",
    ),
    (
        "signing in: whoever sees them in an address enters a password",
        "2fa account accounts auth authenticate authorize credentials id identity idp invitation invite \
         log-in log-out login logout mfa oauth oauth2 oidc passkey password passwords register reset saml \
         scim secure session sign-in sign-out sign-up signin signout signup sso token tokens verify webauthn",
    ),
    (
        "the operator: mails and pages under these names speak for the platform (RFC 2142 and its like)",
        "about abuse admin administration administrator billing careers community compliance contact finance \
         help helpdesk hostmaster info invoice invoices ivory ivory-finance jobs legal marketing news \
         no-reply noc noreply official operator ops owner partner partners payment payments postmaster press \
         pricing privacy root sales security service staff status support sysadmin system team terms trust \
         usenet uucp webmaster",
    ),
    (
        "the platform's own hosts and paths",
        "api apis app apps asset assets backup beta blog calendar catalog catalogs chat checkout console \
         control control-plane css dashboard demo dev developer developers docs download downloads edge \
         events files forum git grafana graph graphql health home images img internal js lakehouse live local \
         logs master media metrics monitor monitoring platform preview private prod production public \
         realtime rest sandbox search shared shop stage staging static stats storage store supabase systems \
         tenant tenants test testing tools uat upload uploads wallet web webhook webhooks wiki ws",
    ),
    (
        "suppliers: a page under these names seems to be theirs",
        "amazon aws falkordb fivetran iomete opensearch stripe valkey",
    ),
    (
        "values: programs take them for nothing, for anything or for everybody",
        "all anonymous any anyone client clients default deleted everybody everyone example false guest \
         invalid me nan new nil nobody none null preflight public-access self true undefined unknown user \
         users void",
    ),
];

/// Whether a new tenant may have this slug. `more` are the words that the installation reserves itself.
pub(crate) fn check(slug: &Slug, more: &[String]) -> Result<(), Invalid> {
    let text = slug.as_str();
    if is_an_id(text) {
        return Err(Invalid("must not be a UUID, with or without hyphens"));
    }
    if text.get(2..4) == Some("--") {
        return Err(Invalid("must not have hyphens as its third and fourth character, as encoded domain names have"));
    }
    if words().any(|word| word == text) || more.iter().any(|word| word == text) {
        return Err(Invalid("is reserved"));
    }
    Ok(())
}

/// Whether somebody reads it as an id. Postgres, for one, does not mind where the hyphens are.
fn is_an_id(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_hexdigit).count() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Every reserved word, and what new slugs are not, as a schema.
pub(crate) fn schema() -> serde_json::Value {
    let words: Vec<_> = words().collect();
    serde_json::json!({ "anyOf": [schema::text("^..--"), schema::text("^-*([0-9a-f]-*){32}$"), { "enum": words }] })
}

fn words() -> impl Iterator<Item = &'static str> {
    RESERVED.iter().flat_map(|(_, words)| words.split_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_word_is_reserved_once_and_for_a_reason() {
        let mut all: Vec<_> = words().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(RESERVED.iter().all(|(reason, words)| !reason.is_empty() && !words.is_empty()));
        for word in all.into_iter().filter(|word| word.len() >= 3) {
            let slug = word.parse().unwrap_or_else(|_| panic!("{word} is no slug anyway"));
            assert_eq!(check(&slug, &[]), Err(Invalid("is reserved")), "{word}");
        }
    }

    #[test]
    fn an_installation_reserves_more() {
        let slug: Slug = "our-own".parse().expect("valid");
        assert_eq!((check(&slug, &[]), check(&slug, &["our-own".to_owned()])), (Ok(()), Err(Invalid("is reserved"))));
    }

    proptest! {
        #[test]
        fn an_id_is_no_slug_wherever_its_hyphens_are(id in any::<u128>(), hyphens in prop::collection::btree_set(1_usize..31, 0..8)) {
            let mut text = uuid::Uuid::from_u128(id).simple().to_string();
            for at in hyphens.into_iter().rev() {
                text.insert(at, '-');
            }
            let slug: Slug = text.parse().expect("an old slug");
            prop_assert!(check(&slug, &[]).is_err());
        }

        /// The document says the same as the parser.
        #[test]
        fn the_schema_agrees_with_the_parser(text in "([0-9a-f]{31,33}|[a-z0-9]{1,3}-{0,2}[a-z0-9]{1,4}|([0-9a-f]{4}-?){8})") {
            let Ok(slug) = text.parse::<Slug>() else { return Ok(()) };
            let schema = schema();
            let refused = schema["anyOf"].as_array().into_iter().flatten().any(|rule| match rule["pattern"].as_str() {
                Some(pattern) => regex::Regex::new(pattern).expect("valid").is_match(&text),
                None => rule["enum"].as_array().is_some_and(|words| words.iter().any(|word| word == text.as_str())),
            });
            prop_assert_eq!(check(&slug, &[]).is_err(), refused);
        }
    }
}
