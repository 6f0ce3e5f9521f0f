"""The tenant's project at Supabase: the Management API, and the way into the project's database."""

import os

from kit import answered, connect, http, refused, secret

API = os.environ.get("SUPABASE_API_URL", "https://api.supabase.com").rstrip("/")
# The longest time of one call, in seconds.
CALL = 15


class Management:
    def __init__(self):
        self.account = secret("control/supabase")

    def call(self, method, path, **options):
        headers = {"Authorization": "Bearer " + self.account["access_token"]}
        return http.request(method, API + path, headers=headers, timeout=CALL, **options)

    def ask(self, method, path, **options):
        return answered("supabase", self.call(method, path, **options))

    def about(self, method, project_ref, rest="", **options):
        return self.ask(method, f"/v1/projects/{project_ref}{rest}", **options)

    def create_project(self, name, region, password):
        body = {
            "name": name,
            "organization_slug": self.account["organization_slug"],
            "db_pass": password,
            "region_selection": {"type": "specific", "code": region},
        }
        return self.call("POST", "/v1/projects", json=body)

    def projects_named(self, name):
        path = f"/v1/organizations/{self.account['organization_slug']}/projects"
        page = self.ask("GET", path, params={"search": name, "sort": "created_asc", "limit": 100, "offset": 0})
        return [project for project in page["projects"] if project["name"] == name]


def database(lease):
    """A connection to the tenant's database, through its pooler."""
    tenant = secret(f"tenants/{lease.tenant_id}")
    pooler = tenant["pooler"]
    ca_pem = secret("control/supabase").get("database_ca_pem")
    return connect(pooler, pooler["user"], tenant["db_pass"], ca_pem, "ivory-provisioning")


def fill(template, tenant, project_ref=None):
    ref = project_ref or tenant["supabase_project_ref"] or ""
    return template.replace("{slug}", tenant["slug"]).replace("{tenant_id}", str(tenant["tenant_id"])).replace("{ref}", ref)


__all__ = ["CALL", "Management", "database", "fill", "refused"]
