//! What a `PromQL` expression refers to: families, their labels, and how they are aggregated.
//!
//! This is a tokenizer and not a parser: Prometheus parses the expressions in `scripts/check-dashboards` and
//! `scripts/check-rules`. It finds the names that `docs/metrics.md` has to know.

use std::collections::BTreeSet;

mod families;
mod tokens;

pub(crate) use families::Families;
use tokens::{Token, tokens};

/// Words that are no families, although no parenthesis follows.
const KEYWORDS: [&str; 26] = [
    "and",
    "atan2",
    "avg",
    "bool",
    "bottomk",
    "count",
    "count_values",
    "end",
    "group",
    "inf",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "nan",
    "offset",
    "or",
    "quantile",
    "start",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
    "Inf",
    "NaN",
];

/// Words before a list of labels.
const LISTS: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// What an expression refers to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct References {
    pub(crate) selectors: Vec<Selector>,
    /// The labels of `by`, `on` and the like.
    pub(crate) grouping: BTreeSet<String>,
}

/// A family with its matchers.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selector {
    pub(crate) family: String,
    pub(crate) matchers: Vec<Matcher>,
    /// What is in the brackets, such as `5m`.
    pub(crate) range: Option<String>,
    /// The function whose first argument this is.
    pub(crate) function: Option<String>,
}

/// A label, an operator and a value.
#[derive(Debug, PartialEq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) operator: String,
    pub(crate) value: String,
}

/// Reads an expression. The error says what is wrong with it.
pub(crate) fn references(expression: &str) -> Result<References, String> {
    let tokens = tokens(expression)?;
    check_brackets(&tokens)?;
    let mut references = References::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let Token::Name(name) = token else {
            if *token == Token::Symbol('{') {
                return Err("a selector without a family".to_owned());
            }
            at += 1;
            continue;
        };
        let opens = tokens.get(at + 1) == Some(&Token::Symbol('('));
        if LISTS.contains(name) {
            at += 1;
            if opens {
                at = read_list(&tokens, at + 1, &mut references.grouping)?;
            }
        } else if opens || KEYWORDS.contains(name) {
            at += 1;
        } else {
            let function = function_around(&tokens, at);
            at = read_selector(&tokens, at, function, &mut references.selectors)?;
        }
    }
    Ok(references)
}

/// Reads the labels of `by (…)` from `at`, which is behind the parenthesis. Returns what is behind the list.
fn read_list(
    tokens: &[Token<'_>],
    mut at: usize,
    labels: &mut BTreeSet<String>,
) -> Result<usize, String> {
    loop {
        match tokens.get(at) {
            Some(Token::Name(label)) => drop(labels.insert((*label).to_owned())),
            Some(Token::Symbol(',')) => {}
            Some(Token::Symbol(')')) => return Ok(at + 1),
            other => return Err(format!("{other:?} in a list of labels")),
        }
        at += 1;
    }
}

/// The function that has the name at `at` as its first argument.
fn function_around(tokens: &[Token<'_>], at: usize) -> Option<String> {
    match tokens[..at] {
        [.., Token::Name(function), Token::Symbol('(')] => Some(function.to_owned()),
        _ => None,
    }
}

/// Reads a family, its matchers and its range from `at`. Returns what is behind it.
fn read_selector(
    tokens: &[Token<'_>],
    mut at: usize,
    function: Option<String>,
    selectors: &mut Vec<Selector>,
) -> Result<usize, String> {
    let Token::Name(family) = tokens[at] else {
        return Err(format!("{:?} is no family", tokens[at]));
    };
    let mut selector = Selector {
        family: family.to_owned(),
        function,
        ..Selector::default()
    };
    at += 1;
    if tokens.get(at) == Some(&Token::Symbol('{')) {
        at = read_matchers(tokens, at + 1, &mut selector.matchers)?;
    }
    if let [
        Token::Symbol('['),
        Token::Number(range) | Token::Variable(range),
        ..,
    ] = tokens[at..]
    {
        selector.range = Some(range.to_owned());
    }
    selectors.push(selector);
    Ok(at)
}

/// Reads matchers from `at`, which is behind the brace. Returns what is behind the closing one.
fn read_matchers(
    tokens: &[Token<'_>],
    mut at: usize,
    matchers: &mut Vec<Matcher>,
) -> Result<usize, String> {
    loop {
        match &tokens[at..] {
            [Token::Symbol('}'), ..] => return Ok(at + 1),
            [Token::Symbol(','), ..] => at += 1,
            [
                Token::Name(label),
                Token::Symbol(first),
                Token::Symbol(second),
                Token::Text(value),
                ..,
            ] => {
                matchers.push(matcher(label, &format!("{first}{second}"), value)?);
                at += 4;
            }
            [
                Token::Name(label),
                Token::Symbol(operator),
                Token::Text(value),
                ..,
            ] => {
                matchers.push(matcher(label, &operator.to_string(), value)?);
                at += 3;
            }
            other => return Err(format!("{:?} in the braces of a selector", other.first())),
        }
    }
}

fn matcher(label: &str, operator: &str, value: &str) -> Result<Matcher, String> {
    if !["=", "!=", "=~", "!~"].contains(&operator) {
        return Err(format!("the operator {operator} of the label {label}"));
    }
    Ok(Matcher {
        label: label.to_owned(),
        operator: operator.to_owned(),
        value: value.to_owned(),
    })
}

fn check_brackets(tokens: &[Token<'_>]) -> Result<(), String> {
    let mut open = Vec::new();
    for token in tokens {
        match token {
            Token::Symbol('(') => open.push(')'),
            Token::Symbol('[') => open.push(']'),
            Token::Symbol('{') => open.push('}'),
            Token::Symbol(symbol @ (')' | ']' | '}')) if open.pop() != Some(*symbol) => {
                return Err(format!("an unexpected {symbol}"));
            }
            _ => {}
        }
    }
    open.pop()
        .map_or(Ok(()), |symbol| Err(format!("{symbol} is missing")))
}

#[test]
fn families_labels_and_functions_are_found() {
    let text = r##"
        # the comment names no_family{label="x"}
        sum by (cluster, result) (
          max by (job_name) (increase(runs_total{a="}", b=~'$x|y', c!="#"}[$__rate_interval])) > bool 0
          or on (target) group_left () vector(0) * count(other offset 5m @ end())
        ) and job_status:gap unless 1e3 + Inf
    "##;
    let found = references(text).unwrap();
    let families: Vec<_> = found.selectors.iter().map(|s| s.family.as_str()).collect();
    assert_eq!(families, ["runs_total", "other", "job_status:gap"]);
    let grouping: Vec<_> = found.grouping.iter().map(String::as_str).collect();
    assert_eq!(grouping, ["cluster", "job_name", "result", "target"]);
    let first = &found.selectors[0];
    assert_eq!(first.function.as_deref(), Some("increase"));
    assert_eq!(first.range.as_deref(), Some("__rate_interval"));
    let matchers: Vec<_> = first
        .matchers
        .iter()
        .map(|m| format!("{} {} {}", m.label, m.operator, m.value))
        .collect();
    assert_eq!(matchers, ["a = }", "b =~ $x|y", "c != #"]);
    assert_eq!(found.selectors[1].function.as_deref(), Some("count"));
    assert_eq!(
        found.selectors[2],
        Selector {
            family: "job_status:gap".to_owned(),
            ..Selector::default()
        }
    );
}

#[test]
fn invalid_expressions_are_errors() {
    for (text, part) in [
        ("sum(x", ") is missing"),
        ("sum(x]", "an unexpected ]"),
        ("x)", "an unexpected )"),
        ("x{a=\"b}", "a string without an end"),
        ("x{a==\"b\"}", "the operator == of the label a"),
        ("x{a=b}", "in the braces"),
        ("{a=\"b\"}", "a selector without a family"),
        ("sum by (\"a\") (x)", "in a list of labels"),
        ("x ? y", "an unexpected ?"),
    ] {
        let error = references(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}
