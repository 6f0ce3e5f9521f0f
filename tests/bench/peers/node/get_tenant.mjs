// GET /v1/admin/tenants/{slug}, and the loop that Lambda's own runtime for Node is.
import { Agent, request } from "node:http";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";

const GROUPS = ["admin", "auditor"];
const SLUG = /^[a-z0-9][a-z0-9-]{1,46}[a-z0-9]$/;
const TIMESTAMPTZ = 1184;
// A Date has no microseconds.
pg.types.setTypeParser(TIMESTAMPTZ, (text) => {
  const [, date, time, fraction = ""] = /^(\S+) ([\d:]+)(?:\.(\d+))?\+00$/.exec(text);
  return `${date}T${time}.${fraction.padEnd(6, "0")}Z`;
});

const secrets = new SecretsManagerClient({});
let database;

async function connect() {
  const SecretId = `${process.env.SECRET_PREFIX}/control/database-read`;
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  const { host, port, dbname, username, password, ca_pem } = JSON.parse(SecretString);
  const client = new pg.Client({ host, port, database: dbname, user: username, password, ssl: { ca: ca_pem } });
  client.on("error", () => (database = undefined));
  await client.connect();
  database = client;
}

// A statement that only reads. A broken connection is replaced once.
async function read(statement) {
  try {
    if (!database) await connect();
    return (await database.query(statement)).rows;
  } catch {
    await connect();
    return (await database.query(statement)).rows;
  }
}

async function tenant(slug) {
  const [row] = SLUG.test(slug)
    ? await read({ name: "tenant", text: "SELECT * FROM control.tenants WHERE slug = $1", values: [slug] })
    : [];
  if (!row) return [404, {}, { status: 404, code: "tenant_not_found" }];
  const body = {
    tenant_id: row.tenant_id,
    slug: row.slug,
    display_name: row.display_name,
    region: row.region,
    tier: row.tier,
    supabase_url: row.supabase_url,
    supabase_project_ref: row.supabase_project_ref,
    falkordb_graph_name: row.falkordb_graph_name,
    custom_domain: row.provisioning_state === "deprovisioned" ? null : row.custom_domain,
    admin_email: row.admin_email,
    provisioning_state: row.provisioning_state,
    is_active: row.is_active,
    provisioned_at: row.provisioned_at,
    error_message: row.error_message,
    stripe_customer_id: row.stripe_customer_id,
    created_at: row.provisioned_at,
    updated_at: row.updated_at,
    activated_at: row.activated_at,
    restored_at: row.restored_at,
    hold: row.hold_at && { reason: row.hold_reason, at: row.hold_at, by: row.hold_by },
    // It is live: only a deprovisioned one is looked up among the purges.
    purge: null,
  };
  return [200, { etag: `"${row.version}"` }, body];
}

async function handle(event) {
  const { requestId, authorizer } = event.requestContext;
  const allowed =
    authorizer.credential === "api_key" && authorizer.groups.split(",").some((group) => GROUPS.includes(group));
  const [status, headers, body] = allowed
    ? await tenant(event.pathParameters.tenant)
    : [403, {}, { status: 403, code: "forbidden" }];
  const { httpMethod: method, path } = event;
  const line = { level: "INFO", message: "answered", status, method, path, request_id: requestId };
  console.log(JSON.stringify({ ...line, caller: authorizer.actor }));
  return {
    statusCode: status,
    headers: {
      "x-request-id": requestId,
      "cache-control": "no-store",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
const INVOCATION = "/2018-06-01/runtime/invocation/";

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request({ host, port, method, path: INVOCATION + path, agent, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve([answer.headers, Buffer.concat(parts).toString()]));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

await connect();
for (;;) {
  const [headers, event] = await call("GET", "next");
  const answer = await handle(JSON.parse(event));
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
}
