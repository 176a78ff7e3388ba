//! What configurations mean: defaults, layers, modes, warnings, and the description of it all.

use std::{ffi::OsString, net::SocketAddr, path::Path, time::Duration};

use super::*;

/// Loads `yaml` as a file in a directory of its own, with `variables` (names without the prefix) and `flags`.
fn load_all(
    yaml: &str,
    variables: &[(&str, &str)],
    flags: Flags,
) -> (Result<Settings, Error>, PathBuf) {
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

fn load_text(yaml: &str) -> Result<Settings, Error> {
    load_all(yaml, &[], Flags::default()).0
}

fn load_variables(variables: &[(&str, &str)]) -> Result<Settings, Error> {
    load_all("", variables, Flags::default()).0
}

fn only_target(yaml: &str) -> Target {
    load_text(yaml).unwrap().targets.pop().unwrap()
}

fn named(names: &[&str]) -> Vec<Pattern> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn nothing_means_to_watch_everything_that_kubectl_would_see() {
    let settings = load(&Inputs::default()).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(
        settings.web.listen_addresses,
        ["0.0.0.0:9806".parse().unwrap()]
    );
    assert_eq!(settings.web.telemetry_path, "/metrics");
    assert_eq!(settings.retain_deleted, Duration::from_mins(2));
    assert_eq!(settings.stale_after, Duration::from_mins(10));
    assert_eq!(
        settings.targets,
        [Target {
            name: None,
            endpoint: Endpoint::Kubernetes(Kubernetes {
                kubeconfig: None,
                context: None
            }),
            mode: Mode::Watch(Selection {
                namespaces: Namespaces::default(),
                label_selector: None
            }),
        }]
    );
}

#[test]
fn keys_without_a_value_are_as_good_as_absent() {
    for yaml in [
        "",
        "# nothing\n",
        "web:\nretain_deleted:\nstale_after:\n",
        "web: {listen_address: }",
        "targets: [{}]",
        "targets: [{kubernetes: }]",
        "targets: [{name: , namespaces: , label_selector: , poll: , jobs: }]",
        "targets: [{namespaces: {include: , exclude: }}]",
    ] {
        assert_eq!(load_text(yaml).unwrap(), Settings::default(), "{yaml}");
    }
}

#[test]
fn all_settings_are_taken() {
    let yaml = r#"
        web:
          listen_address: [":9806", "127.0.0.1:9807"]
          telemetry_path: /jobs/metrics
          max_connections: 16
          ready_grace: 0s
          shutdown_timeout: 1m30s
        targets:
          - name: prod
            kubernetes: {kubeconfig: /etc/prod.kubeconfig, context: prod}
            mode: watch
            namespaces: {include: [billing, "etl-*"], exclude: [etl-scratch]}
            label_selector: " tier in (batch, etl) "
          - name: lists
            kubernetes: {kubeconfig: ../lists.kubeconfig}
            mode: poll
            poll: {interval: 1m, timeout: 20s, concurrency: 2, requests_per_second: 0.5}
            namespaces: {include: [a]}
        retain_deleted: 0s
        stale_after: 1h
    "#;
    let (settings, directory) = load_all(yaml, &[], Flags::default());
    let kubeconfig = |path: &Path, context: Option<&str>| {
        let context = context.map(str::to_owned);
        Endpoint::Kubernetes(Kubernetes {
            kubeconfig: Some(path.to_owned()),
            context,
        })
    };
    let expected = Settings {
        web: Web {
            listen_addresses: vec![
                "[::]:9806".parse().unwrap(),
                "127.0.0.1:9807".parse().unwrap(),
            ],
            telemetry_path: "/jobs/metrics".to_owned(),
            max_connections: 16,
            ready_grace: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(90),
        },
        targets: vec![
            Target {
                name: Some("prod".to_owned()),
                endpoint: kubeconfig(Path::new("/etc/prod.kubeconfig"), Some("prod")),
                mode: Mode::Watch(Selection {
                    namespaces: Namespaces {
                        include: named(&["billing", "etl-*"]),
                        exclude: named(&["etl-scratch"]),
                    },
                    label_selector: Some("tier in (batch, etl)".to_owned()),
                }),
            },
            Target {
                name: Some("lists".to_owned()),
                endpoint: kubeconfig(&directory.join("../lists.kubeconfig"), None),
                mode: Mode::PollLists {
                    selection: Selection {
                        namespaces: Namespaces {
                            include: named(&["a"]),
                            exclude: Vec::new(),
                        },
                        label_selector: None,
                    },
                    poll: Poll {
                        interval: Duration::from_mins(1),
                        timeout: Duration::from_secs(20),
                        concurrency: 2,
                        requests_per_second: 0.5,
                    },
                },
            },
        ],
        retain_deleted: Duration::ZERO,
        stale_after: Duration::from_hours(1),
        warnings: Vec::new(),
    };
    assert_eq!(settings.unwrap(), expected);
}

#[test]
fn jobs_alone_mean_to_poll_them() {
    let target = only_target("targets: [{jobs: [{namespace: a, name: b}]}]");
    let job = JobReference {
        namespace: "a".to_owned(),
        name: "b".to_owned(),
    };
    assert_eq!(
        target.mode,
        Mode::PollJobs {
            jobs: vec![job],
            poll: Poll::default()
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
fn many_targets_may_share_an_anchor() {
    let others = (1..200).map(|n| format!("- {{name: t{n}, mode: poll, poll: *p}}\n"));
    let yaml: String =
        std::iter::once("targets:\n- {name: t0, mode: poll, poll: &p {interval: 1m}}\n".to_owned())
            .chain(others)
            .collect();
    assert_eq!(load_text(&yaml).unwrap().targets.len(), 200);
}

#[test]
fn anchors_and_merge_keys_are_understood() {
    let settings = load_text(
        "targets:\n- {name: a, mode: poll, poll: &p {interval: 1m}}\n- {name: b, mode: poll, poll: {<<: *p, timeout: 1s}}",
    );
    let Mode::PollLists { poll, .. } = &settings.unwrap().targets[1].mode else {
        panic!("not polled");
    };
    assert_eq!(
        (poll.interval, poll.timeout),
        (Duration::from_mins(1), Duration::from_secs(1))
    );
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let yaml =
        "web: {listen_address: ':1', telemetry_path: /file, max_connections: 1}\nstale_after: 3m";
    let variables = [
        ("WEB__LISTEN_ADDRESS", ":2"),
        ("WEB__TELEMETRY_PATH", "/variable"),
        ("STALE_AFTER", "4m"),
    ];
    let flags = Flags {
        listen_addresses: vec![":3".to_owned(), ":4".to_owned()],
        telemetry_path: None,
    };
    let settings = load_all(yaml, &variables, flags).0.unwrap();
    let ports: Vec<_> = settings
        .web
        .listen_addresses
        .iter()
        .map(SocketAddr::port)
        .collect();
    assert_eq!(ports, [3, 4]);
    assert_eq!(settings.web.telemetry_path, "/variable");
    assert_eq!(settings.web.max_connections, 1);
    assert_eq!(settings.stale_after, Duration::from_mins(4));
}

#[test]
fn variables_hold_text_numbers_and_lists() {
    let settings = load_variables(&[
        ("WEB__LISTEN_ADDRESS", "[::1]:9806"),
        ("WEB__MAX_CONNECTIONS", "7"),
        (
            "TARGETS",
            "[{name: a, mode: poll, namespaces: {include: [x]}}, {name: b}]",
        ),
    ])
    .unwrap();
    assert_eq!(
        settings.web.listen_addresses,
        ["[::1]:9806".parse().unwrap()]
    );
    assert_eq!(settings.web.max_connections, 7);
    assert_eq!(settings.targets.len(), 2);
    let settings = load_variables(&[("WEB__LISTEN_ADDRESS", "[':1', '[::1]:2']")]).unwrap();
    assert_eq!(settings.web.listen_addresses.len(), 2);
}

#[test]
fn other_variables_are_passed_over() {
    let environment = [
        ("JOB_STATUS_EXPORTER_PORT", "tcp://10.0.0.1:9806"),
        ("PATH", "/bin"),
        ("STALE_AFTER", "x"),
    ];
    let environment = environment
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
    let inputs = Inputs {
        environment,
        ..Inputs::default()
    };
    assert_eq!(load(&inputs).unwrap(), Settings::default());
}

#[test]
fn problems_name_the_file_variable_or_flag() {
    let yaml = "web: {max_connections: none}\nretain_deleted: 1";
    let variables = [("STALE_AFTER", "soon"), ("WEB__LISTEN", ":1")];
    let flags = Flags {
        listen_addresses: vec!["nowhere".to_owned()],
        telemetry_path: Some("metrics".to_owned()),
    };
    let (error, directory) = load_all(yaml, &variables, flags);
    let error = error.unwrap_err().to_string();
    let file = directory.join("exporter.yaml");
    for (origin, path) in [
        (file.to_str().unwrap(), "web.max_connections"),
        (file.to_str().unwrap(), "retain_deleted"),
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
    ] {
        assert!(
            error.contains(&format!("\n  {origin}: {path}: ")),
            "{origin} {path} not in {error}"
        );
    }
    assert!(error.starts_with("6 problems"), "{error}");
}

#[test]
fn variables_that_are_no_keys_are_problems() {
    for (variables, message) in [
        ([("", "1"), ("A__", "1")].as_slice(), "is not a key"),
        (
            &[("WEB", "{}"), ("WEB__LISTEN_ADDRESS", ":1")],
            "is also set in part by JOB_STATUS_EXPORTER__WEB__LISTEN_ADDRESS",
        ),
        (&[("TARGETS__0__NAME", "x")], "must be a list, is a map"),
        (&[("TARGETS", "[{name: x]")], "line 1, column "),
        (&[("NONSENSE", "hunter2")], "unknown key"),
    ] {
        let error = load_variables(variables).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn variables_that_are_not_text_are_problems() {
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

#[test]
fn more_than_an_interval_can_hold_is_a_warning() {
    let jobs: Vec<_> = (0..200)
        .map(|n| format!("{{namespace: a, name: j{n}}}"))
        .collect();
    let settings = load_text(&format!("targets: [{{jobs: [{}]}}]", jobs.join(","))).unwrap();
    let [warning] = settings.warnings.as_slice() else {
        panic!("{:?}", settings.warnings);
    };
    assert_eq!(warning.path(), "targets[0].jobs");
    let expected = "200 jobs at 5 requests per second take 40 s, longer than the interval of 30s";
    assert!(warning.to_string().ends_with(expected), "{warning}");

    let settings = load_text("targets: [{namespaces: {include: [a], exclude: [b]}}]").unwrap();
    assert_eq!(
        settings.warnings[0].path(),
        "targets[0].namespaces.exclude[0]"
    );
}

#[test]
fn the_description_says_what_would_be_watched() {
    let jobs: Vec<_> = (0..12)
        .map(|n| format!("{{namespace: a, name: j{n}}}"))
        .collect();
    let yaml = format!(
        "targets:
- {{name: prod, kubernetes: {{kubeconfig: /p, context: c}}, namespaces: {{include: [b, 'e-*'], exclude: [e-x]}}, label_selector: t=b}}
- {{name: jobs, poll: {{requests_per_second: 0.1}}, jobs: [{}]}}
- {{name: lists, kubernetes: {{context: c}}, mode: poll, namespaces: {{include: [a, b]}}}}",
        jobs.join(",")
    );
    let mut settings = load_text(&yaml).unwrap();
    assert_eq!(settings.warnings.len(), 1);
    settings.warnings.clear();
    assert_eq!(
        describe(&settings),
        "  serves        http://0.0.0.0:9806/metrics
  deleted Jobs  stay for 2m if they had finished
  stale data    is dropped after 10m without contact

target prod
  API           kubeconfig /p, context c
  mode          watch
  namespaces    b, e-*
  leaving out   e-x
  labels        t=b
  needs         the right to list and watch jobs and cronjobs in all namespaces (a ClusterRole)

target jobs
  API           as kubectl finds it: $KUBECONFIG, ~/.kube/config, else the service account of the pod
  mode          poll 12 jobs
                a/j0
                a/j1
                a/j2
                a/j3
                a/j4
                a/j5
                a/j6
                a/j7
                a/j8
                a/j9
                and 2 more
  every         30s, each request at most 10s
  limits        4 requests at a time, 0.1 per second
  needs         the right to get jobs/status in their namespaces

target lists
  API           kubeconfig from $KUBECONFIG or ~/.kube/config, context c
  mode          poll lists
  namespaces    a, b
  every         30s, each request at most 10s
  limits        4 requests at a time, 5 per second
  needs         the right to list jobs and cronjobs in these namespaces (a Role in each)
"
    );
}

#[test]
fn the_description_of_cci_tells_no_secrets_and_no_keys() {
    let cci = |auth| Target {
        name: Some("cci".to_owned()),
        endpoint: Endpoint::Cci(Cci {
            endpoint: http::Uri::from_static("https://cci.example"),
            auth,
        }),
        mode: Mode::Watch(Selection::default()),
    };
    let token = cci(CciAuth::Token {
        iam_endpoint: http::Uri::from_static("https://iam.example"),
        domain: "acme".to_owned(),
        username: "exporter".to_owned(),
        password_file: "/run/secrets/iam".into(),
        project: Project::Name("cn-north-4".to_owned()),
    });
    let key = cci(CciAuth::AccessKey {
        access_key: "AKIA".to_owned(),
        secret_key_file: "/run/secrets/sk".into(),
        project_id: "0123".to_owned(),
        security_token_file: None,
    });
    let settings = Settings {
        targets: vec![token, key],
        ..Settings::default()
    };
    let text = describe(&settings);
    assert!(
        text.contains("https://cci.example/, as exporter of acme in cn-north-4"),
        "{text}"
    );
    assert!(
        text.contains("https://cci.example/, with an access key in 0123"),
        "{text}"
    );
    assert!(!text.contains("AKIA"), "{text}");
}

#[test]
fn the_description_ends_with_the_warnings() {
    let settings = load_text("targets: [{namespaces: {include: [a], exclude: [b]}}]").unwrap();
    let text = describe(&settings);
    let (_, warnings) = text.split_once("\nwarnings\n").unwrap();
    assert!(
        warnings.contains("targets[0].namespaces.exclude[0]: `b` has no effect"),
        "{warnings}"
    );
}
