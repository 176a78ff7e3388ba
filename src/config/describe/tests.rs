//! What `--config.check` says, word for word.

use super::*;
use crate::config::tests::load_text;

#[test]
fn the_description_says_what_would_be_watched() {
    let jobs: Vec<_> = (0..12)
        .map(|n| format!("{{namespace: a, name: j{n}}}"))
        .collect();
    let yaml = format!(
        "targets:
- {{name: prod, kubernetes: {{kubeconfig: /p, context: c}}, namespaces: {{include: [b, 'e-*'], exclude: [e-x]}}, label_selector: t=b}}
- {{name: jobs, poll: {{requests_per_second: 0.1}}, jobs: [{}]}}
- {{name: by-list, poll: {{by_list: true}}, jobs: [{{namespace: a, name: j}}]}}
- {{name: lists, kubernetes: {{context: c}}, mode: poll, namespaces: {{include: [a, b]}}, controller_time_zone: Europe/Berlin}}",
        jobs.join(",")
    );
    let mut settings = load_text(&yaml).unwrap();
    assert_eq!(settings.warnings.len(), 1);
    settings.warnings.clear();
    assert_eq!(
        describe(&settings),
        "  serves        http://0.0.0.0:9806/metrics
  deleted Jobs  stay for 2m if they had finished
  workloads     stay for 1h without Jobs
  stale data    is dropped after 10m without contact
  thresholds    runs start within 1m of their due time
  history       none: counts begin anew with each start

target prod
  API           kubeconfig /p, context c
  mode          watch
  namespaces    b, e-*
  leaving out   e-x
  labels        t=b
  schedules     in UTC where they name no time zone
  needs         the right to list and watch jobs and cronjobs in all namespaces (a ClusterRole)

target jobs
  API           as kubectl finds it: $KUBECONFIG, ~/.kube/config, else the service account of the pod
  mode          poll 12 jobs
                a/j0
                a/j1
                a/j2
                a/j3
                a/j4
                a/j5
                a/j6
                a/j7
                a/j8
                a/j9
                and 2 more
  every         30s, each request at most 10s
  limits        4 requests at a time, 0.1 per second
  needs         the right to get jobs/status in their namespaces

target by-list
  API           as kubectl finds it: $KUBECONFIG, ~/.kube/config, else the service account of the pod
  mode          poll 1 job, by list
                a/j
  every         30s, each request at most 10s
  limits        4 requests at a time, 5 per second
  needs         the right to list jobs in their namespaces, else to get jobs/status

target lists
  API           kubeconfig from $KUBECONFIG or ~/.kube/config, context c
  mode          poll lists
  namespaces    a, b
  schedules     in Europe/Berlin where they name no time zone
  every         30s, each request at most 10s
  limits        4 requests at a time, 5 per second
  needs         the right to list jobs and cronjobs in these namespaces (a Role in each)
"
    );
}

#[test]
fn the_description_says_which_series_there_are() {
    let settings = load_text(
        "labels: {team: team, owner: 'annotation:example.com/owner'}
label_scope: all
workload_label: app.kubernetes.io/part-of
thresholds: {max_duration: 6h, max_success_age: 1d}
retain_workloads: 0s
history: {path: /h.redb, max_age: 30d}
metrics:
  per_job: active
  include: ['batch_*']
  exclude: [batch_job_info, 'batch_cronjob_*']
  run_duration_buckets: [500ms, 1m30s, 1h]
  kube_state_metrics: {enabled: true, job_labels: ['*'], cronjob_annotations: [a, b/*]}",
    );
    let text = describe(&settings.unwrap());
    let (general, _) = text.split_once("\n\ntarget ").unwrap();
    assert_eq!(
        general,
        "  serves        http://0.0.0.0:9806/metrics
  deleted Jobs  stay for 2m if they had finished
  workloads     stay for 0s without Jobs
                are named by the label app.kubernetes.io/part-of where a Job has it and no CronJob
  stale data    is dropped after 10m without contact
  thresholds    runs start within 1m of their due time
                runs take at most 6h
                the last success is at most 1d old
  history       /h.redb
                at most 50 runs of each workload, for 30d
  labels        owner is the annotation example.com/owner
                team is the label team
                on all families
  per Job       only those not finished, and the last of each workload
  families      batch_*
  leaving out   batch_job_info, batch_cronjob_*
  run durations in buckets up to 500ms, 1m30s, 1h
  kube_*        as kube-state-metrics has them
                job labels: *
                cronjob annotations: a, b/*"
    );
}

#[test]
fn the_description_says_when_jobs_have_no_series() {
    let settings = load_text("metrics: {per_job: none}").unwrap();
    let text = describe(&settings);
    let line = "\n  per Job       nothing, only workloads and CronJobs\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_description_of_cci_tells_no_secrets_and_no_keys() {
    let settings = load_text(
        "targets:
        - name: token
          cci: {endpoint: https://cci.example, auth: {token: {iam_endpoint: https://iam.example,
            domain: acme, username: exporter, password_file: p, project: cn-north-4, agency: {domain: corp, name: readers}}}}
        - name: key
          cci: {endpoint: https://cci.example, auth: {aksk: {access_key: AKIA, secret_key_file: s, project_id: '0123'}}}
        - name: server
          cci: {endpoint: https://cci.example, auth: {ecs_agency: {project_id: '4567'}}}",
    )
    .unwrap();
    let text = describe(&settings);
    for api in [
        "https://cci.example/, as exporter of acme, as agency readers of corp in cn-north-4",
        "https://cci.example/, with an access key in 0123",
        "https://cci.example/, with the agency of this server in 4567",
    ] {
        assert!(text.contains(api), "{text}");
    }
    assert!(!text.contains("AKIA"), "{text}");
}

#[test]
fn the_description_ends_with_the_warnings() {
    let settings = load_text("targets: [{namespaces: {include: [a], exclude: [b]}}]").unwrap();
    let text = describe(&settings);
    let (_, warnings) = text.split_once("\nwarnings\n").unwrap();
    assert!(
        warnings.contains("targets[0].namespaces.exclude[0]: `b` has no effect"),
        "{warnings}"
    );
}
