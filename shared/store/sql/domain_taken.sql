-- Whether another tenant has this domain: asked before Stripe is called, the constraint has the last word.
SELECT FROM control.tenants WHERE custom_domain = $1 AND tenant_id <> $2
