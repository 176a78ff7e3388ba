//! The commands `history export` and `history import` between a file and a database.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{
    SYNCED,
    cluster::Cluster,
    database::{Database, SCHEMA},
    jobs::Jobs,
    process::Setup,
    replica::{setup, shows, synced, terminate},
    seed,
};

/// The history in a file.
fn in_file(path: &Path) -> String {
    format!("{{path: \"{}\"}}", path.display())
}

/// The command with this history.
fn command(name: &str, history: &str) -> Setup {
    let command = Setup::new().argument("history").argument(name);
    command.config(&format!("history: {history}\n"))
}

/// The command with the history in a database, as this user.
fn command_as(name: &str, database: &Database, user: &str) -> Setup {
    command(name, "{postgres: {url_file: url, ca_file: ca.crt}}")
        .file("url", &database.url_of(user))
        .file("ca.crt", &database.server.authority())
}

/// Standard output and standard error.
fn run(setup: &Setup) -> (String, String) {
    let (code, stdout, stderr) = setup.run_text();
    assert_eq!(code, Some(0), "{stderr}");
    (stdout, stderr)
}

/// Imports these lines. Returns how many runs were new.
fn import(setup: Setup, lines: &str) -> usize {
    let (_, summary) = run(&setup.file("lines", lines).argument("lines"));
    let (_, new) = summary.split_once("; new: ").unwrap();
    let words: Vec<_> = new.split_whitespace().collect();
    words[4].parse().unwrap()
}

/// Starts an exporter with its history in a file, and ends it when it has read the API.
async fn count_in_file(cluster: &Cluster, path: &Path) {
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n\
         history: {}\n",
        in_file(path)
    );
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    let mut exporter = setup.config(&config).start().await;
    exporter.logged(SYNCED).await;
    terminate(exporter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_moves_from_a_file_to_a_database_and_back() {
    let database = Database::new();
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let [first, second] = ["first.redb", "second.redb"].map(|name| directory.path().join(name));
    let mut jobs = Jobs::new(&cluster.api, seed());
    count_in_file(&cluster, &first).await;
    jobs.run(30);
    count_in_file(&cluster, &first).await;
    // The totals are more than the Jobs.
    jobs.delete_all();
    jobs.run(5);
    count_in_file(&cluster, &first).await;

    let (lines, _) = run(&command("export", &in_file(&first)));
    let owner = database.name.clone();
    let into_database = || command_as("import", &database, &owner);
    assert_eq!(import(into_database(), &lines), jobs.all_finished.len());
    jobs.are_in(&database);
    let reader = database.user("reader");
    database.sql(&format!(
        "GRANT USAGE ON SCHEMA {SCHEMA} TO {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {reader}"
    ));
    let from_database = || run(&command_as("export", &database, &reader)).0;
    assert_eq!(from_database(), lines);
    assert_eq!(import(into_database(), &lines), 0);
    assert_eq!(from_database(), lines);
    assert_eq!(
        import(command("import", &in_file(&second)), &lines),
        jobs.all_finished.len()
    );
    assert_eq!(run(&command("export", &in_file(&second))).0, lines);

    // An exporter continues there, while others export and import.
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    assert_eq!(import(into_database(), &lines), 0);
    assert_eq!(database.totals(), jobs.truth);
    let (later, _) = run(&command_as("export", &database, &owner));
    terminate(exporter).await;
    fs::remove_file(&second).unwrap();
    let all = import(command("import", &in_file(&first)), &later);
    assert_eq!(all, 5);
    let (merged, _) = run(&command("export", &in_file(&first)));
    // Labels and what was observed of schedules may differ, but no count.
    let runs = |lines: &str| {
        lines
            .lines()
            .filter(|line| line.starts_with("{\"run\""))
            .count()
    };
    assert_eq!(runs(&merged), jobs.all_finished.len());
}

/// Runs that two histories have in common are counted once in a third one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_exports_count_each_run_once() {
    let database = Database::new();
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let paths = ["first.redb", "second.redb"].map(|name| directory.path().join(name));
    for path in &paths {
        count_in_file(&cluster, path).await;
    }
    let mut jobs = Jobs::new(&cluster.api, seed());
    jobs.run(10);
    count_in_file(&cluster, &paths[0]).await;
    jobs.run(10);
    count_in_file(&cluster, &paths[1]).await;
    jobs.delete_all();
    jobs.run(10);
    count_in_file(&cluster, &paths[0]).await;
    let lines = paths.map(|path| run(&command("export", &in_file(&path))).0);
    for order in [[0, 1], [1, 0]] {
        for part in order {
            let import_setup = command_as("import", &database, &database.name);
            import(import_setup, &lines[part]);
        }
        assert_eq!(database.recorded(), jobs.all_finished);
        assert_eq!(database.totals(), jobs.truth);
    }
}

#[test]
fn nothing_to_export_and_invalid_lines_are_errors() {
    let database = Database::new();
    let (code, stdout, error) = command_as("export", &database, &database.name).run_text();
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains("the schema has no history"), "{error}");
    let import = command_as("import", &database, &database.name);
    let import = import.file("lines", "{\"format\":2}").argument("lines");
    let (code, _, error) = import.run_text();
    assert_eq!(code, Some(2), "{error}");
    assert!(error.starts_with("error: line 1 has format 2"), "{error}");
    let wrong = database.url().replace("p%40ss", "other");
    let (code, _, error) = command_as("export", &database, &database.name)
        .file("url", &wrong)
        .run_text();
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("password authentication failed"), "{error}");
}
