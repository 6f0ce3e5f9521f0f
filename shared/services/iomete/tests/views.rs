//! Views, which IOMETE's stand-in does not have: a server that answers by a script.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use iomete::{Catalog, Error, TABLE_CALL};
use tokio::net::TcpListener;

const CONFIG: &str = r#"{"defaults":{},"overrides":{},"endpoints":["GET /v1/{prefix}/namespaces/{namespace}/views"]}"#;

async fn answer(request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (&method, path.as_str()) {
        (&Method::GET, "/c/v1/config") => CONFIG.into_response(),
        // Without a prefix in the configuration, there is none in a path.
        (&Method::GET, "/c/v1/namespaces/a/views") => {
            r#"{"identifiers":[{"namespace":["a"],"name":"v"}]}"#.into_response()
        }
        (&Method::DELETE, "/c/v1/namespaces/a/views/v") => StatusCode::NO_CONTENT.into_response(),
        (&Method::DELETE, "/c/v1/namespaces/a/views/gone") => StatusCode::NOT_FOUND.into_response(),
        (&Method::DELETE, "/c/v1/namespaces/a/views/busy") => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (&Method::DELETE, "/c/v1/namespaces/a/views/expired") => {
            StatusCode::from_u16(419).expect("a status").into_response()
        }
        (&Method::DELETE, "/c/v1/namespaces/a/views/many") => StatusCode::TOO_MANY_REQUESTS.into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

#[tokio::test]
async fn views_are_listed_and_dropped_where_the_catalog_has_some() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/c/", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let catalog = Catalog::open(&url, "token".into(), TABLE_CALL).await.expect("a catalog");
    let namespace = ["a".to_owned()];
    assert_eq!(catalog.views(&namespace).await, Ok(vec!["v".to_owned()]));
    for (view, expected) in [
        ("v", Ok(())),
        ("gone", Ok(())),
        ("busy", Err(Error::Unavailable)),
        ("expired", Err(Error::Unauthorized)),
        ("many", Err(Error::RateLimited)),
        ("other", Err(Error::Refused(405))),
    ] {
        assert_eq!(catalog.drop_view(&namespace, view).await, expected, "{view}");
    }
    assert_eq!(catalog.tables(&namespace).await, Err(Error::Refused(405)));
}
