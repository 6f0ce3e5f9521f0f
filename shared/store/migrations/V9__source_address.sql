-- From where a caller's request came, as the gateway saw it. Null: nobody called, or the row is older than this column.
ALTER TABLE control.audit_log ADD COLUMN source_address inet;
