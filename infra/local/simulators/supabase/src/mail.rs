//! One mail over SMTP (RFC 5321) with `AUTH PLAIN` or `AUTH LOGIN`, without TLS: the local relay has none.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use regex::{Captures, Regex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::management::Smtp;

/// Auth's own limit for one mail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("the mail server cannot be reached")]
    Unreachable(#[from] std::io::Error),
    #[error("the mail server did not answer in time")]
    TimedOut,
    /// The server's answer; never what was said to it.
    #[error("the mail server refused: {0}")]
    Refused(String),
}

/// A mail in HTML.
pub(crate) struct Mail<'a> {
    pub to: &'a str,
    pub subject: String,
    pub html: String,
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
    /// Fills `{{ .ConfirmationURL }}` and its kind. An unknown name becomes nothing.
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

/// Sends, or says why not. All or nothing: the server has the mail only after its last answer.
pub(crate) async fn send(smtp: &Smtp, mail: &Mail<'_>) -> Result<(), MailError> {
    tokio::time::timeout(TIMEOUT, deliver(smtp, mail)).await.map_err(|_| MailError::TimedOut)?
}

async fn deliver(smtp: &Smtp, mail: &Mail<'_>) -> Result<(), MailError> {
    let stream = TcpStream::connect((smtp.host.as_str(), smtp.port)).await?;
    let mut connection = Connection(BufReader::new(stream));
    connection.answer("220").await?;
    let extensions = connection.say("EHLO localhost", "250").await?.to_ascii_uppercase();
    let mechanisms = extensions.lines().find_map(|line| line.get(4..)?.strip_prefix("AUTH ")).unwrap_or_default();
    if mechanisms.split_whitespace().any(|mechanism| mechanism == "PLAIN") {
        let response = STANDARD.encode(format!("\0{}\0{}", smtp.user, smtp.password));
        connection.say(&format!("AUTH PLAIN {response}"), "235").await?;
    } else if mechanisms.split_whitespace().any(|mechanism| mechanism == "LOGIN") {
        connection.say("AUTH LOGIN", "334").await?;
        connection.say(&STANDARD.encode(&smtp.user), "334").await?;
        connection.say(&STANDARD.encode(&smtp.password), "235").await?;
    } else {
        return Err(MailError::Refused("no known way to log in is offered".to_owned()));
    }
    connection.say(&format!("MAIL FROM:<{}>", smtp.sender), "250").await?;
    connection.say(&format!("RCPT TO:<{}>", mail.to), "250").await?;
    connection.say("DATA", "354").await?;
    connection.say(&text(smtp, mail), "250").await?;
    // It is sent; how the connection ends changes nothing.
    let _ = connection.say("QUIT", "221").await;
    Ok(())
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn say(&mut self, line: &str, expected: &str) -> Result<String, MailError> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
        self.answer(expected).await
    }

    /// All lines of one answer: every line but the last has a hyphen after the code.
    async fn answer(&mut self, expected: &str) -> Result<String, MailError> {
        let mut answer = String::new();
        loop {
            let start = answer.len();
            if self.0.read_line(&mut answer).await? == 0 {
                return Err(MailError::Unreachable(std::io::ErrorKind::UnexpectedEof.into()));
            }
            if answer.as_bytes().get(start + 3) != Some(&b'-') {
                break;
            }
        }
        if answer.starts_with(expected) { Ok(answer) } else { Err(MailError::Refused(answer.trim_end().to_owned())) }
    }
}

/// Headers and body, dots doubled, up to and including the final dot.
fn text(smtp: &Smtp, mail: &Mail<'_>) -> String {
    let date = rfc2822::to_string(&Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    let from = match smtp.sender_name.as_str() {
        "" => smtp.sender.clone(),
        name => format!("{} <{}>", encoded(name), smtp.sender),
    };
    let head = [
        format!("From: {from}"),
        format!("To: {}", mail.to),
        format!("Subject: {}", encoded(&mail.subject)),
        format!("Date: {date}"),
        format!("Message-ID: <{}@localhost>", Uuid::new_v4()),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/html; charset=UTF-8".to_owned(),
        "Content-Transfer-Encoding: 8bit".to_owned(),
        String::new(),
    ];
    let lines = head.iter().map(String::as_str).chain(mail.html.lines());
    let stuffed = lines.map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") });
    stuffed.chain(std::iter::once(".".to_owned())).collect()
}

/// A header's text: as it is where that is safe, else an encoded word (RFC 2047), which cannot start a new header.
fn encoded(text: &str) -> String {
    let plain =
        |character: char| character == ' ' || character.is_ascii_alphanumeric() || "-_'!.?&".contains(character);
    if text.chars().all(plain) { text.to_owned() } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(text)) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::{Placeholders, encoded};

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
    fn no_text_starts_a_header_of_its_own() {
        assert_eq!(encoded("You have been invited"), "You have been invited");
        assert!(!encoded("x\r\nBcc: y").contains('\n'));
        assert!(encoded("Grüße").starts_with("=?UTF-8?B?"));
    }
}
