//! What the functions log: a reader finds every line of a run and of a request, errors are errors, and CloudWatch could read
//! the metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Error, Result, ensure};
use e2e::{Answer, Aws, Cloud, Issuer, State, alone, calls, unique, with_faults};
use fault_proxy::client::UpstreamState;
use reqwest::Method;
use serde_json::{Value, json};
use test_logs::Datum;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const RUN: Duration = Duration::from_mins(2);

/// What was logged since a moment.
struct Log<'a> {
    aws: &'a Aws,
    since: i64,
}

/// The lines of one invocation that are JSON. All are, but for those of Lambda.
type Invocation = Vec<Value>;

impl<'a> Log<'a> {
    fn from_now(cloud: &'a Cloud) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        Ok(Self { aws: &cloud.aws, since: i64::try_from(now)? })
    }

    /// The lines of each invocation as they were written.
    async fn written(&self) -> Result<Vec<Vec<String>>> {
        let of_lambda = |line: &String| ["START ", "END ", "REPORT "].iter().any(|word| line.starts_with(word));
        let ours = |lines: Vec<String>| lines.into_iter().filter(|line| !of_lambda(line)).collect();
        Ok(self.aws.log_streams(self.since).await?.into_values().map(ours).collect())
    }

    async fn invocations(&self) -> Result<Vec<Invocation>> {
        let json = |lines: Vec<String>| {
            lines.iter().map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))).collect()
        };
        self.written().await?.into_iter().map(json).collect()
    }

    /// What CloudWatch would make of the lines. The local AWS makes nothing of them.
    async fn metrics(&self) -> Result<Vec<Datum>> {
        let mut all = Vec::new();
        for line in self.written().await?.into_iter().flatten() {
            all.extend(test_logs::metrics(&line).map_err(|error| Error::msg(format!("{error}: {line}")))?);
        }
        Ok(all)
    }

    /// The invocations of these functions that have to do with something, once there are so many: lines appear a little
    /// after an answer.
    async fn about(&self, function: &str, what: &str, least: usize) -> Result<Vec<Invocation>> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let all = self.invocations().await?;
            let about = |lines: &Invocation| lines.iter().any(|line| line.to_string().contains(what));
            let by = |lines: &Invocation| lines.iter().any(|line| line["span"]["function"] == function);
            let found: Vec<_> = all.into_iter().filter(|lines| by(lines) && about(lines)).collect();
            if found.len() >= least {
                return Ok(found);
            }
            ensure!(Instant::now() < end, "{} of {least} invocations of {function} for {what}", found.len());
            sleep(Duration::from_millis(300)).await;
        }
    }
}

/// Fails if a line is louder than `info`.
fn quiet(what: &str, invocations: &[Invocation]) -> Result<()> {
    for line in invocations.iter().flatten() {
        ensure!(matches!(line["level"].as_str(), Some("INFO" | "DEBUG")), "{what}: {line}");
    }
    Ok(())
}

/// The input of an attempt's execution, which Step Functions gives to every task.
async fn input(cloud: &Cloud, tenant_id: Uuid, attempt: i32) -> Result<Value> {
    let execution = cloud.aws.execution(&cloud.aws.execution_arn(tenant_id, attempt)).await?.context("no execution")?;
    Ok(serde_json::from_str(execution["input"].as_str().context("no input")?)?)
}

async fn asked_for(cloud: &Cloud, slug: &str, correlation_id: &str) -> Result<Uuid> {
    let order = Cloud::order(slug, &json!({ "tier": "pilot" }));
    let order = cloud.admin(Method::POST, "/v1/admin/tenants").header("x-correlation-id", correlation_id).json(&order);
    Ok(serde_json::from_value(cloud.send(order).await?.expect(202)?["tenant_id"].clone())?)
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn every_line_of_a_run_carries_its_ids_whatever_becomes_of_it() -> Result<()> {
    with_faults(async |cloud, faults| {
        let log = Log::from_now(cloud)?;
        let slug = unique("logged");
        let (first, second) = (format!("first-{slug}"), format!("second-{slug}"));

        // The first attempt is busy at step 6, and fails at step 7.
        let hold = faults.hold("falkordb-us-east-1", calls::graph_user(&slug)).await?;
        let refuse = faults.answer("opensearch-us-east-1", calls::index(&slug), 403, "{}").await?;
        let tenant_id = asked_for(cloud, &slug, &first).await?;
        faults.held(hold).await?;
        let run = input(cloud, tenant_id, 1).await?;
        let busy = cloud.aws.invoke("step-6-create-graph", &run).await.expect_err("the first one is at work");
        ensure!(busy.to_string().contains("Step.Busy"), "{busy}");
        let mut failed = run.clone();
        failed["error"] = json!({ "Error": "Step.Internal", "Cause": "{}" });
        let busy = cloud.aws.invoke("record-failure", &failed).await.expect_err("a step is at work");
        ensure!(busy.to_string().contains("Step.Busy"), "{busy}");
        cloud.aws.invoke("step-1-create-environment", &run).await?;
        faults.mend(hold).await?;
        cloud.wait_until(&slug, State::Failed, RUN).await?;

        // The second one goes live. A task of the first comes late.
        faults.mend(refuse).await?;
        asked_for(cloud, &slug, &second).await?;
        cloud.wait_until(&slug, State::Active, RUN).await?;
        let late = cloud.aws.invoke("step-7-create-search-index", &run).await.expect_err("superseded");
        ensure!(late.to_string().contains("Step.Superseded"), "{late}");
        cloud.aws.invoke("record-failure", &failed).await?;

        // A third run cannot reach the control database for a while.
        let other = unique("unreached");
        let hold = faults.hold("falkordb-us-east-1", calls::graph_user(&other)).await?;
        let other_id = asked_for(cloud, &other, &other).await?;
        faults.held(hold).await?;
        faults.set_state("postgres", UpstreamState::Refuse).await?;
        let run = input(cloud, other_id, 1).await?;
        let lost = cloud.aws.invoke("step-3-migrate-tenant", &run).await.expect_err("no database");
        ensure!(lost.to_string().contains("Step."), "{lost}");
        faults.set_state("postgres", UpstreamState::Up).await?;
        faults.mend(hold).await?;
        cloud.wait_until(&other, State::Active, RUN).await?;

        log.about("step-9-activate-tenant", &tenant_id.to_string(), 1).await?;
        log.about("step-9-activate-tenant", &other_id.to_string(), 1).await?;
        let mut counted = BTreeMap::new();
        for lines in log.invocations().await? {
            let of = |id: Uuid| lines.iter().any(|line| line["span"]["tenant_id"] == json!(id));
            let steps = lines.iter().any(|line| {
                let function = line["span"]["function"].as_str().unwrap_or_default();
                function.starts_with("step-") || function == "record-failure"
            });
            for (id, slug) in [(tenant_id, &slug), (other_id, &other)].into_iter().filter(|(id, _)| steps && of(*id)) {
                for line in &lines {
                    let span = &line["span"];
                    ensure!(span["tenant_id"] == json!(id) && span["slug"] == json!(slug), "no tenant: {line}");
                    let expected = match (span["attempt"].as_i64(), id == tenant_id) {
                        (Some(1), true) => &first,
                        (Some(2), true) => &second,
                        (Some(1), false) => &other,
                        _ => anyhow::bail!("no attempt: {line}"),
                    };
                    ensure!(span["correlation_id"] == json!(expected), "not {expected}: {line}");
                    *counted.entry(expected.clone()).or_insert(0) += 1;
                }
                quiet_unless_trouble(&lines)?;
            }
        }
        // Of the first: seven steps, three of which are asked twice, the recorder thrice.
        let counts: Vec<usize> = [&first, &second, &other].map(|id| counted.get(id).copied().unwrap_or(0)).into();
        ensure!(counts[0] >= 12 && counts[1] >= 9 && counts[2] >= 10, "{counts:?}");
        Ok(())
    })
    .await
}

/// No error happened in these runs; a refusal by a system and an outage are warnings, and nothing else is.
fn quiet_unless_trouble(lines: &Invocation) -> Result<()> {
    let passes = |line: &Value| {
        let text = line.to_string();
        text.contains("Step.Busy")
            || text.contains("Step.Superseded")
            || text.contains("lease_held")
            || text.contains("over already")
    };
    for line in lines {
        ensure!(line["level"] != "ERROR", "{line}");
        ensure!(!passes(line) || line["level"] == "INFO", "no trouble: {line}");
    }
    Ok(())
}

/// The values of a function's metric, by cause: "" for the metric of all causes.
fn values<'a>(data: &'a [Datum], function: &str, name: &str) -> BTreeMap<&'a str, Vec<f64>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for datum in data.iter().filter(|datum| datum.dimensions["function_name"] == function && datum.name == name) {
        let cause = datum.dimensions.get("cause").map_or("", String::as_str);
        found.entry(cause).or_default().push(datum.value);
    }
    found
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_its_requests_and_the_reconciler_are_measured() -> Result<()> {
    with_faults(async |cloud, faults| {
        let log = Log::from_now(cloud)?;
        let slug = unique("measured");
        let refuse = faults.answer("opensearch-us-east-1", calls::index(&slug), 403, "{}").await?;
        cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        cloud.wait_until(&slug, State::Failed, RUN).await?;
        faults.mend(refuse).await?;
        cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.expect(200)?;
        // A run that is at work while the reconciler looks.
        let other = unique("measured");
        let hold = faults.hold("falkordb-us-east-1", calls::graph_user(&other)).await?;
        cloud.accepted(&other, json!({ "tier": "pilot" })).await?;
        faults.held(hold).await?;
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        faults.mend(hold).await?;
        cloud.wait_until(&other, State::Active, RUN).await?;
        for (function, what) in [
            ("provision-tenant", &*slug),
            ("get-tenant", &*slug),
            ("step-7-create-search-index", &*slug),
            ("step-9-activate-tenant", &*other),
            ("reconcile-tenants", "reconciled"),
        ] {
            log.about(function, what, 1).await?;
        }

        let data = log.metrics().await?;
        let cause = json!(cloud.status(&slug).await?.step(7)["cause"]["code"]);
        let cause = cause.as_str().context("no cause")?;
        let is_one = |values: &[f64]| !values.is_empty() && values.iter().all(|value| *value >= 1.0);
        let failures = values(&data, "step-7-create-search-index", "Failures");
        assert_eq!(failures.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(["", cause]));
        ensure!(failures.values().all(|values| is_one(values)), "{failures:?}");
        let waits = values(&data, "step-2-await-environment", "Waits");
        ensure!(waits[""].contains(&1.0) && waits[""].contains(&0.0), "{waits:?}");
        ensure!(values(&data, "step-1-create-environment", "Duration")[""].iter().all(|millis| *millis > 0.0));
        for function in ["provision-tenant", "get-tenant"] {
            for name in ["Latency", "Errors", "ColdStart"] {
                let found = values(&data, function, name);
                ensure!(!found[""].is_empty(), "{function}: {name}");
                ensure!(name != "Latency" || found[""].iter().all(|millis| *millis > 0.0), "{function}: {found:?}");
                ensure!(name == "Latency" || found[""].iter().all(|count| [0.0, 1.0].contains(count)), "{found:?}");
            }
        }
        let ages = values(&data, "reconcile-tenants", "RunAge");
        ensure!(ages[""].iter().any(|seconds| (0.0..RUN.as_secs_f64()).contains(seconds)), "{ages:?}");
        for name in ["OutboxAge", "Repairs"] {
            ensure!(!values(&data, "reconcile-tenants", name)[""].is_empty(), "{name}");
        }
        for datum in &data {
            ensure!(datum.namespace == "IvoryControlPlane" && datum.dimensions["service"] == "ivory", "{datum:?}");
            // Whose values are as many as tenants or requests would be a metric each.
            let few = |name: &String| ["service", "function_name", "cause"].contains(&name.as_str());
            ensure!(datum.dimensions.keys().all(few), "{datum:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_refused_request_is_no_error_and_its_id_finds_its_lines() -> Result<()> {
    let _alone = alone().await;
    let cloud = Cloud::from_env()?;
    let log = Log::from_now(&cloud)?;
    let slug = unique("refused");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let tag = cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.header("etag").context("no tag")?.to_owned();
    let one = |method: Method, path: String| cloud.admin(method, &path);
    let path = format!("/v1/admin/tenants/{slug}");
    let elsewhere = Cloud::order(&slug, &json!({ "tier": "pilot", "region": "eu-central-1" }));
    let requests = [
        ("get-tenant", 304, one(Method::GET, path.clone()).header("if-none-match", tag)),
        ("provision-tenant", 409, one(Method::POST, "/v1/admin/tenants".to_owned()).json(&elsewhere)),
        ("get-tenant", 412, one(Method::GET, path.clone()).header("if-match", "\"0\"")),
        ("get-tenant", 404, one(Method::GET, format!("{path}-x"))),
        ("get-tenant-status", 404, one(Method::GET, format!("{path}-x/status"))),
        ("update-tenant", 415, one(Method::PATCH, path.clone()).body("{}")),
        ("update-tenant", 422, one(Method::PATCH, path.clone()).json(&json!({ "colour": "red" }))),
        ("provision-tenant", 422, one(Method::POST, "/v1/admin/tenants".to_owned()).json(&json!({ "slug": slug }))),
        ("get-tenant", 403, cloud.request(Method::GET, &path).header("x-api-key", &cloud.stranger_key)),
        ("authorize-caller", 401, cloud.request(Method::GET, &path).header("x-api-key", "nobody-has-this-key")),
        ("authorize-caller", 401, cloud.request(Method::GET, "/v1/admin/lakehouse/catalogs").bearer_auth("e.e.e")),
    ];
    for (function, status, request) in requests {
        let answer = cloud.send(request).await?;
        ensure!(answer.status == status, "not {status}: {answer:?}");
        let id = answer.header("x-request-id").context("no id")?;
        let found = log.about(function, id, 1).await?;
        ensure!(found.len() == 1 && !found[0].is_empty(), "{status}: {found:?}");
        quiet(&format!("{status}"), &found)?;
        if status != 401 {
            let last = found[0].last().context("no line")?;
            ensure!(last["span"]["slug"].as_str().is_some_and(|named| named.starts_with(&slug)), "{last}");
        }
    }
    cloud.wait_until(&slug, State::Active, RUN).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_routes_lines_name_caller_path_and_tenant_but_no_query_and_no_credential() -> Result<()> {
    let _alone = alone().await;
    let cloud = Cloud::from_env()?;
    let log = Log::from_now(&cloud)?;
    let (slug, tenant_id) = cloud.live("named", json!({ "tier": "pilot" })).await?;
    let token = Issuer::of(&cloud).await?.admin()?;
    let path = format!("/v1/admin/tenants/{slug}");
    let by_id = format!("/v1/admin/tenants/{tenant_id}/catalog");
    let line = async |answer: Answer| -> Result<Value> {
        let id = answer.header("x-request-id").context("no id")?;
        let version = answer.header("x-ivory-version").context("no version")?;
        let function = if answer.method == "PATCH" { "update-tenant" } else { "get-catalog" };
        let found = log.about(function, id, 1).await?;
        let line = found[0].iter().find(|line| line["message"] == "answered").context("no answer")?;
        ensure!(line["version"] == json!(version), "not {version}: {line}");
        Ok(line["span"].clone())
    };

    let changed = line(cloud.change(&slug, json!({ "display_name": "Named" })).await?).await?;
    ensure!(
        changed["caller"].as_str().is_some_and(|caller| caller.starts_with("api_key:platform-admin#")),
        "{changed}"
    );
    assert_eq!((&changed["method"], &changed["path"]), (&json!("PATCH"), &json!(path)));
    assert_eq!((&changed["slug"], &changed["tenant_id"]), (&json!(slug), &json!(tenant_id)));

    // A tenant that is named by its id is found by its slug.
    let asked = cloud.request(Method::GET, &by_id).bearer_auth(&token);
    let asked = line(cloud.send(asked).await?).await?;
    ensure!(asked["caller"].as_str().is_some_and(|caller| caller.starts_with("bearer:")), "{asked}");
    assert_eq!((&asked["path"], &asked["slug"]), (&json!(by_id), &json!(slug)));

    let query = format!("limit=1&cursor={}", "c".repeat(20));
    let listed = cloud.get(&format!("/v1/admin/tenants?{query}")).await?;
    let id = listed.header("x-request-id").context("no id")?;
    let lines = log.about("list-tenants", id, 1).await?;
    ensure!(!format!("{lines:?}").contains(&"c".repeat(20)), "{lines:?}");
    let all = format!("{:?}", log.invocations().await?);
    ensure!(!all.contains(&cloud.admin_key) && !all.contains(&token), "a credential is logged");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_machines_ask_all_the_time_leaves_no_line_while_it_goes_well() -> Result<()> {
    let _alone = alone().await;
    let cloud = Cloud::from_env()?;
    let slug = unique("polled");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    cloud.wait_until(&slug, State::Active, RUN).await?;
    let log = Log::from_now(&cloud)?;
    for _ in 0..10 {
        cloud.status(&slug).await?;
        cloud.get("/v1/admin/lakehouse/health").await?;
    }
    let missing = unique("missing");
    cloud.get(&format!("/v1/admin/tenants/{missing}/status")).await?.problem(404, "tenant_not_found")?;
    log.about("get-tenant-status", &missing, 1).await?;
    let lines: Vec<Value> = log.invocations().await?.into_iter().flatten().collect();
    let polls = lines
        .iter()
        .filter(|line| line["span"]["slug"] == json!(slug) && line["span"]["function"] == "get-tenant-status");
    assert_eq!(polls.count(), 0, "{lines:?}");
    let probes =
        lines.iter().filter(|line| line["span"]["function"] == "check-lakehouse-health" && line["status"] == 200);
    assert_eq!(probes.count(), 0, "{lines:?}");
    Ok(())
}
