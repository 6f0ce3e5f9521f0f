-- Promises that were tried so often and are not kept, open billing intents included.
SELECT count(*) AS stuck FROM control.outbox WHERE delivered_at IS NULL AND attempts >= $1
