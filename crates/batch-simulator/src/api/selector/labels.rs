//! The grammar of label selectors: `tier=batch,team in (a, b),!legacy`.
//!
//! The errors have the texts of `k8s.io/apimachinery/pkg/labels`.

use std::collections::BTreeMap;

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Exists,
    Absent,
    In(Vec<String>),
    /// Objects without the label match too.
    NotIn(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// An operator, a comma or a parenthesis.
    Symbol(&'a str),
    End,
}

/// A recursive descent parser.
struct Parser<'a> {
    rest: &'a str,
}

pub(super) fn parse(selector: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { rest: selector };
    let mut requirements = Vec::new();
    if parser.peek() == Token::End {
        return Ok(requirements);
    }
    loop {
        let requirement = parser.requirement();
        requirements.push(requirement.map_err(|e| format!("unable to parse requirement: {e}"))?);
        match parser.next() {
            Token::End => return Ok(requirements),
            Token::Symbol(",") => match parser.peek() {
                Token::Word(_) | Token::Symbol("!") => {}
                other => {
                    let found = other.text();
                    return Err(format!("found '{found}', expected: identifier after ','"));
                }
            },
            other => {
                let found = other.text();
                return Err(format!("found '{found}', expected: ',' or 'end of string'"));
            }
        }
    }
}

// === impl Requirement ===

impl Requirement {
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match &self.rule {
            Rule::Exists => value.is_some(),
            Rule::Absent => value.is_none(),
            Rule::In(values) => value.is_some_and(|value| values.contains(value)),
            Rule::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
        }
    }
}

// === impl Token ===

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Symbol(text) => text,
            Self::End => "",
        }
    }
}

// === impl Parser ===

impl<'a> Parser<'a> {
    /// The next token and its length, with the blanks before it.
    fn scan(&self) -> (Token<'a>, usize) {
        let text = self.rest.trim_start();
        let blank = self.rest.len() - text.len();
        let special = |c: char| c.is_whitespace() || "=!(),><".contains(c);
        let (token, length) = if text.is_empty() {
            (Token::End, 0)
        } else if text.starts_with("==") || text.starts_with("!=") {
            (Token::Symbol(&text[..2]), 2)
        } else if text.starts_with(special) {
            (Token::Symbol(&text[..1]), 1)
        } else {
            let length = text.find(special).unwrap_or(text.len());
            (Token::Word(&text[..length]), length)
        };
        (token, blank + length)
    }

    fn peek(&self) -> Token<'a> {
        self.scan().0
    }

    fn next(&mut self) -> Token<'a> {
        let (token, length) = self.scan();
        self.rest = &self.rest[length..];
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Symbol("!");
        if absent {
            self.next();
        }
        let key = match self.next() {
            Token::Word(key) => valid_key(key)?.to_owned(),
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        if absent {
            let rule = Rule::Absent;
            return Ok(Requirement { key, rule });
        }
        let rule = match self.peek() {
            Token::End | Token::Symbol(",") => Rule::Exists,
            Token::Symbol("=" | "==") => Rule::In(vec![self.value()?]),
            Token::Symbol("!=") => Rule::NotIn(vec![self.value()?]),
            Token::Word("in") => Rule::In(self.values()?),
            Token::Word("notin") => Rule::NotIn(self.values()?),
            other => {
                let found = other.text();
                return Err(format!(
                    "found '{found}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        };
        Ok(Requirement { key, rule })
    }

    /// Parses an operator and the value after it, which may be empty.
    fn value(&mut self) -> Result<String, String> {
        self.next();
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(value) => {
                self.next();
                Ok(value.to_owned())
            }
            other @ Token::Symbol(_) => {
                Err(format!("found '{}', expected: identifier", other.text()))
            }
        }
    }

    /// Parses an operator and the set of values after it.
    fn values(&mut self) -> Result<Vec<String>, String> {
        self.next();
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut values = Vec::new();
        loop {
            if let Token::Word(value) = self.peek() {
                self.next();
                values.push(value.to_owned());
            } else {
                values.push(String::new());
            }
            match self.next() {
                Token::Symbol(",") => {}
                Token::Symbol(")") => return Ok(values),
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
    }
}

fn valid_key(key: &str) -> Result<&str, String> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let outer = |c: char| c.is_ascii_alphanumeric();
    if name.starts_with(outer) && name.ends_with(outer) && name.chars().all(inner) {
        return Ok(key);
    }
    Err(format!(
        "<nil>: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must \
         start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
         validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    ))
}
