//! Requests that make something, as they are written down before they are sent.

/// A POST whose body can be kept and sent again byte for byte: Stripe answers a repeated key with other parameters by an
/// error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedPost {
    /// Below the API's base, e.g. `/v1/customers`.
    pub path: String,
    /// `application/x-www-form-urlencoded`.
    pub body: String,
}

impl PreparedPost {
    fn new(path: &str, fields: &[(&str, &str)]) -> Self {
        // Pairs of strings always encode.
        Self { path: path.to_owned(), body: serde_urlencoded::to_string(fields).unwrap_or_default() }
    }
}

/// A customer. Neither address nor name is unique at Stripe; our metadata is what tells whose it is.
#[must_use]
pub fn create_customer(email: &str, name: &str, tenant_id: &str, slug: &str) -> PreparedPost {
    PreparedPost::new(
        "/v1/customers",
        &[("email", email), ("name", name), ("metadata[tenant_id]", tenant_id), ("metadata[slug]", slug)],
    )
}

/// A subscription that is paid by invoice: the default, charging automatically, is refused for a customer without a
/// payment method, which a new one never has.
#[must_use]
pub fn create_subscription(customer: &str, price: &str, tenant_id: &str, days_until_due: u32) -> PreparedPost {
    PreparedPost::new(
        "/v1/subscriptions",
        &[
            ("customer", customer),
            ("items[0][price]", price),
            ("collection_method", "send_invoice"),
            ("days_until_due", &days_until_due.to_string()),
            ("metadata[tenant_id]", tenant_id),
        ],
    )
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
}
