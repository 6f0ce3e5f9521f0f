-- The audit log can be read, and shows whether somebody changed it. What is computed here, shared/audit-chain computes again
-- from what a caller reads, and so may anybody else:
-- - Each row has a digest of its content, which it gets when it is written.
-- - E-mail and source addresses are in the content as digests with a salt of their own. Who erases an address takes its salt
--   away with it. The digest stays, so the content does too, and nobody can try addresses out on it.
-- - Rows are sealed once they are committed: each seal is made of the seal before, its own number and the row's digest.
ALTER TABLE control.audit_log
    -- Where an address is (a JSON pointer into the content) -> {digest, salt}; without a salt it was erased.
    ADD COLUMN addresses jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN digest    bytea;

-- Who seals is alone by its lease. Two who think so would take the same number.
CREATE TABLE control.audit_seals (
    -- The order of sealing, without gaps. A row's own number says nothing: it is taken before the row is committed.
    seq       bigint      NOT NULL CONSTRAINT audit_seals_pkey PRIMARY KEY CONSTRAINT audit_seals_seq_check CHECK (seq >= 1),
    id        bigint      NOT NULL CONSTRAINT audit_seals_row_key UNIQUE
                          CONSTRAINT audit_seals_row_fkey REFERENCES control.audit_log (id),
    previous  bytea       NOT NULL,
    seal      bytea       NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The lists' order, of all rows and of a tenant's: newest first, ties by id. And what one request did.
CREATE INDEX audit_log_newest_first ON control.audit_log (at DESC, id DESC);
CREATE INDEX audit_log_of_tenant ON control.audit_log (tenant_id, at DESC, id DESC);
CREATE INDEX audit_log_of_request ON control.audit_log (request_id);
DROP INDEX control.audit_log_tenant;

-- A row's content, in the names and forms of the API.
CREATE FUNCTION control.audit_content(entry control.audit_log) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'id', entry.id, 'at', to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'actor', entry.actor,
        'action', entry.action, 'tenant_id', entry.tenant_id, 'request_id', entry.request_id,
        'source_address', host(entry.source_address), 'before', entry.before, 'after', entry.after);
END $$;

-- The one way to write a JSON value: members by the code points of their names, no spaces, numbers as plain decimals. It calls itself
-- for objects and arrays only, since a call takes longer than anything else here.
CREATE FUNCTION control.audit_canonical(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(value) = 'object' THEN
        RETURN (SELECT '{' || coalesce(string_agg(
                    to_json(member.key)::text || ':' || CASE jsonb_typeof(member.value)
                        WHEN 'object' THEN control.audit_canonical(member.value)
                        WHEN 'array' THEN control.audit_canonical(member.value)
                        WHEN 'number' THEN trim_scale(member.value::numeric)::text
                        ELSE member.value::text END, ',' ORDER BY member.key COLLATE "C"), '') || '}'
                FROM jsonb_each(value) AS member);
    END IF;
    RETURN (SELECT '[' || coalesce(string_agg(
                CASE jsonb_typeof(item.value)
                    WHEN 'object' THEN control.audit_canonical(item.value)
                    WHEN 'array' THEN control.audit_canonical(item.value)
                    WHEN 'number' THEN trim_scale(item.value::numeric)::text
                    ELSE item.value::text END, ',' ORDER BY item.n), '') || ']'
            FROM jsonb_array_elements(value) WITH ORDINALITY AS item (value, n));
END $$;

-- Where a content has addresses: the source address, and every text with an @ in it.
CREATE FUNCTION control.audit_addresses(content jsonb) RETURNS TABLE (path text[], pointer text, address text)
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF content ->> 'source_address' IS NOT NULL THEN
        RETURN QUERY SELECT '{source_address}'::text[], '/source_address', content ->> 'source_address';
    END IF;
    IF position('@' IN content::text) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE part (path, pointer, value) AS (
        SELECT '{}'::text[], '', content
        UNION ALL
        SELECT part.path || child.key, part.pointer || '/' || replace(replace(child.key, '~', '~0'), '/', '~1'), child.value
        FROM part CROSS JOIN LATERAL (
            SELECT member.key, member.value
            FROM jsonb_each(CASE jsonb_typeof(part.value) WHEN 'object' THEN part.value ELSE '{}' END) AS member
            UNION ALL
            SELECT (item.n - 1)::text, item.value
            FROM jsonb_array_elements(CASE jsonb_typeof(part.value) WHEN 'array' THEN part.value ELSE '[]' END)
                WITH ORDINALITY AS item (value, n)
        ) AS child
    )
    SELECT part.path, part.pointer, part.value #>> '{}' FROM part
    WHERE jsonb_typeof(part.value) = 'string' AND position('@' IN part.value #>> '{}') > 0;
END $$;

-- Gives a row its salts and its digest, whatever the statement says.
CREATE FUNCTION control.audit_digest() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    content jsonb := control.audit_content(NEW);
    digests jsonb := '{}';
    place record;
BEGIN
    NEW.addresses := '{}';
    FOR place IN
        SELECT a.path, a.pointer, a.address, uuid_send(gen_random_uuid()) AS salt FROM control.audit_addresses(content) AS a
    LOOP
        digests := digests || jsonb_build_object(
            place.pointer, encode(sha256(place.salt || convert_to(place.address, 'UTF8')), 'hex'));
        NEW.addresses := NEW.addresses || jsonb_build_object(
            place.pointer, jsonb_build_object('digest', digests -> place.pointer, 'salt', encode(place.salt, 'hex')));
        content := jsonb_set(content, place.path, 'null', false);
    END LOOP;
    NEW.digest := sha256(convert_to(control.audit_canonical(content || jsonb_build_object('addresses', digests)), 'UTF8'));
    RETURN NEW;
END $$;

-- Erases an address, as a whole word and in any case, wherever the audit log has it: the text that it is in, and its salt.
-- Returns in how many places. For the owner of the schema, who alone may change the log.
CREATE FUNCTION control.audit_erase(address text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    word text := '(^|[^[:alnum:]._%+-])' || regexp_replace(address, '([^[:alnum:]])', '\\\1', 'g') || '($|\.?($|[^[:alnum:]._-]))';
    place record;
    erased bigint := 0;
BEGIN
    FOR place IN
        SELECT l.id, a.path, a.pointer
        FROM control.audit_log AS l CROSS JOIN LATERAL control.audit_addresses(control.audit_content(l)) AS a
        WHERE l.addresses <> '{}' AND a.address ~* word
    LOOP
        UPDATE control.audit_log AS l
        SET actor = CASE place.path[1] WHEN 'actor' THEN 'erased' ELSE l.actor END,
            source_address = CASE place.path[1] WHEN 'source_address' THEN NULL ELSE l.source_address END,
            before = CASE place.path[1] WHEN 'before' THEN jsonb_set(l.before, place.path[2:], 'null', false) ELSE l.before END,
            after = CASE place.path[1] WHEN 'after' THEN jsonb_set(l.after, place.path[2:], 'null', false) ELSE l.after END,
            addresses = l.addresses #- ARRAY[place.pointer, 'salt']
        WHERE l.id = place.id;
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END $$;
REVOKE EXECUTE ON FUNCTION control.audit_erase(text) FROM PUBLIC;

-- The rows that are there already get theirs now. It takes a second for every few thousand of them.
CREATE TRIGGER audit_log_digest BEFORE UPDATE ON control.audit_log FOR EACH ROW EXECUTE FUNCTION control.audit_digest();
UPDATE control.audit_log SET digest = NULL;
DROP TRIGGER audit_log_digest ON control.audit_log;

CREATE TRIGGER audit_log_digest BEFORE INSERT ON control.audit_log FOR EACH ROW EXECUTE FUNCTION control.audit_digest();
ALTER TABLE control.audit_log ALTER COLUMN digest SET NOT NULL;
