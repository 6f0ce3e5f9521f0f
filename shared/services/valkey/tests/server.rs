//! The client against a real Valkey. Its URL is in `TEST_VALKEY_URL`.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use uuid::Uuid;
use valkey::{Error, Lasting, Published, Valkey};

/// The client under test, and another connection.
async fn server() -> (Valkey, MultiplexedConnection) {
    let url = std::env::var("TEST_VALKEY_URL").expect("TEST_VALKEY_URL is set");
    let beside = redis::Client::open(url.as_str()).expect("a URL").get_multiplexed_async_connection().await;
    (Valkey::connect(&url.into(), None).await.expect("connected"), beside.expect("connected"))
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn unlink_counts_the_keys_that_existed() {
    let (valkey, mut beside) = server().await;
    let keys = [1, 2, 3].map(|n| format!("test:{}:{n}", Uuid::new_v4()));
    for key in &keys[..2] {
        let () = beside.set(key, "x").await.expect("set");
    }
    assert_eq!(valkey.unlink(&keys).await, Ok(2));
    assert_eq!(valkey.unlink(&keys).await, Ok(0));
    assert_eq!(valkey.unlink(&[]).await, Ok(0));
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn keys_that_stay_for_ever_are_told_from_those_that_expire() {
    let (valkey, mut beside) = server().await;
    let keys = [1, 2, 3].map(|n| format!("test:{}:{n}", Uuid::new_v4()));
    let () = beside.set(&keys[0], "x").await.expect("set");
    let () = beside.set_ex(&keys[1], "x", 60).await.expect("set");
    let lasting = valkey.lasting(&keys).await;
    assert_eq!(lasting, Ok(vec![Lasting::ForEver, Lasting::Expires, Lasting::Absent]));
    assert_eq!(valkey.unlink(&keys).await, Ok(2), "looking removes nothing");
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn an_event_is_published_once() {
    let (valkey, mut beside) = server().await;
    let (stream, event) = (format!("test:{}", Uuid::new_v4()), Uuid::now_v7());
    let fields = [("event_id", "1"), ("display_name", "Zoë's \"Bank\"\n")];
    let publish = || valkey.publish_once(&stream, event, &fields, Duration::from_hours(1));

    // After a failover the server's script cache is empty.
    let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut beside).await.expect("flushed");
    let Published::New(id) = publish().await.expect("published") else { panic!("it is new") };
    for _ in 0..3 {
        assert_eq!(publish().await, Ok(Published::AlreadyThere));
    }

    let entries: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg(&stream).arg("-").arg("+").query_async(&mut beside).await.expect("read");
    assert_eq!(entries, [(id.clone(), fields.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec())]);

    let mark = format!("{{{stream}}}:{event}");
    let marked: String = beside.get(&mark).await.expect("marked");
    assert_eq!(marked, id);
    let ttl: u64 = beside.ttl(&mark).await.expect("read");
    assert!((3590..=3600).contains(&ttl), "{ttl}");
    let slots: Result<(u16, u16), _> = async {
        let slot = |key: &str| redis::cmd("CLUSTER").arg("KEYSLOT").arg(key).to_owned();
        Ok::<_, redis::RedisError>((
            slot(&stream).query_async(&mut beside).await?,
            slot(&mark).query_async(&mut beside).await?,
        ))
    }
    .await;
    // A server outside a cluster may refuse to answer. If it answers, both slots are the same.
    assert!(slots.is_err() || slots.is_ok_and(|(stream, mark)| stream == mark));
    assert_eq!(valkey.unlink(&[stream, mark]).await, Ok(2));
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn events_at_the_same_time_are_published_once() {
    let (valkey, mut beside) = server().await;
    let (stream, event) = (format!("test:{}", Uuid::new_v4()), Uuid::now_v7());
    let publish = || valkey.publish_once(&stream, event, &[("a", "b")], Duration::from_mins(1));
    let all = tokio::join!(publish(), publish(), publish(), publish());
    let new = <[_; 4]>::from(all).into_iter().filter(|one| matches!(one, Ok(Published::New(_)))).count();
    assert_eq!(new, 1);
    let length: u64 = redis::cmd("XLEN").arg(&stream).query_async(&mut beside).await.expect("read");
    assert_eq!(length, 1);
    valkey.unlink(&[stream]).await.expect("removed");
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn a_connection_cut_by_the_server_is_opened_again() {
    let (_, mut beside) = server().await;
    // A separate user, so that no other test's connection is cut.
    let user = format!("test-{}", Uuid::new_v4());
    let mut tell = async |command: &[&str]| {
        let (name, arguments) = command.split_first().expect("a command");
        let _: redis::Value = redis::cmd(name).arg(arguments).query_async(&mut beside).await.expect("done");
    };
    tell(&["ACL", "SETUSER", &user, "on", ">secret", "~*", "+@all"]).await;
    let url = std::env::var("TEST_VALKEY_URL").expect("set, or there is no connection");
    let address = url.rsplit(['@', '/']).find(|part| part.contains(':')).expect("host:port");
    let valkey = Valkey::connect(&format!("redis://{user}:secret@{address}/0").into(), None).await.expect("connected");

    tell(&["SET", &user, "x"]).await;
    tell(&["CLIENT", "KILL", "USER", &user]).await;
    assert_eq!(valkey.unlink(std::slice::from_ref(&user)).await, Ok(1));
    tell(&["ACL", "DELUSER", &user]).await;
}

#[tokio::test]
#[ignore = "needs TEST_VALKEY_URL"]
async fn the_eviction_policy_is_read_from_the_server() {
    let (valkey, mut beside) = server().await;
    let (_, policy): (String, String) =
        redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut beside).await.expect("told");
    let expected = if policy == "noeviction" { Ok(()) } else { Err(Error::Evicting) };
    assert_eq!(valkey.eviction_policy().await, expected);
}
