//! Every reason for a 422, one by one and all together.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::{Cloud, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// What is said of a field that is like none of the known ones.
const KNOWN: &str =
    "is not a known field; known are slug, display_name, region, tier, admin_email, data_residency_verified";

/// The fields that are wrong, each with its message.
fn errors(problem: &Value) -> BTreeMap<&str, &str> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors.map(|error| (error["field"].as_str().unwrap_or("?"), error["message"].as_str().unwrap_or("?"))).collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_field_is_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // One of these tests restarts the function that the others call.
    let _alone = e2e::alone().await;
    let slug = unique("valid");
    let slug_shape = "must be 3 to 48 lower-case letters, digits and hyphens";
    let edges = "must neither start nor end with a hyphen";
    let encoded = "must not have hyphens as its third and fourth character, as encoded domain names have";
    let id = "must not be a UUID, with or without hyphens";
    let unseen = "must be visible, without invisible characters and without marks that change the direction of writing";
    let name_length = "must be 1 to 200 characters long, not counting white space around it";
    let regions = "must be one of us-east-1, eu-central-1, ap-southeast-1";
    let tiers = "must be one of pilot, enterprise, enterprise_plus";
    let cases: &[(&str, Value, &str)] = &[
        ("slug", json!(null), "is required"),
        ("slug", json!(17), "must be a string"),
        ("slug", json!(""), slug_shape),
        ("slug", json!("ab"), slug_shape),
        ("slug", json!("a".repeat(49)), slug_shape),
        ("slug", json!("Acme-bank"), slug_shape),
        ("slug", json!("acme_bank"), slug_shape),
        ("slug", json!("acmé-bank"), slug_shape),
        ("slug", json!("acme bank"), slug_shape),
        ("slug", json!("-acme"), edges),
        ("slug", json!("acme-"), edges),
        ("slug", json!("api"), "is reserved"),
        ("slug", json!("www"), "is reserved"),
        ("slug", json!("admin"), "is reserved"),
        ("slug", json!("autodiscover"), "is reserved"),
        ("slug", json!("xn--bnk-qla"), encoded),
        ("slug", json!("ab--acme"), encoded),
        ("slug", json!("0190d5c0-0000-7000-8000-000000000000"), id),
        ("slug", json!("0190d5c0000070008000000000000000"), id),
        ("display_name", json!(null), "is required"),
        ("display_name", json!(["a"]), "must be a string"),
        ("display_name", json!("  "), name_length),
        ("display_name", json!("a".repeat(201)), name_length),
        ("display_name", json!("a\nb"), "must not contain control characters"),
        ("display_name", json!("\u{200b}\u{3164}"), unseen),
        ("display_name", json!("Acme\u{202e}knaB"), unseen),
        ("display_name", json!("Acme\u{200d}Bank"), unseen),
        ("region", json!(null), "is required"),
        ("region", json!(1), "must be a string"),
        ("region", json!("us-west-2"), regions),
        ("region", json!("US-EAST-1"), regions),
        ("tier", json!(true), "must be a string"),
        ("tier", json!("premium"), tiers),
        ("admin_email", json!(null), "is required"),
        ("admin_email", json!({}), "must be a string"),
        ("admin_email", json!("nobody"), "must be a deliverable e-mail address such as admin@example.com"),
        (
            "admin_email",
            json!("Some Body <a@example.com>"),
            "must be a deliverable e-mail address such as admin@example.com",
        ),
        (
            "admin_email",
            json!("a@example.com\r\nBcc: b@example.com"),
            "must be a deliverable e-mail address such as admin@example.com",
        ),
        ("data_residency_verified", json!(null), "is required"),
        ("data_residency_verified", json!(false), "must be true"),
        ("data_residency_verified", json!("true"), "must be true"),
        ("data_residency_verified", json!(1), "must be true"),
        ("teir", json!("pilot"), "is not a known field; did you mean tier?"),
        ("Slug", json!("x"), "is not a known field; did you mean slug?"),
        ("adminEmail", json!("x"), "is not a known field; did you mean admin_email?"),
        ("email", json!("x"), "is not a known field; did you mean admin_email?"),
        ("plan", json!("x"), KNOWN),
        ("bar", json!("x"), KNOWN),
        ("favourite_colour", json!("blue"), KNOWN),
    ];
    for (field, value, message) in cases {
        let problem = cloud.provision(&slug, json!({ *field: value })).await?.problem(422, "validation_failed")?;
        assert_eq!(errors(&problem), BTreeMap::from([(*field, *message)]), "{field}: {value}");
    }
    // An explicit null is not a value. Only `tier` may be left out, and null counts as left out.
    for field in ["slug", "display_name", "region", "admin_email", "data_residency_verified"] {
        let mut order = Cloud::order(&slug, &json!({}));
        order[field] = Value::Null;
        let request = cloud.admin(Method::POST, "/v1/admin/tenants").json(&order);
        let problem = cloud.send(request).await?.problem(422, "validation_failed")?;
        assert_eq!(errors(&problem), BTreeMap::from([(field, "is required")]));
    }
    cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.problem(404, "tenant_not_found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_answer_names_all_mistakes() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // One of these tests restarts the function that the others call.
    let _alone = e2e::alone().await;
    let wrong =
        json!({ "slug": "x", "display_name": "", "region": "mars", "tier": "gold", "admin_email": "@", "teir": 1 });
    let request = cloud.admin(Method::POST, "/v1/admin/tenants").json(&wrong);
    let problem = cloud.send(request).await?.problem(422, "validation_failed")?;
    let found: Vec<&str> = errors(&problem).into_keys().collect();
    let expected = ["admin_email", "data_residency_verified", "display_name", "region", "slug", "teir", "tier"];
    assert_eq!(found, expected);

    let request = cloud.admin(Method::POST, "/v1/admin/tenants").json(&json!({}));
    let problem = cloud.send(request).await?.problem(422, "validation_failed")?;
    let found: Vec<&str> = errors(&problem).into_keys().collect();
    assert_eq!(found, ["admin_email", "data_residency_verified", "display_name", "region", "slug"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_region_that_is_not_configured_is_refused() -> Result<()> {
    const FUNCTION: &str = "provision-tenant";
    let cloud = Cloud::from_env()?;
    // One of these tests restarts the function that the others call.
    let _alone = e2e::alone().await;
    let before = cloud.aws.environment_of(FUNCTION).await?;
    let mut fewer = before.clone();
    fewer["CONFIGURED_REGIONS"] = json!("us-east-1,eu-central-1");
    cloud.aws.set_environment_of(FUNCTION, &fewer).await?;
    let slug = unique("noregion");
    let refused = cloud.provision(&slug, json!({ "region": "ap-southeast-1" })).await;
    cloud.aws.set_environment_of(FUNCTION, &before).await?;
    let problem = refused?.problem(422, "region_not_configured")?;
    assert_eq!(errors(&problem), BTreeMap::from([("region", "is not configured in this installation")]));
    cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.problem(404, "tenant_not_found")?;
    Ok(())
}
