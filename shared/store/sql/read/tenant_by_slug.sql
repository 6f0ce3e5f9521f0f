SELECT * FROM control.tenants WHERE slug = $1
