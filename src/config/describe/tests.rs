//! The output of `--config.check`, word for word.

use super::*;
use crate::config::tests::load_text;

/// The summary of four targets.
const TARGETS: &str = "  listen on     http://0.0.0.0:9806/metrics
  deleted Jobs  kept for 2m if finished
  workloads     kept for 1h without Jobs
  stale data    dropped after 10m without contact
  thresholds    runs start within 1m of their due time
  history       none: counters restart from zero at every start

target prod
  API           kubeconfig /p, context c
  mode          watch
  namespaces    b, e-*
  excluding     e-x
  selector      t=b
  schedules     without a time zone are in UTC
  needs         permission to list and watch jobs and cronjobs in all namespaces (a ClusterRole)
  probes        any job, timeout 3s, 5 per second
                need permission to get jobs/status

target jobs
  API           discovered like kubectl: $KUBECONFIG, ~/.kube/config, then the service account of the pod
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
  interval      30s, request timeout 10s
  limits        4 concurrent requests, 0.1 per second
  needs         permission to get jobs/status in their namespaces

target by-list
  API           discovered like kubectl: $KUBECONFIG, ~/.kube/config, then the service account of the pod
  mode          poll 1 job, by list
                a/j
  interval      30s, request timeout 10s
  limits        4 concurrent requests, 5 per second
  needs         permission to list jobs in their namespaces, else to get jobs/status

target lists
  API           kubeconfig from $KUBECONFIG or ~/.kube/config, context c
  mode          poll lists
  namespaces    a, b
  schedules     without a time zone are in Europe/Berlin
  interval      30s, request timeout 10s
  limits        4 concurrent requests, 5 per second
  needs         permission to list jobs and cronjobs in these namespaces (a Role in each)
";

#[test]
fn the_summary_lists_what_each_target_reads() {
    let jobs: Vec<_> = (0..12)
        .map(|n| format!("{{namespace: a, name: j{n}}}"))
        .collect();
    let yaml = format!(
        "targets:
- {{name: prod, kubernetes: {{kubeconfig: /p, context: c}}, namespaces: {{include: [b, 'e-*'], exclude: [e-x]}}, label_selector: t=b, poll: {{probe_any: true, timeout: 3s}}}}
- {{name: jobs, poll: {{requests_per_second: 0.1}}, jobs: [{}]}}
- {{name: by-list, poll: {{by_list: true}}, jobs: [{{namespace: a, name: j}}]}}
- {{name: lists, kubernetes: {{context: c}}, mode: poll, namespaces: {{include: [a, b]}}, controller_time_zone: Europe/Berlin}}",
        jobs.join(",")
    );
    let config = load_text(&yaml).unwrap();
    assert_eq!(describe(&config, None, &[]), TARGETS);
}

#[test]
fn the_summary_lists_what_is_served() {
    let config = load_text(
        "labels: {team: team, owner: 'annotation:example.com/owner'}
label_scope: all
workload_label: app.kubernetes.io/part-of
thresholds: {max_duration: 6h, max_success_age: 1d, max_failures: 2}
overrides:
- {match: {namespace: 'vendor-*', workload_type: cronjob}, set: {max_duration: 2h, severity: page}}
- {match: {}, set: {ignore: false}}
retain_workloads: 0s
history: {path: /h.redb, max_age: 30d}
metrics:
  per_job: active
  spec: false
  include: ['batch_*']
  exclude: [batch_job_info, 'batch_cronjob_*']
  run_duration_buckets: [500ms, 1m30s, 1h]
  kube_state_metrics: {enabled: true, job_labels: ['*'], cronjob_annotations: [a, b/*]}",
    );
    let text = describe(&config.unwrap(), None, &[]);
    let (general, _) = text.split_once("\n\ntarget ").unwrap();
    assert_eq!(
        general,
        "  listen on     http://0.0.0.0:9806/metrics
  deleted Jobs  kept for 2m if finished
  workloads     kept for 0s without Jobs
                grouped by label app.kubernetes.io/part-of for Jobs without an owner
  stale data    dropped after 10m without contact
  thresholds    runs start within 1m of their due time
                runs take at most 6h
                the last success is at most 1d old
                2 failed runs in a row are tolerated
  overrides     namespace vendor-*, type cronjob: max_duration 2h, severity page
                every workload: ignore false
  history       /h.redb
                at most 50 runs of each workload, for 30d
  labels        owner from annotation example.com/owner
                team from label team
                on all families
  per Job       series for unfinished Jobs and the last Job of each workload
  spec          no series that only repeat the spec of Jobs and CronJobs
  families      batch_*
  excluding     batch_job_info, batch_cronjob_*
  run durations buckets 500ms, 1m30s, 1h
  kube_*        families as in kube-state-metrics
                job labels: *
                cronjob annotations: a, b/*"
    );
}

#[test]
fn the_summary_names_the_database_and_its_files_and_never_a_url() {
    for (yaml, lines) in [
        (
            "url_file: /etc/url",
            "  history       schema job_status_exporter of PostgreSQL, URL in /etc/url\n",
        ),
        (
            "url_file: /etc/url, reader_url_file: /etc/reader, schema: batch, ca_file: /etc/ca.crt",
            "  history       schema batch of PostgreSQL, URL in /etc/url
                runs are read with the URL in /etc/reader
                its certificate is verified with /etc/ca.crt\n",
        ),
    ] {
        let config = load_text(&format!("history: {{postgres: {{{yaml}}}}}")).unwrap();
        let text = describe(&config, None, &[]);
        let rest = "                at most 50 runs of each workload, for 90d\n";
        assert!(text.contains(&format!("{lines}{rest}")), "{text}");
    }
}

#[test]
fn the_summary_says_what_a_shard_needs() {
    let summary = |rest: &str| {
        let yaml = format!("sharding: {{shards: 4, shard: 2}}\n{rest}");
        describe(&load_text(&yaml).unwrap(), None, &[])
    };
    let permission = "
  needs         permission to list and watch jobs and cronjobs in all namespaces (a ClusterRole)
                permission to list and watch namespaces; without it, this shard
                receives what is of other shards too, and skips it
";
    let all = summary("");
    assert!(
        all.contains("\n  sharding      shard 2 of 4, which has its part of the namespaces\n"),
        "{all}"
    );
    assert!(all.contains(permission), "{all}");
    let named = summary("targets: [{namespaces: {include: [a]}}]");
    assert!(!named.contains("watch namespaces"), "{named}");
}

#[test]
fn the_summary_tells_when_jobs_have_no_series() {
    let config = load_text("metrics: {per_job: none}").unwrap();
    let text = describe(&config, None, &[]);
    let line = "\n  per Job       no series, only workloads and CronJobs\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_summary_of_cci_has_no_secrets_and_no_keys() {
    let config = load_text(
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
    let text = describe(&config, None, &[]);
    for api in [
        "https://cci.example/, user exporter of acme, agency readers of corp, project cn-north-4",
        "https://cci.example/, access key of project 0123",
        "https://cci.example/, agency of this ECS, project 4567",
    ] {
        assert!(text.contains(api), "{text}");
    }
    assert!(!text.contains("AKIA"), "{text}");
}

#[test]
fn the_summary_ends_with_the_warnings() {
    let text = describe(
        &load_text("{}").unwrap(),
        None,
        &["one".to_owned(), "two".to_owned()],
    );
    assert!(text.ends_with("\n\nwarnings\n  one\n  two\n"), "{text}");
}

#[test]
fn the_summary_says_who_reviews_bearer_tokens() {
    let yaml = "web: {kubernetes_auth: {target: a, outage_grace: 90m}, authenticate_probes: true}\ntargets: [{name: a}]";
    let summary = describe(&load_text(yaml).unwrap(), None, &[]);
    let expected =
        "  bearer tokens reviewed by target a; in an outage, its answers are valid for 1h30m
                needs permission to create tokenreviews and subjectaccessreviews there
                /livez and /readyz need a login too
";
    assert!(summary.contains(expected), "{summary}");
}

#[test]
fn the_summary_lists_sockets_and_the_port_of_probes() {
    let summary = |web: &str| {
        let config = load_text(&format!("web: {{{web}}}")).unwrap();
        let text = describe(&config, None, &[]);
        let (listen, _) = text.split_once("  deleted Jobs").unwrap();
        listen.to_owned()
    };
    assert_eq!(
        summary("listen_address: ['unix:/run/x.sock', ':80'], probe_listen_address: ':81'"),
        "  listen on     unix:/run/x.sock (http, /metrics)
  listen on     http://[::]:80/metrics
  probes on     http://[::]:81/livez
                http://[::]:81/readyz
"
    );
    assert_eq!(
        summary("systemd_socket: true, telemetry_path: /m, probe_listen_address: 'unix:/run/p'"),
        "  listen on     the sockets that systemd passes (http, /m)
  probes on     unix:/run/p (http, /livez)
                unix:/run/p (http, /readyz)
"
    );
}
