//! The families about this process: its build, its scrapes and its resources.

use crate::{
    metrics::{
        registry::ProcessSnapshot,
        table::{Row, Rows, Table},
    },
    model::Shard,
};

/// The table of this process.
#[derive(Debug)]
pub(in crate::metrics) enum Process {}

impl Table for Process {
    type Section = ProcessSnapshot;
    type Record = ProcessSnapshot;

    const TITLE: &'static str = "The exporter itself";

    const ABOUT: &'static str = "\
The exporter process. These families do not have the label `target`. `job_status_exporter_scrape_duration_seconds` covers
complete scrapes; it excludes compression and sending. `job_status_exporter_config_last_reload_successful` is 1 after a start,
because the exporter does not start with an invalid configuration. Later it is 0 while a file on disk is not in force because it is
invalid: the configuration, the web configuration file, or a certificate. The families `process_*` exist on Linux only.";

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "job_status_exporter_build_info",
            &["revision", "version"],
            "Always 1, with the version and the revision of the exporter.",
            |process, out| out.sample(&[&process.revision, &process.version], 1),
        ),
        Row::gauge(
            "job_status_exporter_config_last_reload_success_timestamp_seconds",
            &[],
            "When the configuration was last loaded without an error, at the start or by a reload.",
            |process, out| out.value(process.config_loaded),
        ),
        Row::gauge(
            "job_status_exporter_config_last_reload_successful",
            &[],
            "Whether the last attempt to load the configuration was without an error.",
            |process, out| out.value(process.config_successful),
        ),
        Row::counter(
            "job_status_exporter_events_dropped_total",
            &[],
            "Events that were dropped because standard output was closed or not read in time, or because too many waited for the history.",
            |process, out| out.value(process.dropped_events),
        ),
        Row::counter(
            "job_status_exporter_log_lines_dropped_total",
            &[],
            "Log lines that were dropped because standard error was closed or not read in time.",
            |process, out| out.value(process.dropped_log_lines),
        ),
        Row::histogram(
            "job_status_exporter_scrape_duration_seconds",
            &[],
            "How long it took to render a scrape.",
            |process, out| {
                let durations = &process.scrape_durations;
                let buckets = durations.buckets.iter().copied();
                out.histogram(&[], buckets, durations.count, durations.sum);
            },
        ),
        Row::gauge(
            "job_status_exporter_shard",
            &[],
            "Number of this shard, from 0; absent without sharding.",
            |process, out| out.value(process.shard.map(Shard::index)),
        ),
        Row::gauge(
            "job_status_exporter_shards",
            &[],
            "How many shards divide the namespaces among them; absent without sharding.",
            |process, out| out.value(process.shard.map(Shard::shards)),
        ),
        Row::counter(
            "process_cpu_seconds_total",
            &[],
            "Total user and system CPU time spent in seconds.",
            |process, out| out.value(process.cpu_seconds),
        ),
        Row::gauge(
            "process_max_fds",
            &[],
            "Maximum number of open file descriptors.",
            |process, out| out.value(process.max_fds),
        ),
        Row::gauge(
            "process_open_fds",
            &[],
            "Number of open file descriptors.",
            |process, out| out.value(process.open_fds),
        ),
        Row::gauge(
            "process_resident_memory_bytes",
            &[],
            "Resident memory size in bytes.",
            |process, out| out.value(process.resident_memory),
        ),
        Row::gauge(
            "process_start_time_seconds",
            &[],
            "Start time of the process since unix epoch in seconds.",
            |process, out| out.value(process.start_time),
        ),
        Row::gauge(
            "process_threads",
            &[],
            "Number of OS threads in the process.",
            |process, out| out.value(process.threads),
        ),
        Row::gauge(
            "process_virtual_memory_bytes",
            &[],
            "Virtual memory size in bytes.",
            |process, out| out.value(process.virtual_memory),
        ),
    ];

    fn block(section: &ProcessSnapshot, _: usize) -> impl Iterator<Item = &ProcessSnapshot> {
        std::iter::once(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        example, format::Format, registry::ScrapeDurations, table::testing::section_lines,
    };

    #[test]
    fn a_process_is_shown_in_both_formats() {
        let process = ProcessSnapshot {
            scrape_durations: ScrapeDurations {
                buckets: vec![(0.25, 1), (1.0, 1)],
                count: 2,
                sum: 4.25,
            },
            ..example::process()
        };
        let expected = r#"
job_status_exporter_build_info{revision="1f0c9ab",version="0.1.0"} 1
job_status_exporter_config_last_reload_success_timestamp_seconds 1795443600.5
job_status_exporter_config_last_reload_successful 1
job_status_exporter_events_dropped_total 3
job_status_exporter_log_lines_dropped_total 12
job_status_exporter_scrape_duration_seconds_bucket{le="0.25"} 1
job_status_exporter_scrape_duration_seconds_bucket{le="1.0"} 1
job_status_exporter_scrape_duration_seconds_bucket{le="+Inf"} 2
job_status_exporter_scrape_duration_seconds_sum 4.25
job_status_exporter_scrape_duration_seconds_count 2
job_status_exporter_shard 2
job_status_exporter_shards 4
process_cpu_seconds_total 42
process_max_fds 1048576
process_open_fds 17
process_resident_memory_bytes 58720256
process_start_time_seconds 1795443600
process_threads 4
process_virtual_memory_bytes 136314880
"#;
        let expected: Vec<&str> = expected.trim().lines().collect();
        for format in [Format::Text, Format::OpenMetrics] {
            assert_eq!(section_lines::<Process>(format, &process), expected);
        }
    }

    #[test]
    fn a_value_that_the_platform_does_not_provide_is_absent() {
        let process = ProcessSnapshot {
            open_fds: None,
            ..example::process()
        };
        let lines = section_lines::<Process>(Format::Text, &process);
        assert!(!lines.iter().any(|line| line.contains("open_fds")));
    }
}
