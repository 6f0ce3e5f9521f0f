//! Objects as Stripe shows them. Attributes that this stand-in never sets are null, as on a new object.

use serde_json::{Value, json};

use crate::model::{Customer, Invoice, InvoiceState, Item, Price, Subscription};

pub(crate) fn customer(customer: &Customer) -> Value {
    if customer.deleted {
        return json!({ "id": customer.id, "object": "customer", "deleted": true });
    }
    json!({
        "id": customer.id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": customer.created,
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "description": customer.description,
        "discount": null,
        "email": customer.email,
        // Stripe: 3 to 12 capital letters or digits, unique within the account.
        "invoice_prefix": customer.id.trim_start_matches("cus_")[..8].to_uppercase(),
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": null,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": customer.livemode,
        "metadata": customer.metadata,
        "name": customer.name,
        "next_invoice_sequence": 1,
        "phone": customer.phone,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    })
}

pub(crate) fn price(price: &Price) -> Value {
    let recurring = json!({
        "interval": "month",
        "interval_count": 1,
        "meter": null,
        "trial_period_days": null,
        "usage_type": "licensed",
    });
    json!({
        "id": price.id,
        "object": "price",
        "active": price.active,
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": "usd",
        "custom_unit_amount": null,
        "livemode": price.livemode,
        "lookup_key": price.lookup_key,
        "metadata": {},
        "nickname": null,
        "product": price.product,
        "recurring": price.recurring.then_some(recurring),
        "tax_behavior": "unspecified",
        "tiers_mode": null,
        "transform_quantity": null,
        "type": if price.recurring { "recurring" } else { "one_time" },
        "unit_amount": price.unit_amount,
        "unit_amount_decimal": price.unit_amount.to_string(),
    })
}

/// An item shows its price a second time in this deprecated form.
fn plan(price: &Price) -> Value {
    json!({
        "id": price.id,
        "object": "plan",
        "active": true,
        "amount": price.unit_amount,
        "amount_decimal": price.unit_amount.to_string(),
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "livemode": price.livemode,
        "metadata": {},
        "meter": null,
        "nickname": null,
        "product": price.product,
        "tiers_mode": null,
        "transform_usage": null,
        "trial_period_days": null,
        "usage_type": "licensed",
    })
}

fn item(item: &Item, subscription: &str) -> Value {
    json!({
        "id": item.id,
        "object": "subscription_item",
        "billing_thresholds": null,
        "created": item.created,
        "current_period_end": item.period_end,
        "current_period_start": item.period_start,
        "discounts": [],
        "metadata": item.metadata,
        "plan": plan(&item.price),
        "price": price(&item.price),
        "quantity": item.quantity,
        "subscription": subscription,
        "tax_rates": [],
    })
}

pub(crate) fn subscription(subscription: &Subscription) -> Value {
    let id = &subscription.id;
    let items: Vec<Value> = subscription.items.iter().map(|each| item(each, id)).collect();
    let cancel_at = subscription.period_end().filter(|_| subscription.cancel_at_period_end);
    let cancel_reason = subscription.canceled_at.map(|_| "cancellation_requested");
    json!({
        "id": id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": subscription.created,
        "billing_cycle_anchor_config": null,
        "billing_mode": { "flexible": null, "type": "classic" },
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": cancel_at,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": subscription.canceled_at,
        "cancellation_details": { "comment": null, "feedback": null, "reason": cancel_reason },
        "collection_method": "send_invoice",
        "created": subscription.created,
        "currency": "usd",
        "customer": subscription.customer,
        "customer_account": null,
        "days_until_due": subscription.days_until_due,
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": subscription.description,
        "discounts": [],
        "ended_at": subscription.ended_at,
        "invoice_settings": {
            "account_tax_ids": null,
            "custom_fields": null,
            "description": null,
            "footer": null,
            "issuer": { "type": "self" },
        },
        "items": {
            "object": "list",
            "data": items,
            "has_more": false,
            "url": format!("/v1/subscription_items?subscription={id}"),
        },
        "latest_invoice": subscription.latest_invoice,
        "livemode": subscription.livemode,
        "managed_payments": { "enabled": false },
        "metadata": subscription.metadata,
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": null,
        "payment_settings": {
            "payment_method_options": null,
            "payment_method_types": null,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "schedule": null,
        "start_date": subscription.created,
        "status": subscription.status(),
        "test_clock": null,
        "transfer_data": null,
        "trial_end": null,
        "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
        "trial_start": null,
    })
}

pub(crate) fn invoice(invoice: &Invoice) -> Value {
    let id = &invoice.id;
    let (paid_at, voided_at) = match invoice.state {
        InvoiceState::Open => (None, None),
        InvoiceState::Paid(at) => (Some(at), None),
        InvoiceState::Void(at) => (None, Some(at)),
    };
    let paid = if paid_at.is_some() { invoice.amount } else { 0 };
    json!({
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": null,
        "account_tax_ids": null,
        "amount_due": invoice.amount,
        "amount_overpaid": 0,
        "amount_paid": paid,
        "amount_remaining": invoice.amount - paid,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatic_tax": {
            "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null,
        },
        "automatically_finalizes_at": null,
        "billing_reason": "subscription_create",
        "collection_method": "send_invoice",
        "created": invoice.created,
        "currency": "usd",
        "custom_fields": null,
        "customer": invoice.customer,
        "customer_account": null,
        "customer_address": null,
        "customer_email": null,
        "customer_name": null,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": [],
        "due_date": invoice.due,
        "effective_at": invoice.created,
        "ending_balance": 0,
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "lines": { "object": "list", "data": [], "has_more": false, "url": format!("/v1/invoices/{id}/lines") },
        "livemode": invoice.livemode,
        "metadata": {},
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "parent": {
            "quote_details": null,
            "subscription_details": { "metadata": null, "subscription": invoice.subscription },
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null,
        },
        "period_end": invoice.created,
        "period_start": invoice.created,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": 0,
        "statement_descriptor": null,
        "status": invoice.state.name(),
        "status_transitions": {
            "finalized_at": invoice.created,
            "marked_uncollectible_at": null,
            "paid_at": paid_at,
            "voided_at": voided_at,
        },
        "subscription": null,
        "subtotal": invoice.amount,
        "subtotal_excluding_tax": invoice.amount,
        "test_clock": null,
        "total": invoice.amount,
        "total_discount_amounts": [],
        "total_excluding_tax": invoice.amount,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": invoice.created,
    })
}
