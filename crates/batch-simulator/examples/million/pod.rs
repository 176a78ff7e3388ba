//! The status of a pod.

use super::{
    cluster::Job,
    object::{put, time},
};

/// Appends the status of a pod, which is running or failed: it is still there because its Job is.
pub(crate) fn pod_status(job: &Job, out: &mut Vec<u8>) {
    let (phase, ready) = match job.ended {
        None => ("Running", "True"),
        Some(_) => ("Failed", "False"),
    };
    put(
        out,
        format_args!("{{\"phase\":\"{phase}\",\"conditions\":["),
    );
    for (separator, kind, status) in [
        ("", "PodReadyToStartContainers", ready),
        (",", "Initialized", "True"),
        (",", "Ready", ready),
        (",", "ContainersReady", ready),
        (",", "PodScheduled", "True"),
    ] {
        put(
            out,
            format_args!(
                "{separator}{{\"type\":\"{kind}\",\"status\":\"{status}\",\"lastProbeTime\":null,\"lastTransitionTime\":\""
            ),
        );
        time(job.started, out);
        out.extend_from_slice(b"\"}");
    }
    out.extend_from_slice(b"],\"hostIP\":\"10.0.0.7\",\"podIP\":\"10.1.2.3\",\"startTime\":\"");
    time(job.started, out);
    out.extend_from_slice(b"\",\"containerStatuses\":[{\"name\":\"main\",\"state\":{");
    match job.ended {
        None => {
            out.extend_from_slice(b"\"running\":{\"startedAt\":\"");
            time(job.started, out);
            out.extend_from_slice(b"\"}");
        }
        Some(ended) => {
            out.extend_from_slice(
                b"\"terminated\":{\"exitCode\":1,\"reason\":\"Error\",\"startedAt\":\"",
            );
            time(job.started, out);
            out.extend_from_slice(b"\",\"finishedAt\":\"");
            time(ended.get(), out);
            out.extend_from_slice(b"\"}");
        }
    }
    put(
        out,
        format_args!(
            "}},\"lastState\":{{}},\"ready\":{},\"restartCount\":0,\"image\":\"registry.example/pipeline:1\",\"imageID\":\"\"}}],\"qosClass\":\"BestEffort\"}}",
            job.ended.is_none()
        ),
    );
}
