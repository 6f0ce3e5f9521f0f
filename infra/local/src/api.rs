//! The control plane's API, as an operator's client sees it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

/// The API with a key of an administrator.
pub struct Api {
    pub http: Client,
    url: String,
    key: String,
}

impl Api {
    pub fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let builder = Client::builder().tls_backend_preconfigured(tls::client_config(tls::Authorities::PUBLIC)?);
        // Everything is on the loopback, so the user's proxy is ignored.
        let http = builder.no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, url: url.to_owned(), key: key.to_owned() })
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        answer(self.asked(path), StatusCode::OK).await
    }

    /// A GET of something that there may not be.
    pub async fn find(&self, path: &str, token: &str) -> anyhow::Result<(StatusCode, Value)> {
        said(self.asked(path).bearer_auth(token)).await
    }

    fn asked(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).header("x-api-key", &self.key)
    }
}

/// Sends a request and reads the JSON of the expected answer.
pub async fn answer(request: RequestBuilder, expected: StatusCode) -> anyhow::Result<Value> {
    let (status, body) = said(request).await?;
    if status != expected {
        bail!("{status} {body}");
    }
    Ok(body)
}

/// Sends a request and reads the JSON of any answer.
async fn said(request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().path().to_owned());
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).with_context(|| format!("{url}: {status}, not JSON: {text}"))?))
}
