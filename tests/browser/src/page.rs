//! The page as whoever uses it knows it: by what can be read on it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Browser;
use crate::driver::{ELEMENT, Element};

/// The time until something shows up. A run of nine steps is within it.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

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

    /// Whether somebody can press this.
    pub async fn offers(&self, button: &str) -> Result<bool> {
        Ok(self.find(BUTTON, &[json!(button)]).await?.is_some())
    }

    async fn wait_for(&self, script: &str, name: &str) -> Result<Element> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.find(script, &[json!(name)]).await? {
                Some(found) => return Ok(found),
                None if Instant::now() > end => bail!("there is no {name}; but:\n{}", self.text().await?),
                None => sleep(POLL).await,
            }
        }
    }

    /// Presses the button, or follows the link, that says this.
    pub async fn click(&self, button: &str) -> Result<()> {
        // A page that is rendered anew between the two may lose the element.
        let end = Instant::now() + PATIENCE;
        loop {
            let outcome = self.click_on(&self.wait_for(BUTTON, button).await?).await;
            match outcome {
                Err(error) if Instant::now() < end && error.to_string().contains("stale element") => sleep(POLL).await,
                outcome => return outcome.with_context(|| button.to_owned()),
            }
        }
    }

    /// Types into the field of this label, in the place of what it holds.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let field = self.wait_for(FIELD, label).await?;
        self.clear(&field).await?;
        if text.is_empty() { Ok(()) } else { self.type_into(&field, text).await }
    }

    /// Chooses an option by its value.
    pub async fn choose(&self, label: &str, value: &str) -> Result<()> {
        let field = self.wait_for(FIELD, label).await?;
        let choose =
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }));
            return arguments[0].value;";
        let chosen = self.run(choose, &[reference(&field), json!(value)]).await?;
        ensure!(chosen == value, "{label} has no {value}");
        Ok(())
    }

    /// Ticks a box.
    pub async fn tick(&self, label: &str) -> Result<()> {
        self.click_on(&self.wait_for(FIELD, label).await?).await
    }

    /// What stands at a field as its fault.
    pub async fn fault_of(&self, label: &str) -> Result<String> {
        let field = self.wait_for(FIELD, label).await?;
        let read = "const input = arguments[0];
            if (input.getAttribute('aria-invalid') !== 'true') return '';
            return input.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent).join(' ').trim();";
        let fault = self.run(read, &[reference(&field)]).await?;
        Ok(fault.as_str().unwrap_or_default().to_owned())
    }

    /// Signs in with a key, and waits for the overview.
    pub async fn sign_in(&self, key: &str) -> Result<()> {
        self.fill("API key", key).await?;
        self.click("Sign in").await?;
        self.until("the head", async || self.offers("Sign out").await).await
    }

    /// Goes to a view, by its address.
    pub async fn visit(&self, hash: &str) -> Result<()> {
        self.run("location.hash = arguments[0]", &[json!(hash)]).await?;
        let there = "return !document.getElementById('main').hasAttribute('aria-busy')";
        sleep(POLL).await;
        self.until(hash, async || Ok(self.run(there, &[]).await? == true)).await
    }
}

fn reference(Element(id): &Element) -> Value {
    json!({ ELEMENT: id })
}
