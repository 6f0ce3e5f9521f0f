-- Newest first, from the cursor on, of one tenant or of all. Each call is planned with the values of its parameters, so a filter
-- that is null costs nothing. An actor without a key's digest means every key of that consumer. The page is cut after 8 MiB; the
-- count of rows before that cut shows whether it was made.
SELECT p.*, encode(p.digest, 'hex') AS digest_hex, s.seq, encode(s.previous, 'hex') AS previous_seal, encode(s.seal, 'hex') AS seal, s.sealed_at
FROM (SELECT l.*, sum(l.bytes) OVER (ORDER BY l.at DESC, l.id DESC) - l.bytes AS bytes_before, count(*) OVER () AS uncut
      FROM (SELECT id, at, actor, action, tenant_id, request_id, host(source_address) AS source_address, before, after, addresses, digest,
                   512 + coalesce(octet_length(before::text), 0) + coalesce(octet_length(after::text), 0) + octet_length(addresses::text) AS bytes
            FROM control.audit_log
            WHERE ($1::uuid IS NULL OR tenant_id = $1)
              AND ($2::text IS NULL OR actor = $2 OR starts_with(actor, $2 || '#'))
              AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR request_id = $4)
              AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
              AND ($7::timestamptz IS NULL OR (at, id) < ($7, $8::bigint))
            ORDER BY at DESC, id DESC LIMIT $9) l) p
LEFT JOIN control.audit_seals s USING (id)
WHERE p.bytes_before <= 8 * 1024 * 1024
ORDER BY p.at DESC, p.id DESC
