//! Processes that exit before they serve: configuration errors, ports in use, `--help`, `--version`, `--config.check`.

use std::net::TcpListener;

use super::{Cluster, Setup};

const NO_PORT: &str = "web: {listen_address: \"127.0.0.1:0\"}\n";

#[tokio::test]
async fn an_invalid_configuration_is_an_error_with_all_its_problems() {
    let cluster = Cluster::start().await;
    let config = format!(
        "{NO_PORT}targets:\n\
         - {{name: good, kubernetes: {{kubeconfig: kubeconfig}}}}\n\
         - {{name: bad, kubernetes: {{kubeconfig: kubeconfig}}, mode: wait, unknown: 1}}\n\
         stale_after: 5\n"
    );
    let setup = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config(&config);
    let (code, stdout, stderr) = setup.argument("--log.level=trace").run_text();
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let mut lines = stderr.lines();
    assert_eq!(lines.next(), Some("error: 3 problems in the configuration"));
    for problem in [
        "4:53: targets[1].mode: ",
        "4:65: targets[1].unknown: ",
        "5:1: stale_after: ",
    ] {
        let problem = format!("/exporter.yaml:{problem}");
        assert!(stderr.contains(&problem), "{problem} is not in {stderr}");
    }
    assert_eq!(cluster.api.requests(), [], "the exporter sent requests");
}

#[test]
fn problems_in_flags_and_variables_are_reported_with_their_source() {
    let setup = Setup::new()
        .argument("--web.listen-address=here")
        .variable("JOB_STATUS_EXPORTER__STALE_AFTER", "soon")
        .variable("JOB_STATUS_EXPORTER__HISTORY__PATH", "")
        .variable("JOB_STATUS_EXPORTER_RETAIN_DELETED", "5m")
        .variable("JOB_STATUS_EXPORTER_PORT", "tcp://10.0.0.1:9806");
    let (code, _, stderr) = setup.run_text();
    assert_eq!(code, Some(2));
    assert!(
        stderr.starts_with("error: 3 problems in the configuration\n"),
        "{stderr}"
    );
    for problem in [
        "  environment variable JOB_STATUS_EXPORTER_RETAIN_DELETED: is not a setting\n",
        "  flag --web.listen-address: web.listen_address[0]: ",
        "  environment variable JOB_STATUS_EXPORTER__STALE_AFTER: stale_after: ",
    ] {
        assert!(stderr.contains(problem), "{problem} is not in {stderr}");
    }
}

#[test]
fn a_missing_configuration_file_is_an_error() {
    let (code, stdout, stderr) = Setup::new()
        .argument("--config.file=/nowhere/exporter.yaml")
        .run_text();
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let expected =
        "error: 1 problem in the configuration\n  /nowhere/exporter.yaml: cannot be read: ";
    assert!(stderr.starts_with(expected), "{stderr}");
}

const KUBECONFIG_HINT: &str = "hint: a target takes `kubernetes.kubeconfig`";

#[tokio::test]
async fn start_and_check_report_all_that_cannot_be_used_in_one_error() {
    let cluster = Cluster::start().await;
    let config = format!(
        "{NO_PORT}targets:\n\
         - {{name: one, kubernetes: {{kubeconfig: absent}}}}\n\
         - {{name: two, kubernetes: {{kubeconfig: kubeconfig}}}}\n\
         - {{name: three, kubernetes: {{kubeconfig: kubeconfig, context: other}}}}\n\
         history: {{path: /nowhere/history.redb}}\n\
         metrics: {{include: [\"kube_*\"]}}\n"
    );
    for check in [false, true] {
        let mut setup = Setup::new()
            .kubeconfig("kubeconfig", &cluster.url(), "{}")
            .config(&config)
            .argument("--log.level=error");
        if check {
            setup = setup.argument("--config.check");
        }
        let (code, stdout, stderr) = setup.run_text();
        assert_eq!(code, Some(2));
        assert_eq!(stdout.contains("\naddresses\n  two "), check, "{stdout}");
        let lines: Vec<_> = stderr.lines().collect();
        assert_eq!(lines.len(), 8, "{stderr}");
        assert_eq!(lines[0], "error: 4 problems prevent the start");
        assert!(lines[1].starts_with("  target one: cannot read the kubeconfig "));
        assert!(lines[1].contains("/absent: "), "{stderr}");
        assert!(lines[2].starts_with("  target three: the kubeconfig "));
        assert!(
            lines[2].ends_with("/kubeconfig has no context `other` (it has `it`)"),
            "{stderr}"
        );
        assert_eq!(
            lines[3],
            "  open history file /nowhere/history.redb: No such file or directory (os error 2)"
        );
        assert_eq!(
            lines[4],
            "  `metrics.include` and `metrics.exclude` leave no metric family: /metrics would be empty"
        );
        assert!(lines[5].starts_with(KUBECONFIG_HINT), "{stderr}");
        assert!(lines[6].starts_with("hint: `history.path` must name a file"));
        assert!(lines[7].starts_with("hint: docs/metrics.md lists the families; `kube_*` needs "));
    }
    assert_eq!(cluster.api.requests(), [], "the exporter sent requests");
}

#[test]
fn the_hint_fits_the_problem_of_a_target() {
    for (server, user, variable, problem, hint) in [
        (
            "https://192.0.2.1",
            "{}",
            "ftp://proxy",
            "HTTPS_PROXY is invalid",
            None,
        ),
        (
            "https://192.0.2.1",
            "{client-certificate: absent.crt, client-key: absent.key}",
            "",
            "absent.crt",
            None,
        ),
        (
            "http://192.0.2.1",
            "{}",
            "",
            "must begin with https://",
            None,
        ),
        (
            "https://192.0.2.1",
            "{}",
            "",
            "has no context `other`",
            Some(KUBECONFIG_HINT),
        ),
    ] {
        let context = if hint.is_some() {
            ", context: other"
        } else {
            ""
        };
        let config = format!("targets: [{{kubernetes: {{kubeconfig: kubeconfig{context}}}}}]\n");
        let setup = Setup::new()
            .kubeconfig("kubeconfig", server, user)
            .config(&config)
            .variable("HTTPS_PROXY", variable)
            .argument("--config.check");
        let (code, _, stderr) = setup.run_text();
        assert_eq!(code, Some(2), "{problem}");
        assert!(stderr.contains(problem), "{problem} is not in {stderr}");
        let expected = hint.map_or(!stderr.contains("hint: "), |hint| stderr.contains(hint));
        assert!(expected, "{stderr}");
    }
}

#[tokio::test]
async fn a_check_prints_warnings_once_and_works_beside_a_running_exporter() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "{NO_PORT}targets: [{{name: prod, kubernetes: {{kubeconfig: kubeconfig}}, namespaces: {{include: [a], exclude: [b]}}}}]\n\
         history: {{path: {:?}}}\n\
         metrics: {{include: [\"batch_*\", \"kube_*\", batch_job_stat]}}\n",
        directory.path().join("history.redb")
    );
    let setup = || {
        Setup::new()
            .kubeconfig("kubeconfig", &cluster.url(), "{}")
            .config(&config)
    };
    let running = setup().start().await;
    let (code, stdout, stderr) = setup().argument("--config.check").run_text();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for warning in [
        "targets[0].namespaces.exclude",
        "metrics.include[1]: `kube_*` has no effect: these families need `metrics.kube_state_metrics.enabled: true`",
        "metrics.include[2]: `batch_job_stat` matches no metric family",
        "metrics: `job_status_exporter_target_up` is not exported",
    ] {
        assert_eq!(stdout.matches(warning).count(), 1, "{warning}: {stdout}");
    }
    running.signal(&["TERM"]);
    let log = running.exit().await;
    let warnings = log.lines();
    let warnings = warnings.iter().filter(|line| line.text("level") == "WARN");
    assert_eq!(warnings.count(), 4, "{:?}", log.log);
}

#[test]
fn without_any_cluster_the_error_lists_the_places_that_were_tried() {
    let (code, _, stderr) = Setup::new()
        .argument("--web.listen-address=127.0.0.1:0")
        .run_text();
    assert_eq!(code, Some(2));
    for part in [
        "error: target default: no cluster found: ",
        "/.kube/config does not exist",
        "and this is no pod (KUBERNETES_SERVICE_HOST is not set)",
        "\nhint: ",
    ] {
        assert!(stderr.contains(part), "{part} is not in {stderr}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_a_hint() {
    let cluster = Cluster::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let setup = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config("targets: [{kubernetes: {kubeconfig: kubeconfig}}]\n")
        .argument(&format!("--web.listen-address={address}"))
        .argument("--log.level=error");
    let (code, stdout, stderr) = setup.run_text();
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        format!(
            "error: bind {address}: address already in use\n\
             hint: stop the process that listens there, or choose another address with --web.listen-address or --web.probe-listen-address\n"
        )
    );
    assert_eq!(cluster.api.requests(), [], "the exporter sent requests");
}

#[tokio::test]
async fn the_final_error_has_the_format_of_the_log() {
    let setup = Setup::new()
        .config("targets: [{kubernetes: {kubeconfig: absent}}]\n")
        .argument("--log.format=json");
    let exited = setup.spawn().exit().await;
    assert_eq!(exited.status.code(), Some(2));
    let lines = exited.lines();
    let last = lines.last().unwrap();
    assert_eq!(last.text("level"), "ERROR");
    let message = last.text("message");
    assert!(message.starts_with("target default: cannot read the kubeconfig "));
    assert!(last.text("hint").contains("kubernetes.kubeconfig"));
}

#[tokio::test]
async fn help_version_and_check_print_to_standard_output_and_start_nothing() {
    let cluster = Cluster::start().await;
    let setup = || {
        Setup::new()
            .kubeconfig("kubeconfig", &cluster.url(), "{}")
            .config("targets: [{name: prod, kubernetes: {kubeconfig: kubeconfig}, namespaces: {include: [billing], exclude: [x]}}]\n")
    };
    let url = format!("{}/", cluster.url());
    for (flag, parts) in [
        ("--version", ["job-status-exporter, version ", "(revision "]),
        (
            "--help",
            ["Usage: job-status-exporter ", "--config.file <FILE>"],
        ),
        ("--config.check", ["target prod\n", url.as_str()]),
    ] {
        let (code, stdout, stderr) = setup().argument(flag).run_text();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{flag}");
        for part in parts {
            assert!(stdout.contains(part), "{part} is not in {stdout}");
        }
    }
    assert_eq!(cluster.api.requests(), [], "the exporter sent requests");
}
