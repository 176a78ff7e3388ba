//! The command `history`: exports and imports of files that an exporter has written.

use std::{fs::File, process::Stdio};

use super::*;

/// The command with a history at this path, and more arguments.
fn command(path: &Path, arguments: &[&str]) -> Setup {
    let config = format!("history: {{path: \"{}\"}}\n", path.display());
    let command = Setup::new().argument("history").argument(arguments[0]);
    let command = command.config(&config);
    let rest = arguments[1..].iter();
    rest.fold(command, |command, argument| command.argument(argument))
}

/// Exports the history at this path. Returns the lines, and what standard error says.
fn export(path: &Path) -> (String, String) {
    let (code, stdout, stderr) = command(path, &["export"]).run_text();
    assert_eq!(code, Some(0), "{stderr}");
    (stdout, stderr)
}

/// The last lines of standard error of a command that must fail with this code.
fn failed(setup: &Setup, expected: i32) -> String {
    let (code, stdout, stderr) = setup.run_text();
    assert_eq!((code, stdout.as_str()), (Some(expected), ""), "{stderr}");
    stderr
}

/// Reads the API once, and counts what finished.
async fn count(cluster: &Cluster, path: &Path) {
    let mut exporter = setup(cluster, path).start().await;
    exporter.logged(SYNCED).await;
    exporter.signal(&["TERM"]);
    assert_eq!(exporter.exit().await.status.code(), Some(0));
}

fn totals(state: &RestoredState) -> BTreeMap<&str, (u64, u64)> {
    let totals = state.workloads.iter();
    let totals = totals.map(|it| (&*it.id.name, &it.state.totals));
    totals
        .map(|(name, totals)| (name, (totals.succeeded, totals.failed)))
        .collect()
}

#[tokio::test]
async fn an_import_continues_where_the_export_ended() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let [first, second] = ["first.redb", "second.redb"].map(|name| directory.path().join(name));
    let mut jobs = JobGenerator::new(cluster.api.clone(), fastrand::Rng::with_seed(1));
    let mut exporter = setup(&cluster, &first).start().await;
    exporter.logged(SYNCED).await;
    let in_use = failed(&command(&first, &["export"]), 1);
    assert!(in_use.contains("is in use by another process"), "{in_use}");
    assert!(in_use.contains("hint: stop the exporter"), "{in_use}");
    exporter.signal(&["TERM"]);
    exporter.exit().await;
    (0..60).for_each(|_| jobs.step());
    count(&cluster, &first).await;

    let (lines, summary) = export(&first);
    let runs = jobs.all_finished.len();
    assert!(runs > 20, "{runs}");
    let counts = format!("1 target, 2 workloads, {runs} runs");
    assert_eq!(summary, format!("exported {counts}\n"));
    assert_eq!(lines.lines().count(), 1 + 1 + 2 + runs + 1);

    let export_file = directory.path().join("export.jsonl");
    fs::write(&export_file, &lines).unwrap();
    let import = command(&second, &["import"]);
    let imported = import
        .command()
        .stdin(File::open(&export_file).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let summary = String::from_utf8(imported.stderr).unwrap();
    assert_eq!(summary, format!("read {counts}; new: {counts}\n"));
    assert_eq!(imported.status.code(), Some(0));
    assert_eq!(export(&second).0, lines);

    let again = command(&second, &["import", export_file.to_str().unwrap()]);
    let (code, _, summary) = again.run_text();
    let nothing = "0 targets, 0 workloads, 0 runs";
    assert_eq!(summary, format!("read {counts}; new: {nothing}\n"));
    assert_eq!(code, Some(0));
    assert_eq!(export(&second).0, lines);

    // All Jobs still exist.
    (0..20).for_each(|_| jobs.step());
    count(&cluster, &second).await;
    let more = read(&second).await;
    assert_eq!(totals(&more), jobs.expected);
    // What both have counted is counted once.
    let (lines, _) = export(&second);
    fs::write(&export_file, &lines).unwrap();
    let back = command(&first, &["import", export_file.to_str().unwrap()]);
    assert_eq!(back.run_text().0, Some(0));
    assert_eq!(totals(&read(&first).await), jobs.expected);
}

#[test]
fn what_cannot_be_moved_is_an_error_that_says_why() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let setup = Setup::new().argument("history").argument("export");
    let error = failed(&setup, 2);
    let expected = "error: the configuration has no `history`\nhint: ";
    assert!(error.starts_with(expected), "{error}");
    let error = failed(&command(&path, &["export"]), 2);
    let expected = format!("error: open history file {}: No such file", path.display());
    assert!(error.starts_with(&expected), "{error}");
    assert!(!path.exists(), "an export created a file");
    let error = failed(&command(&path, &["import", "/nowhere/export"]), 2);
    assert!(
        error.contains("error: open /nowhere/export: No such file"),
        "{error}"
    );

    let header = r#"{"format":1,"bounds":{"run_duration":[1.0],"start_delay":[1.0]}}"#;
    let target = r#"{"target":{"name":"","since":1,"seen":2}}"#;
    let file = directory.path().join("export.jsonl");
    let import = command(&path, &["import", file.to_str().unwrap()]);
    for (lines, expected) in [
        (
            String::new(),
            "error: line 1 is missing: there is no export\nhint: ",
        ),
        (
            r#"{"format":2}"#.to_owned(),
            "error: line 1 has format 2, and this version of the exporter knows format 1\n",
        ),
        (
            format!("{header}\n{target}\n{{\"run\":{{"),
            "read 1 target, 0 workloads, 0 runs; new: 1 target, 0 workloads, 0 runs\nerror: line 3 EOF while parsing an object\n",
        ),
        (
            format!("{header}\n{target}\n"),
            "read 1 target, 0 workloads, 0 runs; new: 0 targets, 0 workloads, 0 runs\nerror: line 3 is missing: the export is not complete",
        ),
    ] {
        fs::write(&file, &lines).unwrap();
        let error = failed(&import, 2);
        assert!(error.starts_with(expected), "{error}");
    }
    let end = r#"{"end":{"targets":1,"workloads":0,"runs":0}}"#;
    fs::write(&file, format!("{header}\n{target}\n{end}\n")).unwrap();
    let (code, _, summary) = import.run_text();
    assert_eq!(code, Some(0), "{summary}");
}
