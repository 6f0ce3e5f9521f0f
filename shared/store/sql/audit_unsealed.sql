-- The oldest committed rows without a seal. $1 is the time of the row that was sealed last, if there is one. A transaction that
-- writes a row ends within minutes, whoever was killed or frozen, so none without a seal is older than that by more. A day is
-- plenty, and bounds what is read: the time is a parameter, so that the plan knows it.
SELECT l.id, l.digest FROM control.audit_log l
WHERE ($1::timestamptz IS NULL OR l.at >= $1 - interval '1 day')
  AND NOT EXISTS (SELECT FROM control.audit_seals s WHERE s.id = l.id)
ORDER BY l.at, l.id LIMIT $2
