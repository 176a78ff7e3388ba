//! The syntax check of label selectors, before any request.
//!
//! The grammar is that of `labels.Parse` in Kubernetes. The API gets the text unchanged.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>

use super::syntax::{is_label_key, is_label_value};

/// Checks a label selector. The error completes a sentence that starts with the text.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty; omit the key to select all objects".to_owned());
    }
    if text.trim().contains(char::is_control) {
        return Err("contains line breaks or other control characters".to_owned());
    }
    split_requirements(text)?
        .into_iter()
        .try_for_each(check_requirement)
}

/// How to fix a selector that [`check`] rejects: the valid one that is most like it, or else the grammar.
pub(super) fn hint(text: &str) -> String {
    const GRAMMAR: &str = "separate requirements by commas: `key`, `!key`, `key=a`, `key!=a`, `key in (a, b)`, \
                           `key notin (a, b)`, `key>1`, `key<1`";
    let similar = text
        .trim()
        .replace(['[', '{'], "(")
        .replace([']', '}'], ")")
        .replace(['"', '\''], "")
        .replace(" not in ", " notin ")
        .replace(" NOT IN ", " notin ")
        .replace(" IN ", " in ")
        .replace(" NOTIN ", " notin ")
        .replace(" && ", ",")
        .replace(" and ", ",")
        .replace(": ", "=");
    match check(&similar) {
        Ok(()) => format!("did you mean `{similar}`?"),
        Err(_) => GRAMMAR.to_owned(),
    }
}

/// Splits `text` at commas outside parentheses.
fn split_requirements(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (index, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err("has unbalanced parentheses".to_owned()),
            ',' if !inside => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("has unbalanced parentheses".to_owned());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

/// Checks one of `key`, `!key`, `key = value`, `key != value`, `key > 1`, `key in (a, b)`.
fn check_requirement(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("has an empty requirement: remove the extra comma".to_owned());
    }
    if let Some(name) = text.strip_prefix('!') {
        return check_key(name);
    }
    if let Some((head, values)) = text.split_once('(') {
        return check_set(text, head, values);
    }
    let Some(position) = text.find(['=', '!', '<', '>']) else {
        return check_key(text);
    };
    let (name, comparison) = text.split_at(position);
    check_key(name)?;
    if let Some(number) = comparison.strip_prefix(['<', '>']) {
        let is_number = number.trim().parse::<i64>().is_ok();
        return is_number.then_some(()).ok_or_else(|| {
            format!("compares with something other than a whole number in `{text}`")
        });
    }
    ["==", "!=", "="]
        .iter()
        .find_map(|operator| comparison.strip_prefix(operator))
        .ok_or_else(|| format!("has an unknown operator in `{text}`: expected `=`, `==` or `!=`"))
        .and_then(check_value)
}

/// Checks `head` (`key in` or `key notin`) and `values` (the text after the opening parenthesis).
fn check_set(text: &str, head: &str, values: &str) -> Result<(), String> {
    let mut words = head.split_whitespace();
    let (Some(name), Some("in" | "notin"), None) = (words.next(), words.next(), words.next())
    else {
        return Err(format!(
            "has an invalid requirement `{text}`: expected `key in (a, b)` or `key notin (a, b)`"
        ));
    };
    let Some(values) = values.trim_end().strip_suffix(')') else {
        return Err(format!(
            "has text after the closing parenthesis in `{text}`"
        ));
    };
    check_key(name)?;
    values.split(',').try_for_each(check_value)
}

/// Checks a label key.
fn check_key(text: &str) -> Result<(), String> {
    let text = text.trim();
    if is_label_key(text) {
        return Ok(());
    }
    Err(format!("has the invalid label key `{text}`"))
}

/// Checks a label value.
fn check_value(text: &str) -> Result<(), String> {
    let text = text.trim();
    if is_label_value(text) {
        return Ok(());
    }
    Err(format!("has the invalid label value `{text}`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_that_kubernetes_accepts_are_valid() {
        for good in [
            "tier=batch",
            "tier==batch",
            "tier!=batch",
            " a = b , c != d ",
            "app.kubernetes.io/name=x",
            "tier",
            "!tier",
            "tier=",
            "tier in (a, b)",
            "tier notin(a)",
            "tier in (a,),x",
            "weight>10",
            "weight < 5",
            "a in (b),!c,d=e",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn selectors_that_kubernetes_rejects_are_invalid() {
        for bad in [
            "",
            " ",
            "a=b,\nc",
            ",",
            "a,",
            "a,,b",
            "=b",
            "!",
            "!!a",
            "a=b=c",
            "a=b c",
            "a b",
            "a in",
            "a in b",
            "a in (b",
            "a in b)",
            "a in ((b))",
            "a of (b)",
            "in (b)",
            "a in (b) c",
            "a=!b",
            "a!b",
            "a=>b",
            "a>b",
            "a/b/c=d",
            "-a",
            "a in (b c)",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_similar_selector_or_the_grammar_is_the_hint() {
        for (text, similar) in [
            ("tier in [batch]", "tier in (batch)"),
            ("tier in ['a', 'b']", "tier in (a, b)"),
            ("tier NOT IN (a)", "tier notin (a)"),
            ("tier not in (a)", "tier notin (a)"),
            ("tier=\"batch\"", "tier=batch"),
            ("tier=batch && team=a", "tier=batch,team=a"),
            ("tier: batch", "tier=batch"),
        ] {
            assert_eq!(hint(text), format!("did you mean `{similar}`?"));
        }
        for text in ["tier in batch", "", "a or b", "matchLabels.tier=a=b"] {
            assert!(hint(text).contains("`key notin (a, b)`"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a(),=!<> é]{0,20}") {
            let _ = check(&text);
        }
    }
}
