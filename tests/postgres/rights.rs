//! Users, passwords and rights.

use serde_json::Value;

use crate::{
    cluster::Cluster,
    database::{Database, SCHEMA},
    jobs::Jobs,
    process::Exporter,
    replica::{
        Extra, eventually, history, refused, setup, setup_by, setup_with, shows, synced, terminate,
    },
    seed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_has_to_change_is_an_error_at_the_start() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let address = database.server.address();
    let (name, stranger) = (&database.name, database.user("stranger"));
    let wrong_password = format!("postgresql://{name}:wr0ng@{address}/{name}");
    let unknown_user = format!("postgresql://{name}_nobody:wr0ng@{address}/{name}");
    let no_database = database
        .url()
        .replace(&format!("{address}/{name}"), &format!("{address}/nowhere"));
    let cases = [
        // The content of the URL file, and what the error says.
        (
            wrong_password,
            format!("password authentication failed for user \"{name}\""),
        ),
        (
            unknown_user,
            format!("password authentication failed for user \"{name}_nobody\""),
        ),
        (
            no_database,
            "database \"nowhere\" does not exist".to_owned(),
        ),
        // It may not create the schema.
        (
            database.url_of(&stranger),
            format!("permission denied for database {name}"),
        ),
        ("no URL".to_owned(), "url".to_owned()),
        (String::new(), "url".to_owned()),
    ];
    for (url, expected) in cases {
        let log = refused(setup_by(&cluster, &database, &url)).await;
        assert!(log.contains(&expected), "{url}: {log}");
        assert!(!log.contains("wr0ng"), "{log}");
        assert!(
            log.lines().any(|line| line.starts_with("hint: ")),
            "{url}: {log}"
        );
    }
    let extra = Extra {
        postgres: ", reader_url_file: missing",
        ..Extra::default()
    };
    let log = refused(setup_with(&cluster, &database, &database.url(), extra)).await;
    assert!(log.contains("missing"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_may_not_be_written_are_an_error_at_the_start() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    terminate(synced(setup(&cluster, &database)).await).await;
    let reader = reader(&database);
    let log = refused(setup_by(&cluster, &database, &database.url_of(&reader))).await;
    assert!(log.contains("permission denied"), "{log}");
}

/// Creates a user who may read the tables.
fn reader(database: &Database) -> String {
    let name = database.user("reader");
    database.sql(&format!(
        "GRANT USAGE ON SCHEMA {SCHEMA} TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}"
    ));
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_exist_need_no_more_than_the_rights_to_use_them() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    terminate(synced(setup(&cluster, &database)).await).await;
    let writer = database.user("writer");
    database.sql(&format!(
        "GRANT USAGE ON SCHEMA {SCHEMA} TO {writer}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {writer}"
    ));
    let url = database.url_of(&writer);
    for _ in 0..2 {
        let exporter = synced(setup_by(&cluster, &database, &url)).await;
        jobs.run(5);
        shows(&exporter, &jobs.truth).await;
        terminate(exporter).await;
        assert_eq!(database.totals(), jobs.truth);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_changes_is_read_from_the_file() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(2);
    shows(&exporter, &jobs.truth).await;
    let name = &database.name;
    database.sql(&format!(
        "ALTER ROLE {name} PASSWORD 'renewed'; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"
    ));
    jobs.run(2);
    let waits = |metrics: &str| {
        history(metrics, "up") == Some(0) && history(metrics, "waiting_runs") == Some(2)
    };
    eventually(&exporter, waits).await;
    jobs.delete_all();
    let url = format!(
        "postgresql://{name}:renewed@{}/{name}\n",
        database.server.address()
    );
    exporter.replace("url", &url);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    assert_eq!(database.totals(), jobs.truth);
}

/// The runs of the workload `nightly`, and why older ones are missing.
async fn runs(exporter: &Exporter) -> (usize, Option<String>) {
    let path = "/api/v1/workloads/prod/etl/cronjob/nightly/runs?limit=200";
    let response = exporter.get(path).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    let data = &answer["data"];
    assert_eq!(data["has_history"], true);
    let runs = data["runs"].as_array().unwrap().len();
    let problem = data["history_problem"].as_str().map(ToOwned::to_owned);
    (runs, problem)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_can_be_read_by_a_user_who_may_only_read() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let named = Extra {
        target: Some("prod"),
        ..Extra::default()
    };
    let exporter = synced(setup_with(&cluster, &database, &database.url(), named)).await;
    jobs.run(100);
    shows(&exporter, &jobs.truth).await;
    jobs.delete_all();
    terminate(exporter).await;
    // All Jobs are gone, so an exporter that starts has the runs from the database only.
    let reader = reader(&database);
    let with_reader = Extra {
        postgres: ", reader_url_file: reader-url",
        ..named
    };
    for extra in [named, with_reader] {
        let setup = setup_with(&cluster, &database, &database.url(), extra);
        let setup = setup.file("reader-url", &database.url_of(&reader));
        let exporter = synced(setup).await;
        let (succeeded, failed) = jobs.truth[&("etl".to_owned(), "nightly".to_owned())];
        let expected = usize::try_from(succeeded + failed).unwrap();
        assert_eq!(runs(&exporter).await, (expected, None));
        let page = exporter.get("/workloads/prod/etl/cronjob/nightly").await;
        assert_eq!(page.status, 200);
        // The reader is who reads.
        database.sql(&format!("ALTER ROLE {reader} NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{reader}'"));
        let (found, problem) = runs(&exporter).await;
        if extra.postgres.is_empty() {
            assert_eq!((found, problem), (expected, None));
        } else {
            // The latest ones are in memory.
            assert!(found < expected, "{found} of {expected}");
            assert!(problem.is_some());
        }
        database.sql(&format!("ALTER ROLE {reader} LOGIN"));
        assert_eq!(runs(&exporter).await, (expected, None));
        // Writing goes on.
        jobs.run(1);
        shows(&exporter, &jobs.truth).await;
        jobs.delete_all();
        terminate(exporter).await;
    }
}
