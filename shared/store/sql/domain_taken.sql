-- Whether another tenant has this domain. It is asked before Stripe is called; the constraint decides.
SELECT FROM control.tenants WHERE custom_domain = $1 AND tenant_id <> $2
