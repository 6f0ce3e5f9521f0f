-- Promises that were tried this often and are still open, including billing intents.
SELECT count(*) AS stuck FROM control.outbox WHERE delivered_at IS NULL AND attempts >= $1
