//! The SMTP side: one task per connection, one [`Session`] per task.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::headers::is_secret;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::mails::{Mail, Mails};
use super::settings::Settings;

/// RFC 5321 4.5.3.1.6 allows 1,000 octets for a text line; `AUTH` responses may be longer.
const MAX_LINE_BYTES: u64 = 4_096;
/// `EHLO` announces it as SIZE.
const MAX_MAIL_BYTES: usize = 1_048_576;

pub(crate) async fn serve(listener: TcpListener, settings: Settings, mails: Mails) -> std::io::Result<()> {
    let settings = Arc::new(settings);
    loop {
        let (stream, _) = listener.accept().await?;
        let (settings, mails) = (settings.clone(), mails.clone());
        // An error means that the client is gone. It knows from the replies which mails were accepted.
        tokio::spawn(async move { Session::new(stream, settings, mails).run().await });
    }
}

/// One connection and its state.
struct Session {
    stream: BufReader<TcpStream>,
    settings: Arc<Settings>,
    mails: Mails,
    authenticated: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, settings: Arc<Settings>, mails: Mails) -> Self {
        let stream = BufReader::new(stream);
        Self { stream, settings, mails, authenticated: false, sender: None, recipients: Vec::new() }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.reply("220 mailbox ESMTP").await?;
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.reset();
                    let size = format!("250-mailbox\r\n250-SIZE {MAX_MAIL_BYTES}\r\n250-8BITMIME\r\n");
                    self.reply(&(size + "250 AUTH PLAIN LOGIN")).await?;
                }
                "HELO" => {
                    self.reset();
                    self.reply("250 mailbox").await?;
                }
                "AUTH" => self.authenticate(rest).await?,
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.reply("250 2.0.0 OK").await?;
                }
                "NOOP" => self.reply("250 2.0.0 OK").await?,
                "QUIT" => return self.reply("221 2.0.0 Bye").await,
                _ => self.reply("502 5.5.2 Command not recognized").await?,
            }
        }
        Ok(())
    }

    async fn authenticate(&mut self, arguments: &str) -> std::io::Result<()> {
        if self.authenticated {
            return self.reply("503 5.5.1 Already authenticated").await;
        }
        let (mechanism, initial) = match arguments.split_once(' ') {
            Some((mechanism, initial)) => (mechanism, Some(initial.to_owned())),
            None => (arguments, None),
        };
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => return self.reply("504 5.5.4 Unrecognized authentication type").await,
        };
        let Some((user, password)) = credentials else {
            return self.reply("501 5.5.2 Cannot decode the credentials").await;
        };
        self.authenticated = user == self.settings.user && is_secret(&password, &self.settings.password);
        let answer =
            if self.authenticated { "235 2.7.0 Authentication successful" } else { "535 5.7.8 Bad credentials" };
        self.reply(answer).await
    }

    /// RFC 4616: `authorization identity NUL user NUL password`, in one piece.
    async fn plain(&mut self, initial: Option<String>) -> std::io::Result<Option<(String, String)>> {
        let Some(message) = self.challenge("", initial).await? else { return Ok(None) };
        let mut parts = message.split('\0').skip(1);
        Ok(parts.next().zip(parts.next()).map(|(user, password)| (user.to_owned(), password.to_owned())))
    }

    /// The two prompts are base64 for `Username:` and `Password:`; clients expect them to the letter.
    async fn login(&mut self, initial: Option<String>) -> std::io::Result<Option<(String, String)>> {
        let Some(user) = self.challenge("VXNlcm5hbWU6", initial).await? else { return Ok(None) };
        Ok(self.challenge("UGFzc3dvcmQ6", None).await?.map(|password| (user, password)))
    }

    /// The client's response, decoded: the initial one if there is one, else the response to this prompt.
    async fn challenge(&mut self, prompt: &str, initial: Option<String>) -> std::io::Result<Option<String>> {
        let answer = if initial.is_some() {
            initial
        } else {
            self.reply(&format!("334 {prompt}")).await?;
            self.line().await?
        };
        Ok(answer.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    async fn mail(&mut self, arguments: &str) -> std::io::Result<()> {
        if !self.authenticated {
            return self.reply("530 5.7.0 Authentication required").await;
        }
        if self.sender.is_some() {
            return self.reply("503 5.5.1 Sender already given").await;
        }
        match address(arguments, "FROM:") {
            Some(sender) => {
                self.sender = Some(sender);
                self.reply("250 2.1.0 OK").await
            }
            None => self.reply("501 5.5.4 Syntax: MAIL FROM:<address>").await,
        }
    }

    async fn recipient(&mut self, arguments: &str) -> std::io::Result<()> {
        if self.sender.is_none() {
            return self.reply("503 5.5.1 MAIL first").await;
        }
        match address(arguments, "TO:").filter(|to| !to.is_empty()) {
            Some(recipient) => {
                self.recipients.push(recipient);
                self.reply("250 2.1.5 OK").await
            }
            None => self.reply("501 5.5.4 Syntax: RCPT TO:<address>").await,
        }
    }

    async fn data(&mut self) -> std::io::Result<()> {
        if self.recipients.is_empty() {
            return self.reply("503 5.5.1 RCPT first").await;
        }
        self.reply("354 End data with <CR><LF>.<CR><LF>").await?;
        let mut text = String::new();
        loop {
            // Without the final dot the mail was not sent.
            let Some(line) = self.line().await? else { return Ok(()) };
            if line == "." {
                break;
            }
            if text.len() + line.len() <= MAX_MAIL_BYTES {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
            }
            text.push_str("\r\n");
        }
        if text.len() > MAX_MAIL_BYTES {
            self.reset();
            return self.reply("552 5.3.4 Message too big").await;
        }
        let sender = self.sender.take().unwrap_or_default();
        self.mails.deliver(self.recipients.drain(..).map(|to| Mail::new(&sender, to, &text)));
        self.reply("250 2.0.0 Kept").await
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// The next line without its end, or nothing when the client is gone or the line is too long.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes).await?;
        if bytes.pop() != Some(b'\n') {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn reply(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
    }
}

/// The address in `FROM:<address> PARAMETERS`. It is empty for the null sender.
fn address(arguments: &str, keyword: &str) -> Option<String> {
    let rest = arguments.get(keyword.len()..)?;
    if !arguments.get(..keyword.len())?.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, _parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}
