SELECT * FROM control.tenants WHERE tenant_id = $1
