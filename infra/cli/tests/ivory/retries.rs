//! What is asked again, and what is not.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::answers::{CREATE, accepted, tenant};
use crate::program::Ivory;
use crate::server::{Asked, Reply, Server};

const GET: &str = "tenant get acme-bank";
const UPDATE: &str = "tenant update acme-bank --display-name 'Acme Bank AG'";
const DELETE: &str = "tenant delete acme-bank --yes";

fn unavailable() -> Reply {
    Reply::problem(503, "unavailable")
}

/// The requests of a command that ends with this code.
async fn asked(replies: impl IntoIterator<Item = Reply>, code: i32, line: &str) -> Result<Vec<Asked>> {
    let server = Server::script(replies).await?;
    Ivory::at(&server.url)?.run(line).await?.ends(code)?;
    Ok(server.asked())
}

/// The only key of these requests.
fn one_key(asked: &[Asked]) -> Result<&str> {
    let key = asked.first().context("no request")?.header("idempotency-key").context("no key")?;
    ensure!(asked.iter().all(|it| it.header("idempotency-key") == Some(key)), "several keys: {asked:?}");
    ensure!(asked.iter().all(|it| it.body == asked[0].body), "several bodies: {asked:?}");
    Ok(key)
}

fn pause(asked: &[Asked]) -> Duration {
    asked[1].at - asked[0].at
}

#[tokio::test]
async fn an_api_that_is_unavailable_is_asked_again_when_it_says() -> Result<()> {
    let both = asked([unavailable().with("retry-after", "2"), accepted()], 0, CREATE).await?;
    assert_eq!(both.len(), 2);
    one_key(&both)?;
    ensure!(pause(&both) >= Duration::from_secs(2), "too early: {both:?}");
    // Without a time, a second is enough for a first try.
    let both = asked([unavailable(), tenant("Acme")], 0, GET).await?;
    ensure!(both.len() == 2 && (900..1900).contains(&pause(&both).as_millis()), "{both:?}");
    // A request that has no key did not happen either.
    let gone = Reply::Answer { status: 204, headers: vec![], body: String::new() };
    assert_eq!(asked([unavailable(), gone], 0, DELETE).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn each_pause_is_twice_the_one_before() -> Result<()> {
    let replies = [unavailable(), unavailable(), unavailable(), tenant("Acme")];
    let all = asked(replies, 0, GET).await?;
    let pauses: Vec<_> = all.windows(2).map(|two| (two[1].at - two[0].at).as_secs_f32()).collect();
    for (pause, expected) in pauses.iter().zip([1.0, 2.0, 4.0]) {
        ensure!((expected * 0.9..expected * 1.5).contains(pause), "{pauses:?}");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_requests_are_sent_later() -> Result<()> {
    let limit = Reply::problem(429, "too_many_requests").with("retry-after", "1");
    let both = asked([limit, tenant("Acme")], 0, GET).await?;
    ensure!(both.len() == 2 && pause(&both) >= Duration::from_secs(1), "{both:?}");
    Ok(())
}

#[tokio::test]
async fn a_conflict_that_ends_by_itself_is_waited_for() -> Result<()> {
    let busy = Reply::problem(409, "operation_in_progress").with("retry-after", "1");
    let both = asked([busy, tenant("Acme Bank AG")], 0, UPDATE).await?;
    assert_eq!(both.len(), 2);
    one_key(&both)?;
    // Any other one needs somebody.
    assert_eq!(asked([Reply::problem(409, "domain_taken")], 3, UPDATE).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key_only() -> Result<()> {
    for line in [CREATE, "tenant retry acme-bank"] {
        let both = asked([Reply::Cut, accepted()], 0, line).await?;
        assert_eq!(both.len(), 2, "{line}");
        one_key(&both)?;
    }
    let both = asked([Reply::Cut, tenant("Acme Bank AG")], 0, UPDATE).await?;
    assert_eq!(both.len(), 2);
    one_key(&both)?;
    for line in [GET, DELETE, "tenant list", "tenant status acme-bank", "health"] {
        assert_eq!(asked([Reply::Cut, tenant("Acme")], 4, line).await?.len(), 1, "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn two_commands_have_two_keys() -> Result<()> {
    let keys = [asked([accepted()], 0, CREATE).await?, asked([accepted()], 0, CREATE).await?];
    assert_ne!(one_key(&keys[0])?, one_key(&keys[1])?);
    let given = asked([accepted()], 0, &format!("{CREATE} --idempotency-key order-4711")).await?;
    assert_eq!(one_key(&given)?, "order-4711");
    Ok(())
}

#[tokio::test]
async fn an_internal_error_is_not_tried_again() -> Result<()> {
    for line in [CREATE, GET, DELETE, UPDATE] {
        assert_eq!(asked([Reply::problem(500, "internal"), accepted()], 4, line).await?.len(), 1, "{line}");
    }
    for status in [502, 504] {
        let gateway = Reply::Answer { status, headers: vec![], body: "<html>".to_owned() };
        assert_eq!(asked([gateway, tenant("Acme")], 4, GET).await?.len(), 1, "{status}");
    }
    Ok(())
}

/// A readiness probe wants to know how it is now.
#[tokio::test]
async fn health_is_asked_once() -> Result<()> {
    assert_eq!(asked([unavailable().with("retry-after", "1")], 4, "health").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_so_long() -> Result<()> {
    let started = Instant::now();
    let line = format!("--time-out 1s {GET}");
    assert_eq!(asked([Reply::Silence], 4, &line).await?.len(), 1);
    ensure!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // It may have been served, which the key finds out.
    let both = asked([Reply::Silence, accepted()], 0, &format!("--time-out 1s {CREATE}")).await?;
    assert_eq!(both.len(), 2);
    one_key(&both)?;
    Ok(())
}

#[tokio::test]
async fn nobody_waits_for_what_comes_too_late() -> Result<()> {
    for (line, retry_after) in [(format!("--retry-for 3s {CREATE}"), "30"), (format!("--retry-for 0s {CREATE}"), "0")] {
        let server = Server::script([unavailable().with("retry-after", retry_after), accepted()]).await?;
        let started = Instant::now();
        let said = Ivory::at(&server.url)?.run(&line).await?.ends(4)?;
        ensure!(started.elapsed() < Duration::from_secs(3), "{line}: {:?}", started.elapsed());
        assert_eq!(server.asked().len(), 1, "{line}");
        ensure!(said.err.contains("request-4711"), "no request id: {said:#?}");
    }
    Ok(())
}

/// What a person needs to repeat it: the key that it had. A gateway's own answer does not say whether it was served.
#[tokio::test]
async fn a_request_without_an_answer_can_be_repeated_by_hand() -> Result<()> {
    let gateway = Reply::Answer { status: 504, headers: vec![], body: "<html>".to_owned() };
    for replies in [[Reply::Cut, Reply::Cut, Reply::Cut], [gateway, Reply::Cut, Reply::Cut]] {
        let server = Server::script(replies).await?;
        let said = Ivory::at(&server.url)?.run(&format!("--retry-for 1s {CREATE}")).await?.ends(4)?;
        let asked = server.asked();
        let again = format!("--idempotency-key {}", one_key(&asked)?);
        ensure!(said.err.contains(&again), "it does not say {again}: {said:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let elsewhere = Server::script([tenant("Somebody else's")]).await?;
    for status in [301, 302, 303, 307, 308] {
        let redirect = Reply::Answer {
            status,
            headers: vec![("location".to_owned(), format!("{}/v1/admin/tenants/acme-bank", elsewhere.url))],
            body: String::new(),
        };
        let asked = asked([redirect], 4, GET).await?;
        assert_eq!(asked.len(), 1, "{status}");
    }
    assert_eq!(elsewhere.lines(), Vec::<String>::new());
    Ok(())
}

/// The page after this one is where the API says, but on the same host.
#[tokio::test]
async fn a_next_page_elsewhere_is_not_asked_for() -> Result<()> {
    let elsewhere = Server::script([Reply::json(200, &serde_json::json!([]))]).await?;
    let authority = elsewhere.url.trim_start_matches("http:");
    for link in [format!("{}/v1/admin/tenants", elsewhere.url), format!("{authority}/v1/admin/tenants")] {
        let page = Reply::json(200, &serde_json::json!([])).with("link", &format!("<{link}?cursor=x>; rel=\"next\""));
        let server = Server::script([page]).await?;
        Ivory::at(&server.url)?.run("tenant list").await?;
    }
    assert_eq!(elsewhere.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn credentials_travel_over_tls_or_not_at_all() -> Result<()> {
    for url in ["http://api.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "ftp://127.0.0.1"] {
        let said = Ivory::at(url)?.run(GET).await?.ends(2)?;
        ensure!(said.err.contains("https"), "{url}: {said:#?}");
    }
    Ok(())
}
