-- A statement of the application.
SELECT FROM control.tenants LIMIT 1
