//! Tests of flags and their variables.

use super::*;

fn read(arguments: &[&str]) -> Result<Arguments, clap::Error> {
    Arguments::read([&["job-status-exporter"], arguments].concat())
}

#[test]
fn the_clap_definition_is_valid() {
    Arguments::command().debug_assert();
}

#[test]
fn all_arguments_are_optional() {
    let arguments = read(&[]).unwrap();
    assert_eq!(arguments.command, None);
    assert_eq!(arguments.export, Export::default());
    let log = arguments.log.resolve(|_| None).unwrap();
    assert_eq!((log.level, log.format), (LogLevel::Info, LogFormat::Text));
}

#[test]
fn all_flags_are_parsed() {
    let arguments = read(&[
        "--config.file=exporter.yaml",
        "--config.check",
        "--web.config.file=web.yaml",
        "--web.listen-address",
        ":9806",
        "--web.listen-address=[::1]:80",
        "--web.systemd-socket",
        "--web.probe-listen-address=:9807",
        "--web.telemetry-path=/m",
        "--web.external-url=https://host/jobs/",
        "--web.route-prefix=/",
        "--web.enable-lifecycle",
        "--config.auto-reload",
        "--log.level=debug",
        "--log.format",
        "json",
    ])
    .unwrap();
    assert_eq!(
        arguments.export,
        Export {
            config_file: Some("exporter.yaml".into()),
            config_check: true,
            auto_reload: true,
            web_config_file: Some("web.yaml".to_owned()),
            listen_addresses: vec![":9806".to_owned(), "[::1]:80".to_owned()],
            systemd_socket: true,
            probe_listen_address: Some(":9807".to_owned()),
            telemetry_path: Some("/m".to_owned()),
            external_url: Some("https://host/jobs/".to_owned()),
            route_prefix: Some("/".to_owned()),
            enable_lifecycle: true,
        }
    );
    assert_eq!(
        arguments.log,
        LogFlags {
            level: Some(LogLevel::Debug),
            format: Some(LogFormat::Json)
        }
    );
}

#[test]
fn the_history_is_exported_and_imported() {
    let command = |arguments: &[&str]| read(&[&["history"], arguments].concat()).unwrap().command;
    let flags = |file: Option<&str>| HistoryFlags {
        config_file: file.map(Into::into),
    };
    let export = HistoryCommand::Export(flags(Some("exporter.yaml")));
    assert_eq!(
        command(&["export", "--config.file=exporter.yaml"]),
        Some(Command::History(export))
    );
    for (arguments, file, path) in [
        (&["import"][..], "-", None),
        (&["import", "-"], "-", None),
        (
            &["import", "a.jsonl"],
            "a.jsonl",
            Some(Path::new("a.jsonl")),
        ),
    ] {
        let import = HistoryImport {
            flags: flags(None),
            file: file.into(),
        };
        assert_eq!(import.path(), path);
        let import = HistoryCommand::Import(import);
        assert_eq!(command(arguments), Some(Command::History(import)));
    }
    assert!(read(&["history"]).is_err());
    assert!(read(&["history", "export", "a.jsonl"]).is_err());
}

#[test]
fn the_demo_has_its_own_flags_and_shares_the_log_flags() {
    for arguments in [
        ["demo", "--log.level", "debug"],
        ["--log.level", "debug", "demo"],
    ] {
        let arguments = read(&arguments).unwrap();
        assert_eq!(arguments.log.level, Some(LogLevel::Debug));
        let Some(Command::Demo(demo)) = arguments.command else {
            panic!("the command is not `demo`");
        };
        assert_eq!(demo.listen_addresses, ["127.0.0.1:9806"]);
        assert!(!demo.cci);
    }
    let arguments = read(&[
        "demo",
        "--cci",
        "--web.listen-address",
        ":1",
        "--web.listen-address",
        ":2",
    ])
    .unwrap();
    assert_eq!(
        arguments.command,
        Some(Command::Demo(Demo {
            cci: true,
            listen_addresses: vec![":1".to_owned(), ":2".to_owned()]
        }))
    );
}

fn read_schedule(arguments: &[&str]) -> ScheduleFlags {
    match read(arguments).unwrap().command {
        Some(Command::Schedule(flags)) => flags,
        command => panic!("{command:?} is not `schedule`"),
    }
}

#[test]
fn the_command_schedule_has_its_own_flags() {
    let flags = read_schedule(&["--log.level=debug", "schedule", "15 2 * * *"]);
    assert_eq!(
        flags,
        ScheduleFlags {
            schedule: "15 2 * * *".to_owned(),
            time_zone: None,
            from: None,
            count: 10,
            output: OutputFormat::Table,
        }
    );
    let flags = read_schedule(&[
        "schedule",
        "--time-zone=Asia/Tokyo",
        "--from=2026-03-28",
        "--count=1000",
        "--output=json",
        "@daily",
    ]);
    assert_eq!(
        flags,
        ScheduleFlags {
            schedule: "@daily".to_owned(),
            time_zone: Some("Asia/Tokyo".to_owned()),
            from: Some(StartTime::Date(jiff::civil::date(2026, 3, 28))),
            count: 1000,
            output: OutputFormat::Json,
        }
    );
}

fn read_status(arguments: &[&str]) -> Result<StatusFlags, clap::Error> {
    match read(&[&["status"], arguments].concat())?.command {
        Some(Command::Status(flags)) => Ok(flags),
        command => panic!("{command:?} is not `status`"),
    }
}

#[test]
fn the_command_status_has_its_own_flags() {
    let flags = read_status(&[
        "--config.file=exporter.yaml",
        "--target=prod",
        "--namespace=etl",
        "--workload=load",
        "--output=json",
        "--timeout=90s",
    ]);
    assert_eq!(
        flags.unwrap(),
        StatusFlags {
            config_file: Some("exporter.yaml".into()),
            target: Some("prod".to_owned()),
            kubeconfig: None,
            context: None,
            namespace: Some("etl".to_owned()),
            workload: Some("load".to_owned()),
            output: OutputFormat::Json,
            wait: None,
            timeout: Some(std::time::Duration::from_secs(90)),
        }
    );
    let flags = read_status(&["--wait=load-1", "--namespace=etl"]).unwrap();
    assert_eq!(flags.wait.as_deref(), Some("load-1"));
    assert_eq!(
        flags
            .inputs(LogFlags {
                level: None,
                format: None
            })
            .file,
        None
    );
}

#[test]
fn as_a_plugin_of_kubectl_it_is_the_command_status() {
    for name in [
        "kubectl-job_status",
        "/usr/local/bin/kubectl-job_status",
        "kubectl-job_status.exe",
    ] {
        let arguments = [name, "-n", "reports", "--context=prod", "--kubeconfig", "k"];
        let arguments = Arguments::read(arguments).unwrap();
        let Some(Command::Status(flags)) = arguments.command else {
            panic!("{name} is not `status`");
        };
        assert_eq!(flags.namespace.as_deref(), Some("reports"));
        assert_eq!(flags.context.as_deref(), Some("prod"));
        assert_eq!(flags.kubeconfig, Some("k".into()));
    }
    let flags = Arguments::read(["kubectl-job_status", "--log.level=debug"]).unwrap();
    assert_eq!(flags.log.level, Some(LogLevel::Debug));
    for other in ["kubectl", "kubectl-job_status2", "job-status-exporter", ""] {
        assert_eq!(Arguments::read([other]).unwrap().command, None, "{other}");
    }
}

#[test]
fn the_usage_is_that_of_the_name_that_was_called() {
    for (arguments, usage) in [
        (
            &["kubectl-job_status", "--help"][..],
            "Usage: kubectl job-status [OPTIONS]",
        ),
        (
            &["job-status-exporter", "status", "--help"],
            "Usage: job-status-exporter status [OPTIONS]",
        ),
    ] {
        let help = Arguments::read(arguments).unwrap_err();
        assert_eq!(help.exit_code(), 0);
        assert!(help.to_string().contains(usage), "{help}");
    }
    let error = Arguments::read(["kubectl-job_status", "reports"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("Usage: kubectl job-status"),
        "{error}"
    );
}

#[test]
fn a_configuration_says_which_cluster_is_read() {
    for flag in ["--kubeconfig=k", "--context=c"] {
        let error = read_status(&["--config.file=exporter.yaml", flag]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{flag}");
    }
}

#[test]
fn a_wait_is_for_one_job_of_one_namespace() {
    for wrong in [
        &["--wait=a"][..],
        &["--wait=a", "--namespace=b", "--workload=c"],
        &["--wait=a", "--namespace=b", "--output=json"],
        &["--timeout=0s"],
        &["--timeout=soon"],
    ] {
        let error = read_status(wrong).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn the_start_is_a_date_or_a_time_with_an_offset() {
    let noon = StartTime::Time("2026-03-28T11:00:00Z".parse().unwrap());
    for text in ["2026-03-28T12:00:00+01:00", "2026-03-28T11:00:00Z"] {
        assert_eq!(text.parse(), Ok(noon), "{text}");
    }
    for text in [
        "",
        "tomorrow",
        "1774695600",
        "2026-02-29",
        "2026-3-8",
        "2026-03-28T12:00",
        "2026-03-28T12:00:00",
    ] {
        assert_eq!(text.parse::<StartTime>(), Err(InvalidStartTime), "{text}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_help_and_version_with_0() {
    for wrong in [
        ["--config"].as_slice(),
        &["--log.level", "loud"],
        &["exporter.yaml"],
        &["demo", "--config.file", "x"],
        &["--config.file", "x", "demo"],
        &["--web.listen-address", ":1", "demo"],
        &["--config.file"],
        &["schedule"],
        &["schedule", "15", "2"],
        &["schedule", "@daily", "--count=0"],
        &["schedule", "@daily", "--count=1001"],
        &["schedule", "@daily", "--from=soon"],
        &["--config.check", "schedule", "@daily"],
        &["completions"],
        &["completions", "tcsh"],
    ] {
        assert_eq!(read(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
    for flag in ["--help", "--version"] {
        assert_eq!(read(&[flag]).unwrap_err().exit_code(), 0, "{flag}");
    }
}

#[test]
fn the_version_has_the_format_of_exporters() {
    let text = read(&["--version"]).unwrap_err().to_string();
    let revision = text
        .strip_prefix(concat!(
            "job-status-exporter, version ",
            env!("CARGO_PKG_VERSION"),
            " (revision "
        ))
        .and_then(|rest| rest.strip_suffix(")\n"));
    assert!(
        revision.is_some_and(|revision| !revision.is_empty()),
        "{text}"
    );
}

#[test]
fn flags_of_logs_override_the_environment() {
    let with = |arguments: &[&str], level: &str, format: &str| {
        let variable = |name: &str| match name {
            "JOB_STATUS_EXPORTER__LOG__LEVEL" => Some(OsString::from(level)),
            "JOB_STATUS_EXPORTER__LOG__FORMAT" => Some(OsString::from(format)),
            _ => None,
        };
        read(arguments)?.log.resolve(variable)
    };
    let log = |level, format| Log { level, format };
    for (arguments, level, format, expected) in [
        (
            [].as_slice(),
            "debug",
            "json",
            log(LogLevel::Debug, LogFormat::Json),
        ),
        (&[], "", "", Log::default()),
        (
            &["--log.level=warn", "--log.format=text"],
            "debug",
            "json",
            log(LogLevel::Warn, LogFormat::Text),
        ),
        (
            &["--log.level=warn"],
            "loud",
            "json",
            log(LogLevel::Warn, LogFormat::Json),
        ),
    ] {
        let found = with(arguments, level, format).unwrap();
        assert_eq!(found, expected, "{arguments:?} {level} {format}");
    }
    let error = with(&[], "loud", "").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let expected = "environment variable JOB_STATUS_EXPORTER__LOG__LEVEL: `loud` is not one of error, warn, info, debug, trace";
    assert!(error.to_string().contains(expected), "{error}");
}
