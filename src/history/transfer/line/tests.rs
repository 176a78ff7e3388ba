//! Lines that are valid, and lines that are not.

use super::*;

/// A workload with a run and with these fields.
fn workload(fields: &str) -> String {
    let totals = Totals {
        succeeded: 1,
        ..Totals::new(7)
    };
    let totals = serde_json::to_string(&totals).unwrap();
    format!(
        r#"{{"workload":{{"target":"prod","namespace":"reports","kind":"cronjob","name":"nightly",{fields}"totals":{totals}}}}}"#
    )
}

fn run(fields: &str) -> String {
    format!(
        r#"{{"run":{{"target":"","namespace":"reports","kind":"cronjob","name":"nightly","uid":"u","job":"nightly-1",{fields}"result":"succeeded","succeeded_pods":1,"failed_pods":0,"counted":true}}}}"#
    )
}

#[test]
fn a_line_is_the_same_after_it_was_read_and_written() {
    let lines = [
        r#"{"target":{"name":"prod","since":1795000000,"seen":1795000100}}"#.to_owned(),
        r#"{"end":{"targets":1,"workloads":2,"runs":3}}"#.to_owned(),
        workload(""),
        workload(r#""left":1795000000,"departure":"deletion","#),
        workload(r#""bounds":{"run_duration":[60.0],"start_delay":[1.5]},"#),
        run(""),
        run(r#""due":1795000000,"manual":true,"created":1,"start":2,"end":3,"#),
    ];
    for line in lines {
        let rewritten = Line::parse(&line).map(|_| rewrite(&line));
        assert_eq!(rewritten, Ok(Some(line)));
    }
    // Fields of later versions are ignored.
    let more = run(r#""mood":"good","#);
    assert_eq!(rewrite(&more), Some(run("")));
}

#[test]
fn a_workload_that_left_has_a_departure() {
    let rewritten = rewrite(&workload(r#""left":1795000000,"#)).unwrap();
    assert!(
        rewritten.contains(r#""left":1795000000,"departure":"cleanup""#),
        "{rewritten}"
    );
}

#[test]
fn invalid_lines_say_what_is_wrong() {
    let long = "x".repeat(MAX_NAME + 1);
    let cases = [
        ("null".to_owned(), "expected value"),
        ("{}".to_owned(), "expected value"),
        (r#"{"run":{}"#.to_owned(), "EOF while parsing"),
        (r#"{"run":{}}"#.to_owned(), "missing field `target`"),
        (r#"{"run":{},"end":{}}"#.to_owned(), "expected value"),
        (r#"{"pod":{}}"#.to_owned(), "unknown variant `pod`"),
        (
            r#"{"target":{"name":"prod"}}"#.to_owned(),
            "missing field `since`",
        ),
        (
            r#"{"target":{"name":"prod","since":-1,"seen":1}}"#.to_owned(),
            "the time -1 is not between 1970 and 9999",
        ),
        (
            run(r#""end":9223372036854775807,"#),
            "the time 9223372036854775807 is not",
        ),
        (run(r#""end":"now","#), "invalid type"),
        (
            run("").replace("\"u\"", &format!("\"{long}\"")),
            "`uid` has more than 500 bytes",
        ),
        (
            run("").replace("reports", "a\\u0000b"),
            "`namespace` has a control character",
        ),
        (
            run("").replace("nightly-1", "a\\nb"),
            "`job` has a control character",
        ),
        (run("").replace("succeeded\"", "fine\""), "unknown variant"),
        (
            workload("").replace("\"succeeded\":1", "\"succeeded\":18446744073709551615"),
            "a count of `totals` is too large",
        ),
        (
            workload("").replacen("[]", "[1,18446744073709551615]", 1),
            "a count of `totals` is too large",
        ),
        (
            workload("").replacen("\"count\":0", "\"count\":18446744073709551615", 1),
            "a count of `totals` is too large",
        ),
        (
            workload("").replacen("\"latest\":[]", "\"latest\":[[1,1,1]]", 1),
            "is less than the runs that it counts",
        ),
        (
            workload(r#""schedule":{"missed":18446744073709551615},"#),
            "a count of `schedule` is too large",
        ),
    ];
    for (line, expected) in cases {
        let problem = Line::parse(&line).expect_err(&line);
        assert!(problem.contains(expected), "{line}: {problem}");
        assert!(!problem.contains("at line"), "{problem}");
        assert_eq!(rewrite(&line), None);
    }
}

#[test]
fn another_format_is_refused() {
    for (line, expected) in [
        (
            r#"{"format":2,"limits":{}}"#,
            "has format 2, and this version of the exporter knows format 1",
        ),
        (r#"{"format":0}"#, "has format 0"),
        ("{}", "is not the first line of an export"),
        ("a: b", "is not the first line of an export"),
        (r#"{"format":1}"#, "missing field `bounds`"),
    ] {
        let problem = Header::parse(line).expect_err(line);
        assert!(problem.contains(expected), "{line}: {problem}");
    }
}
