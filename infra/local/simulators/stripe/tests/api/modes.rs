//! Test mode and live mode of one account.

use secrecy::SecretString;

use crate::stand::{LIVE_KEY, Stand, error, id, json, send};

async fn stand() -> Stand {
    Stand::with(|settings| settings.live_secret_key = Some(SecretString::from(LIVE_KEY))).await
}

impl Stand {
    async fn as_live(&self, method: reqwest::Method, path: &str, form: &str) -> http_kit::Answer {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(LIVE_KEY);
        let request = request.header("Stripe-Version", "2026-07-29.dahlia").header("Idempotency-Key", "k");
        send(request.header("Content-Type", "application/x-www-form-urlencoded").body(form.to_owned())).await
    }
}

#[tokio::test]
async fn an_object_of_the_other_mode_is_missing() {
    let stand = stand().await;
    let customer = stand.customer().await;
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    let path = format!("/v1/customers/{customer}");
    let (code, param, message) = error(&stand.as_live(get, &path, "").await, 404);
    assert_eq!((code.as_str(), param.as_str()), ("resource_missing", "id"));
    let hint = "; a similar object exists in test mode, but a live mode key was used to make this request.";
    assert_eq!(message, format!("No such customer: '{customer}'{hint}"));

    let price = "items[0][price]=price_ivory_enterprise_live&collection_method=send_invoice&days_until_due=1";
    let form = format!("customer={customer}&{price}");
    let refused = error(&stand.as_live(post, "/v1/subscriptions", &form).await, 400);
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("resource_missing", "customer"));
    let nobody = error(&stand.get("/v1/customers/cus_nobody").await, 404);
    assert_eq!(nobody.2, "No such customer: 'cus_nobody'");
}

#[tokio::test]
async fn a_mode_has_its_own_keys_and_prices() {
    let stand = stand().await;
    let test = id(&stand.post_with_key("k", "/v1/customers", "name=A").await);
    let live = json(&stand.as_live(reqwest::Method::POST, "/v1/customers", "name=A").await, 200);
    assert_eq!(live["livemode"], true);
    assert_ne!(live["id"], test.as_str());
    let list = "/v1/prices?lookup_keys[]=ivory_enterprise";
    let price = json(&stand.as_live(reqwest::Method::GET, list, "").await, 200)["data"][0].clone();
    assert_eq!((&price["id"], &price["livemode"]), (&"price_ivory_enterprise_live".into(), &true.into()));
}

#[tokio::test]
async fn without_a_live_key_there_is_no_live_mode() {
    let stand = Stand::start().await;
    assert_eq!(stand.as_live(reqwest::Method::GET, "/v1/customers", "").await.status.as_u16(), 401);
    json(&stand.get("/v1/customers").await, 200);
}
