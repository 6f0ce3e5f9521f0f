-- Whether another tenant has this domain. This is checked before Stripe is called. The constraint checks it again.
SELECT FROM control.tenants WHERE custom_domain = $1 AND tenant_id <> $2 AND provisioning_state <> 'deprovisioned'
