//! A browser, driven over [WebDriver](https://www.w3.org/TR/webdriver2/).

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// The time for the browser to start on a busy machine.
const START: Duration = Duration::from_secs(40);
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// What `WebDriver` calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub struct Browser {
    http: Client,
    /// The session's address.
    session: String,
    driver: Child,
}

/// An element of the page.
pub struct Element(pub(crate) String);

impl Browser {
    /// Starts one, without a window on a screen. On a busy machine the first ones may not be there in time.
    pub async fn start(http: &Client) -> Result<Self> {
        let mut failures = Vec::new();
        for _ in 0..TRIES {
            match Self::try_to_start(http).await {
                Ok(browser) => return Ok(browser),
                Err(error) => failures.push(format!("{error:#}")),
            }
            sleep(PAUSE).await;
        }
        bail!("no browser: {failures:#?}")
    }

    async fn try_to_start(http: &Client) -> Result<Self> {
        let program = std::env::var("TEST_CHROMEDRIVER").context("TEST_CHROMEDRIVER is not set")?;
        let mut command = Command::new(&program);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.kill_on_drop(true).spawn().with_context(|| format!("starting {program}"))?;
        let mut said = BufReader::new(driver.stdout.take().context("no output")?).lines();
        let port = timeout(START, port(&mut said)).await.with_context(|| format!("{program} does not start"))??;
        // A driver that cannot write any more ends.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        let url = format!("http://127.0.0.1:{port}");
        // Tests run as root in a container, where the browser's sandbox cannot be set up, and without a way to its maker.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--lang=en-GB",
        ];
        let options = json!({ "args": arguments, "prefs": { "profile.default_content_setting_values.clipboard": 1 } });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let capabilities = json!({ "capabilities": { "alwaysMatch": wanted } });
        let made = send(http, Method::POST, &format!("{url}/session"), &capabilities).await?;
        let id = made["sessionId"].as_str().context("no session")?;
        let browser = Self { http: http.clone(), session: format!("{url}/session/{id}"), driver };
        browser.size(1280, 900).await?;
        Ok(browser)
    }

    /// Ends the browser.
    pub async fn end(mut self) -> Result<()> {
        let _ = send(&self.http, Method::DELETE, &self.session, &Value::Null).await;
        self.driver.kill().await.context("ending the driver")
    }

    /// Sends a command of `WebDriver`.
    pub(crate) async fn command(&self, command: &str, body: Value) -> Result<Value> {
        send(&self.http, Method::POST, &format!("{}/{command}", self.session), &body).await
    }

    /// Goes to an address, as somebody who types it.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.command("url", json!({ "url": url })).await.map(drop)
    }

    /// Loads the page anew.
    pub async fn reload(&self) -> Result<()> {
        self.command("refresh", json!({})).await.map(drop)
    }

    /// Runs JavaScript in the page, and returns what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.command("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// The same for a script that awaits something.
    pub async fn run_to_end(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        let waiting = "const done = arguments[arguments.length - 1];";
        let script =
            format!("{waiting} (async () => {{ {script} }})().then(done, (error) => done({{ error: `${{error}}` }}));");
        let outcome = self.command("execute/async", json!({ "script": script, "args": arguments })).await?;
        ensure!(!outcome["error"].is_string(), "{outcome}");
        Ok(outcome)
    }

    /// The element that a script returns.
    pub(crate) async fn find(&self, script: &str, arguments: &[Value]) -> Result<Option<Element>> {
        let found = self.run(script, arguments).await?;
        Ok(found[ELEMENT].as_str().map(|id| Element(id.to_owned())))
    }

    /// Clicks where the element is.
    pub(crate) async fn click_on(&self, Element(id): &Element) -> Result<()> {
        self.command(&format!("element/{id}/click"), json!({})).await.map(drop)
    }

    /// Takes out what a field holds.
    pub(crate) async fn clear(&self, Element(id): &Element) -> Result<()> {
        self.command(&format!("element/{id}/clear"), json!({})).await.map(drop)
    }

    /// Types into an element.
    pub(crate) async fn type_into(&self, Element(id): &Element, text: &str) -> Result<()> {
        self.command(&format!("element/{id}/value"), json!({ "text": text })).await.map(drop)
    }

    /// Presses a key, by the code point that `WebDriver` has for it.
    pub async fn press(&self, key: char) -> Result<()> {
        let keys = [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": keys }]);
        self.command("actions", json!({ "actions": actions })).await.map(drop)
    }

    /// Gives the page this many pixels.
    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await
    }

    /// Prefers `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    /// Lets it always be this time for the page, in UTC, so that its pictures are the same every day.
    pub async fn stop_the_clock(&self, time: &str) -> Result<()> {
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "UTC" })).await?;
        self.run("const now = Date.parse(arguments[0]); Date.now = () => now;", &[json!(time)]).await.map(drop)
    }

    /// Leaves scrollbars out of pictures.
    pub async fn hide_scrollbars(&self) -> Result<()> {
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<()> {
        self.command("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await.map(drop)
    }

    /// A picture of what the window shows, as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        let picture = send(&self.http, Method::GET, &format!("{}/screenshot", self.session), &Value::Null).await?;
        Ok(BASE64_STANDARD.decode(picture.as_str().context("no picture")?)?)
    }

    /// What the browser wrote into its log since this was asked last, without the lines about answers that are no success:
    /// mistakes of the page, and what its policy forbade.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let lines = self.command("se/log", json!({ "type": "browser" })).await?;
        let serious =
            |line: &&Value| line["source"] != "network" && matches!(line["level"].as_str(), Some("SEVERE" | "WARNING"));
        Ok(lines.as_array().into_iter().flatten().filter(serious).map(ToString::to_string).collect())
    }

    /// Fails if there are any.
    pub async fn made_no_mistake(&self) -> Result<()> {
        let complaints = self.complaints().await?;
        ensure!(complaints.is_empty(), "the browser complains: {complaints:#?}");
        Ok(())
    }
}

/// The port that the driver says it has chosen.
async fn port(said: &mut Lines<BufReader<ChildStdout>>) -> Result<u16> {
    let mut before = Vec::new();
    while let Some(line) = said.next_line().await? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().context(line);
        }
        before.push(line);
    }
    bail!("the driver ended after it had said {before:?}")
}

async fn send(http: &Client, method: Method, url: &str, body: &Value) -> Result<Value> {
    let mut request = http.request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    let response = request.send().await?;
    let status = response.status();
    let mut answer: Value = response.json().await?;
    if status.is_success() {
        return Ok(answer["value"].take());
    }
    bail!("{url}: {}: {}", answer["value"]["error"], answer["value"]["message"])
}
