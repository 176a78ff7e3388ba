//! Every key is shown with its value and its source, and no secret is.

use std::collections::BTreeSet;

use super::*;
use crate::config::{Flags, Inputs, KEYS, LogLevel, load_with_origins};

/// A configuration that sets every key with a value, in several files because some keys exclude each other.
const EVERYTHING: [&str; 2] = [
    "
web:
  config_file: web.yaml
  listen_address: [\":1\", \":2\"]
  probe_listen_address: \":3\"
  telemetry_path: /m
  external_url: https://example.com/batch
  route_prefix: /batch
  max_connections: 7
  ready_grace: 7s
  shutdown_timeout: 7s
  kubernetes_auth: {target: a, outage_grace: 7s}
  authenticate_probes: true
  enable_lifecycle: true
targets:
  - name: a
    kubernetes: {kubeconfig: k, context: c}
    mode: watch
    namespaces: {include: [n, \"m-*\"], exclude: [m-x]}
    label_selector: tier=batch
    pods: {enabled: true}
    controller_time_zone: Europe/Berlin
    poll: {probe_any: true, timeout: 7s, requests_per_second: 7}
  - name: b
    cci:
      endpoint: https://cci.example
      ca_file: ca.pem
      auth:
        token: {iam_endpoint: \"https://iam.example\", domain: d, username: u, password_file: hunter2,
                project: p, agency: {domain: ad, name: an}, token_header: X-Auth-Token}
    mode: poll
    poll: {interval: 70s, timeout: 7s, concurrency: 7, requests_per_second: 7, by_list: true, probe_any: true}
    jobs: [{namespace: n, name: j}]
sharding: {shards: 7, shard: 6}
labels: {team: team, app: app.kubernetes.io/name}
label_scope: all
workload_label: app
thresholds: {max_duration: 7h, max_success_age: 7h, start_grace: 7s, max_failures: 7}
limits: {workloads: 7, label_value_bytes: 777, list_objects: 7, list_pages: 7, list_bytes: 7GiB, list_duration: 7m}
overrides:
  - match: {target: a, namespace: n, workload_type: cronjob, workload: w}
    set: {max_duration: 7h, max_success_age: 7h, start_grace: 7s, max_failures: 7, severity: page,
          runbook: \"https://r.example\", ignore: false}
retain_deleted: 7m
retain_workloads: 7m
stale_after: 77m
history: {path: h.redb, runs_per_workload: 7, max_age: 77d}
metrics:
  per_job: active
  spec: false
  include: [\"batch_*\"]
  exclude: [batch_job_info]
  run_duration_buckets: [7s]
  cache_size: 7MiB
  native_histograms: both
  kube_state_metrics: {enabled: true, job_labels: [a], job_annotations: [a], cronjob_labels: [a], cronjob_annotations: [a]}
events: {log: true}
log: {level: debug}
",
    "
web: {systemd_socket: true}
targets:
  - name: a
    cci:
      endpoint: https://cci.example
      auth: {aksk: {access_key: HALF-OF-A-LOGIN, secret_key_file: hunter2, project_id: p, security_token_file: t}}
    mode: poll
  - name: b
    cci:
      endpoint: https://cci.example
      auth: {aksk: {access_key_file: k, secret_key_file: hunter2, project_id: p}}
    mode: poll
  - name: c
    cci: {endpoint: \"https://cci.example\", auth: {ecs_agency: {project_id: p}}}
    mode: poll
  - name: d
    cci:
      endpoint: https://cci.example
      auth: {token: {iam_endpoint: \"https://iam.example\", domain: d, username: u, password_file: hunter2, project_id: p}}
    mode: poll
history: {postgres: {url_file: hunter2, reader_url_file: hunter2, schema: s, ca_file: ca.pem}}
",
];

/// What the content of each secret file is in these tests.
const SECRET: &str = "s3cr3t-c0nt3nt";

fn in_force(yaml: &str, inputs: Inputs, kept: &[&'static str]) -> ConfigInForce {
    let directory = tempfile::tempdir().unwrap();
    for name in ["hunter2", "t", "k", "ca.pem"] {
        std::fs::write(directory.path().join(name), SECRET).unwrap();
    }
    let file = directory.path().join("exporter.yaml");
    std::fs::write(&file, yaml).unwrap();
    let inputs = Inputs {
        file: Some(file.clone()),
        ..inputs
    };
    let (config, origins) = load_with_origins(&inputs).unwrap_or_else(|error| panic!("{error}"));
    ConfigInForce::new(&config, Some(file), &origins, kept)
}

fn setting<'a>(config: &'a ConfigInForce, key: &str) -> &'a Setting {
    let mut settings = config.settings.iter();
    let found = settings.find(|setting| setting.key == key);
    found.unwrap_or_else(|| panic!("no {key} in {config:#?}"))
}

/// `targets[3].jobs[0]` as `targets[].jobs[]`.
fn without_indexes(key: &str) -> String {
    let parts = key.split('[');
    let part = |part: &str| {
        part.split_once(']')
            .map_or(part.to_owned(), |(_, rest)| format!("]{rest}"))
    };
    parts.map(part).collect::<Vec<_>>().join("[")
}

#[test]
fn every_key_that_has_a_value_is_shown_with_the_line_that_sets_it() {
    let mut shown = BTreeSet::new();
    for yaml in EVERYTHING {
        let config = in_force(yaml, Inputs::default(), &[]);
        let lines: Vec<_> = yaml.lines().collect();
        for setting in &config.settings {
            if let Origin::Source { line, .. } = &setting.origin {
                let line = usize::try_from(line.expect("it is in the file")).unwrap();
                let name = setting.key.rsplit('.').next().unwrap();
                assert!(lines[line - 1].contains(name), "{setting:?}: {line}");
                assert_ne!(setting.value, SettingValue::None, "{setting:?}");
                shown.insert(without_indexes(&setting.key));
            }
        }
    }
    let is_leaf = |key: &&str| {
        let is_inside = |other: &&str| {
            let rest = other.strip_prefix(*key);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        !KEYS.iter().any(is_inside)
    };
    let leaves = KEYS.iter().copied().filter(is_leaf);
    // The Jobs are one setting, and users choose the keys of labels.
    let leaves = leaves.filter(|key| !key.starts_with("targets[].jobs[]") && *key != "labels");
    let missing: Vec<_> = leaves.filter(|key| !shown.contains(*key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for key in ["targets[].jobs", "labels.team"] {
        assert!(shown.contains(key), "{key}");
    }
}

#[test]
fn neither_the_content_of_a_secret_file_nor_the_id_of_an_access_key_is_shown() {
    for yaml in EVERYTHING {
        let config = in_force(yaml, Inputs::default(), &[]);
        let text = format!("{config:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("HALF-OF-A-LOGIN"), "{text}");
    }
    let config = in_force(EVERYTHING[1], Inputs::default(), &[]);
    let access_key = setting(&config, "targets[0].cci.auth.aksk.access_key");
    assert_eq!(access_key.value, SettingValue::Hidden);
}

#[test]
fn a_setting_says_which_layer_it_comes_from() {
    let name = "JOB_STATUS_EXPORTER__STALE_AFTER";
    let inputs = Inputs {
        environment: vec![(name.into(), "11m".into())],
        flags: Flags {
            log_level: Some(LogLevel::Warn),
            ..Flags::default()
        },
        ..Inputs::default()
    };
    let yaml = "retain_deleted: 1m\nstale_after: 12m\nlog: {level: debug}\nhistory:\n";
    let config = in_force(yaml, inputs, &[]);
    let origin = |key| setting(&config, key).origin.to_string();
    assert!(origin("retain_deleted").ends_with("exporter.yaml:1"));
    assert_eq!(
        origin("stale_after"),
        format!("environment variable {name}")
    );
    assert_eq!(origin("log.level"), "flag --log.level");
    assert_eq!(origin("retain_workloads"), "default");
    assert_eq!(origin("targets[0].mode"), "default");
    let value = |key| setting(&config, key).value.clone();
    assert_eq!(value("stale_after"), SettingValue::Text("11m".to_owned()));
    assert_eq!(value("log.level"), SettingValue::Text("warn".to_owned()));
    assert_eq!(value("history.path"), SettingValue::None);
}

#[test]
fn only_the_keys_of_the_storage_in_use_are_shown() {
    let keys = |yaml| {
        let config = in_force(yaml, Inputs::default(), &[]);
        let keys = config.settings.into_iter().map(|setting| setting.key);
        let keys = keys.filter(|key| key.starts_with("history."));
        keys.collect::<Vec<_>>().join(" ")
    };
    let limits = "history.runs_per_workload history.max_age";
    assert_eq!(keys(""), "history.path");
    assert_eq!(
        keys("history: {path: h.redb}"),
        format!("history.path {limits}")
    );
    assert_eq!(
        keys("history: {postgres: {url_file: hunter2}}"),
        format!(
            "history.postgres.url_file history.postgres.reader_url_file history.postgres.schema \
             history.postgres.ca_file {limits}"
        )
    );
}

#[test]
fn a_setting_that_needs_a_restart_is_that_of_the_start() {
    let kept = ["web.telemetry_path", "history"];
    let yaml = "web: {telemetry_path: /m}\nhistory: {path: h.redb}\n";
    let config = in_force(yaml, Inputs::default(), &kept);
    for key in ["web.telemetry_path", "history.path"] {
        assert_eq!(setting(&config, key).origin, Origin::Start, "{key}");
    }
    let other = &setting(&config, "web.listen_address").origin;
    assert_eq!(*other, Origin::Default);
}
