//! Tests of complete log lines.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::subscriber::with_default;

use crate::cli::LogLevel;

use super::*;

/// The log lines of `run`, without timestamps.
fn logged(format: LogFormat, level: LogLevel, run: impl FnOnce()) -> Vec<String> {
    logged_with_handle(format, level, |_| run())
}

/// As [`logged`], for a `run` that changes the level.
fn logged_with_handle(
    format: LogFormat,
    level: LogLevel,
    run: impl FnOnce(LogLevelHandle),
) -> Vec<String> {
    let line = LineFormat {
        format,
        colors: false,
    };
    let captured = Arc::new(Mutex::new(String::new()));
    let output = captured.clone();
    let (subscriber, handle) = subscriber(Log { level, format }, line, move |line| {
        output.lock().push_str(&line);
    });
    with_default(subscriber, || run(handle));
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
    let text = captured.lock();
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
fn another_level_applies_at_once_and_spans_stay() {
    let lines = logged_with_handle(LogFormat::Text, LogLevel::Info, |handle| {
        let _inside = tracing::info_span!("source", target = "prod").entered();
        for level in [LogLevel::Info, LogLevel::Debug, LogLevel::Warn] {
            handle.set(level);
            tracing::debug!("detail");
            tracing::info!("news");
            tracing::warn!("trouble");
        }
    });
    let expected = [
        " INFO news",
        " WARN trouble",
        "DEBUG detail",
        " INFO news",
        " WARN trouble",
        " WARN trouble",
    ];
    assert_eq!(lines, expected.map(|line| format!("{line} target=prod")));
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

#[test]
fn no_value_can_forge_a_line_or_change_the_terminal() {
    let cases = [
        ("a\nb", r"a\nb", r"a\nb"),
        ("a\r\u{85}b", r"a\r\u{85}b", r"a\r\u0085b"),
        (
            "\u{1b}[2J\u{9b}2J",
            r"\u{1b}[2J\u{9b}2J",
            r"\u001b[2J\u009b2J",
        ),
        (
            "\0\u{7}\u{8}\u{7f}",
            r"\0\u{7}\u{8}\u{7f}",
            r"\u0000\u0007\b\u007f",
        ),
        ("\u{2028}\u{2029}", r"\u{2028}\u{2029}", r"\u2028\u2029"),
        (
            "\u{202e}\u{2066}\u{200f}",
            r"\u{202e}\u{2066}\u{200f}",
            r"\u202e\u2066\u200f",
        ),
        ("\u{200b}\u{feff}", r"\u{200b}\u{feff}", r"\u200b\ufeff"),
        ("\u{e0041}", r"\u{e0041}", r"\udb40\udc41"),
        ("Grüße 世界 🦀", "Grüße 世界 🦀", "Grüße 世界 🦀"),
    ];
    for (value, text, json) in cases {
        let log = |format| {
            logged(format, LogLevel::Info, || {
                let _inside = tracing::info_span!("source", span = %value).entered();
                let error: Box<dyn std::error::Error> = value.into();
                tracing::info!(string = value, display = %value, debug = ?value, error, "{value}");
            })
        };
        let quoted = format!("\"{text}\"");
        // Debug output is quoted and escaped already.
        let debug = format!("{value:?}");
        let value = if text.contains(['\\', ' ']) {
            &quoted
        } else {
            text
        };
        let expected = format!(
            " INFO {text} span={value} string={value} display={value} debug={debug:?} error={value}"
        );
        assert_eq!(log(LogFormat::Text), [expected]);
        let [line] = &log(LogFormat::Json)[..] else {
            panic!("more than one line for {value}");
        };
        for name in ["message", "span", "string", "display", "error"] {
            assert!(line.contains(&format!(r#""{name}":"{json}""#)), "{line}");
        }
    }
}

#[test]
fn long_values_are_cut_at_a_character() {
    for length in [4096, 4097, 1_000_000] {
        let value = "é".repeat(length / 2) + &"x".repeat(length % 2);
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = logged(format, LogLevel::Info, || {
                let parts = [value.as_str(), "more"];
                tracing::info!(string = value, display = %value, "{}{}", parts[0], parts[1]);
            });
            let kept = "é".repeat(2048);
            let cut = format!("{kept}... ({length} bytes)");
            assert_eq!(
                lines[0].matches(&cut).count(),
                usize::from(length > 4096) * 2
            );
            let message = format!("{kept}... ({} bytes)", length + 4);
            assert_eq!(lines[0].matches(&message).count(), 1);
            assert!(!lines[0].contains("more"));
        }
    }
}
