//! Tests of complete log lines.

use std::{io::Write, sync::Arc};

use parking_lot::Mutex;
use tracing::subscriber::with_default;

use crate::cli::LogLevel;

use super::*;

/// Captures the written bytes.
#[derive(Clone, Default)]
struct CapturedOutput(Arc<Mutex<Vec<u8>>>);

impl Write for CapturedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines of `run`, without timestamps.
fn logged(format: LogFormat, level: LogLevel, run: impl FnOnce()) -> Vec<String> {
    let captured = CapturedOutput::default();
    let output = captured.clone();
    let subscriber = subscriber(Log { level, format }, move || output.clone(), false);
    with_default(subscriber, run);
    let bytes = captured.0.lock().clone();
    let without_timestamp = |line: &str| match format {
        LogFormat::Text => line.split_once(' ').unwrap().1.to_owned(),
        LogFormat::Json => {
            let (date, rest) = line
                .strip_prefix(r#"{"timestamp":""#)
                .and_then(|line| line.split_once('"'))
                .unwrap();
            assert!(date.parse::<jiff::Timestamp>().is_ok(), "{date}");
            format!("{{{}", &rest[1..])
        }
    };
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(without_timestamp).collect()
}

#[test]
fn json_has_the_fields_of_spans_and_unique_keys() {
    let lines = logged(LogFormat::Json, LogLevel::Info, || {
        let span = tracing::info_span!("source", target = "prod", attempt = 1);
        let _inside = span.enter();
        let missing: Option<&str> = None;
        let cause: &(dyn std::error::Error + 'static) = &std::fmt::Error;
        tracing::warn!(cause, hint = missing, "target is \"down\"\n\u{1b}[31m");
        tracing::info!(attempt = 2, ratio = 0.5, on = true, odd = f64::NAN, "again");
    });
    assert_eq!(
        lines,
        [
            r#"{"level":"WARN","message":"target is \"down\"\n\u001b[31m","target":"prod","attempt":1,"cause":"an error occurred when formatting an argument"}"#,
            r#"{"level":"INFO","message":"again","target":"prod","attempt":2,"ratio":0.5,"on":true,"odd":null}"#,
        ]
    );
}

#[test]
fn text_has_each_field_once_and_quotes_values_with_blanks() {
    let lines = logged(LogFormat::Text, LogLevel::Info, || {
        let _inside = tracing::info_span!("source", target = "prod", attempt = 1).entered();
        let missing: Option<&str> = None;
        tracing::warn!(hint = missing, "is \"down\"\n\u{1b}[31m");
        tracing::info!(
            target = "test",
            attempt = 2,
            on = true,
            ratio = 0.5,
            "again"
        );
        tracing::info!(
            path = "/a=b",
            empty = "",
            error = "no \"file\"\nhere",
            url = %"https://[::1]:1/x?y",
            list = ?["a"],
            "quoted"
        );
    });
    assert_eq!(
        lines,
        [
            r#" WARN is "down"\n\u{1b}[31m target=prod attempt=1"#,
            r"INFO again target=test attempt=2 on=true ratio=0.5",
            r#"INFO quoted target=prod attempt=1 path="/a=b" empty="" error="no \"file\"\nhere" url=https://[::1]:1/x?y list="[\"a\"]""#,
        ]
        .map(|line| line.replacen("INFO", " INFO", 1))
    );
}

#[test]
fn messages_contain_their_target_at_every_level() {
    for (format, line) in [
        (
            LogFormat::Json,
            r#"{"level":"ERROR","message":"broken","target":"prod"}"#,
        ),
        (LogFormat::Text, "ERROR broken target=prod"),
    ] {
        let lines = logged(format, LogLevel::Error, || {
            let _inside = tracing::info_span!("source", target = "prod").entered();
            tracing::warn!("below the level");
            tracing::error!("broken");
        });
        assert_eq!(lines, [line]);
    }
}

#[test]
fn libraries_log_warnings_and_the_kube_client_only_at_trace() {
    let run = || {
        tracing::info!(target: "hyper", "chatter");
        tracing::warn!(target: "hyper", "trouble");
        tracing::error!(target: "kube_client::client", "failed");
    };
    let lines = logged(LogFormat::Text, LogLevel::Debug, run);
    assert_eq!(lines, [" WARN trouble"]);
    let lines = logged(LogFormat::Text, LogLevel::Trace, run);
    assert_eq!(lines, [" WARN trouble", "ERROR failed"]);
}
