DELETE FROM control.leases WHERE name = $1 AND token = $2 RETURNING name
