"""Step 6: the tenant's graph in its region, and a user who can reach that graph and nothing else."""

import hashlib
import time

import redis

from kit import NotDone, busy, secret, step

# Seconds.
GRAPH = 15
CONSTRAINT = 5
COMMANDS = {
    "+ping",
    "+info|server",
    "+graph.query",
    "+graph.ro_query",
    "+graph.explain",
    "+graph.profile",
    "+graph.constraint",
}
CONSTRAINTS = """CALL db.constraints() YIELD type, label, properties, status
WHERE type = 'UNIQUE' AND label = 'Tenant' AND properties = ['tenant_id'] RETURN status"""
clients = {}


def client(url):
    if url not in clients:
        clients[url] = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=3)
    return clients[url]


def cypher(query, **parameters):
    def quoted(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return "CYPHER " + "".join(f"{name}={quoted(value)} " for name, value in parameters.items()) + query


def unless_done(graphs, done, *command):
    try:
        graphs.execute_command(*command)
    except redis.ResponseError as error:
        if done not in str(error):
            raise


def count(graphs, graph, query):
    try:
        return graphs.execute_command("GRAPH.RO_QUERY", graph, query)[1][0][0]
    except redis.ResponseError as error:
        if "empty key" in str(error):
            return 0
        raise


def create(graphs, graph, tenant):
    tenant_id = str(tenant["tenant_id"])
    foreign = cypher("MATCH (t:Tenant) WHERE t.tenant_id <> $tenant_id RETURN count(t)", tenant_id=tenant_id)
    if count(graphs, graph, foreign):
        raise NotDone("Step.Rejected", "falkordb_foreign_graph", "platform", False, "The graph is another tenant's.")
    root = "MERGE (t:Tenant {tenant_id: $tenant_id}) SET t.slug = $slug, t.display_name = $display_name"
    values = {"tenant_id": tenant_id, "slug": tenant["slug"], "display_name": tenant["display_name"]}
    graphs.execute_command("GRAPH.QUERY", graph, cypher(root, **values))
    index = "CREATE INDEX FOR (t:Tenant) ON (t.tenant_id)"
    unless_done(graphs, "already indexed", "GRAPH.QUERY", graph, index)
    constraint = ("UNIQUE", "NODE", "Tenant", "PROPERTIES", "1", "tenant_id")
    unless_done(graphs, "Constraint already exists", "GRAPH.CONSTRAINT", "CREATE", graph, *constraint)
    ends = time.monotonic() + CONSTRAINT
    while graphs.execute_command("GRAPH.RO_QUERY", graph, CONSTRAINTS)[1] != [["OPERATIONAL"]]:
        if time.monotonic() > ends:
            raise busy("falkordb_constraint_pending")
        time.sleep(0.05)
    if not count(graphs, graph, cypher("MATCH (t:Tenant {tenant_id: $tenant_id}) RETURN count(t)", tenant_id=tenant_id)):
        raise NotDone("Step.Transient", "falkordb_graph_missing", "provider", True, "The graph is not there.")


def grant(graphs, graph, password):
    digest = hashlib.sha256(password.encode()).hexdigest()
    rules = ("reset", "on", f"#{digest}", f"~{graph}", "-@all", *sorted(COMMANDS))
    graphs.execute_command("ACL SETUSER", graph, *rules)
    graphs.execute_command("ACL SAVE")
    user = graphs.acl_getuser(graph)
    shown = set(user["commands"]) | set(user["categories"])
    if user["passwords"] != [digest] or user["keys"] != [f"~{graph}"] or shown != COMMANDS | {"-@all"}:
        raise NotDone("Step.Transient", "falkordb_grant_missing", "provider", True, "The user has other rights.")


@step(6)
def handler(lease):
    tenant = lease.tenant
    graph = f"client_{tenant['slug']}"
    intent = lease.intend_once("graph", graph, GRAPH)
    graphs = client(secret(f"regions/{tenant['region']}")["falkordb"]["url"])
    password = secret(f"tenants/{lease.tenant_id}")["graph_pass"]
    create(graphs, graph, tenant)
    grant(graphs, graph, password)
    lease.confirm(intent, graph)
    return {"falkordb_graph_name": graph}
