"""Step 5: Auth is configured, the admin is invited once, and made the tenant's admin."""

import hashlib
import html
import os

from kit import Waiting, answered, busy, http, query, refused, secret, secret_with_version, step
from supabase import CALL, Management, database, fill

POLL = 5
# Seconds.
INVITE = 25
GRANT = 5
APPLIED_AFTER = 10
YOUNG = 120
SETTLED = 30
NAMES = "SELECT DISTINCT name FROM control.resources WHERE tenant_id = %s AND kind = 'admin_user'"
AUTH_USER = """
SELECT id, email_confirmed_at IS NOT NULL AS confirmed, invited_at IS NOT NULL AS invited
FROM auth.users WHERE lower(email) = %s AND NOT is_sso_user
"""
GRANT_ADMIN = """
WITH invitee AS (
    INSERT INTO iam.users (auth_user_id, email) VALUES (%(id)s, lower(%(email)s))
    ON CONFLICT ON CONSTRAINT users_email_key DO UPDATE
    SET auth_user_id = excluded.auth_user_id, status = CASE users.status WHEN 'disabled' THEN 'active' ELSE users.status END
    RETURNING user_id
), granted AS (
    INSERT INTO iam.user_roles (user_id, role_code) SELECT user_id, 'tenant_admin' FROM invitee
    ON CONFLICT ON CONSTRAINT user_roles_pkey DO NOTHING
)
SELECT user_id FROM invitee
"""
WITHDRAW = """
DELETE FROM iam.user_roles granted USING iam.users u
WHERE granted.user_id = u.user_id AND u.email = lower(%s) AND granted.role_code = 'tenant_admin' AND granted.granted_by IS NULL
"""


def mail(subject, text, action, kind, page, ref):
    separator = "&" if "?" in page else "?"
    link = html.escape(f"{page}{separator}project={ref}&token_hash={{{{ .TokenHash }}}}&type={kind}")
    return subject, f'<h2>{subject}</h2><p>{text}</p><p><a href="{link}">{action}</a></p>'


def wanted_configuration(page, ref, smtp):
    invite_subject, invite = mail(
        "You have been invited",
        "You have been invited as {{ .Email }}. Open the page and confirm there.",
        "Accept the invitation",
        "invite",
        page,
        ref,
    )
    recovery_subject, recovery = mail(
        "Log in again",
        "Somebody asked for a new way in for {{ .Email }}. Open the page and confirm there.",
        "Log in",
        "recovery",
        page,
        ref,
    )
    return {
        "site_url": page,
        "uri_allow_list": page,
        "smtp_host": smtp["host"],
        "smtp_port": str(smtp["port"]),
        "smtp_user": smtp["username"],
        "smtp_admin_email": smtp["sender_email"],
        "smtp_sender_name": smtp["sender_name"],
        "disable_signup": True,
        "mailer_otp_exp": int(os.environ.get("INVITE_LINK_HOURS") or 24) * 3600,
        "password_min_length": int(os.environ.get("AUTH_SHORTEST_PASSWORD") or 12),
        "password_hibp_enabled": os.environ.get("AUTH_REFUSE_LEAKED_PASSWORDS", "true") == "true",
        "mfa_totp_enroll_enabled": os.environ.get("AUTH_AUTHENTICATOR_APPS", "true") == "true",
        "mfa_totp_verify_enabled": True,
        "mailer_subjects_invite": invite_subject,
        "mailer_templates_invite_content": invite,
        "mailer_subjects_recovery": recovery_subject,
        "mailer_templates_recovery_content": recovery,
    }


def configured(lease, auth, page):
    """Whether Auth has its configuration, which is sent if the project lacks it."""
    ref = lease.tenant["supabase_project_ref"]
    smtp, version = secret_with_version("control/smtp")
    wanted = wanted_configuration(page, ref, smtp)
    digest = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16]
    name = f"{page} smtp:{version} settings:{digest}"
    sent = lease.resource("auth_configuration")
    if not (sent and sent["external_id"] and sent["name"] == name and sent["age"] < YOUNG):
        management = Management()
        shown = management.about("GET", ref, "/config/auth")
        changes = {field: value for field, value in wanted.items() if shown.get(field) != value}
        if not (sent and sent["external_id"] and sent["name"] == name and not changes):
            if sent:
                lease.give_up(sent)
            changes["smtp_pass"] = smtp["password"]
            sent = lease.intend("auth_configuration", name, CALL, request=",".join(changes))
            management.about("PATCH", ref, "/config/auth", json=changes)
            lease.confirm(sent, ref)
    if "disable_signup" in sent["request"].split(","):
        return answered("supabase_auth", auth("GET", "/settings"))["disable_signup"]
    return sent["age"] >= APPLIED_AFTER


def invite(lease, auth, connection, page):
    email = lease.tenant["admin_email"]
    known = lease.resource("admin_user")
    user = connection.execute(AUTH_USER, (email,)).fetchone()
    user = user if user and user["invited"] else None
    if known and known["external_id"] and not user:
        lease.give_up(known)
        known = None
    intent = known or lease.intend("admin_user", email, INVITE)
    if user:
        user_id = str(user["id"])
    elif not intent.get("fresh") and intent["age"] < SETTLED:
        raise busy("invitation_pending")
    else:
        answer = auth("POST", "/invite", params={"redirect_to": page}, json={"email": email})
        if not answer.ok:
            if answer.status_code < 500:
                lease.give_up(intent)
            raise refused("supabase_auth", answer)
        user_id = answer.json()["id"]
    lease.confirm(intent, user_id)
    lease.fence(GRANT)
    connection.execute(GRANT_ADMIN, {"id": user_id, "email": email})


@step(5)
def handler(lease):
    tenant = lease.tenant
    key = secret(f"tenants/{lease.tenant_id}")["secret_key"]
    base = fill(os.environ["SUPABASE_PROJECT_URL_TEMPLATE"], tenant) + "/auth/v1"
    page = fill(os.environ["INVITE_REDIRECT_URL"], tenant)
    headers = {"Authorization": "Bearer " + key, "apikey": key, "X-Supabase-Api-Version": "2024-01-01"}

    def auth(method, path, **options):
        return http.request(method, base + path, headers=headers, timeout=INVITE, **options)

    if not configured(lease, auth, page):
        return Waiting("auth_configuration", POLL)
    with database(lease) as connection:
        for row in query(NAMES, (lease.tenant_id,)).fetchall():
            if row["name"] != tenant["admin_email"]:
                lease.fence(GRANT)
                connection.execute(WITHDRAW, (row["name"],))
        invite(lease, auth, connection, page)
    return {}
