//! The state of the stand-in.

use std::collections::BTreeMap;
use std::time::Instant;

pub(crate) type Metadata = BTreeMap<String, String>;

/// An account has two modes. No object and no idempotency key of one exists in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Test,
    Live,
}

impl Mode {
    pub(crate) const fn key_prefix(self) -> &'static str {
        match self {
            Self::Test => "sk_test_",
            Self::Live => "sk_live_",
        }
    }

    pub(crate) const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// As messages call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Test => "test mode",
            Self::Live => "live mode",
        }
    }
}

/// A change of metadata: an empty value deletes its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetadataPatch {
    /// Deletes all earlier entries.
    pub(crate) clear: bool,
    pub(crate) entries: Metadata,
}

impl MetadataPatch {
    pub(crate) fn apply(self, metadata: &mut Metadata) {
        if self.clear {
            metadata.clear();
        }
        metadata.extend(self.entries);
        metadata.retain(|_, value| !value.is_empty());
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) id: String,
    /// Unix seconds, as all times here.
    pub(crate) created: i64,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) deleted: bool,
    pub(crate) livemode: bool,
    /// Search finds it from then on.
    pub(crate) searchable: Instant,
}

/// A price per unit, monthly or once.
#[derive(Clone, Debug)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// A key belongs to one price at a time.
    pub(crate) lookup_key: Option<String>,
    pub(crate) product: String,
    /// US cents.
    pub(crate) unit_amount: u64,
    pub(crate) livemode: bool,
    /// False once it is archived.
    pub(crate) active: bool,
    pub(crate) recurring: bool,
}

/// What a customer was billed. It is sent at once: Stripe leaves it a draft for an hour.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) customer: String,
    pub(crate) subscription: String,
    /// US cents.
    pub(crate) amount: u64,
    pub(crate) due: i64,
    pub(crate) state: InvoiceState,
    pub(crate) livemode: bool,
}

/// How far an invoice is that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvoiceState {
    Open,
    /// When it was paid.
    Paid(i64),
    /// When it was cancelled.
    Void(i64),
}

impl InvoiceState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid(_) => "paid",
            Self::Void(_) => "void",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) price: Price,
    pub(crate) quantity: u64,
    pub(crate) metadata: Metadata,
    pub(crate) period_start: i64,
    pub(crate) period_end: i64,
}

/// A subscription that is paid by invoice, because no customer has a payment method that could be charged.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) customer: String,
    pub(crate) items: Vec<Item>,
    pub(crate) days_until_due: u64,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) cancel_at_period_end: bool,
    /// When the cancellation was requested, even if it takes effect later.
    pub(crate) canceled_at: Option<i64>,
    /// When it ended. It is `canceled` then, and `active` before.
    pub(crate) ended_at: Option<i64>,
    pub(crate) latest_invoice: String,
    pub(crate) livemode: bool,
}

impl Subscription {
    pub(crate) fn status(&self) -> &'static str {
        if self.ended_at.is_some() { "canceled" } else { "active" }
    }

    /// The earliest end of an item's current period, when a cancellation at the period's end takes effect.
    pub(crate) fn period_end(&self) -> Option<i64> {
        self.items.iter().map(|item| item.period_end).min()
    }
}
