-- The last seal, and the time of the row that it is of.
SELECT s.seq, s.seal, s.sealed_at, l.at FROM control.audit_seals s JOIN control.audit_log l USING (id) ORDER BY s.seq DESC LIMIT 1
