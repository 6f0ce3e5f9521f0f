//! Mails of a project's Auth, in HTML. They are sent without TLS, because the local relay has none.

use std::time::Duration;

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use regex::{Captures, Regex};
use tokio::time::timeout;

use crate::auth_config::Smtp;

/// Auth's own limit for one mail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("an address is not valid: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail cannot be built: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("the mail server did not accept it: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the mail server did not answer in time")]
    Late(#[from] tokio::time::error::Elapsed),
}

/// What the templates of Auth can refer to.
pub(crate) struct Placeholders<'a> {
    pub link: &'a str,
    pub site_url: &'a str,
    pub email: &'a str,
    pub otp: &'a str,
    pub hash: &'a str,
    pub redirect_to: &'a str,
}

impl Placeholders<'_> {
    /// Replaces `{{ .ConfirmationURL }}` and the other names. Unknown names become empty.
    pub(crate) fn fill(&self, template: &str, html: bool) -> String {
        let pattern = Regex::new(r"\{\{\s*\.(\w+)\s*\}\}").expect("a valid pattern");
        let filled = pattern.replace_all(template, |found: &Captures<'_>| {
            let value = match &found[1] {
                "ConfirmationURL" => self.link,
                "SiteURL" => self.site_url,
                "Email" => self.email,
                "Token" => self.otp,
                "TokenHash" => self.hash,
                "RedirectTo" => self.redirect_to,
                _ => "",
            };
            if html { escaped(value) } else { value.to_owned() }
        });
        filled.into_owned()
    }
}

/// Sends a mail with the project's own mail server.
pub(crate) async fn send(smtp: &Smtp, to: &str, subject: &str, html: &str) -> Result<(), MailError> {
    deliver(smtp, message(smtp, to, subject, html)?, TIMEOUT).await
}

async fn deliver(smtp: &Smtp, message: Message, limit: Duration) -> Result<(), MailError> {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
        .port(smtp.port)
        .credentials(Credentials::new(smtp.user.clone(), smtp.password.clone()))
        .build();
    // lettre's own limit is only for connecting.
    timeout(limit, transport.send(message)).await??;
    Ok(())
}

fn message(smtp: &Smtp, to: &str, subject: &str, html: &str) -> Result<Message, MailError> {
    // lettre panics on a name with line breaks.
    let name = Some(smtp.sender_name.replace(['\r', '\n'], " ")).filter(|name| !name.is_empty());
    // The mailbox shows bodies as they were sent. lettre's default encoding would break long links into several lines.
    let lines: String = html.lines().flat_map(|line| [line, "\r\n"]).collect();
    let body = Body::dangerous_pre_encoded(lines.into(), ContentTransferEncoding::EightBit);
    let message = Message::builder().from(Mailbox::new(name, smtp.sender.parse()?)).to(to.parse()?);
    Ok(message.subject(subject).header(ContentType::TEXT_HTML).body(body)?)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::{MailError, Placeholders, deliver, message};
    use crate::auth_config::Smtp;

    fn server(port: u16) -> Smtp {
        Smtp {
            host: "127.0.0.1".into(),
            port,
            user: "user".into(),
            password: "password".into(),
            sender: "cloud@example.com".into(),
            sender_name: "Ivory\r\nBcc: y@example.com".into(),
        }
    }

    #[tokio::test]
    async fn a_silent_mail_server_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = server(silent.local_addr().unwrap().port());
        let mail = message(&smtp, "a@example.com", "x", "x").unwrap();
        let sent = timeout(Duration::from_secs(5), deliver(&smtp, mail, Duration::from_millis(10))).await;
        assert!(matches!(sent, Ok(Err(MailError::Late(_)))), "{sent:?}");
    }

    #[test]
    fn a_template_shows_what_it_names() {
        let placeholders = Placeholders {
            link: "http://a/verify?token=1&type=invite",
            site_url: "http://site",
            email: "a@example.com",
            otp: "123456",
            hash: "abc",
            redirect_to: "http://site/x",
        };
        let filled = placeholders.fill(r#"<a href="{{ .ConfirmationURL }}">{{.Email}}{{ .Unknown }}</a>"#, true);
        assert_eq!(filled, r#"<a href="http://a/verify?token=1&amp;type=invite">a@example.com</a>"#);
        assert_eq!(placeholders.fill("{{ .ConfirmationURL }}", false), placeholders.link);
    }

    #[test]
    fn no_text_can_add_a_header() {
        let smtp = server(25);
        let text =
            |subject| String::from_utf8(message(&smtp, "a@example.com", subject, "x").unwrap().formatted()).unwrap();
        assert!(text("You have been invited").contains("\r\nSubject: You have been invited\r\n"));
        assert!(!text("x\r\nBcc: y@example.com").contains("\nBcc"));
        assert!(text("Grüße").contains("\r\nSubject: =?utf-8?b?"));
    }
}
