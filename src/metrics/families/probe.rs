//! The `probe_*` families: how a probe went. They have the names that the blackbox exporter uses.

use std::slice;

use crate::metrics::{
    snapshot::ProbeSnapshot,
    table::{Row, Rows, Table},
};

/// The table of probes.
#[derive(Debug)]
pub(in crate::metrics) enum Probes {}

impl Table for Probes {
    type Section = ProbeSnapshot;
    type Record = ProbeSnapshot;

    const TITLE: &'static str = "Probes";

    const ABOUT: &'static str = "\
Only [`/probe`](probe.md) shows these families, with those of the Job: `batch_job_*`, and `kube_job_*` if they are enabled. They
do not have the label `target`.

- A probe succeeds if the API says what state the Job is in. That it does not exist is such an answer, so `probe_success` is 1 and
  `batch_job_exists` is 0.
- A probe fails if there is no answer in time, if the answer is an error, or if the Job cannot be decoded.";

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "probe_success",
            &[],
            "Whether the state of the probed Job is known: 1 or 0.",
            |probe, out| out.value(probe.success),
        ),
        Row::gauge(
            "probe_duration_seconds",
            &[],
            "How long the probe took, including the wait for the rate limit.",
            |probe, out| out.value(probe.duration.as_secs_f64()),
        ),
    ];

    fn block(section: &ProbeSnapshot, _: usize) -> impl Iterator<Item = &ProbeSnapshot> {
        slice::from_ref(section).iter()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::table::testing::lines;

    #[test]
    fn a_probe_has_a_result_and_a_duration() {
        for (success, expected) in [(true, "probe_success 1"), (false, "probe_success 0")] {
            let probe = ProbeSnapshot {
                success,
                duration: Duration::from_millis(1500),
            };
            assert_eq!(
                lines::<Probes>(&probe),
                [expected, "probe_duration_seconds 1.5"]
            );
        }
    }
}
