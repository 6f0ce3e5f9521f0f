-- One decision about this Iceberg table at a time, until the transaction ends.
SELECT pg_advisory_xact_lock($1, hashtext(lower(normalize($2 || '.' || $3, NFKC) COLLATE pg_c_utf8)))
