//! `GET /v1/admin/tenants`: the fields of each tenant, the order, and the pages.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, is_timestamp, unique};
use reqwest::Method;
use serde_json::{Value, json};

const FIELDS: [&str; 8] =
    ["display_name", "is_active", "provisioned_at", "provisioning_state", "region", "slug", "tenant_id", "tier"];

/// Creates this many tenants one after the other, and deactivates them before much is built for them.
async fn tenants(cloud: &Cloud, name: &str, count: usize, overrides: &Value) -> Result<Vec<String>> {
    let mut slugs = Vec::new();
    for _ in 0..count {
        let slug = unique(name);
        cloud.accepted(&slug, overrides.clone()).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        slugs.push(slug);
    }
    Ok(slugs)
}

async fn list(cloud: &Cloud, query: &str) -> Result<Answer> {
    cloud.get(&format!("/v1/admin/tenants?{query}")).await
}

/// The slugs of a list that are among these, in the list's order.
fn own<'a>(list: &'a Value, slugs: &[String]) -> Vec<&'a str> {
    let all = list.as_array().into_iter().flatten().filter_map(|tenant| tenant["slug"].as_str());
    all.filter(|slug| slugs.iter().any(|own| own == slug)).collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_list_is_an_array_with_the_fields_of_the_records() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = tenants(&cloud, "listed", 1, &json!({ "display_name": "Späth & Söhne" })).await?.remove(0);
    let record = cloud.tenant(&slug).await?;
    let listed = cloud.get("/v1/admin/tenants").await?.expect(200)?;
    let listed = listed.as_array().context("no array")?;
    for tenant in listed {
        let names: Vec<&String> = tenant.as_object().context("no object")?.keys().collect();
        assert_eq!(names, FIELDS);
        ensure!(is_timestamp(&tenant["provisioned_at"]), "{tenant}");
    }
    let tenant = listed.iter().find(|tenant| tenant["slug"] == slug.as_str()).context("not listed")?;
    for name in FIELDS {
        assert_eq!(tenant[name], record[name], "{name}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_newest_comes_first_and_ties_are_ordered_by_id() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slugs = tenants(&cloud, "ordered", 4, &json!({ "tier": "pilot" })).await?;
    let newest_first: Vec<&str> = slugs.iter().rev().map(String::as_str).collect();
    assert_eq!(own(&list(&cloud, "tier=pilot").await?.expect(200)?, &slugs), newest_first);

    // From here on the first and the last tenant have the same time.
    let together =
        "UPDATE control.tenants SET provisioned_at = (SELECT provisioned_at FROM control.tenants WHERE slug = $1)
                    WHERE slug = ANY($2)";
    cloud.control().await?.execute(together, &[&slugs[1], &vec![slugs[0].clone(), slugs[3].clone()]]).await?;
    let listed = list(&cloud, "tier=pilot").await?.expect(200)?;
    let place = |tenant: &Value| {
        Some((tenant["provisioned_at"].as_str()?.to_owned(), tenant["tenant_id"].as_str()?.to_owned()))
    };
    let places: Vec<_> = listed.as_array().into_iter().flatten().map(place).collect();
    ensure!(places.is_sorted_by(|a, b| a > b), "{places:?}");
    assert_eq!(own(&listed, &slugs)[0], slugs[2]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn pages_show_every_tenant_once_while_others_are_added() -> Result<()> {
    const FILTER: &str = "provisioning_state=deprovisioned&tier=enterprise_plus&region=ap-southeast-1";
    let cloud = Cloud::from_env()?;
    let kind = json!({ "tier": "enterprise_plus", "region": "ap-southeast-1" });
    let slugs = tenants(&cloud, "walked", 5, &kind).await?;
    let mut path = format!("/v1/admin/tenants?limit=2&{FILTER}");
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let answer = cloud.get(&path).await?;
        let page = answer.expect(200)?;
        pages += 1;
        seen.extend(own(&page, &slugs).into_iter().map(str::to_owned));
        let size = page.as_array().map_or(0, Vec::len);
        let Some(link) = answer.header("link") else {
            ensure!(size <= 2, "{page}");
            break;
        };
        assert_eq!(size, 2);
        path =
            link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).context("no link")?.to_owned();
        ensure!(path.starts_with("/v1/admin/tenants?"), "{path}");
        for kept in FILTER.split('&').chain(["limit=2"]) {
            ensure!(path.split(['?', '&']).filter(|part| *part == kept).count() == 1, "{kept}: {path}");
        }
        assert_eq!(path.matches("cursor=").count(), 1);
        if pages <= 2 {
            tenants(&cloud, "newcomer", 1, &kind).await?;
        }
    }
    assert_eq!(seen, slugs.iter().rev().cloned().collect::<Vec<_>>());
    ensure!(pages >= 3, "{pages} pages");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn filters_return_only_matching_tenants() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let mut slugs = tenants(&cloud, "kept", 1, &json!({ "tier": "pilot", "region": "eu-central-1" })).await?;
    slugs.extend(tenants(&cloud, "left", 1, &json!({ "tier": "enterprise", "region": "us-east-1" })).await?);
    let (kept, left) = (slugs[0].as_str(), slugs[1].as_str());
    for (query, expected) in [
        ("tier=pilot", vec![kept]),
        ("tier=enterprise", vec![left]),
        ("region=eu-central-1", vec![kept]),
        ("region=us-east-1", vec![left]),
        ("provisioning_state=deprovisioned", vec![left, kept]),
        ("provisioning_state=active", vec![]),
        ("tier=pilot&region=eu-central-1&provisioning_state=deprovisioned", vec![kept]),
        ("tier=pilot&region=us-east-1", vec![]),
    ] {
        let listed = list(&cloud, query).await?.expect(200)?;
        assert_eq!(own(&listed, &slugs), expected, "{query}");
        for filter in query.split('&') {
            let (name, value) = filter.split_once('=').context("a filter")?;
            let others = listed.as_array().into_iter().flatten().find(|tenant| tenant[name] != value);
            assert_eq!(others, None, "{query}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_parameter_is_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let limit = "must be a whole number from 1 to 10000";
    let cursor = "must be the cursor of a page's Link header, as it was given";
    for (query, field, message) in [
        ("limit=0", "limit", limit),
        ("limit=10001", "limit", limit),
        ("limit=x", "limit", limit),
        ("limit=-1", "limit", limit),
        ("limit=", "limit", limit),
        ("cursor=x", "cursor", cursor),
        ("cursor=", "cursor", cursor),
        ("tier=gold", "tier", "must be one of pilot, enterprise, enterprise_plus"),
        ("region=mars", "region", "must be one of us-east-1, eu-central-1, ap-southeast-1"),
        ("provisioning_state=live", "provisioning_state", "must be one of provisioning, active, failed, deprovisioned"),
        ("lmit=2", "lmit", "is not a known field; did you mean limit?"),
        ("state=failed", "state", "is not a known field; did you mean provisioning_state?"),
        (
            "favourite_colour=blue",
            "favourite_colour",
            "is not a known field; known are limit, cursor, provisioning_state, tier, region, q",
        ),
        ("limit=2&limit=2", "limit", "is given twice"),
    ] {
        let expected = BTreeMap::from([(field.to_owned(), message.to_owned())]);
        assert_eq!(list(&cloud, query).await?.invalid()?, expected, "{query}");
    }
    list(&cloud, "limit=1").await?.expect(200)?;
    list(&cloud, "limit=10000").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_answer_names_all_mistakes() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let wrong =
        list(&cloud, "limit=0&cursor=x&tier=gold&region=mars&provisioning_state=live&lmit=1").await?.invalid()?;
    let expected = ["cursor", "limit", "lmit", "provisioning_state", "region", "tier"];
    assert_eq!(wrong.into_keys().collect::<Vec<_>>(), expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_auditor_may_list() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slugs = tenants(&cloud, "audited", 1, &json!({ "tier": "pilot" })).await?;
    let request = cloud.request(Method::GET, "/v1/admin/tenants").header("x-api-key", &cloud.auditor_key);
    assert_eq!(own(&cloud.send(request).await?.expect(200)?, &slugs), [slugs[0].as_str()]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_search_finds_tenants_by_each_of_their_names() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slugs = tenants(&cloud, "sought", 3, &json!({ "tier": "pilot", "display_name": "Banque 100% d'Été" })).await?;
    let sql = "UPDATE control.tenants SET custom_domain = 'portal.' || slug || '.example' WHERE slug = $1";
    cloud.control().await?.execute(sql, &[&slugs[0]]).await?;
    let all = || slugs.iter().rev().map(String::as_str).collect::<Vec<_>>();
    let second = slugs[1].to_uppercase();
    for (query, expected) in [
        (format!("q={}", &second[2..]), vec![slugs[1].as_str()]),
        (format!("q=admin%40{second}"), vec![slugs[1].as_str()]),
        ("q=banque%20100%25%20d%27%C3%A9t%C3%A9".to_owned(), all()),
        ("q=banque+100%25".to_owned(), all()),
        (format!("q=portal.{}", slugs[0]), vec![slugs[0].as_str()]),
        ("q=banque&tier=enterprise".to_owned(), vec![]),
        ("q=banque%25d".to_owned(), vec![]),
        ("q=banque_100".to_owned(), vec![]),
    ] {
        assert_eq!(own(&list(&cloud, &query).await?.expect(200)?, &slugs), expected, "{query}");
    }
    // The link to the next page keeps the search.
    let first = list(&cloud, "limit=2&q=banque+100%25").await?;
    let next = first.next().context("no link")?;
    assert_eq!(own(&cloud.get(next).await?.expect(200)?, &slugs), [slugs[0].as_str()]);
    for bad in ["q=", "q=%00", &format!("q={}", "x".repeat(201))] {
        ensure!(list(&cloud, bad).await?.invalid()?.contains_key("q"), "{bad}");
    }
    Ok(())
}
