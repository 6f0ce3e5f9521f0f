//! Requests that change something, as they are recorded before they are sent.

/// A POST whose body can be stored and sent again byte for byte. Stripe answers with an error if a key is repeated with
/// other parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedPost {
    /// Below the API's base, e.g. `/v1/customers`.
    pub path: String,
    /// `application/x-www-form-urlencoded`.
    pub body: String,
}

impl PreparedPost {
    fn new(path: &str, fields: &[(&str, &str)]) -> Self {
        // Encoding pairs of strings cannot fail.
        Self { path: path.to_owned(), body: serde_urlencoded::to_string(fields).unwrap_or_default() }
    }
}

/// Creates a customer. Neither address nor name is unique at Stripe, so our metadata says which tenant it belongs to.
#[must_use]
pub fn create_customer(email: &str, name: &str, tenant_id: &str, slug: &str) -> PreparedPost {
    PreparedPost::new(
        "/v1/customers",
        &[("email", email), ("name", name), ("metadata[tenant_id]", tenant_id), ("metadata[slug]", slug)],
    )
}

/// Changes a customer's address.
#[must_use]
pub fn update_customer(id: &str, email: &str) -> PreparedPost {
    PreparedPost::new(&format!("/v1/customers/{id}"), &[("email", email)])
}

/// Creates a subscription that is paid by invoice. Stripe's default, charging automatically, is refused for a customer
/// without a payment method, and a new customer has none.
#[must_use]
pub fn create_subscription(
    customer: &str,
    price: ChosenPrice<'_>,
    tenant_id: &str,
    days_until_due: u32,
) -> PreparedPost {
    PreparedPost::new(
        "/v1/subscriptions",
        &[
            ("customer", customer),
            ("items[0][price]", price.id),
            ("collection_method", "send_invoice"),
            ("days_until_due", &days_until_due.to_string()),
            ("metadata[tenant_id]", tenant_id),
            ("metadata[lookup_key]", price.lookup_key),
        ],
    )
}

/// A price, and the lookup key with which it was chosen. The subscription keeps the key in its metadata, because the price
/// may lose it.
#[derive(Clone, Copy, Debug)]
pub struct ChosenPrice<'a> {
    /// `price_…`.
    pub id: &'a str,
    /// What it was looked up by.
    pub lookup_key: &'a str,
}

/// A change of a subscription. It names the wanted state, so repeating it changes nothing more.
#[derive(Clone, Copy, Debug, Default)]
pub struct SubscriptionChange<'a> {
    /// An item's id and its new price. Without the id Stripe would add a second item. The quantity becomes 1, Stripe's
    /// default.
    pub price: Option<(&'a str, ChosenPrice<'a>)>,
    /// Whether it ends with the period that is paid for.
    pub cancel_at_period_end: Option<bool>,
}

/// Changes a subscription.
#[must_use]
pub fn update_subscription(id: &str, change: SubscriptionChange<'_>) -> PreparedPost {
    let mut fields = Vec::new();
    if let Some((item, price)) = change.price {
        fields.extend([
            ("items[0][id]", item),
            ("items[0][price]", price.id),
            ("metadata[lookup_key]", price.lookup_key),
        ]);
    }
    if let Some(cancel) = change.cancel_at_period_end {
        fields.push(("cancel_at_period_end", if cancel { "true" } else { "false" }));
    }
    PreparedPost::new(&format!("/v1/subscriptions/{id}"), &fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        let request = create_customer("a+b@c.de", "Müller & Söhne", "t", "s");
        assert_eq!(
            request.body,
            "email=a%2Bb%40c.de&name=M%C3%BCller+%26+S%C3%B6hne&metadata%5Btenant_id%5D=t&metadata%5Bslug%5D=s"
        );
    }

    #[test]
    fn only_differences_are_sent() {
        let price = ChosenPrice { id: "price_2", lookup_key: "plus" };
        let change = SubscriptionChange { price: Some(("si_1", price)), cancel_at_period_end: None };
        let request = update_subscription("sub_1", change);
        assert_eq!(request.path, "/v1/subscriptions/sub_1");
        assert_eq!(
            request.body,
            "items%5B0%5D%5Bid%5D=si_1&items%5B0%5D%5Bprice%5D=price_2&metadata%5Blookup_key%5D=plus"
        );
        let change = SubscriptionChange { price: None, cancel_at_period_end: Some(false) };
        assert_eq!(update_subscription("sub_1", change).body, "cancel_at_period_end=false");
    }
}
