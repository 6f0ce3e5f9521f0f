-- Seals rows, all or nothing: none if the lease has ended. If somebody else sealed meanwhile after all, the numbers are taken.
INSERT INTO control.audit_seals (seq, id, previous, seal)
SELECT r.seq, r.id, r.previous, r.seal FROM unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[]) AS r (seq, id, previous, seal)
WHERE EXISTS (SELECT FROM control.leases WHERE name = $1 AND token = $2 AND until > clock_timestamp())
RETURNING seq
