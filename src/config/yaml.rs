//! YAML text → figment value, with limits on size and depth.
//!
//! Errors have the line and the column but never quote the text, because it may contain a secret.

use figment::value::Value;
use serde_saphyr::{MessageFormatter as _, UserMessageFormatter};

/// Parses one document. An empty one is `Value::Empty`.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        // A list of 50,000 jobs has as many nodes.
        budget: serde_saphyr::budget! {
            max_depth: 32,
            flow_nesting_limit: 32,
            max_nodes: 250_000,
            // A hundred targets may share one anchor. `alias_limits` limits the expansion.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 8,
        },
        // `no`, `on` and `0123` are text.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| message(&error))
}

/// Formats the message and the position of `error`.
fn message(error: &serde_saphyr::Error) -> String {
    let message = UserMessageFormatter.format_message(error);
    match error.location() {
        Some(location) => format!(
            "line {}, column {}: {message}",
            location.line(),
            location.column()
        ),
        None => message.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_true_and_false_are_booleans_and_leading_zeros_stay() {
        let value =
            parse("{a: no, b: on, c: 0123, d: 1_000, e: true, f: 12, g: 0.5, h: ~}").unwrap();
        let shown = format!("{value:?}");
        assert_eq!(
            shown,
            r#"Dict({"a": String("no"), "b": String("on"), "c": String("0123"), "d": String("1_000"), "#.to_owned()
                + r#""e": Bool(true), "f": Num(U64(12)), "g": Num(F64(0.5)), "h": Empty(Unit)})"#
        );
    }

    #[test]
    fn an_empty_document_is_valid() {
        for text in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
            assert!(parse(text).unwrap().to_empty().is_some(), "{text:?}");
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
        assert!(error.contains("too large or too complex"), "{error}");
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
            assert!(!error.contains("hunter2"), "{text}: {error}");
            assert!(error.starts_with("line "), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-:\\[\\]{}&*!|>'\"%@`#?,a-c0-9 \n\t]{0,200}") {
            let _ = parse(&text);
        }
    }
}
