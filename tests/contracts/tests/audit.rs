//! Every statement that changes a tenant, a catalog or a sync target also writes the audit log.

use std::collections::BTreeSet;

use anyhow::Result;
use regex::Regex;

/// Statements that write to these tables without a caller's decision: leases, progress of the pipeline, claims.
const BOOKKEEPING: &[&str] = &[
    // The row that it creates is not visible until `catalog_write` runs in the same transaction.
    "catalog_lock",
    "purge_step_begin",
    "purge_step_complete",
    "purge_step_troubled",
    "purge_step_waiting",
    "run_held_up",
    "run_touch",
    "step_begin",
    "step_complete",
    "step_troubled",
    "step_waiting",
    "tenant_lease_release",
    "tenant_lease_take",
];

#[test]
fn every_change_is_audited_in_its_own_statement() -> Result<()> {
    let changes = Regex::new(r"(INSERT INTO|UPDATE|DELETE FROM) (control\.tenants|lakehouse\.\w+)\b")?;
    let audited = Regex::new(r"INSERT INTO control\.audit_log \(actor, action, tenant_id, request_id, ")?;
    let mut unaudited = BTreeSet::new();
    let mut found = 0;
    for entry in std::fs::read_dir(contracts::root()?.join("shared/store/sql"))? {
        let path = entry?.path();
        // What only reads is in a folder of its own.
        if path.is_dir() {
            continue;
        }
        let sql = std::fs::read_to_string(&path)?;
        if changes.is_match(&sql) {
            found += 1;
            if !audited.is_match(&sql) {
                unaudited.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
    }
    let expected: BTreeSet<String> = BOOKKEEPING.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unaudited, expected, "left: statements without an audit row, right: the allowed ones");
    assert!(found > expected.len(), "no statement is audited");
    Ok(())
}
