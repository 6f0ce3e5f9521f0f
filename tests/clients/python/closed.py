# What stays closed to a tenant's application. The lines of TENANT.md that read what it was given come before this.
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg, redis
from botocore.exceptions import ClientError
from falkordb import FalkorDB
from opensearchpy import OpenSearch
from supabase import AuthApiError, create_client

url = f"{os.environ['API_URL']}/v1/admin/tenants/{os.environ['NEIGHBOUR']}"
neighbour = httpx.get(url, headers={"X-API-Key": os.environ["API_KEY"]}).raise_for_status().json()


@contextmanager
def refused(what, error, words):
    try:
        yield
    except error as refusal:
        assert words in str(refusal), f"{what}: {refusal!r}"
    else:
        raise AssertionError(f"{what} is open")


# The control plane: a reader changes nothing.
for method in ["PATCH", "DELETE"]:
    assert httpx.request(method, url, headers={"X-API-Key": os.environ["API_KEY"]}).status_code == 403, method

# Secrets: its own only.
secrets = boto3.client("secretsmanager")
prefix = os.environ["SECRET_PREFIX"]
for other in [f"tenants/{neighbour['tenant_id']}", f"regions/{tenant['region']}", "control/supabase", "control/valkey"]:
    with refused(other, ClientError, "AccessDenied"):
        secrets.get_secret_value(SecretId=f"{prefix}/{other}")
with refused("the list of secrets", ClientError, "AccessDenied"):
    secrets.list_secrets()
with refused("its secret, for writing", ClientError, "AccessDenied"):
    secrets.put_secret_value(SecretId=name, SecretString="{}")

# Graph: its own only, and no command that reaches beyond it.
own, foreign = tenant["falkordb_graph_name"], neighbour["falkordb_graph_name"]
db = FalkorDB.from_url(os.environ["FALKORDB_URL"], username=own, password=secret["graph_pass"])
graph = db.select_graph(foreign)
for what, call in {
    "reading another graph": lambda: graph.ro_query("MATCH (n) RETURN n"),
    "writing another graph": lambda: graph.query("CREATE (:X)"),
    "another graph's constraints": lambda: graph.create_node_mandatory_constraint("Tenant", "slug"),
    "another graph's root": lambda: graph.drop_node_unique_constraint("Tenant", "tenant_id"),
    "a new graph": lambda: db.select_graph("client_of_nobody").query("RETURN 1"),
    "a copy of its graph": lambda: db.select_graph(own).copy("client_of_nobody"),
    "deleting its graph": lambda: db.select_graph(own).delete(),
    "the list of graphs": db.list_graphs,
    "the configuration": lambda: db.config_get("TIMEOUT"),
    "a setting": lambda: db.config_set("TIMEOUT", 1),
    "functions of all graphs": db.udf_list,
    "the server's keys": lambda: db.connection.keys("*"),
    "the clients' addresses": db.connection.client_list,
    "the users": db.connection.acl_list,
    "everything": db.flushdb,
}.items():
    with refused(what, redis.exceptions.NoPermissionError, "ermission"):
        call()
assert foreign not in str(db.connection.execute_command("INFO", "server", "everything"))
with refused("another tenant's user", redis.exceptions.AuthenticationError, "invalid username-password"):
    FalkorDB.from_url(os.environ["FALKORDB_URL"], username=foreign, password=secret["graph_pass"])

# Database: its own only.
address = dict(secret["pooler"], password=secret["db_pass"], sslmode="verify-full", sslrootcert=os.environ["DATABASE_CA"])
for changed, words in [
    ({"dbname": f"project_{neighbour['supabase_project_ref']}"}, "permission denied for database"),
    ({"dbname": "control"}, "permission denied for database"),
    ({"user": f"postgres.{neighbour['supabase_project_ref']}"}, "password authentication failed"),
]:
    with refused(str(changed), psycopg.OperationalError, words):
        psycopg.connect(**{**address, **changed})
with psycopg.connect(**address) as connection, refused("the roles' passwords", psycopg.Error, "permission denied"):
    connection.execute("SELECT * FROM pg_authid")

# Users: its own, and only with the secret key.
for key, project in [(secret["secret_key"], neighbour), (secret["publishable_key"], tenant)]:
    with refused("the users", AuthApiError, "not allowed" if project is tenant else "API key"):
        create_client(project["supabase_url"], key).auth.admin.list_users()

# Vector index: who may reach which index is up to the cluster, and this one lets everybody in. But an alias leads to
# one index: what is in another one is never found through it.
search = OpenSearch(os.environ["OPENSEARCH_URL"])
vector = [0.0] * 1535 + [1.0]
document = {"content": "secret", "metadata": {"of": neighbour["slug"]}, "embedding": vector}
search.index(index=f"client_{neighbour['slug']}", id="theirs", body=document, refresh=True)
for query in [{"match_all": {}}, {"knn": {"embedding": {"vector": vector, "k": 50}}}, {"term": {"metadata.of": neighbour["slug"]}}]:
    found = search.search(index=f"client_{tenant['slug']}", body={"query": query, "size": 50})["hits"]["hits"]
    assert all(hit["_index"] == f"client_{tenant['slug']}_v1" for hit in found), found
assert search.count(index=f"client_{neighbour['slug']}")["count"] == 1

# The platform's Valkey: a tenant has no user there.
valkey = urlsplit(os.environ["VALKEY_ADDRESS"])
for credentials in [{}, {"username": own, "password": secret["graph_pass"]}]:
    with refused("Valkey", redis.exceptions.AuthenticationError, ""):
        redis.Redis(host=valkey.hostname, port=valkey.port, **credentials).xrange("iam:tenants:provisioned")
