//! The words of a `PromQL` expression.

/// A word of an expression.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// A number or a duration.
    Number(&'a str),
    /// The content of a string, as it is written.
    Text(&'a str),
    /// The name of a variable of Grafana.
    Variable(&'a str),
    Symbol(char),
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' | '`' => {
                let end = end_of_string(rest, first).ok_or("a string without an end")?;
                tokens.push(Token::Text(&rest[1..end]));
                end + 1
            }
            '$' => {
                let length = 1 + word(&rest[1..]);
                tokens.push(Token::Variable(&rest[1..length]));
                length
            }
            '0'..='9' => {
                let length = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
                    .unwrap_or(rest.len());
                tokens.push(Token::Number(&rest[..length]));
                length
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = word(rest);
                tokens.push(Token::Name(&rest[..length]));
                length
            }
            '+' | '-' | '*' | '/' | '%' | '^' | '=' | '!' | '<' | '>' | '~' | '(' | ')' | '['
            | ']' | '{' | '}' | ',' | '@' | ':' => {
                tokens.push(Token::Symbol(first));
                1
            }
            other => return Err(format!("an unexpected {other}")),
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .unwrap_or(text.len())
}

/// Where the string at the start of `text` ends.
fn end_of_string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped && quote != '`';
        ends.then_some(at)
    })
}
