//! The families about pods, from pods that were recorded from a real API server.

use job_status_exporter::{
    metrics::MetricsSettings,
    model::{Pod, PodCounts, PodState},
};

use super::*;

/// The Job of a pod, with one failed pod.
fn job_of(pod: &Pod) -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: (*pod.job_name).into(),
    };
    let is_failed = matches!(pod.state, PodState::Failed(_));
    let (namespace, name) = (pod.namespace.clone(), pod.job_name.clone());
    Job {
        state: if is_failed {
            JobState::Failed
        } else {
            JobState::Running
        },
        failure: is_failed.then_some(FailureReason::BackoffLimitExceeded),
        pods: PodCounts {
            failed: 1,
            ..PodCounts::default()
        },
        ..Job::new(namespace, name, pod.job_uid.clone(), workload)
    }
}

/// The header of a family about pods, or a sample of one that is not 0.
fn is_about_pods(line: &str) -> bool {
    let families = [
        "_waiting_pods",
        "_pending_since",
        "_by_cause",
        "_container_restarts",
        "_failure_cause",
        "_exit_code",
        "_pod_failures",
    ];
    let header = line
        .strip_prefix("# HELP ")
        .or_else(|| line.strip_prefix("# TYPE "));
    let name = header.unwrap_or(line).split(['{', ' ']).next();
    let is_zero = header.is_none() && line.ends_with(" 0");
    !is_zero && name.is_some_and(|name| families.iter().any(|family| name.contains(family)))
}

#[test]
fn recorded_pods_match_the_golden_file() {
    let mut decoder = Decoder::default();
    let pods = recorded("pods/pods.json", |json| decoder.pod(json));
    let pods: Vec<Pod> = pods.into_iter().flatten().collect();
    let jobs: Vec<Job> = pods.iter().map(job_of).collect();
    let settings = StoreSettings {
        pods: true,
        ..StoreSettings::default()
    };
    let target = Arc::new(TargetStore::new(None, settings.into()));
    let [of_jobs, of_pods] =
        [FeedScope::Jobs(None), FeedScope::Pods(None)].map(|scope| target.clone().register(scope));
    of_jobs.push(Update::Jobs(Change::Replaced(jobs)));
    of_pods.push(Update::Pods(Change::Replaced(pods)));
    let settings = MetricsSettings {
        pods: true,
        ..MetricsSettings::default()
    };
    let metrics = Metrics::new(Arc::new(Store::new(vec![target])), &settings);
    let text = read(metrics.scrape(Format::Text));
    checker::check(Format::Text, &text);
    let shown: Vec<&str> = text.lines().filter(|line| is_about_pods(line)).collect();
    let shown = shown.join("\n") + "\n";
    assert_golden("tests/golden/kubernetes-1.36-pods.prom", &shown);
}
