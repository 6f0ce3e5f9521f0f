//! The users, and what the master gives them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::{CauseCode, TenantId};
use lambda_kit::{Read, ReadMaster};
use secrecy::SecretString;
use secrets::{DatabaseSecret, MasterSecret};
use store::{ControlDeployment, Login, Patience, Rights, Store, StoreError};
use test_database::TestDatabase;
use uuid::Uuid;

use crate::{assert_deployed, code, forbidden, is, run};

/// A deployment whose master is read from `source`, with the number of times that it was read before.
fn with_master(
    database: &TestDatabase,
    source: impl Fn(usize) -> MasterSecret + Send + Sync + 'static,
) -> (ControlDeployment, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let master = ReadMaster::from_fn(move || std::future::ready(Ok(source(counted.fetch_add(1, Ordering::Relaxed)))));
    (ControlDeployment { master, ..database.users().deployment() }, reads)
}

fn with_password(master: &MasterSecret, password: &str) -> MasterSecret {
    MasterSecret { password: SecretString::from(password), ..master.clone() }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_master_who_is_no_superuser_prepares_the_database() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let deployment = users.deployment();
    let first = run(&deployment).await;
    assert!(first.applied > 0);
    assert_deployed(&database).await;

    let master = database.connect_as_master().await;
    assert!(!is(&master, "rolsuper FROM pg_roles WHERE rolname = current_user").await);
    assert!(is(&master, "datdba = current_user::regrole FROM pg_database WHERE datname = current_database()").await);
    assert!(forbidden(&master, "SELECT FROM control.tenants").await, "the master reads nothing");
    let closed =
        "NOT EXISTS (SELECT FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND grantee = 0)";
    assert!(is(&master, closed).await, "nobody else may connect");
    let digest = "rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = ";
    assert!(is(&database.connect().await, &format!("{digest}'{}'", users.application.username)).await);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_repeated_deployment_does_not_ask_the_master() {
    let database = TestDatabase::of_rds().await;
    let first = run(&database.users().deployment()).await;
    let (again, reads) = with_master(&database, |_| unreachable!("the master is not needed"));
    let second = run(&again).await;
    assert_eq!((second.version, second.applied), (first.version, 0));
    assert_eq!(reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_user_gets_the_password_of_its_secret() {
    let database = TestDatabase::of_rds().await;
    let mut deployment = database.users().deployment();
    run(&deployment).await;
    deployment.owner.password = SecretString::from("another'password");
    deployment.logins[0].user.password = SecretString::from("pässword \\");
    deployment.logins[1].user.password = SecretString::from("a third one");
    assert_eq!(run(&deployment).await.applied, 0);
    for user in [&deployment.owner, &deployment.logins[0].user, &deployment.logins[1].user] {
        store::connect(user, "test").await.expect("the new password counts");
    }
    for user in [&database.users().application, &database.users().reader] {
        let before = store::connect(user, "test").await;
        assert!(matches!(before, Err(StoreError::Refused)), "the old one does not");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_second_user_can_take_the_place_of_the_first() {
    let database = TestDatabase::of_rds().await;
    let first = database.users().deployment();
    run(&first).await;
    let mut second = database.users().deployment();
    for login in &mut second.logins {
        login.user.username += "_2";
        login.user.password = SecretString::from("the second user's");
    }
    let refused = async |deployment: &ControlDeployment| deployment.try_out().await.err().map(|it| it.code());
    assert_eq!(refused(&second).await, Some(CauseCode::ControlDatabaseMasterForbidden));
    assert_eq!(run(&second).await.applied, 0);
    for deployment in [&first, &second] {
        deployment.try_out().await.expect("both work");
    }
    let owner = store::connect(&first.owner, "test").await.expect("connects");
    let statement = format!("REVOKE SELECT ON control.tenants FROM {}", second.logins[1].user.username);
    owner.batch_execute(&statement).await.expect("revoked");
    assert_eq!(refused(&second).await, Some(CauseCode::ControlDatabaseMasterForbidden));
}

/// The first time the password is one that was valid until now.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_password_that_is_rotated_while_a_function_connects_is_read_again() {
    let database = TestDatabase::of_rds().await;
    run(&database.users().deployment()).await;
    let right = database.users().application.clone();
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let credentials = Read::from_fn(move |()| {
        let mut secret = right.clone();
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            secret.password = SecretString::from("of last month");
        }
        std::future::ready(Ok(secret))
    });
    let store = Store::new(credentials, "a-test");
    store.tenant_by_id(TenantId(Uuid::nil())).await.expect("connected");
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn users_that_an_operator_made_are_given_what_they_lack() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let (owner, application, reader) = (&users.owner.username, &users.application.username, &users.reader.username);
    let made = format!("CREATE ROLE {owner} PASSWORD 'x'; CREATE ROLE {application} LOGIN; CREATE ROLE {reader}");
    database.connect_as_master().await.batch_execute(&made).await.expect("made");
    run(&users.deployment()).await;
    assert_deployed(&database).await;
    let server = database.connect().await;
    for lost in [
        format!("REVOKE CREATE ON DATABASE {} FROM {owner}", users.owner.dbname),
        format!("REVOKE CREATE ON SCHEMA public FROM {owner}"),
        format!("REVOKE CONNECT ON DATABASE {} FROM {application}", users.owner.dbname),
        format!("ALTER ROLE {application} NOLOGIN"),
        format!("REVOKE CONNECT ON DATABASE {} FROM {reader}", users.owner.dbname),
        format!("ALTER ROLE {reader} NOLOGIN"),
    ] {
        server.batch_execute(&lost).await.expect("lost");
        run(&users.deployment()).await;
        assert_deployed(&database).await;
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_database_that_the_owner_owns_needs_no_master() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let (owner, application, reader) = (&users.owner.username, &users.application.username, &users.reader.username);
    let master = database.connect_as_master().await;
    for user in [owner, application, reader] {
        let password = secrecy::ExposeSecret::expose_secret(&users.owner.password);
        master.batch_execute(&format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'")).await.expect("made");
    }
    let given = format!("ALTER DATABASE {} OWNER TO {owner}", users.owner.dbname);
    database.connect().await.batch_execute(&given).await.expect("given");
    run(&database.users().deployment_without_master()).await;
    assert_deployed(&database).await;
    // Its master may not give rights on it. It may still set a password.
    let mut rotated = database.users().deployment();
    rotated.logins[0].user.password = SecretString::from("another");
    run(&rotated).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_secret_is_read_again_while_the_masters_password_is_rotated() {
    let database = TestDatabase::of_rds().await;
    let right = database.users().master.clone();
    let (deployment, reads) =
        with_master(
            &database,
            move |before| {
                if before < 2 { with_password(&right, "of last week") } else { right.clone() }
            },
        );
    run(&deployment).await;
    assert_eq!(reads.load(Ordering::Relaxed), 3);
    assert_deployed(&database).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_master_that_stays_refused_is_named() {
    let database = TestDatabase::of_rds().await;
    let wrong = with_password(&database.users().master, "of another database");
    let (deployment, _) = with_master(&database, move |_| wrong.clone());
    let outcome = deployment.run(Patience::of(Duration::from_secs(3))).await;
    assert_eq!(code(outcome), CauseCode::ControlDatabaseMasterRefused);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn without_a_master_everything_that_is_missing_is_named() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let deployment = users.deployment_without_master();
    let hint = async || {
        let failure = deployment.run(crate::patience()).await.expect_err("it cannot go through");
        assert_eq!(failure.code(), CauseCode::ControlDatabaseUnprepared);
        failure.hint()
    };
    assert!(hint().await.contains("lacks a log-in for the user of control/database-owner. "));
    let password = secrecy::ExposeSecret::expose_secret(&users.owner.password);
    let made = format!("CREATE ROLE {} LOGIN PASSWORD '{password}'", users.owner.username);
    database.connect_as_master().await.batch_execute(&made).await.expect("made");
    let hint = hint().await;
    for part in [
        "to create schemas",
        "to create tables in the schema public",
        "for the user of control/database and",
        "for the user of control/database-read.",
    ] {
        assert!(hint.contains(part), "{hint}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_user_with_another_purpose_is_left_alone() {
    let (database, other) = (TestDatabase::of_rds().await, TestDatabase::of_rds().await);
    run(&other.users().deployment()).await;
    let users = database.users();
    let elsewhere = other.users();
    let [master, owner, application, reader] =
        [&users.master.username, &users.owner.username, &users.application.username, &users.reader.username];
    for named @ [owner, application, reader] in [
        [owner, owner, reader],
        [owner, application, application],
        [owner, application, owner],
        [master, application, reader],
        [owner, master, reader],
        [owner, application, master],
        [&elsewhere.owner.username, application, reader],
        [owner, &elsewhere.application.username, reader],
        [owner, application, &elsewhere.reader.username],
    ] {
        let mut deployment = users.deployment();
        deployment.owner.username.clone_from(owner);
        deployment.owner.password = SecretString::from("of this installation");
        for (login, name) in deployment.logins.iter_mut().zip([application, reader]) {
            login.user.username.clone_from(name);
            login.user.password = SecretString::from("of this installation");
        }
        let outcome = deployment.run(crate::patience()).await;
        assert_eq!(code(outcome), CauseCode::ControlDatabaseUserTaken, "{named:?}");
    }
    assert_deployed(&other).await;
    database.connect_as_master().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_user_who_may_do_more_than_log_in_is_left_alone() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let (server, owner) = (database.connect().await, &users.owner.username);
    let made = format!("CREATE ROLE {owner} LOGIN PASSWORD 'of somebody'");
    database.connect_as_master().await.batch_execute(&made).await.expect("made");
    for (more, less) in [
        (format!("ALTER ROLE {owner} CREATEROLE"), format!("ALTER ROLE {owner} NOCREATEROLE")),
        (format!("GRANT pg_read_all_data TO {owner}"), format!("REVOKE pg_read_all_data FROM {owner}")),
    ] {
        server.batch_execute(&more).await.expect("more");
        let outcome = users.deployment().run(crate::patience()).await;
        assert_eq!(code(outcome), CauseCode::ControlDatabaseUserTaken, "{more}");
        server.batch_execute(&less).await.expect("less");
    }
    run(&users.deployment()).await;
    assert_deployed(&database).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_masters_secret_is_waited_for_while_its_policy_is_young() {
    let database = TestDatabase::of_rds().await;
    let (master, reads) = (database.users().master.clone(), AtomicUsize::new(0));
    let master = ReadMaster::from_fn(move || {
        let young = reads.fetch_add(1, Ordering::Relaxed) < 2;
        std::future::ready(if young { Err(CauseCode::SecretForbidden.into()) } else { Ok(master.clone()) })
    });
    run(&ControlDeployment { master, ..database.users().deployment() }).await;
    let forbidden = ReadMaster::from_fn(|| std::future::ready(Err(CauseCode::SecretForbidden.into())));
    let other = TestDatabase::of_rds().await;
    let deployment = ControlDeployment { master: forbidden, ..other.users().deployment() };
    assert_eq!(code(deployment.run(Patience::of(Duration::from_secs(1))).await), CauseCode::SecretForbidden);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_right_that_no_migration_needs_may_be_missing() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    run(&users.deployment()).await;
    let lost = format!("REVOKE CREATE ON DATABASE {} FROM {}", users.owner.dbname, users.owner.username);
    database.connect().await.batch_execute(&lost).await.expect("lost");
    assert_eq!(run(&users.deployment_without_master()).await.applied, 0);
    assert_deployed(&database).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_master_who_may_not_prepare_the_database_is_named() {
    let database = TestDatabase::of_rds().await;
    let owner = &database.users().owner.username;
    // Made by somebody else: the master may not change it.
    let made = format!("CREATE ROLE {owner} LOGIN PASSWORD 'of somebody else'");
    database.connect().await.batch_execute(&made).await.expect("made");
    let outcome = database.users().deployment().run(crate::patience()).await;
    assert_eq!(code(outcome), CauseCode::ControlDatabaseMasterForbidden);
    // The database belongs to somebody else: the master may not give rights on it.
    let other = TestDatabase::of_rds().await;
    let taken = format!("ALTER DATABASE {} OWNER TO CURRENT_USER", other.config().dbname);
    other.connect().await.batch_execute(&taken).await.expect("taken");
    assert_eq!(
        code(other.users().deployment().run(crate::patience()).await),
        CauseCode::ControlDatabaseMasterForbidden
    );
}

/// While a password is rotated, a second user has the same rights. Whoever is not named stays as it is.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_further_user_gets_the_rights_of_its_kind_and_the_others_keep_theirs() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    run(&users.deployment()).await;
    let further = |login: &Login| {
        let username = format!("{}_2", login.user.username);
        Login { user: DatabaseSecret { username, ..login.user.clone() }, rights: login.rights }
    };
    for login in users.deployment().logins {
        let login = further(&login);
        let alone = ControlDeployment { logins: vec![login.clone()], ..users.deployment() };
        assert_eq!(run(&alone).await.applied, 0);
        let client = store::connect(&login.user, "test").await.expect("it logs in");
        client.batch_execute("SELECT FROM control.tenants").await.expect("it reads");
        let writes = !forbidden(&client, "UPDATE control.tenants SET display_name = 'x'").await;
        assert_eq!(writes, login.rights == Rights::Write);
        assert_deployed(&database).await;
    }
    let drop = users.deployment().logins.iter().map(further).map(|login| login.user.username).collect::<Vec<_>>();
    let drop = format!("DROP OWNED BY {0}; DROP ROLE {0}", drop.join(", "));
    database.connect().await.batch_execute(&drop).await.expect("dropped");
}

/// The release before gave one user more than was needed, table by table, and knew no user that only reads.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deployment_takes_what_an_earlier_release_gave_too_much() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    let mut before = users.deployment();
    before.logins.truncate(1);
    run(&before).await;
    assert!(store::connect(&users.reader, "test").await.is_err(), "nobody made it");
    run(&users.deployment()).await;
    assert_deployed(&database).await;
    let server = database.connect().await;
    for role in [&users.application.username, &users.reader.username] {
        let before = format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA control TO {role};
             GRANT UPDATE (actor) ON control.audit_log TO {role};
             GRANT USAGE, UPDATE ON control.audit_log_id_seq TO {role}"
        );
        let owner = store::connect(&users.owner, "test").await.expect("it logs in");
        owner.batch_execute(&before).await.expect("given");
    }
    run(&users.deployment()).await;
    assert_deployed(&database).await;
    let left = "SELECT count(*) FROM pg_class, aclexplode(relacl) WHERE relname IN ('audit_log', 'audit_log_id_seq')
                AND grantee = ANY ($1::text[]::regrole[]) AND privilege_type <> 'SELECT'";
    let roles = [&users.application.username, &users.reader.username];
    let left: i64 = server.query_one(left, &[&roles.as_slice()]).await.expect("answers").get(0);
    assert_eq!(left, 0, "only columns and reading are left");
}
