//! YAML values, limits and positions.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

#[test]
fn only_true_and_false_are_booleans_and_leading_zeros_stay() {
    let document =
        parse("{a: no, b: on, c: 0123, d: 1_000, e: true, f: 12, g: 0.5, h: ~, i: -1}").unwrap();
    let shown = format!("{:?}", document.value);
    assert_eq!(
        shown,
        r#"Dict({"a": String("no"), "b": String("on"), "c": String("0123"), "d": String("1_000"), "#
            .to_owned()
            + r#""e": Bool(true), "f": Num(U64(12)), "g": Num(F64(0.5)), "h": Empty(Unit), "i": Num(I64(-1))})"#
    );
}

#[test]
fn an_empty_document_is_valid() {
    for text in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
        assert!(parse(text).unwrap().value.to_empty().is_some(), "{text:?}");
    }
}

#[test]
fn an_alias_bomb_is_an_error() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let error = parse(&bomb).unwrap_err();
    assert!(
        error.message.contains("too large or too complex"),
        "{error:?}"
    );
}

#[test]
fn deep_nesting_is_an_error() {
    let block = (0..200).fold(String::new(), |mut text, depth| {
        writeln!(text, "{:depth$}a:", "").unwrap();
        text
    });
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        block,
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn errors_do_not_quote_the_text() {
    for text in [
        "password: *hunter2",
        "password: hunter2: x",
        "password: 'hunter2",
        "password: [hunter2",
        "password: !!int hunter2",
        "password: !!binary hunter2",
        "password: \"\\hunter2\"",
        "password: %hunter2",
        "password: x\n hunter2: y",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!error.message.contains("hunter2"), "{text}: {error:?}");
        assert!(error.position.is_some(), "{text}: {error:?}");
    }
}

/// Lists the paths of all values with their lines and columns.
fn listed(path: &str, positions: &Positions, list: &mut Vec<String>) {
    let Some(Position { line, column }) = positions.here else {
        panic!("{path} has no position");
    };
    list.push(format!("{path} {line}:{column}"));
    for (key, entry) in &positions.entries {
        listed(&format!("{path}.{key}"), entry, list);
    }
    for (index, item) in positions.items.iter().enumerate() {
        listed(&format!("{path}[{index}]"), item, list);
    }
}

#[test]
fn entries_are_at_their_keys_and_items_at_their_values() {
    for (text, expected) in [
        (
            "# é\nä: 1\nb:\n  - c: x\n    d:\n  -\n    - é\n",
            [
                "2:1",
                ".b 3:1",
                ".b[0] 4:5",
                ".b[0].c 4:5",
                ".b[0].d 5:5",
                ".b[1] 7:5",
                ".b[1][0] 7:7",
                ".ä 2:1",
            ]
            .as_slice(),
        ),
        (
            "{é: [{a: 1}, \"x\"], \"b\":\n 'text'}",
            &[
                "1:1",
                ".b 1:20",
                ".é 1:2",
                ".é[0] 1:6",
                ".é[0].a 1:7",
                ".é[1] 1:14",
            ],
        ),
        // An alias leads to the text behind its anchor, a merge key to what it merges.
        (
            "a: &a\n  b: {c: 1}\nd: *a\ne:\n  <<: *a\n  f: 1\n",
            &[
                "1:1",
                ".a 1:1",
                ".a.b 2:3",
                ".a.b.c 2:7",
                ".d 3:1",
                ".d.b 2:3",
                ".d.b.c 2:7",
                ".e 4:1",
                ".e.b 2:3",
                ".e.b.c 2:7",
                ".e.f 6:3",
            ],
        ),
        (
            "- - x\n  -\n- !!str 5\n",
            &["1:1", "[0] 1:3", "[0][0] 1:5", "[0][1] 2:4", "[1] 3:9"],
        ),
        ("a: 1\r\nb: 2\r\n", &["1:1", ".a 1:1", ".b 2:1"]),
    ] {
        let mut list = Vec::new();
        listed("", &parse(text).unwrap().positions, &mut list);
        let list: Vec<_> = list.iter().map(|line| line.trim_start()).collect();
        assert_eq!(list, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[-:\\[\\]{}&*!|>'\"%@`#?,a-c0-9 \n\t]{0,200}") {
        let _ = parse(&text);
    }
}
