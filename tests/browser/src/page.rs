//! The page as whoever uses it knows it: by what can be read on it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Browser;
use crate::driver::Element;

/// The time until something shows up. A run of nine steps is within it.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// What the driver says of an element that the page renders anew, or covers, between being found and being used.
const PASSING: [&str; 3] = ["stale element reference", "element click intercepted", "element not interactable"];

/// Finds what somebody can press by what it says, in the dialog if there is one.
const BUTTON: &str = "
    const within = document.querySelector('dialog[open]') ?? document;
    const shown = (element) => element.checkVisibility() && element.textContent.trim() === arguments[0];
    return [...within.querySelectorAll('button, a, summary')].find(shown) ?? null;";

/// Finds a field by its label.
const FIELD: &str = "
    const within = document.querySelector('dialog[open]') ?? document;
    const label = [...within.querySelectorAll('label')].find((label) => label.textContent.trim() === arguments[0]);
    return label?.control ?? null;";

impl Browser {
    /// What can be read on the page.
    pub async fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText", &[]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until this can be read on the page.
    pub async fn sees(&self, text: &str) -> Result<()> {
        self.until(text, async || Ok(self.text().await?.contains(text))).await
    }

    /// Waits until it can be read no more.
    pub async fn sees_no_more(&self, text: &str) -> Result<()> {
        self.until(&format!("no more: {text}"), async || Ok(!self.text().await?.contains(text))).await
    }

    /// Waits until this is so.
    pub async fn until(&self, what: &str, so: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !so().await? {
            if Instant::now() > end {
                bail!("not seen: {what}; but:\n{}", self.text().await?);
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until a script returns true.
    pub async fn until_true(&self, what: &str, script: &str) -> Result<()> {
        self.until(what, async || Ok(self.run(script, &[]).await? == true)).await
    }

    /// Whether somebody can press this.
    pub async fn offers(&self, button: &str) -> Result<bool> {
        Ok(self.find(BUTTON, &[json!(button)]).await?.is_some())
    }

    /// Waits for an element and uses it. If the page renders it anew meanwhile, it is looked up again.
    async fn with(&self, script: &str, name: &str, using: impl AsyncFn(&Element) -> Result<()>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let used = match self.find(script, &[json!(name)]).await {
                Ok(Some(found)) => using(&found).await,
                Ok(None) if Instant::now() > end => bail!("there is no {name}; but:\n{}", self.text().await?),
                Ok(None) => {
                    sleep(POLL).await;
                    continue;
                }
                Err(error) => Err(error),
            };
            match used {
                Err(error) if Instant::now() < end && passes(&error) => sleep(POLL).await,
                used => return used.with_context(|| name.to_owned()),
            }
        }
    }

    /// Presses the button, or follows the link, that says this.
    pub async fn click(&self, button: &str) -> Result<()> {
        self.with(BUTTON, button, async |found| self.click_on(found).await).await
    }

    /// Opens the dialog of an action.
    pub async fn begin(&self, action: &str) -> Result<()> {
        // A press may hit a button that is rendered anew at that moment.
        let open = async || {
            self.click(action).await?;
            Ok(self.run("return document.querySelector('dialog[open]') !== null", &[]).await? == true)
        };
        self.until(action, open).await
    }

    /// Presses a dialog's button, and waits until what it asks for is done. If the tenant was changed since it was shown, as
    /// its own run may do, presses it again.
    pub async fn confirm(&self, button: &str) -> Result<()> {
        const AGAIN: &str = "const dialog = document.querySelector('dialog');
            if (dialog?.textContent.includes('version_mismatch'))
              [...dialog.querySelectorAll('button')].find((it) => it.textContent === arguments[0]).click();
            return dialog === null;";
        self.click(button).await?;
        self.until("the end of the dialog", async || Ok(self.run(AGAIN, &[json!(button)]).await? == true)).await
    }

    /// Types into the field of this label, in the place of what it holds.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let fill = async |field: &Element| {
            self.clear(field).await?;
            if text.is_empty() { Ok(()) } else { self.type_into(field, text).await }
        };
        self.with(FIELD, label, fill).await
    }

    /// Chooses an option by its value.
    pub async fn choose(&self, label: &str, value: &str) -> Result<()> {
        let choose = "field.value = arguments[1]; field.dispatchEvent(new Event('input', { bubbles: true }));
            return field.value;";
        let chosen = self.of_field(choose, &[json!(label), json!(value)]).await?;
        ensure!(chosen == value, "{label} has no {value}");
        Ok(())
    }

    /// Ticks a box.
    pub async fn tick(&self, label: &str) -> Result<()> {
        self.with(FIELD, label, async |found| self.click_on(found).await).await
    }

    /// What stands at a field as its fault.
    pub async fn fault_of(&self, label: &str) -> Result<String> {
        let read = "if (field?.getAttribute('aria-invalid') !== 'true') return '';
            const about = field.getAttribute('aria-describedby').split(' ');
            return about.map((id) => document.getElementById(id).textContent).join(' ').trim();";
        let fault = self.of_field(read, &[json!(label)]).await?;
        Ok(fault.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a field has a fault that says this.
    pub async fn sees_fault(&self, label: &str, text: &str) -> Result<()> {
        self.until(&format!("{label}: {text}"), async || Ok(self.fault_of(label).await?.contains(text))).await
    }

    /// What a script returns of the `field` whose label is its first argument.
    async fn of_field(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        let script = format!("const field = (function () {{ {FIELD} }}).apply(null, arguments); {script}");
        self.run(&script, arguments).await
    }

    /// Signs in with a key, and waits until the page knows who that is.
    pub async fn sign_in(&self, key: &str) -> Result<()> {
        self.fill("API key", key).await?;
        self.click("Sign in").await?;
        self.until("the head", async || self.offers("Sign out").await).await
    }

    /// Goes to a view, by its address, and waits until it is shown.
    pub async fn visit(&self, hash: &str) -> Result<()> {
        const GO: &str = "const changed = new Promise((done) => addEventListener('hashchange', done, { once: true }));
            const before = location.href;
            location.hash = arguments[0];
            if (location.href !== before) await changed;";
        self.run_to_end(GO, &[json!(hash)]).await?;
        self.until_true(hash, "return !document.getElementById('main').hasAttribute('aria-busy')").await
    }

    /// Unfolds whatever can be unfolded.
    pub async fn unfold(&self) -> Result<()> {
        self.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })", &[]).await.map(drop)
    }
}

fn passes(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    PASSING.iter().any(|words| said.contains(words))
}
