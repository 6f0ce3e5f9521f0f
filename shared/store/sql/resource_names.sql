-- Every name that the tenant's resources of a kind ever had, including resources that were given up.
SELECT DISTINCT name FROM control.resources WHERE tenant_id = $1 AND kind = $2
