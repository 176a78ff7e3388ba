//! Targets that are added, removed, or read in another way.

use job_status_exporter::model::Shard;

use super::*;

/// The configuration of these targets, each with the kubeconfig of its name and further settings.
fn targets(targets: &[(&str, &str)]) -> String {
    let target = |(name, more): &(&str, &str)| {
        format!("{{name: {name}, kubernetes: {{kubeconfig: {name}}}{more}}}")
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    let one = "[{name: one, kubernetes: {kubeconfig: one}}]";
    config("").replace(one, &format!("[{}]", targets.join(", ")))
}

/// The namespaces of the Jobs that a target shows.
fn namespaces(scrape: &str, target: &str) -> Vec<String> {
    let start = format!("batch_job_info{{target=\"{target}\",namespace=\"");
    let mut namespaces: Vec<_> = scrape
        .lines()
        .filter_map(|line| line.strip_prefix(&start)?.split('"').next())
        .map(str::to_owned)
        .collect();
    namespaces.sort();
    namespaces
}

/// A cluster with a Job in each of these namespaces.
async fn cluster(namespaces: &[&str]) -> Cluster {
    let cluster = Cluster::start().await;
    for namespace in namespaces {
        cluster.add_job(namespace, "load");
    }
    cluster
}

#[tokio::test]
async fn targets_come_and_go_without_a_trace_in_the_others() {
    let (one, two) = (cluster(&["a"]).await, cluster(&["b"]).await);
    let setup = Setup::new().kubeconfig("two", &two.url(), "{}");
    let exporter = start(&one, setup.config(&targets(&[("one", "")]))).await;
    let requests = one.api.requests().len();
    let shows_one = |scrape: &str| namespaces(scrape, "one") == ["a"];
    for round in 0..3 {
        let both = targets(&[("two", ""), ("one", "")]);
        assert_eq!(reloaded(&exporter, &both).await, "targets added: two\n");
        assert_eq!(exporter.get("/readyz").await.status, 200, "{round}");
        eventually(&exporter, shows_one, |scrape| {
            namespaces(scrape, "two") == ["b"]
        })
        .await;
        let only = targets(&[("one", "")]);
        assert_eq!(reloaded(&exporter, &only).await, "targets removed: two\n");
        let scrape = exporter.scrape().await;
        assert!(
            shows_one(&scrape) && !scrape.contains("\"two\""),
            "{scrape}"
        );
    }
    assert_eq!(one.api.requests().len(), requests, "it was read again");
}

#[tokio::test]
async fn a_target_that_reads_other_namespaces_is_never_empty() {
    let one = cluster(&["a", "b", "c"]).await;
    let exporter = start(&one, Setup::new().config(&targets(&[("one", "")]))).await;
    let shows_b = |scrape: &str| namespaces(scrape, "one").contains(&"b".to_owned());
    for (more, expected) in [
        (", namespaces: {include: [a, b]}", vec!["a", "b"]),
        (", namespaces: {include: [b]}", vec!["b"]),
        (", namespaces: {include: [b, \"c*\"]}", vec!["b", "c"]),
        (
            ", mode: poll, jobs: [{namespace: b, name: load}]",
            vec!["b"],
        ),
        (", mode: poll", vec!["a", "b", "c"]),
        ("", vec!["a", "b", "c"]),
    ] {
        let changes = reloaded(&exporter, &targets(&[("one", more)])).await;
        assert_eq!(changes, "targets read again: one\n", "{more}");
        eventually(&exporter, shows_b, |scrape| {
            namespaces(scrape, "one") == expected
        })
        .await;
    }
    // Nothing was deleted, only left out for a while.
    let deleted = |line: &str| line.starts_with("batch_workload_deleted_runs_total");
    let scrape = exporter.scrape().await;
    let lines: Vec<_> = scrape.lines().filter(|line| deleted(line)).collect();
    assert_eq!(lines.len(), 3, "{scrape}");
    assert!(lines.iter().all(|line| line.ends_with(" 0")), "{lines:?}");
}

#[tokio::test]
async fn another_number_of_shards_moves_namespaces_and_deletes_nothing() {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let one = cluster(&all).await;
    for namespace in all {
        let object = json!({"metadata": {"name": namespace}});
        one.api.apply(Kind::Namespace, object).unwrap();
    }
    let owned = |index, shards| -> Vec<&str> {
        let shard = Shard::new(index, shards).unwrap();
        let names = all.into_iter();
        names.filter(|name| shard.owns(name)).collect()
    };
    let exporter = start(&one, Setup::new().config(&config(""))).await;
    for (index, shards) in [(0, 2), (1, 2), (1, 3), (2, 3), (0, 1)] {
        let sharding = format!("sharding: {{shards: {shards}, shard: {index}}}");
        let changes = reloaded(&exporter, &config(&sharding)).await;
        assert_eq!(changes, "targets read again: one\nchanged: sharding\n");
        let expected = owned(index, shards);
        let number = format!("\njob_status_exporter_shard {index}\n");
        let always = |scrape: &str| scrape.contains(&number);
        eventually(&exporter, always, |scrape| {
            namespaces(scrape, "one") == expected
        })
        .await;
    }
    let scrape = exporter.scrape().await;
    let deleted = |line: &&str| line.starts_with("batch_workload_deleted_runs_total");
    let lines: Vec<_> = scrape.lines().filter(deleted).collect();
    assert!(lines.iter().all(|line| line.ends_with(" 0")), "{lines:?}");
    assert_eq!(
        reloaded(&exporter, &config("")).await,
        "targets read again: one\nchanged: sharding\n"
    );
    eventually(
        &exporter,
        |_| true,
        |scrape| !scrape.contains("job_status_exporter_shard"),
    )
    .await;
}

#[tokio::test]
async fn a_target_whose_new_api_is_down_keeps_what_it_had() {
    let (one, mut other) = (cluster(&["a"]).await, cluster(&["b"]).await);
    other.stop().await;
    let mut exporter = start(&one, Setup::new().config(&targets(&[("one", "")]))).await;
    let kubeconfig = fs::read_to_string(exporter.path("one")).unwrap();
    exporter.replace("one", &kubeconfig.replace(&one.url(), &other.url()));
    let changes = reloaded(&exporter, &targets(&[("one", "")])).await;
    assert_eq!(
        changes, "targets read again: one\n",
        "the server is another"
    );
    exporter.logged("target is down").await;
    let scrape = exporter.scrape().await;
    assert_eq!(namespaces(&scrape, "one"), ["a"]);
    assert!(scrape.contains("job_status_exporter_target_up{target=\"one\"} 0"));
    other.restart().await;
    eventually(
        &exporter,
        |scrape| namespaces(scrape, "one").len() == 1,
        |scrape| namespaces(scrape, "one") == ["b"],
    )
    .await;
}

#[tokio::test]
async fn labels_keep_their_values_and_new_ones_follow() {
    let one = Cluster::start().await;
    let labels = json!({"team": "data", "app": "load"});
    let job = json!({"metadata": {"namespace": "a", "name": "load", "labels": labels}});
    one.api.apply(Kind::Job, job).unwrap();
    let setup = Setup::new().config(&config("labels: {team: team}"));
    let exporter = start(&one, setup).await;
    let info = |scrape: &str| {
        let line = scrape
            .lines()
            .find(|line| line.starts_with("batch_workload_info{"));
        line.map(str::to_owned).unwrap_or_default()
    };
    assert!(info(&exporter.scrape().await).contains(r#"team="data""#));
    let both = config("labels: {app: app, team: team}");
    let expected = "targets read again: one\nchanged: labels\n";
    assert_eq!(reloaded(&exporter, &both).await, expected);
    eventually(
        &exporter,
        |scrape| info(scrape).contains(r#"team="data""#),
        |scrape| info(scrape).contains(r#"app="load""#),
    )
    .await;
    assert_eq!(reloaded(&exporter, &config("")).await, expected);
    assert!(!info(&exporter.scrape().await).contains("team"));
}

#[tokio::test]
async fn a_workload_that_an_override_ignores_leaves_and_returns() {
    let one = cluster(&["a", "b"]).await;
    let exporter = start(&one, Setup::new().config(&config(""))).await;
    let ignore = config("overrides: [{match: {namespace: a}, set: {ignore: true}}]");
    let expected = "targets read again: one\nchanged: overrides\n";
    let shows_b = |scrape: &str| namespaces(scrape, "one").contains(&"b".to_owned());
    assert_eq!(reloaded(&exporter, &ignore).await, expected);
    eventually(&exporter, shows_b, |scrape| {
        namespaces(scrape, "one") == ["b"]
    })
    .await;
    assert_eq!(reloaded(&exporter, &config("")).await, expected);
    eventually(&exporter, shows_b, |scrape| {
        namespaces(scrape, "one") == ["a", "b"]
    })
    .await;
}

#[tokio::test]
async fn with_a_history_a_target_that_returns_continues() {
    let (one, two) = (Cluster::start().await, cluster(&["b"]).await);
    let history = "history: {path: history.redb}\n";
    let with = targets(&[("one", ""), ("two", "")]) + history;
    let without = targets(&[("one", "")]) + history;
    let setup = Setup::new().kubeconfig("two", &two.url(), "{}");
    let exporter = start(&one, setup.config(&with)).await;
    let runs = |scrape: &str| {
        let name = r#"batch_workload_runs_total{target="two",namespace="b",workload_type="job",workload="load",result="succeeded"} "#;
        let mut lines = scrape.lines();
        lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
    };
    eventually(
        &exporter,
        |_| true,
        |scrape| runs(scrape).as_deref() == Some("0"),
    )
    .await;
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let condition = json!({"type": "Complete", "status": "True", "lastTransitionTime": now});
    let mut job = two.api.get(Kind::Job, "b", "load").unwrap();
    job["status"] =
        json!({"succeeded": 1, "startTime": now, "completionTime": now, "conditions": [condition]});
    two.api.apply(Kind::Job, job).unwrap();
    eventually(
        &exporter,
        |_| true,
        |scrape| runs(scrape).as_deref() == Some("1"),
    )
    .await;
    assert_eq!(
        reloaded(&exporter, &without).await,
        "targets removed: two\n"
    );
    assert_eq!(runs(&exporter.scrape().await), None);
    assert_eq!(reloaded(&exporter, &with).await, "targets added: two\n");
    eventually(
        &exporter,
        |scrape| runs(scrape).is_none_or(|runs| runs == "1"),
        |scrape| runs(scrape).is_some(),
    )
    .await;
}
