//! A client of the local AWS. It signs requests with Signature Version 4 and returns answers as JSON.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::variables::variable;

/// The path prefix of Lambda's API.
const FUNCTIONS: &str = "/2015-03-31/functions/";

/// The most events that one page of logs holds.
const LOG_PAGE: usize = 10_000;

/// One account in one region. No `Debug`, because it holds the administrator's key.
#[derive(Clone)]
pub struct Aws {
    endpoint: String,
    region: String,
    credentials: Credentials,
    state_machine: String,
    http: reqwest::Client,
}

impl Aws {
    pub(crate) fn from_env(http: reqwest::Client) -> Result<Self> {
        let (id, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
        Ok(Self {
            endpoint: variable("AWS_ENDPOINT_URL")?.trim_end_matches('/').to_owned(),
            region: variable("AWS_REGION")?,
            credentials: Credentials::from_keys(id, secret, None),
            state_machine: variable("STATE_MACHINE_ARN")?,
            http,
        })
    }

    /// An operation of a service with AWS's JSON protocol, e.g. `states` and `AWSStepFunctions.DescribeExecution`.
    pub async fn json(&self, service: &str, target: &str, body: Value) -> Result<Value> {
        let version = if matches!(service, "states" | "dynamodb") { "1.0" } else { "1.1" };
        let request = self.http.post(format!("{}/", self.endpoint)).header("x-amz-target", target);
        let request = request.header("content-type", format!("application/x-amz-json-{version}"));
        let answer = self.send(service, request.body(body.to_string()).build()?).await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{target}: {status}: {text}");
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    /// Creates a user with this policy. Returns the id of their access key, and the key.
    pub async fn user(&self, name: &str, policy: &str) -> Result<(String, String)> {
        self.iam("CreateUser", &[("UserName", name)]).await?;
        let policy = [("UserName", name), ("PolicyName", "only"), ("PolicyDocument", policy)];
        self.iam("PutUserPolicy", &policy).await?;
        let key = self.iam("CreateAccessKey", &[("UserName", name)]).await?;
        let part = |tag: &str| {
            let (_, rest) = key.split_once(&format!("<{tag}>")).with_context(|| format!("no {tag}"))?;
            rest.split_once('<').map(|(value, _)| value.to_owned()).context("no end")
        };
        Ok((part("AccessKeyId")?, part("SecretAccessKey")?))
    }

    /// An action of IAM, whose protocol is a form in and XML out.
    async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let form = [("Action", action), ("Version", "2010-05-08")];
        let form: Vec<_> = form.iter().chain(parameters).collect();
        let request = self.http.post(format!("{}/", self.endpoint)).form(&form).build()?;
        let answer = self.send("iam", request).await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{action}: {status}: {text}");
        Ok(text)
    }

    /// All pages of a list. `items` is the name of the list in the answer, `token` the name of the page token in
    /// request and answer.
    pub async fn list(
        &self,
        service: &str,
        target: &str,
        mut body: Value,
        items: &str,
        token: &str,
    ) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let mut page = self.json(service, target, body.clone()).await?;
            if let Value::Array(items) = page[items].take() {
                all.extend(items);
            }
            match page[token].take() {
                Value::Null => return Ok(all),
                // The last page of logs may repeat its own token.
                next if next == body[token] => return Ok(all),
                next => body[token] = next,
            }
        }
    }

    /// The value of a secret.
    pub async fn secret(&self, name: &str) -> Result<Value> {
        self.secret_value(json!({"SecretId": name})).await
    }

    /// Sets the value of a secret.
    pub async fn put_secret(&self, name: &str, value: &Value) -> Result<()> {
        let put = json!({"SecretId": name, "SecretString": value.to_string()});
        self.json("secretsmanager", "secretsmanager.PutSecretValue", put).await.map(drop)
    }

    /// The ARN of a secret.
    pub async fn secret_arn(&self, name: &str) -> Result<String> {
        let described = self.json("secretsmanager", "secretsmanager.DescribeSecret", json!({"SecretId": name})).await?;
        Ok(described["ARN"].as_str().context("no ARN")?.to_owned())
    }

    /// The value of one version of a secret; null if that version is empty.
    pub async fn secret_version(&self, name: &str, version: &str) -> Result<Value> {
        self.secret_value(json!({"SecretId": name, "VersionId": version})).await
    }

    async fn secret_value(&self, which: Value) -> Result<Value> {
        let secret = self.json("secretsmanager", "secretsmanager.GetSecretValue", which).await?;
        match secret["SecretString"].as_str().context("no string")? {
            "" => Ok(Value::Null),
            value => Ok(serde_json::from_str(value)?),
        }
    }

    /// Whether a secret is encrypted with the installation's key, and not with the account's.
    pub async fn secret_has_the_installations_key(&self, name: &str) -> Result<bool> {
        let described = self.json("secretsmanager", "secretsmanager.DescribeSecret", json!({"SecretId": name})).await?;
        Ok(described["KmsKeyId"] == variable("SECRETS_KEY_ARN")?)
    }

    /// The idempotency record that this request wrote.
    pub async fn idempotency_record(&self, request_id: &str) -> Result<Value> {
        let mut scan = json!({
            "TableName": variable("IDEMPOTENCY_TABLE")?,
            "FilterExpression": "#owner = :owner",
            "ExpressionAttributeNames": { "#owner": "owner" },
            "ExpressionAttributeValues": { ":owner": { "S": request_id } },
            "ConsistentRead": true,
        });
        loop {
            let mut page = self.json("dynamodb", "DynamoDB_20120810.Scan", scan.clone()).await?;
            if let Some(Value::Array(items)) = page.get_mut("Items")
                && let Some(item) = items.pop()
            {
                return Ok(item);
            }
            scan["ExclusiveStartKey"] = page["LastEvaluatedKey"].take();
            ensure!(scan["ExclusiveStartKey"].is_object(), "no record of {request_id}");
        }
    }

    /// The ids of all versions of a secret, including superseded ones. The list is empty if the secret does not exist.
    pub async fn secret_versions(&self, name: &str) -> Result<Vec<String>> {
        let body = json!({"SecretId": name, "IncludeDeprecated": true});
        let target = "secretsmanager.ListSecretVersionIds";
        match self.list("secretsmanager", target, body, "Versions", "NextToken").await {
            Ok(versions) => Ok(versions.iter().filter_map(|it| it["VersionId"].as_str().map(str::to_owned)).collect()),
            Err(error) if error.to_string().contains("ResourceNotFoundException") => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Everything that was logged so far, in all log groups.
    pub async fn log_events(&self) -> Result<Vec<String>> {
        Ok(self.log_streams(0).await?.into_values().flatten().collect())
    }

    /// What was logged since then (in milliseconds since 1970), by stream: each invocation has its own here.
    pub async fn log_streams(&self, since: i64) -> Result<BTreeMap<String, Vec<String>>> {
        let mut streams = BTreeMap::new();
        for group in self.log_groups().await? {
            self.log_events_of(&group["logGroupName"], since, &mut streams).await?;
        }
        Ok(streams)
    }

    /// The stand-in ends a page after `LOG_PAGE` events and gives no token for the rest. So the next page starts at the
    /// time of the last event.
    async fn log_events_of(
        &self,
        group: &Value,
        mut since: i64,
        streams: &mut BTreeMap<String, Vec<String>>,
    ) -> Result<()> {
        loop {
            let body = json!({"logGroupName": group, "limit": LOG_PAGE, "startTime": since});
            let mut events = self.list("logs", "Logs_20140328.FilterLogEvents", body, "events", "nextToken").await?;
            let at = |event: &Value| event["timestamp"].as_i64();
            let rest = events.last().filter(|_| events.len() >= LOG_PAGE).map(|last| at(last).context("no time"));
            let rest = rest.transpose()?;
            events.retain(|event| at(event) != rest || rest.is_none());
            for event in &events {
                if let (Some(stream), Some(line)) = (event["logStreamName"].as_str(), event["message"].as_str()) {
                    streams.entry(stream.to_owned()).or_default().push(line.to_owned());
                }
            }
            let Some(rest) = rest else { return Ok(()) };
            ensure!(rest > since, "more than {LOG_PAGE} events at once");
            since = rest;
        }
    }

    /// The same, but waits until the log has lines of that request: they appear a little after its answer.
    pub async fn log_events_with(&self, request_id: &str) -> Result<Vec<String>> {
        for _ in 0..20 {
            let lines = self.log_events().await?;
            if lines.iter().any(|line| line.contains(request_id)) {
                return Ok(lines);
            }
            sleep(Duration::from_millis(500)).await;
        }
        bail!("the request {request_id} left no line")
    }

    /// All log groups, as CloudWatch describes them.
    pub async fn log_groups(&self) -> Result<Vec<Value>> {
        let groups = || self.list("logs", "Logs_20140328.DescribeLogGroups", json!({}), "logGroups", "nextToken");
        // The stand-in fails if a new log group appears while it lists the groups.
        for _ in 0..5 {
            match groups().await {
                Err(error) if error.to_string().contains("changed size during iteration") => {
                    sleep(Duration::from_millis(100)).await;
                }
                outcome => return outcome,
            }
        }
        groups().await
    }

    /// Every execution of the pipeline.
    pub async fn executions(&self) -> Result<Vec<Value>> {
        let body = json!({"stateMachineArn": self.state_machine, "maxResults": 1000});
        self.list("states", "AWSStepFunctions.ListExecutions", body, "executions", "nextToken").await
    }

    /// The names of a tenant's executions.
    pub async fn executions_of(&self, tenant_id: impl std::fmt::Display) -> Result<Vec<String>> {
        let tenant_id = tenant_id.to_string();
        let names = self.executions().await?.into_iter().filter_map(|e| e["name"].as_str().map(str::to_owned));
        Ok(names.filter(|name| name.starts_with(&tenant_id)).collect())
    }

    /// The names of the executions of a tenant's purge.
    pub async fn purge_executions_of(&self, tenant_id: impl std::fmt::Display) -> Result<Vec<String>> {
        let machine = self.environment_of("purge-tenant").await?["PURGE_STATE_MACHINE_ARN"].take();
        let body = json!({"stateMachineArn": machine, "maxResults": 1000});
        let executions =
            self.list("states", "AWSStepFunctions.ListExecutions", body, "executions", "nextToken").await?;
        let names = executions.into_iter().filter_map(|e| e["name"].as_str().map(str::to_owned));
        let begins = format!("{tenant_id}-purge-");
        Ok(names.filter(|name| name.starts_with(&begins)).collect())
    }

    /// The ARN of an attempt's execution, whether it was started or not.
    #[must_use]
    pub fn execution_arn(&self, tenant_id: impl std::fmt::Display, attempt: i32) -> String {
        format!("{}:{tenant_id}-{attempt}", self.state_machine.replacen(":stateMachine:", ":execution:", 1))
    }

    /// An execution's status, input and output; `None` if it was never started.
    pub async fn execution(&self, arn: &str) -> Result<Option<Value>> {
        match self.json("states", "AWSStepFunctions.DescribeExecution", json!({"executionArn": arn})).await {
            Ok(execution) => Ok(Some(execution)),
            Err(error) if error.to_string().contains("ExecutionDoesNotExist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stops an execution from outside. The tenant's row does not change.
    pub async fn stop_execution(&self, arn: &str) -> Result<()> {
        self.json("states", "AWSStepFunctions.StopExecution", json!({"executionArn": arn})).await.map(drop)
    }

    /// The history of an execution.
    pub async fn history(&self, arn: &str) -> Result<Vec<Value>> {
        let body = json!({"executionArn": arn, "maxResults": 1000, "includeExecutionData": true});
        self.list("states", "AWSStepFunctions.GetExecutionHistory", body, "events", "nextToken").await
    }

    /// The physical name of one of our functions, e.g. of `reconcile-tenants`.
    pub async fn function(&self, name: &str) -> Result<String> {
        // The template calls it `ReconcileTenantsFunction`. The stack's name is put before that, and a random part
        // after it.
        let logical = format!("-{}function-", name.replace('-', ""));
        let page: Value = self.lambda(Method::GET, "?MaxItems=100", &Value::Null).await?.json().await?;
        let mut names = page["Functions"].as_array().into_iter().flatten().filter_map(|f| f["FunctionName"].as_str());
        let found = names.find(|name| format!("{}-", name.to_lowercase()).contains(&logical));
        Ok(found.with_context(|| format!("{name} is not deployed"))?.to_owned())
    }

    /// Invokes one of our functions and waits for its answer.
    pub async fn invoke(&self, name: &str, payload: &Value) -> Result<Value> {
        let name = self.function(name).await?;
        let answer = self.lambda(Method::POST, &format!("{name}/invocations"), payload).await?;
        let failed = answer.headers().contains_key("x-amz-function-error");
        let text = answer.text().await?;
        ensure!(!failed, "{name}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// The environment variables of one of our functions.
    pub async fn environment_of(&self, name: &str) -> Result<Value> {
        let name = self.function(name).await?;
        let mut found: Value =
            self.lambda(Method::GET, &format!("{name}/configuration"), &Value::Null).await?.json().await?;
        Ok(found["Environment"]["Variables"].take())
    }

    /// Makes one of our functions start a new process at its next call.
    pub async fn restart(&self, name: &str) -> Result<()> {
        let mut variables = self.environment_of(name).await?;
        variables["E2E_RESTART"] = json!(uuid::Uuid::new_v4());
        self.set_environment_of(name, &variables).await
    }

    /// Replaces the environment variables of one of our functions. The gateway calls a route by its alias, which then names the
    /// new version.
    pub async fn set_environment_of(&self, name: &str, variables: &Value) -> Result<()> {
        let name = self.function(name).await?;
        let body = json!({"Environment": {"Variables": variables}});
        self.lambda(Method::PUT, &format!("{name}/configuration"), &body).await?;
        let aliases = format!("{name}/aliases");
        let listed: Value = self.lambda(Method::GET, &aliases, &Value::Null).await?.json().await?;
        for alias in listed["Aliases"].as_array().into_iter().flatten() {
            let published = self.lambda(Method::POST, &format!("{name}/versions"), &json!({})).await?;
            let version = published.json::<Value>().await?["Version"].take();
            let alias = format!("{aliases}/{}", alias["Name"].as_str().context("no name")?);
            self.lambda(Method::PUT, &alias, &json!({ "FunctionVersion": version })).await?;
        }
        Ok(())
    }

    /// Lets one of our functions do more than its template says.
    pub async fn allow(&self, function: &str, policy: &Value) -> Result<()> {
        let path = format!("{}/configuration", self.function(function).await?);
        let found: Value = self.lambda(Method::GET, &path, &Value::Null).await?.json().await?;
        let role = found["Role"].as_str().and_then(|arn| arn.rsplit('/').next()).context("no role")?;
        let policy = policy.to_string();
        let fields = [("RoleName", role), ("PolicyName", "e2e"), ("PolicyDocument", policy.as_str())];
        self.iam("PutRolePolicy", &fields).await.map(drop)
    }

    /// A request of S3. Returns status, headers and body, whatever they are.
    pub async fn s3(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send("s3", request.body(body).build()?).await
    }

    async fn lambda(&self, method: Method, path: &str, body: &Value) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{FUNCTIONS}{path}", self.endpoint));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = self.send("lambda", request.build()?).await?;
        if !answer.status().is_success() {
            bail!("lambda {path}: {}: {}", answer.status(), answer.text().await?);
        }
        Ok(answer)
    }

    async fn send(&self, service: &str, mut request: Request) -> Result<Response> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let signable = SignableRequest::new(method, url, headers, SignableBody::Bytes(body))?;
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        for (name, value) in signature.headers() {
            request.headers_mut().insert(reqwest::header::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
        }
        Ok(self.http.execute(request).await?)
    }
}
