//! What `/probe` may ask of a target.

use super::*;

#[test]
fn probes_of_any_job_are_allowed_in_every_mode_and_have_the_limits_of_polls() {
    let limits = "timeout: 2s, requests_per_second: 3";
    for (mode, any) in [
        (
            format!("mode: watch, poll: {{probe_any: true, {limits}}}"),
            true,
        ),
        (
            format!("mode: poll, poll: {{probe_any: true, {limits}}}"),
            true,
        ),
        (format!("mode: poll, poll: {{{limits}}}"), false),
        (
            format!("jobs: [{{namespace: a, name: b}}], poll: {{probe_any: false, {limits}}}"),
            false,
        ),
    ] {
        let expected = ProbeConfig {
            any,
            timeout: Duration::from_secs(2),
            requests_per_second: 3.0,
        };
        let target = only_target(&format!("targets: [{{{mode}}}]"));
        assert_eq!(target.probes, expected, "{mode}");
    }
}

#[test]
fn a_job_that_no_api_can_have_is_no_job() {
    assert!(JobReference::parse("etl", "nightly.1").is_ok());
    for (namespace, name, expected) in [
        ("etl.x", "load", "`etl.x` is not a valid namespace"),
        ("", "load", "`` is not a valid namespace"),
        ("etl", "lo/ad", "`lo/ad` is not a valid Job name"),
        ("etl", "a\nb", "`a\\nb` is not a valid Job name"),
    ] {
        let error = JobReference::parse(namespace, name).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
