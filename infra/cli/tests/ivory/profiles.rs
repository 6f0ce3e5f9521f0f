//! Where the API is and with what it is asked is said once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::answers::tenant;
use crate::program::{Ivory, KEY, Said, TOKEN};
use crate::server::{Asked, Reply, Server};
use crate::terminal::Terminal;

const GET: &str = "tenant get acme-bank";
const FILE: &str = ".config/ivory/profiles/default.toml";

/// An API that knows one key and one token.
fn reply(asked: &Asked) -> Reply {
    let knows = |header, credential: &str| asked.header(header) == Some(credential);
    let operations = json!(["get-tenant"]);
    match asked.path.as_str() {
        "/v1/admin/me" if knows("x-api-key", KEY) => {
            Reply::json(200, &json!({ "name": "platform-team", "groups": ["admin"], "operations": operations }))
        }
        "/v1/admin/lakehouse/me" if knows("authorization", &format!("Bearer {TOKEN}")) => {
            let holder = json!({ "name": "somebody", "roles": [], "issuer": null, "expires_at": null, "tenant_id": null, "operations": [] });
            Reply::json(200, &holder)
        }
        "/v1/admin/tenants/acme-bank" if knows("x-api-key", KEY) => tenant("Acme Bank"),
        _ => Reply::problem(401, "unauthenticated"),
    }
}

async fn api() -> Result<Server> {
    Server::replying(reply).await
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

impl Ivory {
    async fn logs_in(&self, url: &str) -> Result<()> {
        let said = self.fed(&format!("{KEY}\n"), &format!("login --url {url} --with-api-key")).await?.ends(0)?;
        ensure!(!said.all().contains(KEY), "it shows the key: {said:#?}");
        Ok(())
    }
}

#[tokio::test]
async fn a_login_is_kept_for_its_owner_only() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    ivory.run(GET).await?.ends(3)?;
    ivory.logs_in(&api.url).await?;
    assert_eq!(mode(&ivory.home(FILE))?, 0o600);
    ivory.json(0, GET).await?;
    // The token comes beside the key.
    ivory.fed(TOKEN, "login --with-token").await?.ends(0)?;
    let check = ivory.json(0, "auth check").await?;
    let found = (&check["profile"], &check["api_key"]["name"], &check["token"]["name"]);
    assert_eq!(found, (&json!("default"), &json!("platform-team"), &json!("somebody")));
    // A file that others can read does not stay so.
    fs::set_permissions(ivory.home(FILE), Permissions::from_mode(0o644))?;
    ivory.logs_in(&api.url).await?;
    assert_eq!(mode(&ivory.home(FILE))?, 0o600);
    Ok(())
}

#[tokio::test]
async fn what_the_api_does_not_know_is_not_kept() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    let line = format!("login --url {} --with-api-key", api.url);
    let said = ivory.fed("another-key", &line).await?.ends(3)?;
    ensure!(said.err.contains("unauthenticated") && !said.all().contains("another-key"), "{said:#?}");
    ivory.fed("", &line).await?.ends(2)?;
    ivory.fed("two\nlines", &line).await?.ends(2)?;
    ensure!(!ivory.home(FILE).exists(), "it is kept");
    // One that was kept before stays.
    ivory.logs_in(&api.url).await?;
    ivory.fed("another-key", &line).await?.ends(3)?;
    ivory.json(0, GET).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_typed_at_a_login_is_not_seen() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    let mut terminal = Terminal::open(&ivory, (40, 100), &format!("login --url {}", api.url))?;
    let patience = Duration::from_secs(20);
    terminal.shows("API key", patience).await?;
    terminal.types(&format!("{KEY}\n"))?;
    terminal.shows("Token", patience).await?;
    terminal.types("\n")?;
    assert_eq!(terminal.ends(patience).await?, 0, "{}", terminal.screen());
    ensure!(!terminal.raw().contains(KEY), "it shows the key:\n{}", terminal.screen());
    ivory.json(0, GET).await?;
    Ok(())
}

#[tokio::test]
async fn the_folder_is_where_the_system_says() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    let folder = ivory.home("elsewhere").display().to_string();
    let ivory = ivory.set("XDG_CONFIG_HOME", &folder);
    ivory.logs_in(&api.url).await?;
    assert_eq!(mode(&ivory.home("elsewhere/ivory/profiles/default.toml"))?, 0o600);
    ensure!(!ivory.home(".config").exists(), "it writes below HOME");
    // A relative one is to be ignored.
    let ivory = ivory.set("XDG_CONFIG_HOME", "here");
    ivory.logs_in(&api.url).await?;
    ensure!(ivory.home(FILE).exists() && !ivory.home("here").exists(), "a relative folder");
    Ok(())
}

#[tokio::test]
async fn credentials_of_a_profile_stay_with_its_url() -> Result<()> {
    let (api, elsewhere, ivory) = (api().await?, Server::script([]).await?, Ivory::new()?);
    ivory.logs_in(&api.url).await?;
    ivory.run(&format!("{GET} --url {}", elsewhere.url)).await?.ends(3)?;
    let ivory = ivory.set("IVORY_URL", &elsewhere.url);
    ivory.run(GET).await?.ends(3)?;
    ivory.run("auth check").await?.ends(3)?;
    // Whoever names a profile means its own URL.
    ivory.json(0, &format!("{GET} --profile default")).await?;
    ivory.run(&format!("{GET} --profile default --url {}", elsewhere.url)).await?.ends(2)?;
    assert_eq!(elsewhere.lines(), Vec::<String>::new());
    // A login for another URL does not take the key along.
    ivory.fed(TOKEN, "login --with-token").await?;
    ensure!(elsewhere.asked().iter().all(|asked| asked.header("x-api-key").is_none()), "{:?}", elsewhere.asked());
    assert_eq!(elsewhere.lines(), ["GET /v1/admin/lakehouse/me"]);
    Ok(())
}

#[tokio::test]
async fn a_variable_goes_before_a_profile() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    ivory.logs_in(&api.url).await?;
    let ivory = ivory.set("IVORY_API_KEY", "another-key");
    ivory.run(GET).await?.ends(3)?;
    assert_eq!(api.asked().last().and_then(|asked| asked.header("x-api-key")), Some("another-key"));
    // An empty one is none.
    ivory.set("IVORY_API_KEY", "").json(0, GET).await?;
    Ok(())
}

#[tokio::test]
async fn profiles_are_listed_chosen_and_forgotten() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    assert_eq!(ivory.json(0, "profile list").await?, json!([]));
    ivory.logs_in(&api.url).await?;
    let line = format!("login --profile prod --url {} --with-api-key", api.url);
    ivory.fed(KEY, &line).await?.ends(0)?;
    let profile = |name: &str, current: bool| json!({ "name": name, "url": format!("{}/", api.url), "current": current, "kept_in": "file" });
    assert_eq!(ivory.json(0, "profile list").await?, json!([profile("default", false), profile("prod", true)]));
    ivory.json(0, "profile use default").await?;
    assert_eq!(ivory.json(0, "profile list").await?, json!([profile("default", true), profile("prod", false)]));
    assert_eq!(ivory.text("profile list -o name").await?, "default\nprod\n");
    ivory.run("profile use nobody").await?.ends(3)?;

    // For one command, by option or variable.
    assert_eq!(ivory.json(0, "auth check --profile prod").await?["profile"], "prod");
    let ivory = ivory.set("IVORY_PROFILE", "prod");
    assert_eq!(ivory.json(0, "auth check").await?["profile"], "prod");
    let ivory = ivory.without("IVORY_PROFILE");

    assert_eq!(ivory.json(0, "logout").await?, json!({ "profile": "default", "removed": true }));
    ensure!(!ivory.home(FILE).exists(), "the file is still there");
    ivory.run(GET).await?.ends(3)?;
    assert_eq!(ivory.json(0, "logout --profile default").await?["removed"], false);
    ivory.json(0, &format!("{GET} --profile prod")).await?;
    Ok(())
}

/// The local cloud writes this one. Nobody has to choose it.
#[tokio::test]
async fn the_local_profile_needs_no_choice() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    ivory.fed(KEY, &format!("login --profile local --url {} --with-api-key", api.url)).await?.ends(0)?;
    fs::remove_file(ivory.home(".config/ivory/current"))?;
    assert_eq!(ivory.json(0, "auth check").await?["profile"], "local");
    Ok(())
}

#[tokio::test]
async fn a_name_is_no_path_and_a_damaged_file_is_not_shown() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?);
    for name in ["../escaped", "a/b", "/tmp/x", "..", ""] {
        ivory.fed(KEY, &format!("login --profile '{name}' --url {} --with-api-key", api.url)).await?.ends(2)?;
    }
    ivory.logs_in(&api.url).await?;
    fs::write(ivory.home(FILE), format!("api_key = '{KEY}\n"))?;
    let said = ivory.run(GET).await?.ends(1)?;
    ensure!(said.err.contains("default.toml") && !said.all().contains(KEY), "{said:#?}");
    Ok(())
}

#[tokio::test]
async fn a_url_has_no_credentials_in_it() -> Result<()> {
    let api = api().await?;
    let url = api.url.replace("http://", "http://somebody:hidden-word@");
    let said = Ivory::at(&url)?.run(&format!("--debug {GET}")).await?.ends(2)?;
    ensure!(!said.all().contains("hidden-word"), "it shows the password: {said:#?}");
    assert_eq!(api.lines(), Vec::<String>::new());
    Ok(())
}

/// On a server there is no keyring, and nobody has to say so.
#[tokio::test]
async fn without_a_keyring_credentials_are_in_the_file() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?.without("IVORY_KEYRING"));
    ivory.logs_in(&api.url).await?;
    assert_eq!(ivory.json(0, "profile list").await?[0]["kept_in"], "file");
    ivory.json(0, GET).await?;
    Ok(())
}

/// A desktop's session: its bus, its keyring, and in it the commands.
const SESSION: &str = r#"
mkdir -m 700 run
printf password | gnome-keyring-daemon --foreground --unlock --components=secrets >/dev/null &
trap "kill $!" EXIT
for try in 1 2 3 4 5 6 7 8 9 10; do
    dbus-send --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets |
        grep -q true && break
    sleep 0.5
done
set -e
printf %s "$KEY" | "$IVORY" login --url "$API" --with-api-key >/dev/null
"$IVORY" profile list -o json
cat .config/ivory/profiles/default.toml >&2
"$IVORY" tenant get acme-bank -o name
"$IVORY" logout -o name
"#;

#[tokio::test]
#[ignore = "needs TEST_KEYRING"]
async fn a_desktop_keeps_credentials_in_its_keyring() -> Result<()> {
    let (api, ivory) = (api().await?, Ivory::new()?.without("IVORY_KEYRING"));
    let runtime = ivory.home("run");
    let mut session = Command::new("dbus-run-session");
    session.args(["--", "sh", "-c", SESSION]).env_clear().envs(ivory.variables()).env("XDG_RUNTIME_DIR", runtime);
    session.env("IVORY", env!("CARGO_BIN_EXE_ivory")).env("API", &api.url).env("KEY", KEY);
    session.current_dir(ivory.home("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let said = Said::of(session.kill_on_drop(true).spawn()?).await?.ends(0)?;
    ensure!(said.out.contains(r#""kept_in": "keyring""#) && said.out.ends_with("acme-bank\ndefault\n"), "{said:#?}");
    ensure!(said.err.contains("kept_in = \"keyring\"") && !said.all().contains(KEY), "{said:#?}");
    Ok(())
}
