//! Whole web configuration files: what valid ones set, and the message of each mistake.
//!
//! `tests/fixtures/web` has pairs of a file and a text: the description of a valid file as `--config.check` prints it, and the
//! message about an invalid one. `UPDATE_GOLDEN=1` writes the texts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use job_status_exporter::config::{self, Flags, Inputs, WEB_FILE_KEYS, WebFile, WebFileError};

use crate::config::{files, has_position, is_hint, wrong_value_at, yaml_examples};

fn load(path: &Path) -> Result<WebFile, WebFileError> {
    WebFile::load(path)
}

/// What `--config.check` prints about the file at `path`, with its warnings.
fn description(path: &Path) -> String {
    let file = load(path).unwrap_or_else(|error| panic!("{error}"));
    let config = config::load(&Inputs {
        flags: Flags {
            web_config_file: Some(path.display().to_string()),
            ..Flags::default()
        },
        ..Inputs::default()
    });
    let config = config.unwrap();
    assert_eq!(config.web.config_file.as_deref(), Some(path));
    let warnings: Vec<_> = file.warnings.iter().map(ToString::to_string).collect();
    let text = config::describe(&config, Some(&file), &warnings);
    let (web, rest) = text.split_once("  deleted Jobs ").unwrap();
    match rest.split_once("\nwarnings\n") {
        Some((_, warnings)) => format!("{web}\nwarnings\n{warnings}"),
        None => web.to_owned(),
    }
}

/// Compares `text` of each file in `directory` with the text beside it.
fn check_texts(directory: &str, text: impl Fn(&Path) -> String) {
    let bless = std::env::var_os("UPDATE_GOLDEN").is_some();
    let stems = |kind| -> BTreeSet<_> {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_owned();
        files(directory, kind).iter().map(stem).collect()
    };
    let mut wrong = Vec::new();
    for path in files(directory, "yaml") {
        let text = text(&path);
        assert!(!text.contains("hunter2"), "{text}");
        let golden = path.with_extension("txt");
        if bless {
            fs::write(&golden, &text).unwrap();
        } else if fs::read_to_string(&golden).ok().as_deref() != Some(text.as_str()) {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "run with UPDATE_GOLDEN=1 and review the diff:\n{}",
        wrong.join("\n")
    );
    assert_eq!(stems("yaml"), stems("txt"), "files without a counterpart");
}

#[test]
fn every_valid_file_is_described() {
    check_texts("tests/fixtures/web/good", description);
}

#[test]
fn every_mistake_has_its_message() {
    check_texts("tests/fixtures/web/bad", |path| {
        let message = match load(path) {
            Ok(_) => panic!("{} is accepted", path.display()),
            Err(error) => format!("{error}\n"),
        };
        for problem in message.lines().skip(1).filter(|line| !is_hint(line)) {
            assert!(has_position(problem, path), "{problem}");
        }
        message
    });
}

#[test]
fn every_key_is_read() {
    for key in WEB_FILE_KEYS {
        let yaml = wrong_value_at(key);
        let error = WebFile::parse(yaml.as_bytes(), Path::new("web.yaml")).unwrap_err();
        assert!(
            error
                .problems()
                .iter()
                .any(|problem| problem.path() == *key),
            "{yaml}: no problem with {key}: {error}"
        );
    }
}

#[test]
fn every_key_is_documented() {
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    let (_, section) = documentation
        .split_once("\n## Web configuration file\n")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for key in WEB_FILE_KEYS {
        assert!(
            section.contains(&format!("`{key}`")),
            "docs/configuration.md does not explain `{key}`"
        );
    }
}

#[test]
fn the_example_loads_without_warnings_and_has_every_key() {
    let path = Path::new("config/web.yaml");
    let file = load(path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.warnings, []);
    assert!(file.tls.is_some() && !file.users.is_empty());
    let text = fs::read_to_string(path).unwrap();
    for key in WEB_FILE_KEYS {
        let name = key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("{name}:")), "{key}");
    }
}

#[test]
fn every_example_in_the_documentation_loads() {
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    let (_, section) = documentation
        .split_once("\n## Web configuration file\n")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for example in yaml_examples(section) {
        let file = WebFile::parse(example.as_bytes(), Path::new("web.yaml"));
        let file = file.unwrap_or_else(|error| panic!("{error}\n{example}"));
        assert_eq!(file.warnings, [], "{example}");
    }
}
