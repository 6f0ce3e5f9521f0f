//! The lines of the dialog (RFC 5321, RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::{LoggedIn, MailServer};

/// Longer than any answer to what is asked here.
const LONGEST_LINE: u64 = 2048;
const MOST_LINES: usize = 100;
/// What the client calls itself: as Go's `net/smtp` does, with which Auth sends.
const HELLO: &str = "EHLO localhost";

/// What a server offers.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    pub(crate) starttls: bool,
    plain: bool,
    login: bool,
}

/// A connection, with or without TLS.
pub(crate) struct Session<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// The session once the server has said who it is.
    pub(crate) async fn greeted(mut self) -> Result<Self, Error> {
        self.answer().await?.of(220)?;
        Ok(self)
    }

    pub(crate) async fn hello(&mut self) -> Result<Offers, Error> {
        let answer = self.ask(HELLO).await?;
        let mut offers = Offers::default();
        for line in answer.of(250)? {
            let mut words = line.split([' ', '=']).map(str::to_ascii_uppercase);
            match words.next().as_deref() {
                Some("STARTTLS") => offers.starttls = true,
                Some("AUTH") => words.for_each(|word| match word.as_str() {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        Ok(offers)
    }

    pub(crate) async fn start_tls(&mut self) -> Result<(), Error> {
        self.ask("STARTTLS").await?.of(220).map(drop)
    }

    /// The connection below. What was said before the encryption began, but not asked for, is forgotten: anybody on the way
    /// can have said it.
    pub(crate) fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    pub(crate) async fn encrypted(mut self, server: MailServer<'_>) -> Result<LoggedIn, Error> {
        self.log_in(server).await?;
        Ok(LoggedIn::Encrypted)
    }

    /// Logs in, and leaves.
    pub(crate) async fn log_in(&mut self, server: MailServer<'_>) -> Result<(), Error> {
        let (offers, password) = (self.hello().await?, server.password.expose_secret());
        let answer = if offers.plain {
            let login = Zeroizing::new(format!("\0{}\0{password}", server.username));
            let message = Zeroizing::new(STANDARD.encode(&*login));
            self.ask(&Zeroizing::new(format!("AUTH PLAIN {}", *message))).await?
        } else if offers.login {
            self.ask("AUTH LOGIN").await?.of(334)?;
            self.ask(&STANDARD.encode(server.username)).await?.of(334)?;
            self.ask(&Zeroizing::new(STANDARD.encode(password))).await?
        } else {
            return Err(Error::NoLogin);
        };
        answer.of(235).map_err(|error| if error == Error::Refused { Error::Unauthorized } else { error })?;
        // It is in; how the server says goodbye does not matter.
        let _ = self.ask("QUIT").await;
        Ok(())
    }

    async fn ask(&mut self, line: &str) -> Result<Reply, Error> {
        // It may be a password.
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.stream.write_all(line.as_bytes()).await.map_err(|_| Error::Lost)?;
        self.stream.flush().await.map_err(|_| Error::Lost)?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Reply, Error> {
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            let mut line = String::new();
            let read = (&mut self.stream).take(LONGEST_LINE).read_line(&mut line).await;
            if read.map_err(|_| Error::Lost)? == 0 {
                return Err(Error::Lost);
            }
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or(Error::Unexpected)?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
        Err(Error::Unexpected)
    }
}

/// A server's answer.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// Its lines, if it is the one that was wanted.
    fn of(self, code: u16) -> Result<Vec<String>, Error> {
        match self.code {
            found if found == code => Ok(self.lines),
            400..500 => Err(Error::NotReady),
            500..600 => Err(Error::Refused),
            _ => Err(Error::Unexpected),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{CauseCode, Failure};
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;

    use super::*;

    /// Logs in to a server that says the next of these texts after each line, first without one. `STARTTLS` is followed by
    /// TLS with a certificate of nobody.
    async fn log_in(host: &'static str, says: Vec<&'static str>) -> (Result<LoggedIn, Error>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let heard = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut heard = String::new();
            for text in says {
                socket.write_all(text.as_bytes()).await.expect("said");
                let mut line = [0; 512];
                let read = socket.read(&mut line).await.unwrap_or_default();
                heard.push_str(&String::from_utf8_lossy(&line[..read]));
                if heard.ends_with("STARTTLS\r\n") {
                    socket.write_all(b"220 go\r\n").await.expect("said");
                    let _ = acceptor().accept(socket).await;
                    return heard;
                }
            }
            heard
        });
        let password = "hunter2".into();
        let outcome = MailServer { host, port, username: "ivory", password: &password }.log_in().await;
        (outcome, heard.await.expect("it ends"))
    }

    fn acceptor() -> tokio_rustls::TlsAcceptor {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        tls::install_provider();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("they belong together");
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    }

    const HI: &str = "220 mail ESMTP\r\n";
    const OFFERS: &str = "250-mail\r\n250 AUTH PLAIN LOGIN\r\n";

    #[tokio::test]
    async fn a_log_in_is_followed_by_leaving_and_by_no_mail() {
        let (outcome, heard) = log_in("127.0.0.1", vec![HI, OFFERS, OFFERS, "235 ok\r\n", "221 bye\r\n"]).await;
        assert_eq!(outcome, Ok(LoggedIn::InPlain));
        let plain = STANDARD.encode("\0ivory\0hunter2");
        assert_eq!(heard, format!("{HELLO}\r\n{HELLO}\r\nAUTH PLAIN {plain}\r\nQUIT\r\n"));
        let login = "250 AUTH=LOGIN\r\n";
        let says = vec![HI, login, login, "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "235 ok\r\n", "221 bye\r\n"];
        assert_eq!(log_in("127.0.0.1", says).await.0, Ok(LoggedIn::InPlain));
    }

    #[tokio::test]
    async fn refusals_have_causes() {
        for (says, code) in [
            (vec![HI, OFFERS, OFFERS, "535 5.7.8 Bad credentials\r\n"], CauseCode::SmtpUnauthorized),
            (vec![HI, OFFERS, OFFERS, "454 4.7.0 Temporary failure\r\n"], CauseCode::SmtpNotReady),
            (vec![HI, "250 mail\r\n", "250 mail\r\n"], CauseCode::SmtpNoLogin),
            (vec!["554 go away\r\n"], CauseCode::SmtpRefused),
            (vec!["421 later\r\n"], CauseCode::SmtpNotReady),
            (vec!["SSH-2.0-OpenSSH_9\r\n"], CauseCode::SmtpUnexpectedAnswer),
            (vec![HI], CauseCode::SmtpConnectionLost),
        ] {
            let (outcome, _) = log_in("127.0.0.1", says.clone()).await;
            assert_eq!(Failure::from(outcome.expect_err("refused")).code(), code, "{says:?}");
        }
    }

    #[tokio::test]
    async fn no_password_is_sent_in_plain_to_another_machine_or_to_a_server_that_is_not_trusted() {
        let away = MailServer { host: "192.0.2.1", port: 25, username: "", password: &"".into() };
        assert!(!away.is_here());
        let offers = "250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
        let (outcome, heard) = log_in("localhost", vec![HI, offers]).await;
        assert!(matches!(&outcome, Err(Error::Untrusted(_))), "{outcome:?}");
        assert!(!heard.contains("AUTH"), "{heard}");
    }
}
