//! Step 7: the vector index stores documents and finds them through its alias.

use anyhow::Result;
use e2e::Cloud;
use reqwest::Method;
use serde_json::json;

use crate::Live;

/// The template's `KnnDimension`.
const DIMENSION: usize = 1536;

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let search = cloud.search()?;
    let alias = format!("client_{}", live.slug);
    let index = format!("{alias}_v1");
    let found = search.call(Method::GET, &format!("/{alias}"), None).await?;
    let found = &found[&index];
    assert!(found["aliases"][&alias].is_object(), "{alias} is not an alias of {index}");
    assert_eq!(found["settings"]["index"]["knn"], "true");
    let embedding = &found["mappings"]["properties"]["embedding"];
    assert_eq!((&embedding["type"], &embedding["dimension"]), (&json!("knn_vector"), &json!(DIMENSION)));

    let vector = |place: usize| -> Vec<f32> { (0..DIMENSION).map(|i| if i == place { 1.0 } else { 0.0 }).collect() };
    for place in [0, 1] {
        let document = json!({ "document_id": format!("d{place}"), "title": "A title", "embedding": vector(place) });
        search.call(Method::PUT, &format!("/{alias}/_doc/d{place}?refresh=true"), Some(&document)).await?;
    }
    let nearest = json!({ "size": 1, "query": { "knn": { "embedding": { "vector": vector(1), "k": 1 } } } });
    let nearest = search.call(Method::POST, &format!("/{alias}/_search"), Some(&nearest)).await?;
    assert_eq!(nearest["hits"]["hits"][0]["_id"], "d1", "{nearest}");
    Ok(())
}
