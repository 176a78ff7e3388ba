//! Shards: what each reads, by which requests, and what happens when namespaces come and go.

use std::collections::BTreeSet;

use batch_simulator::api::Permissions;
use job_status_exporter::{
    config::Mode,
    model::{EventKind, Shard, ShardReading},
};

use super::*;
use crate::exporter::{POLL, listed, polled, selection};

const SHARDS: u32 = 4;

/// Enough namespaces that each shard owns some.
const NAMESPACES: usize = 24;

fn shard(index: u32) -> Shard {
    Shard::new(index, SHARDS).unwrap()
}

fn shards() -> impl Iterator<Item = Shard> {
    (0..SHARDS).map(shard)
}

fn name(number: usize) -> String {
    format!("team-{number:03}")
}

/// The names of namespaces with these numbers that a shard owns.
fn owned(shard: Shard, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(name).filter(|name| shard.owns(name)).collect()
}

/// `namespace/load` of these namespaces.
fn loads(namespaces: &[String]) -> Vec<String> {
    namespaces.iter().map(|it| format!("{it}/load")).collect()
}

/// A server for each way in which a shard reads.
fn servers() -> [(ShardReading, ApiOptions); 3] {
    let sharded = |sharded_lists| ApiOptions {
        sharded_lists,
        ..ApiOptions::default()
    };
    [
        (ShardReading::Selector, sharded(true)),
        (ShardReading::Namespaces, sharded(false)),
        (ShardReading::Namespaces, old_server()),
    ]
}

impl Cluster {
    /// Creates a namespace with a Job and a `CronJob`.
    fn add_namespace(&self, name: &str) {
        let namespace = json!({"metadata": {"name": name}});
        self.api.apply(Kind::Namespace, namespace).unwrap();
        self.apply(name, "load", running());
        let cronjob = json!({"metadata": {"namespace": name, "name": "load"}, "spec": {"schedule": "@daily"}});
        self.api.apply(Kind::CronJob, cronjob).unwrap();
    }

    async fn with_namespaces(options: ApiOptions) -> Self {
        let cluster = Self::start(options).await;
        for number in 0..NAMESPACES {
            cluster.add_namespace(&name(number));
        }
        cluster
    }

    /// The namespaces of the requests for Jobs, `*` for all.
    fn requested_namespaces(&self) -> BTreeSet<String> {
        let requests = self.api.requests().into_iter();
        let of_jobs = requests.filter(|request| {
            request.path.ends_with("/jobs") && !request.query.contains("limit=1&")
        });
        let namespace = |path: String| {
            let namespace = path.strip_prefix("/apis/batch/v1/namespaces/");
            namespace.map_or("*".to_owned(), |rest| {
                rest.trim_end_matches("/jobs").to_owned()
            })
        };
        of_jobs.map(|request| namespace(request.path)).collect()
    }
}

impl Exporter {
    fn reading(&self) -> Option<(ShardReading, Option<usize>)> {
        let details = self.store.complete_snapshot().details.unwrap();
        details.shard_reading
    }

    /// Waits until a shard shows a Job and a `CronJob` in each of these namespaces, and nothing else.
    async fn shows(&mut self, namespaces: &[String]) {
        let expected = loads(namespaces);
        self.eventually(Exporter::jobs, expected.clone()).await;
        self.eventually(Exporter::cronjobs, expected).await;
        self.eventually(|e| (e.up(), e.ready()), (true, true)).await;
    }
}

#[tokio::test]
async fn each_shard_requests_and_shows_its_own_namespaces() {
    for (reading, options) in servers() {
        for shard in shards() {
            let cluster = Cluster::with_namespaces(options.clone()).await;
            let own = owned(shard, 0..NAMESPACES);
            let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard);
            exporter.shows(&own).await;
            assert_eq!(
                exporter.reading(),
                Some((reading, Some(own.len()))),
                "{shard}"
            );
            let requested = cluster.requested_namespaces();
            if reading == ShardReading::Selector {
                assert_eq!(requested, BTreeSet::from(["*".to_owned()]));
                // The server has sent nothing else.
                assert_eq!(exporter.events(EventKind::Added), own.len() as u64);
            } else {
                assert_eq!(requested, own.into_iter().collect(), "{shard}");
            }
        }
    }
}

#[tokio::test]
async fn events_of_other_shards_change_nothing() {
    for (_, options) in servers() {
        let cluster = Cluster::with_namespaces(options).await;
        let own = owned(shard(1), 0..NAMESPACES);
        let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard(1));
        exporter.shows(&own).await;
        for number in 0..NAMESPACES {
            cluster.apply(&name(number), "load", complete());
        }
        let states = vec!["load: complete".to_owned(); own.len()];
        exporter.eventually(Exporter::states, states).await;
        cluster.api.delete(Kind::Job, &own[0], "load");
        exporter
            .eventually(|e| e.snapshot().status.jobs, own.len() - 1)
            .await;
    }
}

#[tokio::test]
async fn a_new_namespace_is_read_and_the_others_go_on() {
    for (reading, options) in servers() {
        let cluster = Cluster::with_namespaces(options).await;
        let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard(2));
        let before = owned(shard(2), 0..NAMESPACES);
        exporter.shows(&before).await;
        let watches = match reading {
            ShardReading::Selector => 1,
            _ => before.len(),
        };
        exporter
            .eventually(|_| cluster.count("watch", "jobs"), watches)
            .await;
        cluster.api.clear_requests();
        // A shard owns about one in four.
        for number in NAMESPACES..NAMESPACES + 12 {
            cluster.add_namespace(&name(number));
        }
        exporter.shows(&owned(shard(2), 0..NAMESPACES + 12)).await;
        let new = owned(shard(2), NAMESPACES..NAMESPACES + 12);
        assert!(!new.is_empty());
        let requested = cluster.requested_namespaces();
        assert_eq!(requested, new.into_iter().collect());
    }
}

#[tokio::test]
async fn many_new_namespaces_are_read_together_where_the_server_selects() {
    let options = ApiOptions {
        sharded_lists: true,
        ..ApiOptions::default()
    };
    let cluster = Cluster::with_namespaces(options).await;
    let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard(0));
    exporter.shows(&owned(shard(0), 0..NAMESPACES)).await;
    let feeds = |exporter: &Exporter| exporter.snapshot().status.feeds;
    // Jobs, CronJobs and namespaces.
    assert_eq!(feeds(&exporter), 3);
    // 32 may have watches of their own.
    let all = 200;
    for number in NAMESPACES..all {
        cluster.add_namespace(&name(number));
    }
    exporter.shows(&owned(shard(0), 0..all)).await;
    let beside = owned(shard(0), NAMESPACES..all).len() - 33;
    exporter.eventually(feeds, 3 + 2 * beside).await;
    // What moved to another feed was neither deleted nor seen again.
    let deleted = exporter.metrics();
    let deleted = deleted
        .lines()
        .filter(|line| line.starts_with("batch_workload_deleted_runs_total{"))
        .filter(|line| !line.ends_with(" 0"));
    assert_eq!(deleted.count(), 0);
}

#[tokio::test]
async fn without_permission_for_namespaces_everything_is_received_and_the_rest_skipped() {
    let directory = tempfile::tempdir().unwrap();
    for options in server_variants() {
        let cluster = Cluster::with_namespaces(options).await;
        let reader =
            Permissions::of_user("reader").allow(&["list", "watch"], &["jobs", "cronjobs"]);
        cluster.api.grant("t0", reader);
        let endpoint = cluster.endpoint_with_token(directory.path(), "t0");
        let mut exporter = Exporter::start_shard(endpoint, everything(), shard(3));
        exporter.shows(&owned(shard(3), 0..NAMESPACES)).await;
        assert_eq!(exporter.reading(), Some((ShardReading::Skipping, None)));
        assert_eq!(exporter.snapshot().status.feeds, 2);
        cluster.add_namespace(&name(NAMESPACES));
        cluster.add_namespace(&name(NAMESPACES + 1));
        cluster.add_namespace(&name(NAMESPACES + 2));
        exporter.shows(&owned(shard(3), 0..NAMESPACES + 3)).await;
    }
}

#[tokio::test]
async fn patterns_select_among_the_namespaces_of_a_shard() {
    for (_, options) in servers() {
        let cluster = Cluster::with_namespaces(options).await;
        let mode = Mode::Watch(selection(&["team-00*"], &["team-003"], ""));
        let mut expected = owned(shard(0), 0..10);
        expected.retain(|name| name != "team-003");
        let mut exporter = Exporter::start_shard(cluster.endpoint(), mode, shard(0));
        exporter.shows(&expected).await;
    }
}

#[tokio::test]
async fn named_namespaces_are_divided_without_listing_any() {
    let names: Vec<_> = (0..NAMESPACES).map(name).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let poll = |selection| Mode::PollLists {
        selection,
        poll: POLL,
    };
    let selection = selection(&names, &[], "");
    for mode in [Mode::Watch(selection.clone()), poll(selection)] {
        for shard in shards() {
            let cluster = Cluster::with_namespaces(old_server()).await;
            let own = owned(shard, 0..NAMESPACES);
            let mut exporter = Exporter::start_shard(cluster.endpoint(), mode.clone(), shard);
            exporter.shows(&own).await;
            let reading = (ShardReading::Namespaces, Some(own.len()));
            assert_eq!(exporter.reading(), Some(reading));
            assert_eq!(cluster.requested_namespaces(), own.into_iter().collect());
            assert_eq!(cluster.count("list", "namespaces"), 0);
        }
    }
}

#[tokio::test]
async fn polled_lists_skip_what_is_of_other_shards() {
    let cluster = Cluster::with_namespaces(old_server()).await;
    for shard in shards() {
        let mut exporter = Exporter::start_shard(cluster.endpoint(), listed(POLL), shard);
        exporter.shows(&owned(shard, 0..NAMESPACES)).await;
        assert_eq!(exporter.reading(), Some((ShardReading::Skipping, None)));
    }
}

#[tokio::test]
async fn configured_jobs_are_divided() {
    let cluster = Cluster::with_namespaces(old_server()).await;
    let jobs = loads(&(0..NAMESPACES).map(name).collect::<Vec<_>>());
    for shard in shards() {
        let own = owned(shard, 0..NAMESPACES);
        let mode = polled(&jobs, POLL);
        let mut exporter = Exporter::start_shard(cluster.endpoint(), mode, shard);
        exporter.eventually(Exporter::jobs, loads(&own)).await;
        exporter.eventually(Exporter::ready, true).await;
        assert_eq!(exporter.snapshot().configured.len(), own.len());
    }
}

#[tokio::test]
async fn a_shard_without_namespaces_is_ready() {
    let cluster = Cluster::with_namespaces(ApiOptions::default()).await;
    let elsewhere = owned(shard(1), 0..NAMESPACES);
    let elsewhere = elsewhere[0].as_str();
    let modes = [
        Mode::Watch(selection(&[elsewhere], &[], "")),
        // A pattern, so the namespaces are followed.
        Mode::Watch(selection(&[&format!("{elsewhere}*")], &[], "")),
        polled(&[format!("{elsewhere}/load")], POLL),
    ];
    for mode in modes {
        let mut exporter = Exporter::start_shard(cluster.endpoint(), mode, shard(0));
        exporter.shows(&[]).await;
    }
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_asked_again() {
    let mut cluster = Cluster::with_namespaces(ApiOptions::default()).await;
    cluster.shut_down().await;
    let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard(1));
    exporter
        .eventually(|e| e.snapshot().status.failing_feeds, 1)
        .await;
    assert!(!exporter.up());
    cluster.serve().await;
    exporter.shows(&owned(shard(1), 0..NAMESPACES)).await;
}

#[tokio::test]
async fn namespaces_that_came_and_went_during_an_outage_are_known_after_it() {
    for (_, options) in servers() {
        let mut cluster = Cluster::with_namespaces(options).await;
        let own = owned(shard(0), 0..NAMESPACES);
        let mut exporter = Exporter::start_shard(cluster.endpoint(), everything(), shard(0));
        exporter.shows(&own).await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::up, false).await;
        cluster.api.delete(Kind::Namespace, "", &own[0]);
        cluster.api.delete(Kind::Job, &own[0], "load");
        cluster.api.delete(Kind::CronJob, &own[0], "load");
        for number in NAMESPACES..NAMESPACES + 8 {
            cluster.add_namespace(&name(number));
        }
        cluster.api.compact();
        cluster.serve().await;
        let mut expected = owned(shard(0), 0..NAMESPACES + 8);
        expected.retain(|name| *name != own[0]);
        exporter.shows(&expected).await;
        let known = |e: &Exporter| e.reading().and_then(|(_, namespaces)| namespaces);
        exporter.eventually(known, Some(expected.len())).await;
    }
}
