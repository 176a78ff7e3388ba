//! Counts, filters, order and pages.

use super::*;
use crate::{
    config::MappedLabel,
    model::{JobExtra, Name},
};

fn took(seconds: Seconds, job: Job) -> Job {
    Job {
        state_since: job.end().map(|end| end + seconds).into(),
        ..job
    }
}

/// Three targets: two with workloads, one that is down.
fn targets() -> Vec<Scene> {
    let labels = StoreSettings {
        labels: [MappedLabel {
            label: "team".into(),
            source: crate::config::LabelSource::Label("team".into()),
        }]
        .into(),
        ..StoreSettings::default()
    };
    let prod = Scene::unread(Some("prod"), labels);
    prod.read();
    let severe = WorkloadAnnotations {
        severity: Some("page".into()),
        ..WorkloadAnnotations::default()
    };
    let labelled = |job: Job, team: &str| {
        job.with_template(|template| {
            template.labels = Some([Name::from(team)].into());
        })
    };
    let train = took(300, labelled(complete(3 * HOUR), "Ünits"));
    prod.job(of("workflow", "b-train", train));
    prod.job(
        of("workflow", "c-close", took(200, failed(2 * HOUR))).with_extra(JobExtra {
            annotations: Some(Box::new(severe)),
            ..JobExtra::default()
        }),
    );
    prod.cronjob(annotated(WorkloadAnnotations {
        max_success_age: Some(HOUR),
        ..WorkloadAnnotations::default()
    }));
    let test = Scene::unread(Some("test"), StoreSettings::default());
    test.read();
    test.job(
        of("job", "a-load", running(HOUR)).with_template(|template| {
            template.namespace = "etl".into();
        }),
    );
    test.job(of("workflow", "b-train", took(100, complete(HOUR))));
    let down = Scene::unread(Some("down"), StoreSettings::default());
    down.jobs.push(Update::Failed(FeedError::default()));
    down.cronjobs.push(Update::Failed(FeedError::default()));
    vec![prod, test, down]
}

fn overview(query: &Query) -> Overview {
    let snapshots: Vec<_> = targets().iter().map(Scene::snapshot).collect();
    Overview::new(&snapshots, query)
}

/// Target and name of each row.
fn rows(query: &Query) -> Vec<String> {
    let row = |row: &WorkloadStatus| {
        let target = row.target.as_deref().unwrap_or(UNNAMED_TARGET);
        format!("{target}/{}", row.id.name)
    };
    overview(query).rows.iter().map(row).collect()
}

#[test]
fn the_worst_come_first_and_equal_ones_by_name_namespace_type_and_target() {
    let expected = [
        "prod/c-close",
        "test/a-load",
        "prod/tick",
        "prod/b-train",
        "test/b-train",
    ];
    assert_eq!(rows(&Query::default()), expected);
}

#[test]
fn the_summary_counts_all_workloads_and_targets_whatever_the_filters() {
    let query = Query {
        target: Some("test".into()),
        ..Query::default()
    };
    let Overview {
        summary,
        targets,
        matching,
        namespaces,
        ..
    } = overview(&query);
    assert_eq!(
        (matching, summary.workloads(), summary.problems()),
        (2, 5, 1)
    );
    assert_eq!(summary.count(OverallState::Failing), 1);
    assert_eq!(summary.count(OverallState::Succeeded), 2);
    assert_eq!((summary.targets_down, summary.targets_not_synced), (1, 1));
    let workloads: Vec<_> = targets.iter().map(|it| it.workloads).collect();
    assert_eq!(workloads, [3, 2, 0]);
    assert_eq!(namespaces, ["etl", "ops"].map(Name::from));
}

#[test]
fn filters_apply_together() {
    let all = Query::default;
    for (query, expected) in [
        (
            Query {
                target: Some("nowhere".into()),
                ..all()
            },
            vec![],
        ),
        (
            Query {
                target: Some(UNNAMED_TARGET.into()),
                ..all()
            },
            vec![],
        ),
        (
            Query {
                namespace: Some("etl".into()),
                ..all()
            },
            vec!["test/a-load"],
        ),
        (
            Query {
                states: vec![OverallState::Running, OverallState::Failing],
                ..all()
            },
            vec!["prod/c-close", "test/a-load"],
        ),
        (
            Query {
                text: "TRAIN".into(),
                target: Some("prod".into()),
                ..all()
            },
            vec!["prod/b-train"],
        ),
        (
            Query {
                text: "  page ops ".into(),
                ..all()
            },
            vec!["prod/c-close"],
        ),
        (
            Query {
                text: "ünits".into(),
                ..all()
            },
            vec!["prod/b-train"],
        ),
        (
            Query {
                text: "train etl".into(),
                ..all()
            },
            vec![],
        ),
        (
            Query {
                text: "cronjob".into(),
                ..all()
            },
            vec!["prod/tick"],
        ),
    ] {
        assert_eq!(rows(&query), expected, "{query:?}");
    }
}

/// The first letter of the name of each row, in upper case for those of `prod`.
fn letters(query: &Query) -> String {
    let letter = |row: String| {
        let (target, name) = row.split_once('/').unwrap();
        match target {
            "prod" => name[..1].to_uppercase(),
            _ => name[..1].to_owned(),
        }
    };
    rows(query).into_iter().map(letter).collect()
}

#[test]
fn every_column_sorts_both_ways_with_unknown_values_last() {
    for (sort, ascending, descending) in [
        (Column::State, "CaTBb", "BbTaC"),
        (Column::Workload, "aBbCT", "TCBba"),
        (Column::Namespace, "aBbCT", "BbCTa"),
        (Column::Target, "BCTab", "abBCT"),
        (Column::Type, "TaBbC", "BbCaT"),
        (Column::LastEnd, "bCBaT", "BCbaT"),
        (Column::Duration, "bCBaT", "BCbaT"),
        (Column::Failures, "aBbTC", "CaBbT"),
        (Column::NextDue, "TaBbC", "TaBbC"),
        (Column::Deadline, "TaBbC", "TaBbC"),
        (Column::Severity, "CaBbT", "CaBbT"),
    ] {
        for (descending, expected) in [(false, ascending), (true, descending)] {
            let query = Query {
                sort,
                descending,
                ..Query::default()
            };
            assert_eq!(letters(&query), expected, "{query:?}");
        }
    }
}

#[test]
fn pages_have_a_hundred_rows_and_a_page_that_is_too_far_is_the_last() {
    let scene = Scene::new();
    for number in 0..205 {
        scene.job(of("job", &format!("j-{number:03}"), complete(0)));
    }
    let snapshots = [scene.snapshot()];
    for (page, shown, rows, first) in [
        (0, 1, 100, "j-000"),
        (2, 2, 100, "j-100"),
        (3, 3, 5, "j-200"),
        (usize::MAX, 3, 5, "j-200"),
    ] {
        let query = Query {
            page,
            ..Query::default()
        };
        let overview = Overview::new(&snapshots, &query);
        assert_eq!((overview.page, overview.pages), (shown, 3));
        assert_eq!((overview.rows.len(), overview.matching), (rows, 205));
        assert_eq!(&*overview.rows[0].id.name, first);
    }
    let all = Overview::all(&snapshots, &Query::default());
    assert_eq!((all.rows.len(), all.page, all.pages), (205, 1, 1));
}

#[test]
fn an_empty_cluster_has_one_empty_page() {
    let overview = Overview::new(&[Scene::new().snapshot()], &Query::default());
    assert_eq!(
        (overview.page, overview.pages, overview.matching),
        (1, 1, 0)
    );
    assert!(overview.rows.is_empty() && overview.summary.problems() == 0);
    assert_eq!(Overview::new(&[], &Query::default()).pages, 1);
}

#[test]
fn hostile_names_are_names() {
    let long = "x".repeat(253);
    let names = [
        "<script>alert(1)</script>",
        "\"';--",
        "日本\u{202e}語",
        "..",
        &long,
    ];
    let scene = Scene::new();
    for name in names {
        scene.job(of("job", name, failed(0)));
    }
    for name in names {
        let query = Query {
            text: name.to_uppercase(),
            ..Query::default()
        };
        let overview = Overview::new(&[scene.snapshot()], &query);
        assert_eq!(overview.matching, 1, "{name}");
        assert_eq!(&*overview.rows[0].id.name, name);
    }
}
