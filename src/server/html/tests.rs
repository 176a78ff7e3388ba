//! The pages of targets with workloads, as HTML.

use std::sync::Arc;

use http::header::CONTENT_SECURITY_POLICY;

use super::*;
use crate::{
    config::{ConfigInForce, Origin, Setting, SettingValue},
    model::{
        Change, FailureReason, FeedError, FeedScope, Job, JobExtra, JobState, Name, Shard,
        ShardReading, Sink, Uid, Update, WorkloadAnnotations, WorkloadRef,
    },
    server::{ExporterRecord, LoadedConfig, tests::TestData, workload_path::encode},
    store::{Store, StoreSettings, TargetStore},
};

/// The pages of some targets.
struct Pages(TestData);

fn target(name: Option<&str>, jobs: Option<Vec<Job>>) -> Arc<TargetStore> {
    let settings = Arc::new(StoreSettings::default());
    let store = Arc::new(TargetStore::new(name.map(Into::into), settings));
    let feed = store.clone().register(FeedScope::Jobs(None));
    if let Some(jobs) = jobs {
        feed.push(Update::Jobs(Change::Replaced(jobs)));
        feed.push(Update::CaughtUp(crate::model::now()));
    }
    store
}

fn pages(targets: Vec<Arc<TargetStore>>) -> Pages {
    Pages(TestData::with_store(Store::new(targets)))
}

/// A failed Job with these names.
fn job(namespace: &str, name: &str) -> Job {
    let now = crate::model::now().as_second();
    let workload = WorkloadRef {
        kind: "job".into(),
        name: name.into(),
    };
    Job {
        state: JobState::Failed,
        failure: Some(FailureReason::DeadlineExceeded),
        created: Some(now - 600).into(),
        start: Some(now - 600).into(),
        state_since: Some(now - 60).into(),
        ..Job::new(namespace.into(), name.into(), Uid::parse(name), workload)
    }
}

impl Pages {
    fn get(&self, uri: &str) -> (u16, String) {
        let settings = ServerSettings::default();
        let request = Request::builder().uri(uri).body(()).expect("a request");
        let response = respond(&request, &self.0, &Site::new(&settings));
        if response.status() == StatusCode::OK {
            let policy = &response.headers()[CONTENT_SECURITY_POLICY];
            assert!(
                !policy.to_str().expect("text").contains("unsafe"),
                "{policy:?}"
            );
        }
        let status = response.status().as_u16();
        let Content::Full(body) = response.into_body() else {
            panic!("a stream");
        };
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn page(&self, uri: &str) -> String {
        let (status, page) = self.get(uri);
        assert_eq!(status, 200, "{uri}: {page}");
        page
    }
}

#[test]
fn a_failed_workload_is_listed_with_its_reason_and_a_link_to_its_page() {
    let pages = pages(vec![target(None, Some(vec![job("ops", "import")]))]);
    let page = pages.page("/");
    assert!(
        page.contains("never succeeded") || page.contains("failing"),
        "{page}"
    );
    assert!(page.contains("DeadlineExceeded"), "{page}");
    let link = "./workloads/-/ops/job/import";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    let page = pages.page("/workloads/-/ops/job/import");
    assert!(page.contains("activeDeadlineSeconds has passed"), "{page}");
    assert!(page.contains("href=\"../../../../targets\""), "{page}");
    assert!(
        page.contains("batch_workload_last_run_succeeded{namespace=&#34;ops&#34;"),
        "{page}"
    );
}

#[test]
fn names_do_no_harm() {
    let hostile = "\"><script>alert('é')</script>&<b>\u{202e}";
    let long = "x".repeat(253);
    let annotations = WorkloadAnnotations {
        runbook: Some("javascript:alert(1)".into()),
        severity: Some(Name::from(hostile)),
        ..WorkloadAnnotations::default()
    };
    let jobs = vec![
        job(hostile, hostile).with_extra(JobExtra {
            annotations: Some(Box::new(annotations)),
            ..JobExtra::default()
        }),
        job(&long, &long),
    ];
    let pages = pages(vec![target(Some(hostile), Some(jobs))]);
    let encoded = encode(hostile).to_string();
    let overview = pages.page("/");
    let query = pages.page(&format!(
        "/?q={encoded}&target={encoded}&namespace={encoded}&state={encoded}"
    ));
    let workload = pages.page(&format!("/workloads/{encoded}/{encoded}/job/{encoded}"));
    let long = pages.page(&format!("/workloads/{encoded}/{long}/job/{long}"));
    let (targets, config) = (pages.page("/targets"), pages.page("/config"));
    for page in [overview, query, workload, long, targets, config] {
        assert!(
            !page.contains("<script>") && !page.contains("<b>\u{202e}"),
            "{page}"
        );
        assert!(!page.contains("href=\"javascript"), "{page}");
        assert_eq!(page.matches("<script").count(), 1, "{page}");
    }
}

#[test]
fn a_page_shows_a_hundred_workloads() {
    let jobs = (0..250).map(|number| job("ops", &format!("job-{number:03}")));
    let pages = pages(vec![target(None, Some(jobs.collect()))]);
    let rows = |page: &str| page.matches("class=\"name\"").count();
    let first = pages.page("/");
    assert_eq!(rows(&first), 100);
    assert!(
        first.contains("1–100 of 250") && first.contains("href=\"?page=2\""),
        "{first}"
    );
    let last = pages.page("/?page=3");
    assert_eq!(rows(&last), 50);
    assert!(
        last.contains("201–250 of 250") && !last.contains("rel=\"next\""),
        "{last}"
    );
    let filtered = pages.page("/?q=job-24&sort=workload&order=desc");
    assert_eq!(rows(&filtered), 10);
    let position = |name: &str| filtered.find(&format!(">{name}<")).expect("a row");
    assert!(position("job-249") < position("job-240"));
    assert!(
        filtered.contains("aria-sort=\"descending\"><a href=\"?q=job-24&#38;sort=workload\""),
        "{filtered}"
    );
}

#[test]
fn an_empty_page_says_what_to_do_next() {
    let empty = pages(vec![target(None, Some(Vec::new()))]).page("/");
    assert!(empty.contains("kubectl create job hello"), "{empty}");
    let unread = pages(vec![target(Some("prod"), None)]).page("/");
    assert!(
        unread.contains("Nothing was read yet") && unread.contains("Target prod"),
        "{unread}"
    );
    let one = pages(vec![target(None, Some(vec![job("ops", "import")]))]);
    let filtered = one.page("/?q=nothing");
    assert!(filtered.contains("No workload matches"), "{filtered}");
}

#[test]
fn a_target_that_is_down_says_why_since_when_and_how_old_its_facts_are() {
    let store = target(Some("prod"), Some(vec![job("ops", "import")]));
    let feed = store
        .clone()
        .register(FeedScope::CronJobs(Some("<ops>".into())));
    let error = FeedError::new("403 Forbidden: <none>", Some("grant `list`"));
    feed.push(Update::Failed(error));
    let pages = pages(vec![store]);
    let page = pages.page("/targets");
    for text in [
        "1 of 2 feeds fail",
        "CronJobs in &#60;ops&#62;",
        "403 Forbidden: &#60;none&#62;",
        "grant `list`",
        "tried <time",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let overview = pages.page("/");
    assert!(overview.contains("1 of 1 target incomplete"), "{overview}");
    assert!(overview.contains("<b>Target prod</b>"), "{overview}");
}

#[test]
fn the_configuration_has_settings_with_their_origin() {
    let file = Setting {
        key: "labels.<team>".to_owned(),
        value: SettingValue::Text("<b>".to_owned()),
        origin: Origin::Source {
            label: "exporter.yaml".to_owned(),
            line: Some(12),
        },
    };
    let secret = Setting {
        key: "targets[0].cci.access_key".to_owned(),
        value: SettingValue::Hidden,
        origin: Origin::Default,
    };
    let config = LoadedConfig {
        in_force: ConfigInForce {
            file: Some("exporter.yaml".into()),
            settings: vec![file, secret],
        },
        loaded: model::now(),
        warnings: vec!["`x` is probably a mistake".to_owned()],
    };
    let pages = Pages(TestData {
        record: ExporterRecord::new(config, None),
        ..TestData::new()
    });
    let page = pages.page("/config");
    for text in [
        "<code>labels.&#60;team&#62;</code>",
        "&#60;b&#62;",
        "exporter.yaml:12",
        "hidden",
        "1 of 2 are set",
        "`x` is probably a mistake",
        "not configured",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn unknown_workloads_and_paths_are_not_found() {
    let pages = pages(vec![target(None, Some(vec![job("ops", "import")]))]);
    for uri in [
        "/workloads/-/ops/job/other",
        "/workloads/other/ops/job/import",
        "/workloads/-/ops/job",
        "/workloads/-/ops/job/import/",
        "/workloads/-/ops/job/%ff",
    ] {
        assert_eq!(pages.get(uri).0, 404, "{uri}");
    }
}

#[test]
fn each_page_says_which_shard_it_shows() {
    let settings = StoreSettings {
        shard: Shard::new(2, 4),
        ..StoreSettings::default()
    };
    let store = Arc::new(TargetStore::new(None, settings.into()));
    store.set_shard_reading(ShardReading::Selector, Some(12));
    let pages = pages(vec![store]);
    for uri in ["/", "/targets"] {
        let page = pages.page(uri);
        assert!(
            page.contains("<span class=\"nowrap\">shard 2 of 4</span>"),
            "{page}"
        );
    }
    let page = pages.page("/targets");
    let how = "2 of 4, owns 12 namespaces: the server selects them";
    assert!(page.contains(how), "{page}");
}
