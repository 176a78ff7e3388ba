//! The exporter's own metrics, in both formats.

use super::*;

fn rendered(own: &Own, format: Format) -> String {
    let mut page = BytesMut::new();
    own.render(format, |_| true, &mut page);
    String::from_utf8(page.to_vec()).unwrap()
}

#[test]
fn a_build_tells_its_version_and_revision() {
    let text = rendered(&Own::new("1.2.3", "4f0c1d2"), Format::Text);
    let expected = r#"job_status_exporter_build_info{revision="4f0c1d2",version="1.2.3"} 1"#;
    assert!(text.lines().any(|line| line == expected), "{text}");
}

#[test]
fn a_scrape_is_observed() {
    let own = Own::new("1.2.3", "4f0c1d2");
    own.observe(Duration::from_millis(250));
    own.observe(Duration::from_secs(4));
    for format in [Format::Text, Format::OpenMetrics] {
        let text = rendered(&own, format);
        for expected in [
            r#"scrape_duration_seconds_bucket{le="0.1"} 0"#,
            r#"scrape_duration_seconds_bucket{le="0.25"} 1"#,
            r#"scrape_duration_seconds_bucket{le="1.0"} 1"#,
            r#"scrape_duration_seconds_bucket{le="+Inf"} 2"#,
            "scrape_duration_seconds_sum 4.25",
            "scrape_duration_seconds_count 2",
        ] {
            let expected = format!("\njob_status_exporter_{expected}\n");
            assert!(text.contains(&expected), "{expected} not in {text}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_shown() {
    let own = Own::of_this_process();
    let text = rendered(&own, Format::Text);
    let openmetrics = rendered(&own, Format::OpenMetrics);
    for expected in [
        "# TYPE process_cpu_seconds_total counter\n",
        "# TYPE process_start_time_seconds gauge\n",
        "\nprocess_resident_memory_bytes ",
    ] {
        assert!(text.contains(expected), "{expected} not in {text}");
    }
    let expected = "# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total ";
    assert!(openmetrics.contains(expected), "{openmetrics}");
}
