//! The mails of a project's Auth. Their links lead to the product owner's page and change nothing when they are opened: mail
//! scanners open every link. The page asks for a click, and then sends the token to Auth.

use std::str::FromStr;
use std::time::Duration;

use lambda_kit::settings;
use sha2::{Digest as _, Sha256};
use supabase::Mail;

settings! {
    /// The links in mails.
    pub struct LinkSettings {
        /// The page that they lead to: a template with `{slug}`, `{tenant_id}` and `{ref}`.
        pub page: String = "INVITE_REDIRECT_URL",
        /// How long they are valid.
        pub lifetime: LinkLifetime = "INVITE_LINK_HOURS" or "24",
    }
}

/// How long a link is valid: 1 to 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLifetime(pub Duration);

impl FromStr for LinkLifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let hours = text.parse().ok().filter(|hours| (1..=24).contains(hours));
        hours.map(|hours| Self(Duration::from_hours(hours))).ok_or("must be 1 to 24 hours")
    }
}

/// The two mails that the control plane has Auth send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mails {
    pub invitation: Mail,
    pub recovery: Mail,
}

impl Mails {
    /// Mails of one project whose links lead to `page`.
    pub fn to(page: &str, project_ref: &str) -> Self {
        let link = |kind: &str| escaped(&link(page, project_ref, kind));
        let mail = |subject: &str, text: &str, action: &str, kind: &str| Mail {
            subject: subject.to_owned(),
            content: format!("<h2>{subject}</h2><p>{text}</p><p><a href=\"{}\">{action}</a></p>", link(kind)),
        };
        Self {
            invitation: mail(
                "You have been invited",
                "You have been invited as {{ .Email }}. Open the page and confirm there.",
                "Accept the invitation",
                "invite",
            ),
            recovery: mail(
                "Log in again",
                "Somebody asked for a new way in for {{ .Email }}. Open the page and confirm there.",
                "Log in",
                "recovery",
            ),
        }
    }

    /// Changes with the mails.
    pub fn digest(&self) -> String {
        let Self { invitation, recovery } = self;
        let parts = [&invitation.subject, &invitation.content, &recovery.subject, &recovery.content];
        let digest = Sha256::digest(parts.map(String::as_str).join("\0"));
        hex::encode(&digest[..8])
    }
}

/// The page's address with what it sends to Auth. It holds the project's reference and not its address, so that the page
/// can be led to no other server. Auth fills in the token.
fn link(page: &str, project_ref: &str, kind: &str) -> String {
    let (page, fragment) =
        page.split_once('#').map_or((page, String::new()), |(page, rest)| (page, format!("#{rest}")));
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}project={project_ref}&token_hash={{{{ .TokenHash }}}}&type={kind}{fragment}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_what_the_page_has() {
        let link = |page| link(page, "abc", "invite");
        assert_eq!(
            link("https://a.example/in"),
            "https://a.example/in?project=abc&token_hash={{ .TokenHash }}&type=invite"
        );
        assert_eq!(
            link("https://a.example/?x=1#top"),
            "https://a.example/?x=1&project=abc&token_hash={{ .TokenHash }}&type=invite#top"
        );
    }

    #[test]
    fn no_mail_has_a_link_that_auth_itself_follows() {
        let Mails { invitation, recovery } = Mails::to("https://a.example/?a=\"b", "abc");
        for mail in [&invitation, &recovery] {
            assert!(!mail.content.contains("ConfirmationURL") && mail.content.contains("?a=&quot;b&amp;project=abc"));
            // What Supabase shows is compared with this text, so there is nothing in it that could be trimmed.
            assert_eq!(mail.content.trim(), mail.content);
        }
        assert_ne!(Mails::to("https://a.example", "a").digest(), Mails::to("https://a.example", "b").digest());
    }

    #[test]
    fn links_live_for_a_day_at_most() {
        assert_eq!("24".parse(), Ok(LinkLifetime(Duration::from_hours(24))));
        for bad in ["0", "25", "-1", "1.5", ""] {
            assert!(bad.parse::<LinkLifetime>().is_err(), "{bad}");
        }
    }
}
