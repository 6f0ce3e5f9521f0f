//! Sends mails to a mailbox as a client library does, and reads them over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser as _;
use simulator::StandIn;
use supabase_simulator::mailbox::{self, Settings};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

struct Mailbox {
    smtp: String,
    url: String,
    _stand_in: StandIn,
}

async fn start() -> Mailbox {
    // An HTTP client requires it, although nothing here uses TLS. The second test finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings::parse_from(["mailbox", "--user", "sender", "--password", "s3cret"]);
    let stand_in = mailbox::start(settings).await.unwrap();
    let smtp = stand_in.url("smtp").unwrap().strip_prefix("smtp://").unwrap().to_owned();
    Mailbox { smtp, url: stand_in.url("http").unwrap().to_owned(), _stand_in: stand_in }
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: &str) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert!(client.answer().await.starts_with("220 "));
        assert!(client.say("EHLO test").await.contains("AUTH PLAIN LOGIN"));
        client
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    /// All lines of one answer: every line but the last has a hyphen after the code.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let start = answer.len();
            assert_ne!(self.0.read_line(&mut answer).await.unwrap(), 0, "the server hung up");
            if answer.as_bytes().get(start + 3) == Some(&b' ') {
                return answer;
            }
        }
    }
}

async fn listing(url: &str) -> serde_json::Value {
    let body = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_mail_is_kept_as_sent_and_can_be_deleted() {
    let mailbox = start().await;
    let mut client = Client::connect(&mailbox.smtp).await;
    let plain = STANDARD.encode("\0sender\0s3cret");
    assert!(client.say(&format!("AUTH PLAIN {plain}")).await.starts_with("235 "));
    assert!(client.say("MAIL FROM:<cloud@example.com> BODY=8BITMIME").await.starts_with("250 "));
    assert!(client.say("RCPT TO:<ada@example.com>").await.starts_with("250 "));
    assert!(client.say("rcpt to:<bob@example.com>").await.starts_with("250 "));
    assert!(client.say("DATA").await.starts_with("354 "));
    let text =
        "From: Cloud <cloud@example.com>\r\nSubject: You have\r\n been invited\r\nDate: now\r\n\r\n..dot\r\nend\r\n.";
    assert!(client.say(text).await.starts_with("250 "));
    assert!(client.say("QUIT").await.starts_with("221 "));

    let mails = listing(&format!("{}/?limit=9", mailbox.url)).await;
    assert_eq!(mails[0]["To"], "bob@example.com");
    assert_eq!(mails[1]["To"], "ada@example.com");
    assert_eq!(mails[0]["From"], "Cloud <cloud@example.com>");
    assert_eq!(mails[0]["Subject"], "You have been invited");
    assert_eq!(mails[0]["Date"], "now");
    assert_eq!(mails[0]["Body"], ".dot\r\nend\r\n");

    let emptied = reqwest::Client::new().delete(&mailbox.url).send().await.unwrap();
    assert_eq!(emptied.status(), 204);
    assert_eq!(listing(&mailbox.url).await, serde_json::json!([]));
}

#[tokio::test]
async fn a_page_is_one_mail_and_the_newest_comes_first() {
    let mailbox = start().await;
    assert!(read(&mailbox.url).await.contains("There is no mail yet."));
    let mut client = Client::connect(&mailbox.smtp).await;
    client.say(&format!("AUTH PLAIN {}", STANDARD.encode("\0sender\0s3cret"))).await;
    for number in 1..=3 {
        client.say("MAIL FROM:<cloud@example.com>").await;
        client.say(&format!("RCPT TO:<\"<{number}>\"@example.com>")).await;
        client.say("DATA").await;
        let text =
            format!("Subject: {number} & more\r\n\r\n<a href=\"https://a.example/?b=1&c={number}\">Open</a>\r\n.");
        assert!(client.say(&text).await.starts_with("250 "));
    }

    // Every mail once, from the newest to the oldest, along the links.
    let (mut url, mut subjects) = (mailbox.url.clone(), Vec::new());
    loop {
        let answer = reqwest::get(&url).await.unwrap();
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let mails: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(mails.as_array().unwrap().len(), 1);
        subjects.push(mails[0]["Subject"].as_str().unwrap().to_owned());
        let Some(link) = link else { break };
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
        url = format!("{}{next}", mailbox.url);
    }
    assert_eq!(subjects, ["3 & more", "2 & more", "1 & more"]);

    let page = read(&mailbox.url).await;
    assert!(page.contains("<h1>3 &amp; more</h1>") && !page.contains("2 &amp; more"), "{page}");
    assert!(page.contains("<a href=\"/?limit=1&amp;first=2\">Older</a>"), "{page}");
    assert!(page.contains("href=&quot;https://a.example/?b=1&amp;c=3&quot;&gt;Open"), "{page}");
}

/// What a browser shows.
async fn read(url: &str) -> String {
    let request = reqwest::Client::new().get(url).header("accept", "text/html,application/xhtml+xml");
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_mail_cannot_be_sent_without_the_right_password() {
    let mailbox = start().await;
    let mut client = Client::connect(&mailbox.smtp).await;
    assert!(client.say("MAIL FROM:<a@example.com>").await.starts_with("530 "));
    assert!(client.say("AUTH LOGIN").await.starts_with("334 VXNlcm5hbWU6"));
    assert!(client.say(&STANDARD.encode("sender")).await.starts_with("334 UGFzc3dvcmQ6"));
    assert!(client.say(&STANDARD.encode("wrong")).await.starts_with("535 "));
    assert!(client.say("MAIL FROM:<a@example.com>").await.starts_with("530 "));
    assert!(client.say("AUTH PLAIN %%%").await.starts_with("501 "));
    assert!(client.say("AUTH CRAM-MD5").await.starts_with("504 "));

    client.say("AUTH LOGIN").await;
    client.say(&STANDARD.encode("sender")).await;
    assert!(client.say(&STANDARD.encode("s3cret")).await.starts_with("235 "));
    assert!(client.say("RCPT TO:<a@example.com>").await.starts_with("503 "));
    assert!(client.say("MAIL FROM:a@example.com").await.starts_with("501 "));
    assert!(client.say("MAIL FROM:<>").await.starts_with("250 "));
    assert!(client.say("DATA").await.starts_with("503 "));
    assert!(client.say("STARTTLS").await.starts_with("502 "));
    assert_eq!(listing(&mailbox.url).await, serde_json::json!([]));
}
