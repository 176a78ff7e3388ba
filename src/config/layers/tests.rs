//! The precedence of layers, the values of variables, and the sources in problems.

use std::time::Duration;

use super::*;
use crate::config::{
    Config, ENVIRONMENT_PREFIX, Error, HistoryStorage, LabelSource, ListenAddress, PerJob,
    PostgresConfig, load, tests::load_all,
};

fn load_variables(variables: &[(&str, &str)]) -> Result<Config, Error> {
    load_all("", variables, Flags::default()).0
}

#[test]
fn flags_override_variables_and_variables_override_the_file() {
    let yaml =
        "web: {listen_address: ':1', telemetry_path: /file, max_connections: 1}\nstale_after: 3m";
    let variables = [
        ("WEB__LISTEN_ADDRESS", ":2"),
        ("WEB__TELEMETRY_PATH", "/variable"),
        ("STALE_AFTER", "4m"),
    ];
    let flags = Flags {
        listen_addresses: vec![":3".to_owned(), ":4".to_owned()],
        ..Flags::default()
    };
    let config = load_all(yaml, &variables, flags).0.unwrap();
    let ports: Vec<_> = config
        .web
        .listen_addresses
        .iter()
        .map(|address| address.tcp().unwrap().port())
        .collect();
    assert_eq!(ports, [3, 4]);
    assert_eq!(config.web.telemetry_path, "/variable");
    assert_eq!(config.web.max_connections, 1);
    assert_eq!(config.stale_after, Duration::from_mins(4));
}

#[test]
fn the_flag_of_the_web_file_overrides_the_file_unless_it_is_empty() {
    for (flag, expected) in [("flag.yaml", "flag.yaml"), ("", "/file.yaml")] {
        let flags = Flags {
            web_config_file: Some(flag.to_owned()),
            ..Flags::default()
        };
        let config = load_all("web: {config_file: /file.yaml}", &[], flags).0;
        let path = config.unwrap().web.config_file.unwrap();
        // A relative path in a flag starts from the working directory.
        assert_eq!(path, Path::new(expected), "{flag:?}");
    }
}

#[test]
fn variables_hold_text_numbers_and_lists() {
    let config = load_variables(&[
        ("WEB__LISTEN_ADDRESS", "[::1]:9806"),
        ("WEB__MAX_CONNECTIONS", "7"),
        (
            "TARGETS",
            "[{name: a, mode: poll, namespaces: {include: [x]}}, {name: b}]",
        ),
    ])
    .unwrap();
    let address = ListenAddress::Tcp("[::1]:9806".parse().unwrap());
    assert_eq!(config.web.listen_addresses, [address]);
    assert_eq!(config.web.max_connections, 7);
    assert_eq!(config.targets.len(), 2);
    let config = load_variables(&[("WEB__LISTEN_ADDRESS", "[':1', '[::1]:2']")]).unwrap();
    assert_eq!(config.web.listen_addresses.len(), 2);
}

#[test]
fn variables_set_keys_of_every_level_and_mapped_labels() {
    let yaml = "labels: {team: a, owner: b}\nmetrics: {per_job: none, exclude: [kube_*]}";
    let variables = [
        ("METRICS__PER_JOB", "active"),
        ("METRICS__EXCLUDE", "[batch_job_*, batch_cronjob_*]"),
        ("METRICS__KUBE_STATE_METRICS__ENABLED", "true"),
        ("METRICS__RUN_DURATION_BUCKETS", "[1m, 1h]"),
        ("HISTORY__PATH", "/var/lib/history.redb"),
        ("HISTORY__RUNS_PER_WORKLOAD", "7"),
        ("THRESHOLDS__MAX_DURATION", "6h"),
        ("LABELS__TEAM", "example.com/team"),
        ("LABELS__APP", "annotation:app"),
    ];
    let config = load_all(yaml, &variables, Flags::default()).0.unwrap();
    let metrics = &config.metrics;
    assert_eq!(metrics.per_job, PerJob::Active);
    assert!(metrics.families.selects("kube_job_info"));
    assert!(!metrics.families.selects("batch_job_info"));
    assert!(metrics.kube_state_metrics.is_some());
    assert_eq!(metrics.run_duration_buckets, [60.0, 3600.0]);
    let history = config.history.unwrap();
    assert_eq!(
        history.storage,
        HistoryStorage::File("/var/lib/history.redb".into())
    );
    assert_eq!(history.runs_per_workload, 7);
    assert_eq!(
        config.thresholds.max_duration,
        Some(Duration::from_hours(6))
    );
    let labels = config.labels.mapping;
    let labels: Vec<_> = labels.iter().map(|mapped| mapped.label.as_str()).collect();
    assert_eq!(labels, ["app", "owner", "team"]);
}

#[test]
fn the_history_in_postgresql_can_be_set_by_variables() {
    let variables = [
        ("HISTORY__POSTGRES__URL_FILE", "/run/secrets/url"),
        ("HISTORY__POSTGRES__SCHEMA", "batch"),
    ];
    let history = load_variables(&variables).unwrap().history.unwrap();
    let expected = PostgresConfig {
        url_file: "/run/secrets/url".into(),
        reader_url_file: None,
        schema: "batch".to_owned(),
        ca_file: None,
    };
    assert_eq!(history.storage, HistoryStorage::Postgres(expected));
}

#[test]
fn a_map_in_a_variable_is_merged_and_a_list_replaces_that_of_the_file() {
    let yaml = "labels: {team: a, owner: b}\nmetrics: {include: [a, b]}";
    let variables = [
        ("LABELS", "{Team: c, owner: d}"),
        ("METRICS__INCLUDE", "[c]"),
    ];
    let config = load_all(yaml, &variables, Flags::default()).0.unwrap();
    let labels = config.labels.mapping;
    let labels: Vec<_> = labels
        .iter()
        .map(|mapped| (mapped.label.as_str(), mapped.source.clone()))
        .collect();
    let label = |key: &str| LabelSource::Label(key.to_owned());
    assert_eq!(
        labels,
        [
            ("Team", label("c")),
            ("owner", label("d")),
            ("team", label("a"))
        ]
    );
    assert_eq!(config.metrics.families.include, ["c".into()]);
}

/// Loads variables with their whole names.
fn load_environment(variables: &[(&str, &str)]) -> Result<Config, Error> {
    let environment = variables
        .iter()
        .map(|&(name, value)| (name.into(), value.into()))
        .collect();
    load(&Inputs {
        environment,
        ..Inputs::default()
    })
}

#[test]
fn variables_of_services_and_of_others_are_ignored() {
    let config = load_environment(&[
        ("JOB_STATUS_EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("JOB_STATUS_EXPORTER_SERVICE_PORT_HTTP", "9806"),
        ("JOB_STATUS_EXPORTER_PORT", "tcp://10.0.0.1:9806"),
        ("PATH", "/bin"),
        ("STALE_AFTER", "x"),
    ]);
    assert_eq!(config.unwrap(), Config::default());
}

#[test]
fn a_setting_with_the_wrong_underscores_is_a_problem_beside_others() {
    let error = load_environment(&[
        ("JOB_STATUS_EXPORTER_STALE_AFTER", "5m"),
        ("JOB_STATUS_EXPORTER__RETAIN_DELETED", "1.5h or so"),
    ]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "2 problems in the configuration\n  \
         environment variable JOB_STATUS_EXPORTER_STALE_AFTER: is not a setting\n    \
         hint: did you mean `JOB_STATUS_EXPORTER__STALE_AFTER`?\n  \
         environment variable JOB_STATUS_EXPORTER__RETAIN_DELETED: retain_deleted: `1.5h or so` is not a duration such as \
         `30s`, `2m`, `1h30m`, `500ms` or `1d`"
    );
}

#[test]
fn a_name_that_only_begins_like_a_setting_is_a_warning() {
    let config = load_environment(&[
        ("JOB_STATUS_EXPORTER_VERSION", "1"),
        ("JOB_STATUS_EXPORTER_STALE_AFTR", "5m"),
    ]);
    let warnings: Vec<_> = config
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "environment variable JOB_STATUS_EXPORTER_STALE_AFTR: has no effect; \
             did you mean `JOB_STATUS_EXPORTER__STALE_AFTER`?",
            "environment variable JOB_STATUS_EXPORTER_VERSION: has no effect; \
             settings have names of the form JOB_STATUS_EXPORTER__KEY__KEY",
        ]
    );
}

#[test]
fn an_empty_variable_is_absent() {
    let yaml = "stale_after: 3m\nlabels: {team: x}";
    for empty in ["", " ", "\n"] {
        let variables = [
            ("STALE_AFTER", empty),
            ("WEB__LISTEN_ADDRESS", empty),
            ("WEB", empty),
            ("WEB__MAX_CONNECTIONS", "7"),
            ("TARGETS", empty),
            ("LABELS__TEAM", empty),
            ("METRICS__KUBE_STATE_METRICS__ENABLED", empty),
        ];
        let config = load_all(yaml, &variables, Flags::default()).0.unwrap();
        let mut expected = load_all(yaml, &[], Flags::default()).0.unwrap();
        expected.web.max_connections = 7;
        assert_eq!(config, expected);
    }
    let config = load_environment(&[("JOB_STATUS_EXPORTER_STALE_AFTER", "")]);
    assert_eq!(config.unwrap(), Config::default());
}

#[test]
fn problems_name_the_file_variable_or_flag() {
    let yaml = "web: {max_connections: none}\nretain_deleted: 1";
    let variables = [("STALE_AFTER", "soon"), ("WEB__LISTEN", ":1")];
    let flags = Flags {
        listen_addresses: vec!["nowhere".to_owned()],
        telemetry_path: Some("metrics".to_owned()),
        web_config_file: Some("~/web.yaml".to_owned()),
        ..Flags::default()
    };
    let (error, directory) = load_all(yaml, &variables, flags);
    let error = error.unwrap_err().to_string();
    let file = directory.join("exporter.yaml");
    let at = |position| format!("{}:{position}", file.display());
    for (source, path) in [
        (at("1:7").as_str(), "web.max_connections"),
        (&at("2:1"), "retain_deleted"),
        (
            "environment variable JOB_STATUS_EXPORTER__STALE_AFTER",
            "stale_after",
        ),
        (
            "environment variable JOB_STATUS_EXPORTER__WEB__LISTEN",
            "web.listen",
        ),
        ("flag --web.listen-address", "web.listen_address[0]"),
        ("flag --web.telemetry-path", "web.telemetry_path"),
        ("flag --web.config.file", "web.config_file"),
    ] {
        assert!(
            error.contains(&format!("\n  {source}: {path}: ")),
            "{source} {path} not in {error}"
        );
    }
    assert!(error.starts_with("7 problems"), "{error}");
}

#[test]
fn what_a_variable_replaces_has_no_position_and_the_rest_keeps_it() {
    let yaml = "labels:\n  a: x x\n  b: x x\ntargets:\n- {name: x, mode: y}\nmetrics:\n  include: [x x]\n  exclude: [y y]";
    let variables = [
        ("LABELS", "{b: y y, c: y y}"),
        ("TARGETS", "[{name: x, mode: z}]"),
        ("METRICS__EXCLUDE", "[z z]"),
    ];
    let (error, directory) = load_all(yaml, &variables, Flags::default());
    let error = error.unwrap_err().to_string();
    let error = error.replace(&directory.display().to_string(), "");
    let lines: Vec<_> = error.lines().skip(1).map(str::trim_start).collect();
    for start in [
        "/exporter.yaml:2:3: labels.a: `x x`",
        "environment variable JOB_STATUS_EXPORTER__LABELS: labels.b: `y y`",
        "environment variable JOB_STATUS_EXPORTER__LABELS: labels.c: `y y`",
        "environment variable JOB_STATUS_EXPORTER__TARGETS: targets[0].mode: `z`",
        "/exporter.yaml:7:13: metrics.include[0]: `x x`",
        "environment variable JOB_STATUS_EXPORTER__METRICS__EXCLUDE: metrics.exclude[0]: `z z`",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(start)),
            "{start} not in {error}"
        );
    }
    assert_eq!(lines.len(), 6, "{error}");
}

#[test]
fn invalid_variables_are_problems() {
    for (variables, message) in [
        ([("", "1"), ("A__", "1")].as_slice(), "is not a key"),
        (
            &[("WEB", "{}"), ("WEB__LISTEN_ADDRESS", ":1")],
            "conflicts with JOB_STATUS_EXPORTER__WEB__LISTEN_ADDRESS",
        ),
        (&[("TARGETS__0__NAME", "x")], "must be a list, is a map"),
        (&[("TARGETS", "[{name: x]")], "line 1, column "),
        (&[("UNKNOWN", "hunter2")], "unknown key"),
    ] {
        let error = load_variables(variables).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn variables_that_are_not_utf8_are_problems() {
    use std::os::unix::ffi::OsStringExt as _;
    let name = format!("{ENVIRONMENT_PREFIX}STALE_AFTER").into();
    let environment = vec![(name, OsString::from_vec(vec![0xff]))];
    let error = load(&Inputs {
        environment,
        ..Inputs::default()
    })
    .unwrap_err();
    assert!(error.to_string().contains("is not UTF-8 text"), "{error}");
}
