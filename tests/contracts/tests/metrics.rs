//! The functions' own metrics: what looks at one finds it, and it costs no more than it should.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use contracts::functions;
use contracts::runbook::alarms;
use contracts::template::Template;
use lambda_kit::metrics::{DIMENSIONS, NAMESPACE, Unit};
use regex::Regex;
use serde_json::{Map, Value, json};

const TEMPLATE: &str = "infra/aws/alarms.yaml";
/// AWS's own metrics that are looked at.
const OF_AWS: [&str; 5] = ["AWS/ApiGateway", "AWS/ElastiCache", "AWS/Lambda", "AWS/RDS", "AWS/States"];
/// The stack's name is the namespace of metrics that are counted from lines.
const COUNTED: &str = "ControlPlaneStackName";

/// A metric as a function declares it: name, function, names of its dimensions.
type Declared = (String, String, BTreeSet<String>);

fn declared() -> BTreeMap<Declared, Unit> {
    let mut found = BTreeMap::new();
    for function in functions::all() {
        for directive in &function.declaration.metrics {
            for (metric, by) in
                directive.metrics.iter().flat_map(|metric| directive.by.iter().map(move |by| (metric, by)))
            {
                let dimensions = DIMENSIONS.iter().chain(*by).map(|name| (*name).to_owned()).collect();
                found.insert((metric.name.to_owned(), function.name.clone(), dimensions), metric.unit);
            }
        }
    }
    found
}

/// What the template's metric filters count.
fn counted(template: &Template) -> BTreeSet<String> {
    let filters = template.order.iter().filter_map(|name| template.resource(name).ok());
    let filters = filters.filter(|resource| resource["Type"] == "AWS::Logs::MetricFilter");
    filters
        .filter_map(|filter| filter["Properties"]["MetricTransformations"][0]["MetricName"].as_str().map(str::to_owned))
        .collect()
}

/// A text as CloudFormation makes it. A reference stays what it is, as `${Name}`.
fn text(value: &Value, conditions: bool) -> Result<String> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if let Some(name) = value["Ref"].as_str() {
        return Ok(format!("${{{name}}}"));
    }
    if let Some([_, then, otherwise]) = value["Fn::If"].as_array().map(Vec::as_slice) {
        return text(if conditions { then } else { otherwise }, conditions);
    }
    match &value["Fn::Sub"] {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let [Value::String(whole), Value::Object(own)] = &parts[..] else { bail!("{value}") };
            let mut whole = whole.clone();
            for (name, value) in own {
                ensure!(whole.contains(&format!("${{{name}}}")), "{name} is not used");
                whole = whole.replace(&format!("${{{name}}}"), &text(value, conditions)?);
            }
            Ok(whole)
        }
        _ => bail!("this test does not know {value}"),
    }
}

/// The widgets, where there are a database and Valkey of this installation, or neither.
fn widgets(template: &Template, conditions: bool) -> Result<Vec<Value>> {
    let body = text(&template.resource("Dashboard")?["Properties"]["DashboardBody"], conditions)?;
    let body: Map<String, Value> = serde_json::from_str(&body).context("DashboardBody")?;
    assert_eq!(body.keys().collect::<Vec<_>>(), ["widgets"]);
    body["widgets"].as_array().cloned().context("widgets")
}

/// Every function writes metrics that differ in name, or mean the same.
#[test]
fn a_metric_has_one_unit_and_few_values_of_each_dimension() {
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    let declared = declared();
    for ((name, function, dimensions), unit) in &declared {
        assert_eq!(units.entry(name.clone()).or_insert(*unit), unit, "{name} of {function}");
        // Each value of a dimension is a metric that is paid for: never a tenant, a request or a caller.
        let few = ["cause", "function_name", "service"].map(str::to_owned);
        assert!(dimensions.iter().all(|dimension| few.contains(dimension)), "{name} of {function}: {dimensions:?}");
    }
    for function in functions::all() {
        let of_it: Vec<_> =
            declared.keys().filter(|(_, of, _)| *of == function.name).map(|(name, ..)| name.as_str()).collect();
        let expected: &[&str] = match (function.group, function.name.as_str()) {
            ("api", _) => &["ColdStart", "Errors", "Latency"],
            ("steps" | "purge", _) => &["Attempts", "Duration", "Failures", "Failures", "Waits"],
            (_, "reconcile-tenants") => &["OutboxAge", "Repairs", "RunAge"],
            _ => &[],
        };
        assert_eq!(of_it, expected, "{}", function.name);
    }
}

#[test]
fn an_alarm_looks_at_a_metric_that_a_function_writes() -> Result<()> {
    let declared = declared();
    let mut looked_at = BTreeSet::new();
    for (name, alarm) in alarms()? {
        if alarm["Namespace"] != NAMESPACE {
            continue;
        }
        let mut dimensions = BTreeMap::new();
        for dimension in alarm["Dimensions"].as_array().with_context(|| name.clone())? {
            dimensions.insert(dimension["Name"].as_str().context("Name")?.to_owned(), dimension["Value"].clone());
        }
        assert_eq!(dimensions["service"], json!({ "Ref": "SecretPrefix" }), "{name}");
        let metric = alarm["MetricName"].as_str().context("MetricName")?;
        let function = dimensions["function_name"].as_str().context("function_name")?;
        let key = (metric.to_owned(), function.to_owned(), dimensions.keys().cloned().collect());
        ensure!(declared.contains_key(&key), "{name}: nobody writes {key:?}");
        looked_at.insert(metric.to_owned());
    }
    assert_eq!(looked_at, BTreeSet::from(["OutboxAge", "RunAge"].map(str::to_owned)));
    Ok(())
}

#[test]
fn the_dashboard_shows_every_alarm_of_its_stack() -> Result<()> {
    let template = Template::of(TEMPLATE)?;
    for conditions in [true, false] {
        let widgets = widgets(&template, conditions)?;
        let shown: BTreeSet<_> = widgets
            .iter()
            .filter(|widget| widget["type"] == "alarm")
            .flat_map(|widget| widget["properties"]["alarms"].as_array().into_iter().flatten())
            .filter_map(|alarm| alarm.as_str()?.strip_prefix("${")?.strip_suffix(".Arn}").map(str::to_owned))
            .collect();
        let alarms = template.order.iter().filter(|name| {
            let resource = &template.document["Resources"][name.as_str()];
            // An alarm that is not made has no ARN.
            resource["Type"] == "AWS::CloudWatch::Alarm" && (conditions || resource["Condition"].is_null())
        });
        assert_eq!(shown, alarms.cloned().collect());
    }
    Ok(())
}

#[test]
fn the_dashboard_shows_metrics_that_somebody_writes() -> Result<()> {
    let template = Template::of(TEMPLATE)?;
    let (declared, counted) = (declared(), counted(&template));
    let search = Regex::new(
        r#"^SEARCH\('\{([A-Za-z]+),([a-z_,]+)\} MetricName="([A-Za-z]+)" service="\$\{SecretPrefix\}"', '([A-Za-z0-9]+)', 300\)$"#,
    )?;
    let mut shown = BTreeSet::new();
    for widget in widgets(&template, true)?.iter().filter(|widget| widget["type"] == "metric") {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().context("title")?;
        assert_eq!(properties["region"], json!("${AWS::Region}"), "{title}");
        for metric in properties["metrics"].as_array().with_context(|| title.to_owned())? {
            let mut row = metric.as_array().with_context(|| title.to_owned())?.clone();
            let options = row.pop_if(|last| last.is_object()).unwrap_or_default();
            if let Some(expression) = options["expression"].as_str() {
                let found = search.captures(expression).with_context(|| format!("{title}: {expression}"))?;
                let dimensions: BTreeSet<_> = found[2].split(',').map(str::to_owned).collect();
                assert_eq!(
                    (&found[1], &found[4]),
                    (NAMESPACE, properties["stat"].as_str().context("stat")?),
                    "{title}"
                );
                let written = |(name, _, by): &&Declared| *name == found[3] && *by == dimensions;
                ensure!(declared.keys().any(|metric| written(&metric)), "{title}: nobody writes {expression}");
                shown.insert(found[3].to_owned());
                continue;
            }
            let row: Vec<&str> = row.iter().map(|part| part.as_str().context("no text")).collect::<Result<_>>()?;
            let [namespace, name, dimensions @ ..] = &row[..] else { bail!("{title}: {row:?}") };
            let dimensions: BTreeMap<_, _> = dimensions.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            if *namespace == NAMESPACE {
                assert_eq!(dimensions["service"], "${SecretPrefix}", "{title}");
                let by = dimensions.keys().map(|name| (*name).to_owned()).collect();
                let key = ((*name).to_owned(), dimensions["function_name"].to_owned(), by);
                ensure!(declared.contains_key(&key), "{title}: nobody writes {key:?}");
                shown.insert((*name).to_owned());
            } else if *namespace == format!("${{{COUNTED}}}") {
                ensure!(counted.contains(*name), "{title}: no filter counts {name}");
            } else {
                ensure!(OF_AWS.contains(namespace), "{title}: {namespace}");
            }
            // What is named in a dimension is known to the stack.
            for parameter in dimensions.values().filter_map(|value| value.strip_prefix("${")?.split_once('}')) {
                ensure!(template.parameters.iter().any(|known| known == parameter.0), "{title}: {}", parameter.0);
            }
        }
    }
    assert_eq!(shown, declared.into_keys().map(|(name, ..)| name).collect(), "shown, declared");
    Ok(())
}

/// Widgets lie on a grid of 24 columns, none on another.
#[test]
fn every_widget_has_its_place() -> Result<()> {
    let template = Template::of(TEMPLATE)?;
    let mut taken = BTreeSet::new();
    for widget in widgets(&template, true)? {
        let number = |name: &str| widget[name].as_u64().with_context(|| format!("{name} of {widget}"));
        let (x, y, width, height) = (number("x")?, number("y")?, number("width")?, number("height")?);
        ensure!(width > 0 && height > 0 && x + width <= 24, "{widget}");
        for place in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            ensure!(taken.insert(place), "{place:?} is taken twice: {widget}");
        }
    }
    Ok(())
}
