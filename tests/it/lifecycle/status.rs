//! The command `status`: one read of a cluster, its output and its exit code, and the wait for the end of a Job.

use batch_simulator::api::Kind;
use serde_json::{Value, json};

use super::{Cluster, Setup};
use crate::server::client::TEST_TIMEOUT;

type Output = (Option<i32>, String, String);

/// Runs the command on targets that read this cluster. Returns exit code, standard output and standard error.
async fn status(cluster: &Cluster, config: &str, arguments: &[&str]) -> Output {
    run(setup(cluster, config, arguments)).await
}

fn setup(cluster: &Cluster, config: &str, arguments: &[&str]) -> Setup {
    let setup = Setup::new()
        .kubeconfig("api", &cluster.url(), "{}")
        .file("exporter.yaml", config)
        .argument("status")
        .argument("--config.file=exporter.yaml");
    let arguments = arguments.iter();
    arguments.fold(setup, |setup, it| setup.argument(it))
}

async fn run(setup: Setup) -> Output {
    let run = tokio::task::spawn_blocking(move || setup.run_text());
    let output = tokio::time::timeout(TEST_TIMEOUT, run).await;
    output.expect("it ends in time").unwrap()
}

const WATCHED: &str = "targets: [{name: one, kubernetes: {kubeconfig: api}}]";

/// Applies a Job. `condition` ends it.
fn apply(cluster: &Cluster, name: &str, condition: Option<(&str, &str)>) {
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let conditions = condition.map(|(kind, reason)| {
        json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now})
    });
    let completion = condition.filter(|(kind, _)| *kind == "Complete");
    let mut status =
        json!({"startTime": now, "conditions": conditions.as_slice(), "active": 1, "ready": 1});
    if completion.is_some() {
        status["completionTime"] = json!(now);
    }
    let object = json!({
        "metadata": {"namespace": "etl", "name": name},
        "spec": {"parallelism": 1},
        "status": status,
    });
    cluster.api.apply(Kind::Job, object).unwrap();
}

const COMPLETE: Option<(&str, &str)> = Some(("Complete", "CompletionsReached"));
const FAILED: Option<(&str, &str)> = Some(("Failed", "BackoffLimitExceeded"));

#[tokio::test]
async fn the_status_is_that_of_all_shards() {
    let cluster = Cluster::start().await;
    apply(&cluster, "load", COMPLETE);
    for shard in [0, 1] {
        let config = format!("{WATCHED}\nsharding: {{shards: 2, shard: {shard}}}");
        let (code, stdout, stderr) = status(&cluster, &config, &[]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
        assert!(stdout.ends_with("1 workload: 1 succeeded\n"), "{stdout}");
    }
}

#[tokio::test]
async fn all_is_well_until_a_job_fails() {
    let cluster = Cluster::start().await;
    apply(&cluster, "load", COMPLETE);
    let (code, stdout, stderr) = status(&cluster, WATCHED, &[]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.ends_with("1 workload: 1 succeeded\n"), "{stdout}");
    assert!(
        !stdout.contains('\x1b'),
        "no terminal, no colours: {stdout}"
    );
    apply(&cluster, "close", FAILED);
    let (code, stdout, stderr) = status(&cluster, WATCHED, &[]).await;
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
    let lines: Vec<_> = stdout.lines().collect();
    assert!(
        lines[1].starts_with("failing    etl/close  job "),
        "{stdout}"
    );
    let why = "  the last run failed, 0 are tolerated: more pods failed than backoffLimit allows";
    assert_eq!(lines[2], why);
    assert!(
        stdout.ends_with("2 workloads: 1 failing, 1 succeeded\n"),
        "{stdout}"
    );
    // Only what is asked for counts.
    let (code, ..) = status(&cluster, WATCHED, &["--workload=load"]).await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn an_owner_whose_runs_failed_before_is_failing_without_a_history() {
    let cluster = Cluster::start().await;
    for name in ["nightly-1", "nightly-2"] {
        apply(&cluster, name, FAILED);
        let mut job = cluster.api.get(Kind::Job, "etl", name).unwrap();
        // Each night a Workflow of the same name.
        let uid = format!("workflow of {name}");
        let owner = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "nightly", "uid": uid, "controller": true});
        job["metadata"]["ownerReferences"] = json!([owner]);
        cluster.api.apply(Kind::Job, job).unwrap();
    }
    let config = format!("{WATCHED}\nhistory: {{path: in-use.redb}}\n");
    let (code, stdout, stderr) = status(&cluster, &config, &["--output=json"]).await;
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let workload = &document["workloads"][0];
    assert_eq!(workload["workload"], "nightly");
    assert_eq!(workload["consecutive_failures"], 2);
    assert_eq!(workload["last_run_failure_reason"], "BackoffLimitExceeded");
    assert_eq!(document["targets"][0]["complete"], true);
}

#[tokio::test]
async fn a_target_that_cannot_be_read_exits_with_3_and_the_others_are_shown() {
    let cluster = Cluster::start().await;
    apply(&cluster, "close", FAILED);
    let setup = Setup::new()
        .kubeconfig("api", &cluster.url(), "{}")
        .kubeconfig("down", "http://127.0.0.1:1", "{}")
        .file(
            "exporter.yaml",
            "targets: [{name: one, kubernetes: {kubeconfig: api}}, {name: two, kubernetes: {kubeconfig: down}}]",
        )
        .argument("status")
        .argument("--config.file=exporter.yaml")
        .argument("--timeout=1s");
    let (code, stdout, stderr) = run(setup).await;
    assert_eq!((code, stderr.as_str()), (Some(3), ""), "{stdout}");
    let down = "target two: down, nothing was read yet\n";
    assert!(stdout.starts_with(down), "{stdout}");
    assert!(stdout.contains("etl/close"), "{stdout}");
    assert!(
        stdout.ends_with("1 of 2 targets not read completely\n"),
        "{stdout}"
    );
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_says_what_there_is() {
    let cluster = Cluster::start().await;
    apply(&cluster, "load", COMPLETE);
    let two = "targets: [{name: one, kubernetes: {kubeconfig: api}}, {name: two, kubernetes: {kubeconfig: api}}]";
    for (config, arguments, expected) in [
        (
            WATCHED,
            &["--target=prod"][..],
            "error: there is no target `prod`\nhint: the targets are: one\n",
        ),
        (
            two,
            &["--wait=load", "--namespace=etl"],
            "error: `--wait` needs `--target`, because there are 2 targets\nhint: the targets are: one, two\n",
        ),
        (
            WATCHED,
            &["--workload=lod"],
            "error: there is no workload `lod`\n\
             hint: a workload has the name of its CronJob or other owner, and a Job without an owner has its own\n",
        ),
        (
            "targets: [{name: one, kubernetes: {kubeconfig: api}}]\nstale_afer: 5m",
            &[],
            "error: 1 problem in the configuration\n  exporter.yaml:2:1: stale_afer: unknown key\n    hint: did you mean `stale_after`?\n",
        ),
    ] {
        let (code, stdout, stderr) = status(&cluster, config, arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(stderr, expected);
    }
}

/// Waits for the Job `load`, and changes the cluster once the command tells this progress. Returns exit code, standard output
/// and standard error.
async fn wait(
    cluster: &Cluster,
    mode: &str,
    progress: &str,
    change: impl FnOnce(&Cluster),
) -> Output {
    let config = format!("targets: [{{name: one, kubernetes: {{kubeconfig: api}}, {mode}}}]");
    let arguments = ["--wait=load", "--namespace=etl", "--timeout=15s"];
    let mut waiting = setup(cluster, &config, &arguments).spawn();
    waiting
        .until(|line| line == format!("Job etl/load: {progress}"))
        .await;
    change(cluster);
    let exited = waiting.exit().await;
    (exited.status.code(), exited.stdout, exited.log.join("\n"))
}

const POLLED: &str =
    "mode: poll, poll: {interval: 1s, timeout: 1s}, jobs: [{namespace: a, name: b}]";

#[tokio::test]
async fn a_wait_ends_with_the_job_and_exits_by_its_result() {
    for mode in ["mode: watch", POLLED] {
        for (condition, code, result) in [
            (COMPLETE, 0, "succeeded"),
            (
                FAILED,
                1,
                "failed: more pods failed than backoffLimit allows",
            ),
        ] {
            let cluster = Cluster::start().await;
            apply(&cluster, "load", None);
            let end = |cluster: &Cluster| apply(cluster, "load", condition);
            let (exit, stdout, stderr) = wait(&cluster, mode, "running", end).await;
            assert_eq!(stdout, format!("Job etl/load: {result}\n"), "{stderr}");
            assert_eq!(stderr, "Job etl/load: running");
            assert_eq!(exit, Some(code));
        }
    }
}

#[tokio::test]
async fn a_wait_fails_when_the_job_is_deleted() {
    let cluster = Cluster::start().await;
    apply(&cluster, "load", None);
    let delete = |cluster: &Cluster| {
        cluster.api.delete(Kind::Job, "etl", "load");
    };
    let (code, stdout, _) = wait(&cluster, "mode: watch", "running", delete).await;
    assert_eq!(stdout, "Job etl/load: deleted before it ended\n");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_wait_begins_before_the_job_exists_and_ends_at_the_timeout() {
    let cluster = Cluster::start().await;
    let create = |cluster: &Cluster| apply(cluster, "load", COMPLETE);
    let (code, stdout, stderr) = wait(&cluster, "mode: watch", "it does not exist", create).await;
    assert_eq!(stdout, "Job etl/load: succeeded\n");
    assert_eq!(
        (code, stderr.as_str()),
        (Some(0), "Job etl/load: it does not exist")
    );
    apply(&cluster, "slow", None);
    for (job, expected) in [
        ("slow", "not ended in time: running"),
        ("absent", "not ended in time: it does not exist"),
    ] {
        let wait = format!("--wait={job}");
        let arguments = [&wait, "--namespace=etl", "--timeout=1s"];
        let (code, stdout, _) = status(&cluster, WATCHED, &arguments).await;
        assert_eq!(stdout, format!("Job etl/{job}: {expected}\n"));
        assert_eq!(code, Some(1));
    }
}

#[tokio::test]
async fn a_wait_for_a_job_of_an_unreachable_api_exits_with_3() {
    let mut cluster = Cluster::start().await;
    cluster.stop().await;
    let arguments = ["--wait=load", "--namespace=etl", "--timeout=1s"];
    let (code, stdout, _) = status(&cluster, WATCHED, &arguments).await;
    let expected = "Job etl/load: cannot be read: list ";
    assert!(stdout.starts_with(expected), "{stdout}");
    assert_eq!(code, Some(3));
}

#[tokio::test]
async fn as_a_plugin_of_kubectl_it_reads_only_what_its_flags_name() {
    let cluster = Cluster::start().await;
    apply(&cluster, "load", COMPLETE);
    cluster.add_job("reports", "nightly");
    let plugin = |arguments: &[&str]| {
        let setup = Setup::new()
            .called("/usr/local/bin/kubectl-job_status".to_owned())
            .kubeconfig("api", &cluster.url(), "{}");
        run(arguments.iter().fold(setup, |setup, it| setup.argument(it)))
    };
    let (code, stdout, stderr) = plugin(&["--kubeconfig=api", "-n", "etl"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.ends_with("1 workload: 1 succeeded\n"), "{stdout}");
    for request in cluster.api.requests() {
        let of_objects = ["/jobs", "/cronjobs"]
            .iter()
            .any(|end| request.path.ends_with(end));
        assert!(
            !of_objects || request.path.contains("/namespaces/etl/"),
            "{request:?}"
        );
    }
    // Without a namespace, all are read.
    let (code, stdout, _) = plugin(&["--kubeconfig=api", "--context=it"]).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("2 workloads: "), "{stdout}");
    let (code, _, stderr) = plugin(&["--kubeconfig=api", "--context=prod"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("has no context `prod`"), "{stderr}");
}
