//! What the outside systems hold, and which calls they have counted.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::Cloud;
use crate::variables::variable;

/// The links in a mail's text, as a mail program opens them.
#[must_use]
pub fn links(mail: &Value) -> Vec<String> {
    let body = mail["Body"].as_str().unwrap_or_default();
    let starts = body.match_indices("href=\"").map(|(at, start)| &body[at + start.len()..]);
    starts.filter_map(|rest| Some(rest.split_once('"')?.0.replace("&amp;", "&").replace("&quot;", "\""))).collect()
}

impl Cloud {
    /// Every Supabase project that this tenant ever had, with the calls counted by endpoint.
    pub async fn projects(&self, slug: &str, tenant_id: impl std::fmt::Display) -> Result<Vec<Value>> {
        self.projects_named(&format!("{slug}-{tenant_id}")).await
    }

    /// Every Supabase project that ever had exactly this name, with the calls counted by endpoint.
    pub async fn projects_named(&self, name: &str) -> Result<Vec<Value>> {
        let all = self.outside(&format!("{}/admin/projects", variable("SUPABASE_ADMIN_URL")?)).await?;
        let projects = all["projects"].as_array().context("no list")?;
        Ok(projects.iter().filter(|project| project["name"] == name).cloned().collect())
    }

    /// Gives a Supabase project a status that stays.
    pub async fn impose(&self, project_ref: &str, status: &str) -> Result<()> {
        let url = format!("{}/admin/projects/{project_ref}/status", variable("SUPABASE_ADMIN_URL")?);
        let answer = self.http.put(url).json(&json!({ "status": status })).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    /// Creates a healthy Supabase project that is not ours, even if another project has the name.
    pub async fn foreign_project(&self, name: &str, region: &str) -> Result<String> {
        let url = format!("{}/admin/projects", variable("SUPABASE_ADMIN_URL")?);
        let seed = json!({ "name": name, "region": region, "duplicate": true });
        let project: Value = self.http.post(url).json(&seed).send().await?.error_for_status()?.json().await?;
        Ok(project["ref"].as_str().context("no ref")?.to_owned())
    }

    /// Replaces all API keys of a Supabase project.
    pub async fn rotate_keys(&self, project_ref: &str) -> Result<()> {
        let url = format!("{}/admin/projects/{project_ref}/keys", variable("SUPABASE_ADMIN_URL")?);
        self.http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// Sets whether the Auth of a Supabase project notices changes of its configuration.
    pub async fn set_auth_reloads(&self, project_ref: &str, on: bool) -> Result<()> {
        let url = format!("{}/admin/projects/{project_ref}/reloads", variable("SUPABASE_ADMIN_URL")?);
        self.http.put(url).json(&json!({ "on": on })).send().await?.error_for_status()?;
        Ok(())
    }

    /// Runs a test while a second of Step Functions and of the stand-ins takes a second.
    pub async fn at_real_pace(&self, test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let usual = variable("CLOCK_SCALE")?.parse()?;
        self.set_clock_scale(1.0).await?;
        let outcome = AssertUnwindSafe(test()).catch_unwind().await;
        self.set_clock_scale(usual).await?;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    async fn set_clock_scale(&self, scale: f64) -> Result<()> {
        let machine = format!("{}/_ministack/config", variable("AWS_ENDPOINT_URL")?);
        let config = json!({ "stepfunctions._SFN_WAIT_SCALE": scale });
        let answer: Value = self.http.post(machine).json(&config).send().await?.error_for_status()?.json().await?;
        ensure!(answer["applied"].as_object().is_some_and(|applied| applied.len() == 1), "{answer}");
        let stand_in = format!("{}/admin/clock", variable("SUPABASE_ADMIN_URL")?);
        self.http.put(stand_in).json(&json!({ "scale": scale })).send().await?.error_for_status()?;
        Ok(())
    }

    /// Sets how long it takes until a Supabase project that is created from now on shows up in listings.
    pub async fn list_projects_after(&self, delay: Duration) -> Result<()> {
        let url = format!("{}/admin/listing", variable("SUPABASE_ADMIN_URL")?);
        let delay = json!({ "visible_after_ms": u64::try_from(delay.as_millis())? });
        self.http.put(url).json(&delay).send().await?.error_for_status()?;
        Ok(())
    }

    /// Sends a `GET` to Supabase's Management API with the organization's token.
    pub async fn supabase(&self, path: &str) -> Result<Value> {
        self.supabase_call(Method::GET, path, &Value::Null).await
    }

    /// Calls Supabase's Management API with the organization's token, like a user of the dashboard.
    pub async fn supabase_call(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", variable("SUPABASE_API_URL")?);
        let request = self.http.request(method, url).bearer_auth(variable("SUPABASE_ACCESS_TOKEN")?);
        let request = if body.is_null() { request } else { request.json(body) };
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// The Stripe customers whose metadata name this tenant.
    pub async fn customers(&self, tenant_id: impl std::fmt::Display) -> Result<Vec<Value>> {
        self.billed("customers", &tenant_id.to_string()).await
    }

    /// The Stripe subscriptions whose metadata name this tenant.
    pub async fn subscriptions(&self, tenant_id: impl std::fmt::Display) -> Result<Vec<Value>> {
        self.billed("subscriptions", &tenant_id.to_string()).await
    }

    async fn billed(&self, objects: &str, tenant_id: &str) -> Result<Vec<Value>> {
        let all = self.outside(&format!("{}/admin/{objects}", variable("STRIPE_ADMIN_URL")?)).await?;
        let all = all.as_array().context("no list")?;
        Ok(all.iter().filter(|object| object["metadata"]["tenant_id"] == tenant_id).cloned().collect())
    }

    /// Deletes a Stripe customer, like a user of the dashboard.
    pub async fn delete_customer(&self, customer: &str) -> Result<()> {
        let url = format!("{}/v1/customers/{customer}", variable("STRIPE_API_URL")?);
        let request = self.http.delete(url).bearer_auth(variable("STRIPE_SECRET_KEY")?);
        request.header("stripe-version", "2026-07-29.dahlia").send().await?.error_for_status()?;
        Ok(())
    }

    /// Calls Stripe like a user of the dashboard.
    pub async fn stripe(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let request = self.http.request(method.clone(), format!("{}{path}", variable("STRIPE_API_URL")?));
        let request = request.bearer_auth(variable("STRIPE_SECRET_KEY")?).header("stripe-version", "2026-07-29.dahlia");
        let request = if method == Method::POST { request.form(form) } else { request.query(form) };
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Creates (`POST`) or drops (`DELETE`) a namespace of one level in the lakehouse.
    pub async fn namespace(&self, method: Method, name: &str) -> Result<()> {
        let (url, token) = (variable("IOMETE_URL")?, variable("IOMETE_TOKEN")?);
        let config = self.http.get(format!("{url}/v1/config")).bearer_auth(&token).send().await?.error_for_status()?;
        let config: Value = config.json().await?;
        let prefix = config["overrides"]["prefix"].as_str().context("no prefix")?;
        let namespaces = format!("{url}/v1/{prefix}/namespaces");
        let request = if method == Method::POST {
            self.http.post(namespaces).json(&json!({ "namespace": [name] }))
        } else {
            self.http.request(method, format!("{namespaces}/{name}"))
        };
        request.bearer_auth(&token).send().await?.error_for_status()?;
        Ok(())
    }

    /// Archives the Stripe price with this lookup key, or brings it back, like a user of the dashboard.
    pub async fn set_price_active(&self, lookup_key: &str, active: bool) -> Result<()> {
        let (url, key) = (format!("{}/v1/prices", variable("STRIPE_API_URL")?), variable("STRIPE_SECRET_KEY")?);
        let version = ("stripe-version", "2026-07-29.dahlia");
        let list = self.http.get(&url).query(&[("lookup_keys[]", lookup_key)]).bearer_auth(&key);
        let prices: Value = list.header(version.0, version.1).send().await?.error_for_status()?.json().await?;
        let id = prices["data"][0]["id"].as_str().context("no such price")?;
        let change = self.http.post(format!("{url}/{id}")).form(&[("active", active)]).bearer_auth(&key);
        change.header(version.0, version.1).send().await?.error_for_status()?;
        Ok(())
    }

    /// Every mail that was sent, the oldest first.
    pub async fn mails(&self) -> Result<Vec<Value>> {
        let all = format!("{}/?limit=1000000", variable("MAILBOX_URL")?);
        let mut mails: Vec<Value> = serde_json::from_value(self.outside(&all).await?)?;
        mails.reverse();
        Ok(mails)
    }

    /// The mails to one address.
    pub async fn mails_to(&self, address: &str) -> Result<Vec<Value>> {
        let mut mails = self.mails().await?;
        mails.retain(|mail| mail["To"] == address);
        Ok(mails)
    }

    /// Sends a token to a project's Auth, as the page that a link leads to does. Returns the status.
    pub async fn verify(&self, project_ref: &str, kind: &str, token_hash: &str) -> Result<u16> {
        let url = format!("{}/projects/{project_ref}/auth/v1/verify", variable("SUPABASE_API_URL")?);
        let token = json!({ "type": kind, "token_hash": token_hash });
        Ok(self.http.post(url).json(&token).send().await?.status().as_u16())
    }

    /// Shows a key of a project to the project's Auth. Returns the status: 401 for one that is not good.
    pub async fn try_key(&self, project_ref: &str, key: &str) -> Result<u16> {
        let url = format!("{}/projects/{project_ref}/auth/v1/settings", variable("SUPABASE_API_URL")?);
        Ok(self.http.get(url).header("apikey", key).send().await?.status().as_u16())
    }

    async fn outside(&self, url: &str) -> Result<Value> {
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// The client of `OpenSearch`.
    pub fn search(&self) -> Result<Search> {
        Ok(Search {
            url: variable("OPENSEARCH_URL")?,
            user: variable("OPENSEARCH_USERNAME")?,
            password: variable("OPENSEARCH_PASSWORD")?,
            http: self.http.clone(),
        })
    }
}

/// A client of `OpenSearch`. No `Debug`, because it holds the password.
pub struct Search {
    url: String,
    user: String,
    password: String,
    http: reqwest::Client,
}

impl Search {
    /// Sends a call that must succeed.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.basic_auth(&self.user, Some(&self.password));
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await?;
        if !answer.status().is_success() {
            bail!("{path}: {}: {}", answer.status(), answer.text().await?);
        }
        Ok(answer.json().await?)
    }
}
