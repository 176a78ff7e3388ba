//! Defaults, modes and warnings.

use std::{ffi::OsString, path::Path, time::Duration};

use super::*;

mod probes;
mod served;

/// Loads `yaml` as a file in a temporary directory, with `variables` (names without the prefix) and `flags`.
pub(super) fn load_all(
    yaml: &str,
    variables: &[(&str, &str)],
    flags: Flags,
) -> (Result<Config, Error>, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("exporter.yaml");
    std::fs::write(&file, yaml).unwrap();
    let environment = variables
        .iter()
        .map(|(name, value)| {
            (
                format!("{ENVIRONMENT_PREFIX}{name}").into(),
                OsString::from(value),
            )
        })
        .collect();
    let inputs = Inputs {
        file: Some(file),
        environment,
        flags,
    };
    (load(&inputs), directory.path().to_owned())
}

pub(super) fn load_text(yaml: &str) -> Result<Config, Error> {
    load_all(yaml, &[], Flags::default()).0
}

fn only_target(yaml: &str) -> TargetConfig {
    load_text(yaml).unwrap().targets.pop().unwrap()
}

fn named(names: &[&str]) -> Vec<Pattern> {
    names.iter().copied().map(Pattern::from).collect()
}

#[test]
fn the_default_watches_the_whole_cluster_of_kubectl() {
    let config = load(&Inputs::default()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(
        config.web.listen_addresses,
        [ListenAddress::Tcp("0.0.0.0:9806".parse().unwrap())]
    );
    assert_eq!(config.web.telemetry_path, "/metrics");
    assert_eq!(config.retain_deleted, Duration::from_mins(2));
    assert_eq!(config.stale_after, Duration::from_mins(10));
    assert_eq!(
        config.targets,
        [TargetConfig {
            name: None,
            endpoint: EndpointConfig::Kubernetes(KubernetesConfig {
                kubeconfig: None,
                context: None
            }),
            mode: Mode::Watch(Selection {
                namespaces: Namespaces::default(),
                label_selector: None,
                pods: false,
            }),
            probes: ProbeConfig::default(),
            controller_time_zone: Zone::default(),
        }]
    );
    assert_eq!(
        config.labels,
        LabelsConfig {
            mapping: Vec::new(),
            scope: LabelScope::Info
        }
    );
    assert_eq!(config.sharding, None);
    assert_eq!(config.workload_label, None);
    assert_eq!(config.retain_workloads, Duration::from_hours(1));
    assert_eq!(
        config.thresholds,
        ThresholdsConfig {
            max_duration: None,
            max_success_age: None,
            start_grace: Duration::from_mins(1),
            max_failures: 0,
        }
    );
    assert!(config.overrides.is_empty());
    assert_eq!(config.history, None);
    let metrics = config.metrics;
    assert_eq!(metrics.per_job, PerJob::All);
    assert!(metrics.spec);
    assert!(metrics.families.selects("anything"));
    assert_eq!(metrics.cache_size, None);
    assert_eq!(metrics.kube_state_metrics, None);
}

#[test]
fn keys_without_a_value_are_absent() {
    for yaml in [
        "",
        "# nothing\n",
        "web: {kubernetes_auth: , authenticate_probes: }",
        "web:\nretain_deleted:\nstale_after:\n",
        "web: {config_file: , listen_address: }",
        "targets: [{}]",
        "targets: [{kubernetes: }]",
        "targets: [{name: , namespaces: , label_selector: , poll: , jobs: }]",
        "targets: [{namespaces: {include: , exclude: }}]",
        "labels:\nlabel_scope:\nworkload_label:\nretain_workloads:\nthresholds:\nlimits:\noverrides:\nhistory:\nmetrics:\n",
        "sharding:",
        "labels: {team: }",
        "labels: {}",
        "thresholds: {max_duration: , max_success_age: , start_grace: , max_failures: }",
        "limits: {list_objects: , list_pages: , list_bytes: , list_duration: }",
        "metrics: {per_job: , spec: , include: , run_duration_buckets: , cache_size: , kube_state_metrics: }",
        "metrics: {kube_state_metrics: {enabled: , job_labels: }}",
        "targets: [{controller_time_zone: }]",
    ] {
        assert_eq!(load_text(yaml).unwrap(), Config::default(), "{yaml}");
    }
}

#[test]
fn tokens_are_checked_by_the_only_target_or_by_the_one_that_is_named() {
    let two = "targets: [{name: a, kubernetes: {context: a}}, {name: b, kubernetes: {context: b}}]";
    for (yaml, name) in [
        ("web: {kubernetes_auth: {}}".to_owned(), None),
        (
            "web: {kubernetes_auth: {}}\ntargets: [{name: a}]".to_owned(),
            Some("a"),
        ),
        (
            format!("web: {{kubernetes_auth: {{target: b}}}}\n{two}"),
            Some("b"),
        ),
    ] {
        let config = load_text(&yaml).unwrap();
        let auth = config.web.kubernetes_auth.unwrap();
        assert_eq!(auth.outage_grace, Duration::from_hours(1));
        let targets: Vec<_> = config.targets.iter().collect();
        let found = auth.find(&targets).expect("a target");
        assert_eq!(found.name.as_deref(), name, "{yaml}");
    }
}

/// Sets every key of `web` and of Kubernetes targets.
const TARGETS_AND_WEB: &str = r#"
        web:
          config_file: tls/web.yaml
          listen_address: [":9806", "127.0.0.1:9807"]
          probe_listen_address: unix:probes.sock
          telemetry_path: /jobs/metrics
          external_url: https://example.com/batch/
          max_connections: 16
          ready_grace: 0s
          shutdown_timeout: 1m30s
          kubernetes_auth: {target: lists, outage_grace: 2h}
          authenticate_probes: true
          enable_lifecycle: true
        targets:
          - name: prod
            kubernetes: {kubeconfig: /etc/prod.kubeconfig, context: prod}
            mode: watch
            poll: {probe_any: true, timeout: 45s, requests_per_second: 2}
            namespaces: {include: [billing, "etl-*"], exclude: [etl-scratch]}
            label_selector: " tier in (batch, etl) "
            controller_time_zone: America/Argentina/Buenos_Aires
          - name: lists
            kubernetes: {kubeconfig: ../lists.kubeconfig}
            mode: poll
            poll: {interval: 1m, timeout: 20s, concurrency: 2, requests_per_second: 0.5}
            namespaces: {include: [a]}
        retain_deleted: 0s
        stale_after: 1h
    "#;

#[test]
fn all_settings_of_targets_and_web_are_loaded() {
    let (config, directory) = load_all(TARGETS_AND_WEB, &[], Flags::default());
    let kubeconfig = |path: &Path, context: Option<&str>| {
        let context = context.map(str::to_owned);
        EndpointConfig::Kubernetes(KubernetesConfig {
            kubeconfig: Some(path.to_owned()),
            context,
        })
    };
    let expected = Config {
        web: WebConfig {
            config_file: Some(directory.join("tls/web.yaml")),
            listen_addresses: ["[::]:9806", "127.0.0.1:9807"]
                .map(|address| ListenAddress::Tcp(address.parse().unwrap()))
                .to_vec(),
            systemd_socket: false,
            probe_listen_address: Some(ListenAddress::Unix(directory.join("probes.sock"))),
            telemetry_path: "/jobs/metrics".to_owned(),
            external_url: Some("https://example.com/batch".to_owned()),
            route_prefix: "/batch".to_owned(),
            max_connections: 16,
            ready_grace: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(90),
            kubernetes_auth: Some(KubernetesAuthConfig {
                target: Some("lists".to_owned()),
                outage_grace: Duration::from_hours(2),
            }),
            authenticate_probes: true,
            enable_lifecycle: true,
        },
        targets: vec![
            TargetConfig {
                name: Some("prod".to_owned()),
                endpoint: kubeconfig(Path::new("/etc/prod.kubeconfig"), Some("prod")),
                mode: Mode::Watch(Selection {
                    namespaces: Namespaces {
                        include: named(&["billing", "etl-*"]),
                        exclude: named(&["etl-scratch"]),
                    },
                    label_selector: Some("tier in (batch, etl)".to_owned()),
                    pods: false,
                }),
                probes: ProbeConfig {
                    any: true,
                    timeout: Duration::from_secs(45),
                    requests_per_second: 2.0,
                },
                controller_time_zone: Zone::named("America/Argentina/Buenos_Aires").unwrap(),
            },
            TargetConfig {
                name: Some("lists".to_owned()),
                endpoint: kubeconfig(&directory.join("../lists.kubeconfig"), None),
                mode: Mode::PollLists {
                    selection: Selection {
                        namespaces: Namespaces {
                            include: named(&["a"]),
                            exclude: Vec::new(),
                        },
                        label_selector: None,
                        pods: false,
                    },
                    poll: PollConfig {
                        interval: Duration::from_mins(1),
                        timeout: Duration::from_secs(20),
                        concurrency: 2,
                        requests_per_second: 0.5,
                        by_list: false,
                    },
                },
                probes: ProbeConfig {
                    any: false,
                    timeout: Duration::from_secs(20),
                    requests_per_second: 0.5,
                },
                controller_time_zone: Zone::default(),
            },
        ],
        retain_deleted: Duration::ZERO,
        stale_after: Duration::from_hours(1),
        ..Config::default()
    };
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn limits_of_lists_are_loaded() {
    let yaml = "limits: {list_objects: 10, list_pages: 20, list_bytes: 30MiB, list_duration: 40s}";
    let expected = ListLimits {
        objects: 10,
        pages: 20,
        bytes: 30 << 20,
        duration: Duration::from_secs(40),
    };
    assert_eq!(load_text(yaml).unwrap().limits.list, expected);
    let plain = load_text("limits: {list_bytes: 31457280}").unwrap();
    assert_eq!(plain.limits.list.bytes, 30 << 20);
}

#[test]
fn a_target_with_jobs_is_polled() {
    let target = only_target("targets: [{jobs: [{namespace: a, name: b}]}]");
    let job = JobReference {
        namespace: "a".to_owned(),
        name: "b".to_owned(),
    };
    assert_eq!(
        target.mode,
        Mode::PollJobs {
            jobs: vec![job],
            poll: PollConfig::default()
        }
    );
}

#[test]
fn the_default_timeout_is_not_longer_than_the_interval() {
    let target = only_target("targets: [{mode: poll, poll: {interval: 5s}}]");
    let Mode::PollLists { poll, .. } = target.mode else {
        panic!("{:?}", target.mode);
    };
    assert_eq!(poll.timeout, Duration::from_secs(5));
}

#[test]
fn by_list_is_a_setting_of_poll() {
    for (yes, by_list) in [("true", true), ("false", false), ("'true'", true)] {
        let yaml =
            format!("targets: [{{poll: {{by_list: {yes}}}, jobs: [{{namespace: a, name: b}}]}}]");
        let Mode::PollJobs { poll, .. } = only_target(&yaml).mode else {
            panic!("{yaml}");
        };
        assert_eq!(poll.by_list, by_list, "{yes}");
    }
}

#[test]
fn polling_by_list_needs_one_request_per_namespace() {
    for (by_list, warnings) in [(false, 1), (true, 0)] {
        let jobs: Vec<_> = (0..200)
            .map(|n| format!("{{namespace: n{}, name: j{n}}}", n % 4))
            .collect();
        let yaml = format!(
            "targets: [{{poll: {{by_list: {by_list}}}, jobs: [{}]}}]",
            jobs.join(",")
        );
        let config = load_text(&yaml).unwrap();
        assert_eq!(config.warnings.len(), warnings, "{:?}", config.warnings);
    }
}

#[test]
fn many_targets_may_share_an_anchor() {
    let others = (1..200).map(|n| format!("- {{name: t{n}, mode: poll, poll: *p}}\n"));
    let yaml: String =
        std::iter::once("targets:\n- {name: t0, mode: poll, poll: &p {interval: 1m}}\n".to_owned())
            .chain(others)
            .collect();
    assert_eq!(load_text(&yaml).unwrap().targets.len(), 200);
}

#[test]
fn anchors_and_merge_keys_are_supported() {
    let config = load_text(
        "targets:\n- {name: a, mode: poll, poll: &p {interval: 1m}}\n- {name: b, mode: poll, poll: {<<: *p, timeout: 1s}}",
    );
    let Mode::PollLists { poll, .. } = &config.unwrap().targets[1].mode else {
        panic!("not polled");
    };
    assert_eq!(
        (poll.interval, poll.timeout),
        (Duration::from_mins(1), Duration::from_secs(1))
    );
}

#[test]
fn more_requests_than_fit_into_an_interval_are_a_warning() {
    let jobs: Vec<_> = (0..200)
        .map(|n| format!("{{namespace: a, name: j{n}}}"))
        .collect();
    let config = load_text(&format!("targets: [{{jobs: [{}]}}]", jobs.join(","))).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings);
    };
    assert_eq!(warning.path(), "targets[0].jobs");
    let expected = "200 jobs at 5 requests per second take 40 s, longer than the interval of 30s";
    assert!(warning.to_string().ends_with(expected), "{warning}");

    let config = load_text("targets: [{namespaces: {include: [a], exclude: [b]}}]").unwrap();
    assert_eq!(
        config.warnings[0].path(),
        "targets[0].namespaces.exclude[0]"
    );
}

#[test]
fn messages_of_huge_files_stay_short() {
    let many = load_text(&format!("targets: [{}]", "{},".repeat(5_000))).unwrap_err();
    assert_eq!(many.problems().len(), 5_000);
    assert!(many.to_string().ends_with("\n  and 4800 more"));
    let long = load_text(&format!("stale_after: \"{}\"", "x".repeat(1 << 20))).unwrap_err();
    assert!(long.to_string().len() < 1000);
    let lines = load_text("\"a\\nb\": 1\nstale_after: \"c\\nd\"")
        .unwrap_err()
        .to_string();
    assert!(lines.contains(": a\\nb: unknown key"), "{lines}");
    assert!(lines.contains("`c\\nd` is not a duration"), "{lines}");
}
