//! What servers say, without what is nobody's business: made fit for a log line.

/// What comes after these names and a colon or an equals sign is secret.
const SECRETS: [&str; 9] = [
    "x-auth-token",
    "x-subject-token",
    "x-security-token",
    "authorization",
    "signature",
    "password",
    "secret",
    "secretkey",
    "sk",
];

/// What comes after these names is known to many, but need not be known to all.
const IDENTITIES: [&str; 2] = ["ak", "access"];

/// No name in Kubernetes is longer than 253 characters; tokens are thousands.
const LONGEST_WORD: usize = 253;

/// As much of a server's text as a log line bears, on one line.
pub(in super::super) fn excerpt(text: &str) -> String {
    const LIMIT: usize = 500;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut excerpt: String = text.trim().chars().take(LIMIT).map(clean).collect();
    if text.trim().chars().nth(LIMIT).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// `text` without tokens and keys, as far as they can be told by their names or their length.
pub(super) fn redact(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    // The name before a colon or an equals sign, once there was one: what comes next is its value.
    let mut name = None;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        if length == 0 {
            safe.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        rest = after;
        match name.take() {
            Some(Name::Secret) => {
                safe.push_str("***");
                // The scheme of an Authorization header introduces the secret.
                name = is_any(word, &["basic", "bearer"]).then_some(Name::Secret);
            }
            Some(Name::Identity) => safe.push_str(&masked(word)),
            None if word.len() > LONGEST_WORD => safe.push_str("***"),
            None => {
                safe.push_str(word);
                name = Name::of(word, after);
            }
        }
    }
    safe
}

#[derive(Clone, Copy)]
enum Name {
    Secret,
    Identity,
}

impl Name {
    /// What the value after `word` is, if `after` begins with one.
    fn of(word: &str, after: &str) -> Option<Self> {
        let assigned = after
            .trim_start_matches(['"', '\'', ' '])
            .starts_with([':', '=']);
        if !assigned {
            None
        } else if is_any(word, &SECRETS) {
            Some(Self::Secret)
        } else if is_any(word, &IDENTITIES) {
            Some(Self::Identity)
        } else {
            None
        }
    }
}

fn is_any(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// What tokens and keys are made of, but for the equals signs at their ends.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-.~".contains(c)
}

/// Enough of an access key to recognise it by.
fn masked(key: &str) -> String {
    match (key.get(..4), key.get(key.len().saturating_sub(4)..)) {
        (Some(begin), Some(end)) if key.len() >= 12 => format!("{begin}…{end}"),
        _ => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_left_out_and_access_keys_shortened() {
        for (text, safe) in [
            (
                "Get secretKey failed,ak:EXAMPLEAK00000000000,err:ak not exist",
                "Get secretKey failed,ak:EXAM…0000,err:ak not exist",
            ),
            ("ak:short", "ak:***"),
            ("x-auth-token not found", "x-auth-token not found"),
            ("X-Auth-Token: MIIabc+/== end", "X-Auth-Token: ***== end"),
            (
                r#"{"password": "hunter2", "name": "x"}"#,
                r#"{"password": "***", "name": "x"}"#,
            ),
            (
                "x-security-token:gQpjbi1u-example==||host",
                "x-security-token:***==||host",
            ),
            (
                "authorization: Bearer abc.def next",
                "authorization: *** *** next",
            ),
            (
                "SDK-HMAC-SHA256 Access=EXAMPLEAK00000000000, SignedHeaders=host, Signature=00ff",
                "SDK-HMAC-SHA256 Access=EXAM…0000, SignedHeaders=host, Signature=***",
            ),
            (
                "jobs.batch \"pi\" is forbidden: User \"sk\"",
                "jobs.batch \"pi\" is forbidden: User \"sk\"",
            ),
        ] {
            assert_eq!(redact(text), safe);
        }
    }

    #[test]
    fn words_longer_than_names_are_taken_for_tokens() {
        let token = "MIIP".repeat(1_280);
        assert_eq!(redact(&format!("token {token}== bad")), "token ***== bad");
        let name = "a".repeat(253);
        assert_eq!(redact(&name), name);
    }
}
