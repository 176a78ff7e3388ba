//! The syntax of label selectors, as far as it can be checked without the API.
//!
//! The grammar is that of `labels.Parse` in Kubernetes; the text goes to the API as it stands.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>

use super::syntax::{is_label_key, is_label_value};

/// Whether `text` is a selector: requirements with commas between. The error continues a sentence that begins with the text.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty; leave the key out to select everything".to_owned());
    }
    if text.trim().contains(char::is_control) {
        return Err("has line breaks or other control characters".to_owned());
    }
    requirements(text)?.into_iter().try_for_each(requirement)
}

/// The parts of `text` between commas, those in parentheses aside.
fn requirements(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (index, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err("has parentheses that do not match".to_owned()),
            ',' if !inside => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("has parentheses that do not match".to_owned());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

/// One of `key`, `!key`, `key = value`, `key != value`, `key > 1`, `key in (a, b)`.
fn requirement(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("has a comma too many".to_owned());
    }
    if let Some(name) = text.strip_prefix('!') {
        return key(name);
    }
    if let Some((head, values)) = text.split_once('(') {
        return set(text, head, values);
    }
    let Some(position) = text.find(['=', '!', '<', '>']) else {
        return key(text);
    };
    let (name, comparison) = text.split_at(position);
    key(name)?;
    if let Some(number) = comparison.strip_prefix(['<', '>']) {
        let is_number = number.trim().parse::<i64>().is_ok();
        return is_number.then_some(()).ok_or_else(|| {
            format!("compares with something that is not a whole number in `{text}`")
        });
    }
    ["==", "!=", "="]
        .iter()
        .find_map(|operator| comparison.strip_prefix(operator))
        .ok_or_else(|| format!("has an operator that is none of =, ==, != in `{text}`"))
        .and_then(value)
}

/// `head` is `key in` or `key notin`, `values` what follows the parenthesis.
fn set(text: &str, head: &str, values: &str) -> Result<(), String> {
    let mut words = head.split_whitespace();
    let (Some(name), Some("in" | "notin"), None) = (words.next(), words.next(), words.next())
    else {
        return Err(format!(
            "must have the form `key in (a, b)` or `key notin (a, b)` in `{text}`"
        ));
    };
    let Some(values) = values.trim_end().strip_suffix(')') else {
        return Err(format!("has something after the parenthesis in `{text}`"));
    };
    key(name)?;
    values.split(',').try_for_each(value)
}

/// A label key.
fn key(text: &str) -> Result<(), String> {
    let text = text.trim();
    if is_label_key(text) {
        return Ok(());
    }
    Err(format!("has `{text}` where a label key should be"))
}

/// A label value.
fn value(text: &str) -> Result<(), String> {
    let text = text.trim();
    if is_label_value(text) {
        return Ok(());
    }
    Err(format!("has `{text}` where a label value should be"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_what_kubernetes_accepts() {
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
    fn refuses_what_kubernetes_refuses() {
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

    proptest! {
        #[test]
        fn never_panics(text in "[a(),=!<> é]{0,20}") {
            let _ = check(&text);
        }
    }
}
