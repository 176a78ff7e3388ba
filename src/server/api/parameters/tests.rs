//! Queries and their values.

use super::*;

#[derive(IntoParams)]
#[allow(dead_code, reason = "only its names are used")]
struct Known {
    a: Option<String>,
    b: Option<usize>,
}

fn parse(query: &str) -> Result<Parameters, ApiError> {
    Parameters::parse::<Known>(Some(query))
}

fn bad<T>(text: &str) -> Result<T, ApiError> {
    Err(ApiError::BadData(text.to_owned()))
}

#[test]
fn values_are_decoded_as_forms_encode_them() {
    for (query, expected) in [
        ("a=x", Some("x")),
        ("%61=x+y%20z%2B%26", Some("x y z+&")),
        ("a=b=c", Some("b=c")),
        ("a", Some("")),
        ("&&b=1&", None),
        ("", None),
    ] {
        let text = parse(query).expect(query).text("a");
        assert_eq!(text, Ok(expected.map(ToOwned::to_owned)), "{query}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let error = |query: &str| parse(query).map(|_| ());
    assert_eq!(
        error("c=1"),
        bad("there is no parameter `c`; parameters: a, b")
    );
    assert_eq!(
        error("A=1"),
        bad("there is no parameter `A`; parameters: a, b")
    );
    assert_eq!(error("a=%ff"), bad("`%ff` in the query is not UTF-8"));
    assert_eq!(error("%ff=1"), bad("`%ff` in the query is not UTF-8"));
    assert_eq!(
        error("=1"),
        bad("there is no parameter ``; parameters: a, b")
    );
    let none = Parameters::parse::<NoParameters>(Some("a=1")).map(|_| ());
    assert_eq!(none, bad("there is no parameter `a`: this path takes none"));
    let parameters = parse("a=&a=1").expect("known names");
    assert_eq!(parameters.text("a"), bad("`a` is given twice"));
    assert_eq!(
        parse("a=").expect("a known name").name("a"),
        bad("`a` is empty")
    );
}

#[test]
fn a_number_has_digits_only_and_is_within_its_bounds() {
    let number = |text: &str| {
        let parameters = parse(&format!("b={text}")).expect("a known name");
        parameters.number("b", 1..=50).ok().flatten()
    };
    assert_eq!(number("1"), Some(1));
    assert_eq!(number("50"), Some(50));
    for text in [
        "0",
        "51",
        "",
        "-1",
        "%2B1",
        "1.0",
        "1e1",
        "٣",
        "99999999999999999999999",
    ] {
        assert_eq!(number(text), None, "{text}");
    }
    assert_eq!(parse("").expect("nothing").number("b", 1..=50), Ok(None));
}

#[test]
fn errors_repeat_only_the_start_of_a_long_value() {
    let long = "ü".repeat(10_000);
    let Err(ApiError::BadData(error)) = parse(&format!("{long}=1")) else {
        panic!("no error");
    };
    assert!(error.len() < 300, "{error}");
    assert!(error.contains("ü…`"), "{error}");
}
