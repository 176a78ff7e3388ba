//! The parameters of a probe.

use super::*;

fn parse(query: &str, timeouts: &[&str]) -> Result<ProbeRequest, String> {
    let mut request = Request::builder().uri(format!("/probe{query}"));
    for timeout in timeouts {
        request = request.header("X-Prometheus-Scrape-Timeout-Seconds", *timeout);
    }
    let request = request.body(()).unwrap();
    ProbeRequest::parse(&request).map_err(|error| error.to_string())
}

#[test]
fn a_probe_has_a_namespace_a_job_and_perhaps_a_target() {
    for (query, expected) in [
        (
            "?target=prod&namespace=etl&job=load",
            ("prod", "etl", "load"),
        ),
        ("?job=load.1&namespace=etl", ("", "etl", "load.1")),
        ("?&job=load&&namespace=etl&", ("", "etl", "load")),
        ("?%6Aob=%6Coad&namespace=etl", ("", "etl", "load")),
    ] {
        let request = parse(query, &[]).unwrap();
        let found = (
            request.target.as_deref().unwrap_or_default(),
            &*request.job.namespace,
            &*request.job.name,
        );
        assert_eq!(found, expected, "{query}");
        assert_eq!(request.timeout, None);
    }
}

#[test]
fn each_wrong_parameter_is_named() {
    for (query, expected) in [
        ("", "parameter `namespace` is missing"),
        ("?job=load", "parameter `namespace` is missing"),
        ("?namespace=etl", "parameter `job` is missing"),
        ("?namespace=etl&job", "parameter `job` is empty"),
        ("?namespace=etl&job=", "parameter `job` is empty"),
        (
            "?target=&namespace=etl&job=load",
            "parameter `target` is empty",
        ),
        (
            "?namespace=etl&job=a&job=b",
            "parameter `job` is there twice",
        ),
        ("?target=a&%74arget=a", "parameter `target` is there twice"),
        ("?name=load", "parameter `name` is unknown"),
        ("?Job=load", "parameter `Job` is unknown"),
        ("?%0a=load", "parameter `\\n` is unknown"),
        ("?namespace=etl&job=%ff", "parameter `job` is not UTF-8"),
        (
            "?namespace=e/tl&job=load",
            "`e/tl` is not a valid namespace",
        ),
        (
            "?namespace=etl&job=..%2Fsecrets",
            "`../secrets` is not a valid Job name",
        ),
        ("?namespace=etl&job=a+b", "`a+b` is not a valid Job name"),
    ] {
        let error = parse(query, &[]).unwrap_err();
        assert!(error.starts_with(expected), "{query}: {error}");
    }
}

#[test]
fn the_timeout_of_a_scrape_leaves_a_margin() {
    for (header, milliseconds) in [
        ("10", 9500),
        ("10.5", 10_000),
        ("1", 500),
        ("0.5", 250),
        ("0.2", 100),
        ("1e1", 9500),
        (" 3 ", 2500),
    ] {
        let request = parse("?namespace=etl&job=load", &[header]).unwrap();
        let expected = Duration::from_millis(milliseconds);
        assert_eq!(request.timeout, Some(expected), "{header}");
    }
    let request = parse("?namespace=etl&job=load", &["1e300"]).unwrap();
    assert_eq!(request.timeout, Some(Duration::MAX));
}

#[test]
fn an_invalid_timeout_is_an_error() {
    for headers in [
        &["0"][..],
        &["-1"],
        &["NaN"],
        &["inf"],
        &["10s"],
        &[""],
        &["5", "5"],
    ] {
        let error = parse("?namespace=etl&job=load", headers).unwrap_err();
        assert!(
            error.contains("Scrape-Timeout-Seconds"),
            "{headers:?}: {error}"
        );
    }
}
