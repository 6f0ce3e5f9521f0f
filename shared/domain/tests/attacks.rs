//! Requests of somebody who means harm, or is careless with a credential. Each list is a kind; every entry of it is refused,
//! and the refusal names the field and nothing of the value.

use domain::{CatalogRequest, FieldError, ProvisionRequest, SyncTargetRequest, TenantChange, TenantId};
use serde_json::{Map, Value, json};

type Parse = fn(&Map<String, Value>) -> Result<(), Vec<FieldError>>;

fn provision() -> (Parse, Value) {
    let body = json!({"slug": "acme-bank", "display_name": "Acme Bank", "region": "us-east-1",
                      "admin_email": "admin@acmebank.com", "data_residency_verified": true});
    (|body| ProvisionRequest::parse(body, &["ours".to_owned()]).map(drop), body)
}

fn change() -> (Parse, Value) {
    (|body| TenantChange::parse(body, &[]).map(drop), json!({}))
}

fn catalog() -> (Parse, Value) {
    let body = json!({"catalog_uri": "https://iomete.internal/api/v1/catalog", "warehouse": "s3://ivory-iceberg/",
                      "storage_prefix": "tenants/acme/"});
    (|body| CatalogRequest::parse(body).map(drop), body)
}

fn target() -> (Parse, Value) {
    let body = json!({"tenant_id": "019a0000-0000-7000-8000-000000000001", "source_schema": "public",
                      "source_table": "companies", "iceberg_namespace": "ivory_tenant_acme", "iceberg_table": "companies"});
    (|body| SyncTargetRequest::parse(body).map(drop), body)
}

/// The errors of a request that is valid but for this field.
fn errors(request: fn() -> (Parse, Value), field: &str, value: Value) -> Vec<FieldError> {
    let (parse, mut body) = request();
    body[field] = value;
    parse(body.as_object().expect("an object")).err().unwrap_or_default()
}

/// Values that were not refused, or with another field's name, or with a message that shows some of them.
fn unrefused(request: fn() -> (Parse, Value), field: &str, values: &[&str]) -> Vec<String> {
    let refused = |value: &&&str| {
        let errors = errors(request, field, json!(**value));
        // One or two characters are in every sentence.
        let shown = |message: &str| value.len() > 2 && message.contains(**value);
        matches!(&errors[..], [error] if error.field == field && !shown(&error.message))
    };
    values.iter().filter(|value| !refused(value)).map(|value| format!("{value:?}")).collect()
}

fn assert_refused(request: fn() -> (Parse, Value), field: &str, values: &[&str]) {
    assert_eq!(unrefused(request, field, values), Vec::<String>::new(), "{field}");
}

fn assert_accepted(request: fn() -> (Parse, Value), field: &str, values: &[&str]) {
    for value in values {
        assert_eq!(errors(request, field, json!(value)), [], "{field} {value:?}");
    }
}

/// A prefix that climbs out of its place, is no place, or is a place of its own.
#[test]
fn a_storage_prefix_lies_below_its_warehouse() {
    assert_refused(
        catalog,
        "storage_prefix",
        &[
            "..",
            "../",
            "../globex/",
            "tenants/../../globex",
            "tenants/acme/..",
            "tenants/acme/../globex/",
            "tenants/acme/../../../x",
            "%2e%2e/globex",
            "%2E./globex",
            "tenants/%252e%252e/globex",
            "tenants/acme/%2e%2e%2fglobex",
            "tenants%2Facme",
            "tenants%5cacme",
            "..\\globex",
            "tenants\\acme",
            "\u{ff0e}\u{ff0e}/globex",
            "\u{2025}/globex",
            "/",
            "//",
            ".. /globex",
            "tenants/%2e%2e%20/x",
            " / ",
            "/tenants/acme",
            "//other-bucket/tenants",
            "%2ftenants",
            "\\tenants",
            ".",
            "./",
            "././/",
            "%2e/",
            " ",
            "\u{3000}",
            "\u{200b}",
            "s3://globex/",
            "S3A://globex/",
            "file:/etc",
            "c:/warehouse",
            "tenants/acme?x",
            "tenants/acme#x",
            "tenants/acme/%3fx",
            "tenants/acme/password=hush",
            "tenants/user:hush@host://user:hush@host/",
        ],
    );
    assert_accepted(
        catalog,
        "storage_prefix",
        &[
            "tenants/acme/",
            "acme",
            "acme/",
            "a/b/c",
            "a.b/..c/d..",
            "region=eu/acme",
            "bücher/",
            "a%20b/",
            "a b/",
            "a/b:c/",
        ],
    );
}

#[test]
fn a_warehouse_does_not_climb() {
    assert_refused(
        catalog,
        "warehouse",
        &[
            "s3://ivory/../globex",
            "s3://ivory/a/..",
            "s3://ivory/%2e%2e/globex",
            "s3://ivory/%252E%252e/globex",
            "s3://ivory/a%2fb",
            "s3://ivory/a%5c..%5cb",
            "file:///var/../etc",
            "s3://ivory/a?x=1",
            "s3://ivory/a#x",
        ],
    );
    assert_accepted(
        catalog,
        "warehouse",
        &[
            "s3://ivory",
            "s3://ivory/",
            "s3://ivory/a..b/",
            "s3://ivory/key=1/",
            "abfss://lake@ivory.dfs.core.windows.net/",
            "file:///var/lib/warehouse",
            "arn:aws:s3tables:us-east-1:123456789012:bucket/ivory",
            "hdfs:///warehouse",
        ],
    );
}

#[test]
fn a_new_slug_is_no_id_no_encoded_name_and_no_word_of_ours() {
    assert_refused(
        provision,
        "slug",
        &[
            "019a0000-0000-7000-8000-000000000001",
            "019a0000000070008000000000000001",
            "019a-0000-0000-7000-8000-0000-0000-0001",
            "00000000-0000-0000-0000-000000000000",
            "ffffffffffffffffffffffffffffffff",
            "{019a0000-0000-7000-8000-000000000001}",
            "urn:uuid:019a0000-0000-7000-8000-000000000001",
            "019A0000-0000-7000-8000-000000000001",
            "xn--80ak6aa92e",
            "xn--bnk-qla",
            "ab--acme",
            "a1--",
            "ours",
            "api",
            "www",
            "admin",
            "login",
            "auth",
            "mail",
            "static",
            "autodiscover",
            "security",
            "billing",
            "status",
            "localhost",
            "support",
            "postmaster",
            "ivory",
            "wpad",
            "mta-sts",
            "null",
        ],
    );
    assert_accepted(
        provision,
        "slug",
        &[
            "acme-bank",
            "acme--bank",
            "deadbeef",
            "019a0000-0000-7000-8000-00000000000",
            "a-x--b",
            "admins-bank",
            "apiary",
        ],
    );
}

#[test]
fn an_id_is_read_in_one_form_only() {
    for good in ["019a0000-0000-7000-8000-00000000000a", "019A0000-0000-7000-8000-00000000000A"] {
        assert!(good.parse::<TenantId>().is_ok(), "{good}");
    }
    for bad in [
        "019a0000000070008000000000000001",
        "{019a0000-0000-7000-8000-000000000001}",
        "urn:uuid:019a0000-0000-7000-8000-000000000001",
        "019a-0000-0000-7000-8000-0000-0000-0001",
        "019a00000-000-7000-8000-000000000001",
        " 019a0000-0000-7000-8000-00000000001",
        "+19a0000-0000-7000-8000-000000000001",
    ] {
        assert!(bad.parse::<TenantId>().is_err(), "{bad}");
    }
}

/// Each with a credential in another place. The mark stands for it.
const LEAKS: &[&str] = &[
    "https://user:hush@host/",
    "https://hush@host/",
    "https://user:hush@host:8443/a?b#c",
    "https://host/?access_token=hush",
    "https://host/?ACCESS_TOKEN=hush",
    "https://host/?Access-Token=hush",
    "https://host/?access%5Ftoken=hush",
    "https://host/?%61ccess_token=hush",
    "https://host/?%2561ccess_token=hush",
    "https://host/?a=b&password=hush",
    "https://host/?a=b&amp;password=hush",
    "https://host/?passwd=hush",
    "https://host/?pwd=hush",
    "https://host/?user=a;pass=hush",
    "https://host/?sig=hush",
    "https://account.blob.core.windows.net/c?sv=2022&se=2030&sr=c&sp=rl&sig=hush",
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=hush",
    "https://b.s3.amazonaws.com/k?X-Amz-Signature=hush",
    "https://b.s3.amazonaws.com/k?x-amz-security-token=hush",
    "https://b.s3.amazonaws.com/k?AWSAccessKeyId=hush&Expires=1",
    "https://storage.googleapis.com/b/k?X-Goog-Signature=hush",
    "https://host/?SharedAccessSignature=hush",
    "https://host/?SharedAccessKey=hush",
    "https://host/?api_key=hush",
    "https://host/?apiKey=hush",
    "https://host/?key=hush",
    "https://host/?token=hush",
    "https://host/?client_secret=hush",
    "https://host/?x-functions-key=hush",
    "https://host/?subscription-key=hush",
    "https://host/a;jsessionid=hush",
    "https://host/?key[]=hush",
    "https://host/?secret=hush",
    "https://host/?private-key=hush",
    "https://host/?code=hush",
    "https://host/#access_token=hush",
    "https://host/#/a?token=hush",
    "https://host/a;password=hush/b",
    "https://host/?db%5Bpassword%5D=hush",
    "https://host/?redirect=https%3A%2F%2Fuser%3Ahush%40other%2F",
    "https://host/?redirect=https%253A%252F%252Fuser%253Ahush%2540other%252F",
    "https://host/?next=https://user:hush@other/",
    "https://host/?next=https%3A%2F%2Fother%2F%3Ftoken%3Dhush",
    "https://host/https://user:hush@other/",
];

/// The same for a value that may have any scheme.
const LEAKS_OF_ANY_SCHEME: &[&str] = &[
    "s3://key:hush@bucket",
    "s3://user%3Ahush@bucket",
    "jdbc:postgresql://user:hush@host/database",
    "jdbc:postgresql://host/database?password=hush",
    "jdbc:postgresql://host/database?user=a&password=hush",
    "jdbc:postgresql://host/database?PASSWORD=hush",
    "jdbc:postgresql://host/database?sslpassword=hush",
    "jdbc:sqlserver://host:1433;databaseName=a;user=b;password=hush",
    "jdbc:sqlserver://host:1433;Password=hush",
    "jdbc:oracle:thin:scott/hush@host:1521:sid",
    "jdbc:oracle:thin:scott/hush@//host:1521/service",
    "jdbc:db2://host:50000/base:user=a;password=hush;",
    "jdbc:mysql://address=(host=a)(user=b)(password=hush)/base",
    "jdbc:mysql://(host=a,user=b,password=hush)/base",
    "jdbc:snowflake://account/?private_key_pwd=hush",
    "JDBC:POSTGRESQL://HOST/DATABASE?PASSWORD=HUSH",
    "abfss://container:hush@account.dfs.core.windows.net/path",
    "abfss://a@hush@account.dfs.core.windows.net/path",
    "abfss://c@account.dfs.core.windows.net/p?sig=hush",
    "mongodb+srv://user:hush@cluster/base",
    "snowflake:user:hush@account/base",
    "https:user:hush@host",
    "https:/user:hush@host/",
];

#[test]
fn a_uri_holds_no_credential() {
    assert_refused(catalog, "catalog_uri", LEAKS);
    assert_refused(catalog, "s3_endpoint", LEAKS);
    assert_refused(catalog, "warehouse", LEAKS);
    assert_refused(catalog, "warehouse", LEAKS_OF_ANY_SCHEME);
    assert_accepted(
        catalog,
        "catalog_uri",
        &[
            "https://iomete.internal/api/v1/catalog",
            "https://host/?warehouse=a&prefix=b",
            "https://host/?partition_key=a&token_type=b&max_tokens=3",
            "https://host:8443/a@b/c",
            "https://host/tokens/password-reset?page=2",
            "https://host/a%20b?c=d%2Fe",
        ],
    );
}

#[test]
fn free_fields_hold_no_credential() {
    for request in [catalog, target] {
        let refused = |metadata: &Value| {
            let errors = errors(request, "metadata", metadata.clone());
            matches!(&errors[..], [error] if error.field == "metadata" && !error.message.contains("hush"))
        };
        for leak in LEAKS.iter().chain(LEAKS_OF_ANY_SCHEME) {
            for metadata in [
                json!({ "source": leak }),
                json!({ "a": [{ "b": [leak] }] }),
                json!({ "note": format!("reads from {leak} at night") }),
                json!({ "json": json!({ "source": leak }).to_string() }),
            ] {
                assert!(refused(&metadata), "{metadata}");
            }
        }
        for metadata in [
            json!({ "password": "hush" }),
            json!({ "db": { "Password": "hush" } }),
            json!({ "dbPassword": "hush" }),
            json!({ "access-token": "hush" }),
            json!({ "accessToken": "hush" }),
            json!({ "API KEY": "hush" }),
            json!({ "user": "a", "pass": "hush" }),
            json!({ "headers": { "Authorization": "Basic hush", "x-api-key": "hush" } }),
            json!({ "query": { "X-Amz-Signature": "hush" } }),
            json!({ "account": json!({ "type": "service_account", "private_key": "hush" }).to_string() }),
            json!({ "s3.secret-access-key": "hush" }),
            json!({ "client_secret": 12345 }),
            json!({ "tokens": ["hush"] }),
            json!({ "tokens": "hush, hush" }),
            json!({ "credentials": ["a", "hush"] }),
            json!({ "note": "AccountName=a;AccountKey=hush;EndpointSuffix=b" }),
            json!({ "note": "Endpoint=sb://a/;SharedAccessKey=hush" }),
            json!({ "note": "Server=a;User Id=b;Password = hush" }),
            json!({ "note": "Authorization: Bearer hushhushhushhushhush" }),
            json!({ "pem": "-----BEGIN RSA PRIVATE KEY-----\nhush" }),
            json!({ "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodXNoIn0.c2lnbmF0dXJlLWh1c2g" }),
            json!({ "note": "{\"password\":\"hush\"}" }),
            json!({ "note": "config={\"password\": \"hush\"}" }),
            json!({ "https://user:hush@host/": 1 }),
        ] {
            assert!(refused(&metadata), "{metadata}");
        }
        for metadata in [
            json!({}),
            json!({ "a": [1, "x"], "owner": "mailto:data@acme.com", "team": "data@acme.com" }),
            json!({ "password": null, "has_password": true, "token_type": "jwt", "primary_key": "id", "key": "a" }),
            json!({ "secret": { "arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a" } }),
            json!({ "docs": "https://docs.acme.com/a?b=c#d", "note": "ask for the password at the desk" }),
            json!({ "max_tokens": 4096, "passwords": [], "token_ttl": 60, "key": "region=eu" }),
            json!({ "sql": "SELECT key, token FROM a WHERE key = 1" }),
        ] {
            assert_eq!(errors(request, "metadata", metadata.clone()), [], "{metadata}");
        }
    }
    assert_refused(target, "fivetran_connector_id", &["https://user:hush@host/", "https://host/?token=hush"]);
}

/// A field that nobody knows is named in the answer, which may be kept for a repeated request.
#[test]
fn a_name_that_is_not_known_is_not_repeated_at_length() {
    for (parse, mut body) in [provision(), change(), catalog(), target()] {
        let name = format!("{}{}", "n".repeat(100), "hush".repeat(60 * 1024));
        body[&name] = json!(1);
        let started = std::time::Instant::now();
        let errors = parse(body.as_object().expect("an object")).expect_err("not known");
        assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
        assert!(errors.iter().all(|error| error.field.len() < 200 && !error.message.contains("hush")), "{errors:?}");
        body.as_object_mut().expect("an object").remove(&name);
        body["https://user:hush@host/"] = json!(1);
        let errors = parse(body.as_object().expect("an object")).expect_err("not known");
        assert!(errors.iter().all(|error| !error.field.contains("hush")), "{errors:?}");
    }
}

#[test]
fn many_names_that_are_not_known_are_refused_at_once() {
    let (parse, mut body) = catalog();
    for n in 0..20_000 {
        body[format!("storage_{n}")] = json!(1);
    }
    let started = std::time::Instant::now();
    assert!(parse(body.as_object().expect("an object")).is_err());
    assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
}

/// Names that look like others, or like nothing.
const UNSEEN: &[&str] = &[
    "\u{200b}",
    "\u{2800}\u{2800}",
    "\u{3164}",
    "\u{115f}\u{1160}",
    "\u{ffa0}",
    "\u{ad}",
    "\u{34f}",
    "\u{feff}",
    "\u{200d}",
    "\u{200c}\u{200d}",
    "\u{3000}\u{a0}",
    "\u{fe0f}",
    "\u{e0041}\u{e0042}",
    "Acme\u{200b}Bank",
    "Acme\u{2060}Bank",
    "Acme\u{ad}Bank",
    "Acme\u{200d}Bank",
    "Acme\u{200c}Bank",
    "\u{200d}Acme",
    "Acme\u{200d}",
    "Acme\u{fe0f}",
    "Acme \u{31}\u{fe0f}",
    "Acme\u{e0061}\u{e007f}",
    "Acme\u{202e}knaB",
    "\u{202a}Acme\u{202c}",
    "\u{2066}Acme\u{2069}",
    "Acme\u{200e}",
    "Acme\u{200f}Bank",
    "Acme\u{61c}",
    "Acme\u{2028}Bank",
    "Acme\u{fff9}Bank",
    "Acme\u{180e}Bank",
    "Acme\u{17b4}Bank",
    "Acme\u{1d159}",
    "Acme\u{fdd0}",
    "Acme\u{ffff}",
    "Acme\u{10ffff}",
    "\u{645}\u{6cc}\u{200c}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
    "\u{645}\u{6cc}\u{200c}",
    "\u{1f468}\u{200d}",
    "\u{1f468}\u{200d}\u{200d}\u{1f469}",
    "\u{1f468}\u{200d}Acme",
];

/// Names of people and firms that need a character which alone is not seen.
const SEEN: &[&str] = &[
    "Acme Bank",
    "Ação & Söhne №1",
    "北京银行",
    "بانک ملی ایران",
    "می\u{200c}خواهم",
    "خانه\u{200c}ها",
    "শ্রী র\u{200d}্যাংগস",
    "ක්\u{200d}රීඩා",
    "क्\u{200d}ष",
    "क्\u{200c}ष",
    "נס ציונה",
    "👨\u{200d}👩\u{200d}👧 Family Office",
    "🏳\u{fe0f}\u{200d}🌈 Bank",
    "👩🏽\u{200d}💻 Tools",
    "❤\u{fe0f} Care",
    "1\u{fe0f}\u{20e3} First",
    "葛\u{e0100}城市",
    "\u{1820}\u{180b}\u{1821}",
    "🇨🇭 Helvetia",
];

#[test]
fn a_name_can_be_seen_and_reads_in_one_direction() {
    for (request, field) in [
        (provision as fn() -> (Parse, Value), "display_name"),
        (change, "display_name"),
        (catalog, "storage_prefix"),
        (target, "source_schema"),
        (target, "source_table"),
        (target, "iceberg_table"),
        (target, "cursor_col"),
        (target, "fivetran_connector_id"),
    ] {
        assert_refused(request, field, UNSEEN);
        assert_accepted(request, field, SEEN);
    }
    for column in UNSEEN {
        let errors = errors(target, "primary_key_cols", json!([column]));
        assert!(matches!(&errors[..], [error] if error.field == "primary_key_cols"), "{column:?}");
    }
}
