-- Every name that the tenant's resources of a kind ever had, given up or not.
SELECT DISTINCT name FROM control.resources WHERE tenant_id = $1 AND kind = $2
