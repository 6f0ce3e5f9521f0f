SELECT * FROM control.purges WHERE tenant_id = $1
