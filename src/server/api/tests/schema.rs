//! Answers match the schemas of the document.
//!
//! The check knows the keywords that the document uses, and panics at any other.

use super::*;

/// The keywords that say nothing about valid values.
const NOTES: [&str; 4] = ["description", "examples", "propertyNames", "default"];

/// Two targets, of which one has everything that a target can have, and an exporter with one setting of each kind.
fn everything() -> TestData {
    let data = two_targets();
    let prod = data.store().targets()[0].clone();
    targets::fill(&prod);
    TestData {
        record: config::configured().record,
        ..data
    }
}

fn document() -> Value {
    let (_, _, body) = send(&two_targets(), &request("GET", "/openapi.json"));
    serde_json::from_slice(&body).expect("JSON")
}

/// What is wrong with a value; nothing if it matches the schema.
fn mistakes(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let keywords = schema.as_object().expect("a schema");
    let mut wrong = Vec::new();
    for (keyword, wanted) in keywords {
        let inner = |schema: &Value| mistakes(document, schema, value, place);
        let fits = match keyword.as_str() {
            "$ref" => {
                let name = wanted.as_str().expect("a reference");
                let referred = document.pointer(&name[1..]).expect("a known reference");
                wrong.extend(inner(referred));
                true
            }
            "type" => has_type(wanted, value),
            "enum" => wanted.as_array().expect("values").contains(value),
            "oneOf" => {
                let schemas = wanted.as_array().expect("schemas").iter();
                schemas.filter(|schema| inner(schema).is_empty()).count() == 1
            }
            "allOf" => {
                wrong.extend(wanted.as_array().expect("schemas").iter().flat_map(inner));
                true
            }
            "required" => {
                let mut names = wanted.as_array().expect("names").iter();
                names.all(|name| value.get(name.as_str().expect("a name")).is_some())
            }
            "minimum" => value
                .as_i64()
                .is_none_or(|it| it >= wanted.as_i64().expect("a number")),
            "format" if wanted == "date-time" => {
                let is_time = |time: &str| time.ends_with('Z') && time.parse::<Timestamp>().is_ok();
                value.as_str().is_none_or(is_time)
            }
            "format" => matches!(wanted.as_str(), Some("int32" | "int64" | "double")),
            "properties" | "items" | "additionalProperties" => {
                wrong.extend(parts(document, keyword, wanted, value, place));
                true
            }
            note => NOTES.contains(&note),
        };
        if !fits {
            wrong.push(format!("{place}: {keyword} {wanted}: {value}"));
        }
    }
    wrong
}

fn parts(
    document: &Value,
    keyword: &str,
    wanted: &Value,
    value: &Value,
    place: &str,
) -> Vec<String> {
    let within = |schema: &Value, part: &Value, name: &str| {
        mistakes(document, schema, part, &format!("{place}/{name}"))
    };
    match (value, keyword) {
        (Value::Array(items), "items") => items
            .iter()
            .flat_map(|item| within(wanted, item, "*"))
            .collect(),
        (Value::Object(fields), "additionalProperties") => fields
            .values()
            .flat_map(|field| within(wanted, field, "*"))
            .collect(),
        (Value::Object(fields), "properties") => {
            let known = wanted.as_object().expect("schemas").iter();
            let present =
                known.filter_map(|(name, schema)| Some((name, schema, fields.get(name)?)));
            present
                .flat_map(|(name, schema, field)| within(schema, field, name))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    if let Value::Array(types) = wanted {
        return types.iter().any(|wanted| has_type(wanted, value));
    }
    match wanted.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}

/// The schema of an answer, without references around its fields.
fn answer_schema<'a>(document: &'a Value, path: &str, status: &str) -> &'a Value {
    let responses = &document["paths"][path]["get"]["responses"];
    &responses[status]["content"]["application/json"]["schema"]
}

/// A path of the document, and what a client may send for it.
fn examples(path: &str) -> [String; 2] {
    let path = path.replace("{target}", "prod");
    let path = path
        .replace("{namespace}", "ops")
        .replace("{type}", "cronjob");
    [
        path.replace("{name}", "nightly"),
        path.replace("{name}", "none"),
    ]
}

#[test]
fn every_documented_path_answers_as_documented() {
    let (data, document) = (everything(), document());
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 8);
    for (path, item) in paths {
        let [known, unknown] = examples(path);
        let wrong_parameter = format!("{known}?wrong=1");
        for sent in [known, unknown, wrong_parameter] {
            let (status, answer) = get(&data, &sent);
            let status = status.to_string();
            assert!(
                item["get"]["responses"].get(&status).is_some(),
                "{sent}: {status}"
            );
            let schema = answer_schema(&document, path, &status);
            let wrong = mistakes(&document, schema, &answer, &sent);
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
    }
}

#[test]
fn answers_have_no_field_that_the_document_lacks() {
    let (data, document) = (everything(), document());
    let lists = [
        ("/workloads", "workloads", "WorkloadEntry"),
        ("/jobs", "jobs", "JobEntry"),
        ("/cronjobs", "cronjobs", "CronJobEntry"),
        ("/targets", "targets", "TargetEntry"),
        ("/config", "settings", "SettingEntry"),
    ];
    for (path, rows, schema) in lists {
        let list = found(&data, path);
        let sent = list[rows][0].as_object().expect("a row").keys();
        let schema = &document["components"]["schemas"][schema];
        let known = schema["properties"].as_object().expect("properties");
        let required = schema["required"].as_array().expect("names").len();
        assert_eq!(sent.clone().count(), required, "{path}");
        assert!(
            sent.clone().all(|field| known.contains_key(field)),
            "{path}"
        );
    }
}

#[test]
fn the_check_finds_mistakes() {
    let document = document();
    let schema = answer_schema(&document, "/targets", "200");
    let (_, answer) = get(&everything(), "/targets");
    assert!(mistakes(&document, schema, &answer, "").is_empty());
    for (field, value) in [
        ("/data/targets/0/reach", json!("upside down")),
        ("/data/targets/0/feeds", json!(-1)),
        ("/data/targets/0/as_of", json!("yesterday")),
        ("/data/targets/0/synced", Value::Null),
        ("/data/targets/0/reads/mode", Value::Null),
        ("/data/targets/0/failures/0/since", Value::Null),
        (
            "/data/targets/0/api_requests/0/average_duration_seconds",
            json!("1"),
        ),
        ("/data/targets/0/api_requests/0/codes/200", json!("2")),
        ("/data/targets/0/undecodable/0/resource", json!("secrets")),
        ("/data/targets/0/missing/0", json!({"namespace": "ops"})),
        ("/data/targets", json!({})),
        ("/data", json!({})),
        ("/status", json!("error")),
    ] {
        let mut wrong = answer.clone();
        *wrong.pointer_mut(field).expect("a field") = value;
        assert!(
            !mistakes(&document, schema, &wrong, "").is_empty(),
            "{field}"
        );
    }
}
