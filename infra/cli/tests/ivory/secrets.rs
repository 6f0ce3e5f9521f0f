//! What must not be seen.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::answers::{CREATE, accepted, tenant};
use crate::program::{Ivory, KEY, LIMIT, Said, TOKEN};
use crate::server::{Reply, Server};
use crate::terminal::Terminal;

const ACCESS_KEY: &str = "AKIATESTQ8ZK3VM1";
const SECRET_KEY: &str = "test-secret-p0O9i8U7y6T5";
const SET: &str = "catalog set acme-bank --uri https://iomete.internal/api/v1/catalog --warehouse s3://ivory-iceberg/ \
                   --prefix tenants/acme-bank/ --s3-credentials";

fn shows_nothing(said: &Said, secrets: &[&str]) -> Result<()> {
    let shown: Vec<_> = secrets.iter().filter(|secret| said.all().contains(**secret)).collect();
    ensure!(shown.is_empty(), "it shows {shown:?}: {said:#?}");
    Ok(())
}

fn input() -> String {
    format!("{ACCESS_KEY}\n{SECRET_KEY}\n")
}

#[tokio::test]
async fn debug_shows_requests_without_credentials() -> Result<()> {
    let server = Server::script([Reply::problem(503, "unavailable").with("retry-after", "0"), accepted()]).await?;
    let said = Ivory::at(&server.url)?.run(&format!("--debug {CREATE}")).await?.ends(0)?;
    for part in ["POST", "/v1/admin/tenants", "503", "202", "idempotency-key"] {
        ensure!(said.err.to_lowercase().contains(&part.to_lowercase()), "no {part}: {said:#?}");
    }
    shows_nothing(&said, &[KEY, TOKEN])?;
    said.json()?;
    // A route takes one of the two, and gets no other.
    let first = &server.asked()[0];
    assert_eq!((first.header("x-api-key"), first.header("authorization")), (Some(KEY), None));
    let server = Server::script([Reply::problem(404, "catalog_not_found")]).await?;
    let said = Ivory::at(&server.url)?.run("--debug catalog get acme-bank").await?.ends(3)?;
    shows_nothing(&said, &[KEY, TOKEN])?;
    let first = &server.asked()[0];
    assert_eq!(
        (first.header("x-api-key"), first.header("authorization")),
        (None, Some(format!("Bearer {TOKEN}").as_str()))
    );
    Ok(())
}

#[tokio::test]
async fn credentials_of_a_catalog_are_sent_and_never_shown() -> Result<()> {
    let secrets = [ACCESS_KEY, SECRET_KEY, KEY, TOKEN];
    // Refused, so that the error is looked at too.
    let server = Server::script([Reply::problem(409, "storage_overlap")]).await?;
    let said = Ivory::at(&server.url)?.fed(&input(), &format!("--debug {SET}")).await?.ends(3)?;
    shows_nothing(&said, &secrets)?;
    let body: Value = serde_json::from_str(&server.asked()[0].body)?;
    assert_eq!((&body["s3_access_key_id"], &body["s3_secret_key_enc"]), (&json!(ACCESS_KEY), &json!(SECRET_KEY)));

    let server = Server::script([]).await?;
    let said = Ivory::at(&server.url)?.fed(&input(), &format!("--debug {SET} --dry-run")).await?.ends(0)?;
    shows_nothing(&said, &secrets)?;
    let shown = said.json()?;
    assert_eq!((&shown["method"], &shown["path"]), (&json!("POST"), &json!("/v1/admin/tenants/acme-bank/catalog")));
    assert_eq!(
        (&shown["body"]["s3_access_key_id"], &shown["body"]["s3_secret_key_enc"]),
        (&json!("***"), &json!("***"))
    );
    assert_eq!(server.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn credentials_that_are_typed_are_not_seen() -> Result<()> {
    let server = Server::script([Reply::problem(409, "storage_overlap")]).await?;
    let mut terminal = Terminal::open(&Ivory::at(&server.url)?, (30, 100), SET)?;
    for (question, answer) in [("Access key", ACCESS_KEY), ("Secret key", SECRET_KEY)] {
        terminal.shows(question, LIMIT).await?;
        terminal.types(&format!("{answer}\n"))?;
    }
    assert_eq!(terminal.ends(LIMIT).await?, 3, "{}", terminal.screen());
    let (raw, sent) = (terminal.raw(), &server.asked()[0].body);
    ensure!(![ACCESS_KEY, SECRET_KEY].iter().any(|secret| raw.contains(secret)), "it shows them: {raw}");
    ensure!([ACCESS_KEY, SECRET_KEY].iter().all(|secret| sent.contains(secret)), "it does not send them");
    Ok(())
}

#[tokio::test]
async fn bad_credentials_of_a_catalog_are_refused_without_showing_them() -> Result<()> {
    let server = Server::script([]).await?;
    let ivory = Ivory::at(&server.url)?;
    let too_long = format!("{ACCESS_KEY}\n{}\n", SECRET_KEY.repeat(1000));
    for input in [format!("{ACCESS_KEY}\n"), String::new(), format!("{ACCESS_KEY}\n{SECRET_KEY}\u{7}\n"), too_long] {
        let said = ivory.fed(&input, SET).await?.ends(2)?;
        shows_nothing(&said, &[ACCESS_KEY, SECRET_KEY])?;
    }
    // There is no way to say them where other users of the machine see them.
    for line in
        [format!("{SET} {SECRET_KEY}"), format!("{SET}={SECRET_KEY}"), format!("{SET} --s3-secret-key {SECRET_KEY}")]
    {
        ivory.run(&line).await?.ends(2)?;
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    Ok(())
}

/// Old records may have any text. A terminal obeys some of it.
#[tokio::test]
async fn what_the_api_says_does_not_move_the_cursor() -> Result<()> {
    let name = "Acme\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{9b}31m\u{202e}knab";
    for format in ["table", "yaml", "json"] {
        let server = Server::script([tenant(name)]).await?;
        let said = Ivory::at(&server.url)?.run(&format!("tenant get acme-bank -o {format}")).await?.ends(0)?;
        let controls = |c: char| c.is_control() && c != '\n';
        let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        ensure!(!said.out.contains('\u{1b}'), "{format}: {:?}", said.out);
        ensure!(format == "json" || !said.out.contains(controls), "{format}: {:?}", said.out);
        ensure!(format != "table" || !said.out.contains(turns), "{format}: {:?}", said.out);
    }
    let mut problem =
        json!({ "type": "t", "title": "t", "status": 404, "code": "tenant_not_found", "request_id": "r\u{1b}[2J" });
    problem["detail"] = json!(name);
    let server = Server::script([Reply::json(404, &problem)]).await?;
    let said = Ivory::at(&server.url)?.run("tenant get acme-bank").await?.ends(3)?;
    ensure!(!said.err.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r']), "{:?}", said.err);
    Ok(())
}
