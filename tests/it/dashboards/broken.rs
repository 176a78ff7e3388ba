//! Each rule reports what it is for: a small dashboard without problems, and what breaks it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{RULES, model::Dashboard};

const SELECTED: &str = r#"cluster=~"$cluster",job=~"$job",instance=~"$instance",target=~"$target""#;

fn expression() -> String {
    format!(
        "sum by (verb) (rate(job_status_exporter_api_requests_total{{{SELECTED}}}[$__rate_interval]))"
    )
}

fn variable(name: &str, all: &str, query: &str) -> Value {
    json!({
        "type": "query", "name": name, "label": name, "query": format!("label_values({query}, {name})"), "refresh": 2,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "multi": true, "includeAll": true, "allValue": all, "current": {"text": ["All"], "value": ["$__all"]},
    })
}

fn sound() -> Value {
    let datasource = json!({"type": "prometheus", "uid": "${datasource}"});
    let url =
        "/d/job-status-exporter?viewPanel=12&var-job=x&${cluster:queryparam}&${__url_time_range}";
    let info = "job_status_exporter_build_info";
    json!({
        "uid": "job-status-exporter", "id": null, "title": "Small", "description": "A small dashboard.", "editable": false,
        "tags": ["job-status-exporter", "kubernetes", "batch"], "timezone": "browser", "refresh": "1m", "graphTooltip": 1,
        "schemaVersion": 39,
        "links": [
            {"type": "dashboards", "tags": ["job-status-exporter"], "keepTime": true, "includeVars": true, "url": ""},
            {"type": "link", "url": "${runbooks}"},
        ],
        "templating": {"list": [
            {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
            variable("cluster", ".*", info),
            variable("job", ".+", &format!(r#"{info}{{cluster=~"$cluster"}}"#)),
            variable("instance", ".+", &format!(r#"{info}{{job=~"$job"}}"#)),
            variable("target", ".*", r#"job_status_exporter_target_up{job=~"$job"}"#),
            {"type": "constant", "name": "runbooks", "query": "https://example.com"},
        ]},
        "panels": [
            {"id": 1, "type": "row", "title": "Requests", "panels": [], "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
            {
                "id": 2, "type": "stat", "title": "Requests", "description": "Requests of all kinds.", "datasource": datasource,
                "gridPos": {"x": 0, "y": 1, "w": 12, "h": 4},
                "fieldConfig": {
                    "defaults": {
                        "unit": "reqps", "noValue": "No requests", "links": [{"url": url}],
                        "thresholds": {"steps": [{"color": "green", "value": null}, {"color": "red", "value": 1}]},
                    },
                    "overrides": [{"properties": [{"id": "unit", "value": "s"}]}],
                },
                "targets": [
                    {"refId": "A", "format": "time_series", "instant": true, "range": false, "datasource": datasource, "expr": expression()},
                ],
            },
            {
                "id": 3, "type": "table", "title": "Instances", "description": "All exporters that run.", "datasource": datasource,
                "gridPos": {"x": 12, "y": 1, "w": 12, "h": 4}, "fieldConfig": {"defaults": {"unit": "none", "noValue": "-"}},
                "targets": [
                    {"refId": "A", "format": "table", "instant": true, "range": false, "datasource": datasource,
                     "expr": r#"up{cluster=~"$cluster",job=~"$job",instance=~"$instance"}"#},
                ],
            },
        ],
    })
}

/// The problems of the small dashboard after a change of one value. Nothing is excluded.
fn problems_after(pointer: &str, value: Value) -> Vec<String> {
    let mut json = sound();
    if let Some(place) = json.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
    }
    let dashboard = Dashboard::new("job-status-exporter", json);
    let problems = RULES.iter().flat_map(|(rule, check)| {
        check(&dashboard)
            .into_iter()
            .map(move |problem| format!("{rule}: {problem}"))
    });
    problems.collect()
}

#[test]
fn a_sound_dashboard_has_no_problems() {
    assert_eq!(problems_after("/version", json!(2)), Vec::<String>::new());
}

#[test]
fn each_rule_reports_a_broken_dashboard() {
    let mut reported = BTreeSet::new();
    for (pointer, value, expected) in changes() {
        let problems = problems_after(pointer, value.clone());
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{pointer} = {value}: {problems:#?}"
        );
        reported.insert(expected.split_once(": ").unwrap().0);
    }
    assert_eq!(reported, RULES.iter().map(|(rule, _)| *rule).collect());
}

/// Where to put which value, and the problem that it is.
fn changes() -> Vec<(&'static str, Value, &'static str)> {
    let mut changes = structure_changes();
    changes.extend(panel_changes());
    changes.extend(link_changes());
    changes.extend(variable_changes());
    changes.extend(query_changes());
    changes
}

fn structure_changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/uid", json!("other"), "identity: uid is \"other\""),
        ("/timezone", json!("utc"), "identity: timezone"),
        ("/tags", json!([]), "identity: tags"),
        ("/description", json!(""), "identity: no description"),
        ("/__inputs", json!([]), "importable: __inputs"),
        ("/id", json!(7), "importable: id"),
        ("/schemaVersion", json!(43), "importable: schemaVersion 43"),
        ("/editable", json!(true), "uneditable-dashboard: editable"),
        (
            "/panels/2/id",
            json!(2),
            "layout: Instances: the id 2 is not unique",
        ),
        (
            "/panels/2/gridPos/x",
            json!(11),
            "layout: Instances: overlaps",
        ),
        (
            "/panels/2/gridPos/w",
            json!(13),
            "layout: Instances: not within the grid",
        ),
        ("/panels/0/title", json!(""), "layout: a row has a title"),
    ]
}

fn panel_changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "/panels/1/type",
            json!("graph"),
            "panel-types: Requests: the type \"graph\"",
        ),
        (
            "/panels/1/datasource",
            json!({"type": "prometheus", "uid": "x"}),
            "panel-datasource-rule: Requests: the data source",
        ),
        (
            "/panels/1/targets/0/datasource",
            Value::Null,
            "panel-datasource-rule: Requests, query A: the data source",
        ),
        (
            "/panels/1/title",
            json!(""),
            "panel-title-description-rule: : no title",
        ),
        (
            "/panels/1/description",
            json!("Requests"),
            "panel-title-description-rule: Requests: no description",
        ),
        (
            "/panels/1/fieldConfig/defaults/noValue",
            Value::Null,
            "panel-title-description-rule: Requests: no text",
        ),
        (
            "/panels/1/fieldConfig/defaults/unit",
            Value::Null,
            "panel-units-rule: Requests: no unit",
        ),
        (
            "/panels/1/fieldConfig/overrides/0/properties/0/value",
            json!("sec"),
            "panel-units-rule: Requests: the unit \"sec\"",
        ),
        (
            "/panels/1/targets",
            json!([]),
            "panel-no-targets-rule: Requests: no queries",
        ),
        (
            "/panels/1/targets/0/refId",
            json!(""),
            "panel-no-targets-rule: Requests: queries without a name",
        ),
        (
            "/panels/2/targets/0/instant",
            json!(false),
            "panel-no-targets-rule: Instances: the format of query A",
        ),
        (
            "/panels/1/fieldConfig/defaults/thresholds/steps/0/color",
            json!("dark-red"),
            "colours: Requests: the first threshold",
        ),
        (
            "/panels/1/fieldConfig/defaults/color",
            json!({"fixedColor": "orange"}),
            "colours: Requests: an alarming colour",
        ),
    ]
}

fn link_changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "/links/0/keepTime",
            json!(false),
            "links: no links to the other dashboards",
        ),
        (
            "/links/1/url",
            json!("${runbooks}#nothing"),
            "links: ${runbooks}#nothing: docs/runbooks.md has no heading nothing",
        ),
        (
            "/links/1/url",
            json!("https://example.com"),
            "links: https://example.com: neither",
        ),
        (
            "/links/1/url",
            json!("/d/other?viewPanel=2"),
            "links: /d/other?viewPanel=2: no such dashboard",
        ),
        (
            "/links/1/url",
            json!("/d/batch-overview?viewPanel=999"),
            "links: /d/batch-overview?viewPanel=999: no panel 999",
        ),
        (
            "/links/1/url",
            json!("/d/batch-overview?var-job=x"),
            "links: /d/batch-overview?var-job=x: no variable job",
        ),
        (
            "/links/1/url",
            json!("/d/batch-overview?${job:queryparam}"),
            "links: /d/batch-overview?${job:queryparam}: no variable job",
        ),
    ]
}

fn variable_changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "/templating/list/0/name",
            json!("prometheus"),
            "template-datasource-rule: the first variable",
        ),
        (
            "/templating/list/1/datasource",
            Value::Null,
            "template-datasource-rule: the data source of \"cluster\"",
        ),
        (
            "/templating/list/2/allValue",
            json!(".*"),
            "template-job-rule: no variable job",
        ),
        (
            "/templating/list/3/label",
            json!("Instance"),
            "template-instance-rule: no variable instance",
        ),
        (
            "/templating/list/2/query",
            json!("label_values(up)"),
            "template-label-promql-rule: job: not label_values",
        ),
        (
            "/templating/list/2/query",
            json!("label_values(up, pod)"),
            "template-label-promql-rule: job: the values are those of pod",
        ),
        (
            "/templating/list/2/query",
            json!("label_values(upp, job)"),
            "template-label-promql-rule: job: the family upp",
        ),
        (
            "/templating/list/2/query",
            json!(r#"label_values(up{job="$target"}, job)"#),
            "template-label-promql-rule: job: depends on target",
        ),
        (
            "/templating/list/1/refresh",
            json!(1),
            "template-on-time-change-reload-rule: \"cluster\"",
        ),
        (
            "/templating/list/4/allValue",
            json!(".+"),
            "all-values: target: `All` is not .*",
        ),
        (
            "/templating/list/4/current",
            json!({"value": "x"}),
            "all-values: target: `All` is not .*",
        ),
        (
            "/templating/list/4/multi",
            json!(false),
            "all-values: target: no variable",
        ),
        (
            "/templating/list/5/name",
            json!("runbook"),
            "defined-variables: $runbooks is not defined",
        ),
        (
            "/templating/list/5/name",
            json!("runbook"),
            "defined-variables: $runbook is not used",
        ),
    ]
}

fn query_changes() -> Vec<(&'static str, Value, &'static str)> {
    const EXPR: &str = "/panels/1/targets/0/expr";
    let replaced = |from: &str, to: &str| json!(expression().replace(from, to));
    vec![
        (
            EXPR,
            json!("sum(up"),
            "target-promql-rule: Requests, query A: ) is missing",
        ),
        (
            EXPR,
            replaced("api_requests", "requests"),
            "target-promql-rule: Requests, query A: the family job_status_exporter_requests_total",
        ),
        (
            EXPR,
            replaced("by (verb)", "by (verbs)"),
            "target-promql-rule: Requests, query A: the label verbs",
        ),
        (
            EXPR,
            replaced("instance=~", "status=~"),
            "target-promql-rule: Requests, query A: job_status_exporter_api_requests_total has no label status",
        ),
        (
            EXPR,
            replaced("target=~", "target="),
            "target-promql-rule: Requests, query A: job_status_exporter_api_requests_total{target=$target} needs =~",
        ),
        (
            EXPR,
            replaced("verb)", "verb, code) (up) + sum by (verb)"),
            "target-promql-rule: Requests, query A: up without $cluster",
        ),
        (
            EXPR,
            replaced("job=~\"$job\"", "job=~\"$instance\""),
            "target-promql-rule: Requests, query A: job_status_exporter_api_requests_total{job=~$instance} is another label",
        ),
        (
            EXPR,
            replaced("rate(", "max("),
            "target-counter-agg-rule: Requests, query A: job_status_exporter_api_requests_total without rate",
        ),
        (
            EXPR,
            replaced("$__rate_interval", "5m"),
            "target-rate-interval-rule: Requests, query A: the rate of",
        ),
        (
            EXPR,
            replaced("job=~\"$job\",", ""),
            "target-job-rule: Requests, query A: job_status_exporter_api_requests_total without job",
        ),
        (
            EXPR,
            replaced("instance=~\"$instance\",", ""),
            "target-instance-rule: Requests, query A: job_status_exporter_api_requests_total without instance",
        ),
    ]
}
