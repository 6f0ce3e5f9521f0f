//! Records that more than one route answers with, field by field as documented.

mod tenant;

pub use tenant::TenantRecord;
