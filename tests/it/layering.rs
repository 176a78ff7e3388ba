//! Data flows one way: which module may import which, and which stage uses which library.
//!
//! The compiler cannot check this within one crate, so these tests read the source files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules that all stages share. Each may import those before it.
const SHARED: [&str; 5] = ["model", "backoff", "log_limit", "protobuf", "x509"];

/// The stages in the order of the data flow. Each may import those before it.
const FLOW: [&str; 9] = [
    "config", "client", "decode", "source", "history", "store", "status", "metrics", "server",
];

/// Modules beside the flow, and what they may import of it.
const BESIDE: [(&str, &[&str]); 2] = [("cli", &["config"]), ("telemetry", &["cli"])];

/// Modules that may import everything.
const ABOVE: [&str; 2] = ["app", "fuzzing"];

/// Libraries, and the only modules that may use them.
const LIBRARIES: [(&str, &[&str]); 25] = [
    ("askama", &["server"]),
    ("batch_simulator", &["app"]),
    ("bcrypt", &["server"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("figment", &["config"]),
    ("heap_trim", &["app"]),
    ("serde_saphyr", &["client", "config"]),
    ("kube", &["client"]),
    ("k8s_openapi", &["client"]),
    ("prometheus", &["metrics"]),
    ("redb", &["history"]),
    ("hyper", &["client", "server"]),
    ("hyper_util", &["client", "server"]),
    ("listenfd", &["server"]),
    ("reqwest", &["client"]),
    ("ring", &["client", "server"]),
    ("rustls", &["client", "history", "server"]),
    ("rustls_native_certs", &["history"]),
    ("tokio_postgres", &["history"]),
    ("tokio_postgres_rustls", &["history"]),
    ("tokio_rustls", &["client", "server"]),
    ("utoipa", &["server"]),
    ("webpki", &["server"]),
    ("tower", &["client"]),
];

/// A source file without comments.
struct Source {
    path: PathBuf,
    /// Its top-level module.
    module: String,
    /// The number of `super` that leads to the crate root.
    depth: usize,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&root, &mut files);
    let sources = files.iter().map(|file| {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        Source {
            path: file.clone(),
            module: parts[0].to_owned(),
            depth: parts.len(),
            code: code(&fs::read_to_string(file).unwrap()),
        }
    });
    let sources: Vec<_> = sources
        .filter(|s| s.module != "lib" && s.module != "main")
        .collect();
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.starts_with("//")).collect();
    lines.join("\n")
}

/// The text after each `word` that is a path of its own.
fn after<'a>(code: &'a str, word: &str) -> Vec<&'a str> {
    let alone = |at: usize| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    };
    let places = code.match_indices(word).filter(|(at, _)| alone(*at));
    places.map(|(at, _)| &code[at + word.len()..]).collect()
}

/// The next names of a path: one, or those of a group in braces.
fn names(rest: &str) -> Vec<&str> {
    let name = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![&rest[..name(rest)]];
    };
    let (mut names, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(&group[at..at + name(&group[at..])]);
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

/// The top-level modules that a file imports.
fn named(source: &Source) -> BTreeSet<&str> {
    let up = "super::".repeat(source.depth);
    let paths = after(&source.code, "crate::")
        .into_iter()
        .chain(after(&source.code, &up));
    paths
        .flat_map(names)
        .filter(|name| everything().contains(name))
        .collect()
}

fn everything() -> Vec<&'static str> {
    let beside = BESIDE.map(|(module, _)| module);
    [&SHARED[..], &FLOW, &beside, &ABOVE].concat()
}

/// The modules that a module may import besides itself; `None` if it may import all.
fn allowed(module: &str) -> Option<Vec<&'static str>> {
    if let Some(place) = SHARED.iter().position(|word| *word == module) {
        return Some(SHARED[..place].to_vec());
    }
    if let Some(place) = FLOW.iter().position(|stage| *stage == module) {
        return Some([&SHARED[..], &FLOW[..place]].concat());
    }
    if let Some((_, seen)) = BESIDE.iter().find(|(beside, _)| *beside == module) {
        return Some([&SHARED[..], seen].concat());
    }
    assert!(
        ABOVE.contains(&module),
        "`{module}` has no place in the flow: add it here"
    );
    None
}

#[test]
fn modules_import_only_from_their_left() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(allowed) = allowed(&source.module) else {
            continue;
        };
        for name in named(&source) {
            if name != source.module && !allowed.contains(&name) {
                wrong.push(format!("{}: crate::{name}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_stay_in_their_stage() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (library, modules) in LIBRARIES {
            let path = format!("{library}::");
            let used = !after(&source.code, &path).is_empty();
            if used && !modules.contains(&source.module.as_str()) {
                wrong.push(format!("{}: {library}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_forms_of_paths_are_found() {
    let source = |depth, text| Source {
        path: PathBuf::new(),
        module: String::new(),
        depth,
        code: code(text),
    };
    for (depth, text) in [
        (1, "use crate::store::TargetStore;"),
        (
            1,
            "pub use crate::{\n    config::{server, Mode},\n    store,\n};",
        ),
        (1, "let slice = crate::store::TargetStore::new();"),
        (1, "use super::store;"),
        (2, "use super::super::{source::{self}, store};"),
    ] {
        assert!(named(&source(depth, text)).contains("store"), "{text}");
        assert!(!named(&source(depth, text)).contains("server"), "{text}");
    }
    for (depth, text) in [
        (1, "// crate::store"),
        (2, "super::store"),
        (1, "othercrate::store"),
        (1, "crate::Store"),
    ] {
        assert!(named(&source(depth, text)).is_empty(), "{text}");
    }
}
