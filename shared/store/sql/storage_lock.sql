-- One decision about locations at a time, until the transaction ends.
SELECT pg_advisory_xact_lock($1)
