//! Whole configuration files: the examples are valid, and each mistake has its message.
//!
//! `tests/fixtures/config/bad` has pairs of an invalid file and its expected message. `UPDATE_GOLDEN=1` writes the messages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use job_status_exporter::config::{self, Config, Inputs, KEYS, RESERVED_LABELS};

/// A file in `config` that is no configuration. The module `web_file` tests it.
const WEB_FILE: &str = "config/web.yaml";

/// Returns the files with extension `kind` in `directory`, sorted by name.
pub(crate) fn files(directory: &str, kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == kind))
        .collect();
    files.sort();
    files
}

fn load(file: &Path) -> Result<Config, config::Error> {
    config::load(&Inputs {
        file: Some(file.to_owned()),
        ..Inputs::default()
    })
}

/// Loads a file with these bytes.
fn load_bytes(bytes: impl AsRef<[u8]>) -> Result<Config, config::Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exporter.yaml");
    fs::write(&path, bytes).unwrap();
    load(&path)
}

#[test]
fn every_example_loads_without_warnings() {
    let mut examples = files("config", "yaml");
    examples.retain(|path| path != Path::new(WEB_FILE));
    assert!(!examples.is_empty());
    for path in examples {
        let config = load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(config.warnings, [], "{}", path.display());
    }
}

/// Whether `line` of a message is a hint, and so not a problem of its own.
pub(crate) fn is_hint(line: &str) -> bool {
    line.starts_with("    hint: ")
}

/// Whether `problem` starts with `path:LINE:COLUMN: `.
pub(crate) fn has_position(problem: &str, path: &Path) -> bool {
    let position = problem
        .trim_start()
        .strip_prefix(&format!("{}:", path.display()))
        .and_then(|rest| rest.split_once(": "))
        .and_then(|(position, _)| position.split_once(':'));
    position.is_some_and(|(line, column)| {
        let is_positive = |text: &str| text.parse().is_ok_and(|number: u64| number > 0);
        is_positive(line) && is_positive(column)
    })
}

#[test]
fn every_mistake_has_its_message() {
    let bless = std::env::var_os("UPDATE_GOLDEN").is_some();
    let directory = "tests/fixtures/config/bad";
    let stems = |kind| -> BTreeSet<_> {
        files(directory, kind)
            .iter()
            .map(|path| path.file_stem().unwrap().to_owned())
            .collect()
    };
    let mut wrong = Vec::new();
    for path in files(directory, "yaml") {
        let message = match load(&path) {
            Ok(_) => panic!("{} is accepted", path.display()),
            Err(error) => format!("{error}\n"),
        };
        assert!(!message.contains("hunter2"), "{message}");
        for problem in message.lines().skip(1).filter(|line| !is_hint(line)) {
            assert!(has_position(problem, &path), "{problem}");
        }
        let golden = path.with_extension("txt");
        if bless {
            fs::write(&golden, &message).unwrap();
        } else if fs::read_to_string(&golden).ok().as_deref() != Some(message.as_str()) {
            wrong.push(message);
        }
    }
    assert!(
        wrong.is_empty(),
        "run with UPDATE_GOLDEN=1 and review the diff:\n{}",
        wrong.join("\n")
    );
    assert_eq!(stems("yaml"), stems("txt"), "files without a counterpart");
}

/// Returns YAML with only `key`, which has a value of the wrong type.
pub(crate) fn wrong_value_at(key: &str) -> String {
    let booleans = [
        ".by_list",
        ".enabled",
        ".ignore",
        ".http2",
        ".prefer_server_cipher_suites",
        ".authenticate_probes",
        ".enable_lifecycle",
        ".systemd_socket",
        ".probe_any",
        ".spec",
        "events.log",
    ];
    let is_boolean = booleans.iter().any(|name| key.ends_with(name));
    let wrong = if is_boolean { "5" } else { "true" };
    key.rsplit('.').fold(wrong.to_owned(), |inner, part| {
        match part.strip_suffix("[]") {
            Some(name) => format!("{{{name}: [{inner}]}}"),
            None => format!("{{{part}: {inner}}}"),
        }
    })
}

#[test]
fn every_key_is_read() {
    for key in KEYS {
        let yaml = wrong_value_at(key);
        let error = load_bytes(&yaml).unwrap_err();
        let path = key.replace("[]", "[0]");
        assert!(
            error
                .problems()
                .iter()
                .any(|problem| problem.path() == path),
            "{yaml}: no problem with {path}: {error}"
        );
    }
}

#[test]
fn every_key_is_documented() {
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    for key in KEYS {
        assert!(
            documentation.contains(&format!("`{key}`")),
            "docs/configuration.md does not explain `{key}`"
        );
    }
}

#[test]
fn every_reserved_label_is_documented() {
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    let (_, section) = documentation.split_once("### `<labels>`").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    for label in RESERVED_LABELS {
        assert!(section.contains(&format!("`{label}`")), "{label}");
    }
}

/// The examples in a text of Markdown, at least one.
pub(crate) fn yaml_examples(text: &str) -> Vec<&str> {
    let examples = text.split("```yaml\n").skip(1);
    let examples: Vec<_> = examples
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!examples.is_empty());
    examples
}

#[test]
fn every_example_in_the_documentation_loads() {
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    // `web_file` tests those of the section about the web configuration file.
    let (before, rest) = documentation
        .split_once("\n## Web configuration file\n")
        .unwrap();
    let (_, after) = rest.split_once("\n## ").unwrap();
    // The other example is a configuration of Prometheus.
    let probes = fs::read_to_string("docs/probe.md").unwrap();
    let (probes, _) = probes.split_once("\n## Prometheus\n").unwrap();
    let documentation = format!("{before}\n## {after}\n{probes}");
    for example in yaml_examples(&documentation) {
        let config = load_bytes(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
        assert_eq!(config.warnings, [], "{example}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let missing = load(Path::new("/no/such/exporter.yaml"))
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("/no/such/exporter.yaml: cannot be read: No such file"),
        "{missing}"
    );
    let directory = load(Path::new("tests")).unwrap_err().to_string();
    assert!(
        directory.contains("tests: cannot be read: Is a directory"),
        "{directory}"
    );
    let binary = load_bytes(b"web: {}\nname: \xff\xfe")
        .unwrap_err()
        .to_string();
    assert!(
        binary.contains("exporter.yaml:2:7: is not UTF-8 text"),
        "{binary}"
    );
    let huge = load_bytes("# comment\n".repeat(1 << 20))
        .unwrap_err()
        .to_string();
    assert!(huge.contains("is larger than 4 MiB"), "{huge}");
}

#[test]
fn hostile_files_are_rejected() {
    let width = 1 << 20;
    for yaml in [
        "[".repeat(width),
        "- ".repeat(width),
        "a: &a [".repeat(width / 8),
        format!("targets: [{}]", "{},".repeat(width)),
        format!(
            "targets: &t [{}]\nx: [{}]",
            "a,".repeat(1000),
            "*t,".repeat(100_000)
        ),
        format!(
            "targets: [{{namespaces: {{include: [{}]}}}}]",
            "a,".repeat(100_000)
        ),
        format!("{}: 1", "k".repeat(width)),
        format!("stale_after: {}", "9".repeat(width)),
    ] {
        let error = load_bytes(&yaml).unwrap_err();
        assert!(!error.problems().is_empty());
    }
}
