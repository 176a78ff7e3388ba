//! Times as HTML: words for people, the exact UTC time for those who look closer, and for scripts.

use std::fmt;

use jiff::Timestamp;

use crate::{model::Seconds, status::phrases};

/// A `time` element. Its text comes from numbers alone, so it is safe in HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    at: Seconds,
    words: String,
}

impl Moment {
    /// A time by its distance from now: `12 min ago`.
    pub(super) fn relative(at: Seconds, now: Seconds) -> Self {
        Self {
            at,
            words: phrases::relative(at, now),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(at) = Timestamp::from_second(self.at) else {
            return f.write_str(&self.words);
        };
        write!(
            f,
            "<time class=\"rel\" datetime=\"{at}\" title=\"{}\">{}</time>",
            phrases::time(self.at),
            self.words
        )
    }
}

impl askama::filters::HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_words_and_its_exact_value() {
        assert_eq!(
            Moment::relative(1_795_905_787, 1_795_906_507).to_string(),
            "<time class=\"rel\" datetime=\"2026-11-28T22:43:07Z\" title=\"2026-11-28 22:43:07 UTC\">12 min ago</time>"
        );
    }

    #[test]
    fn a_time_that_no_calendar_has_is_a_distance() {
        assert!(
            Moment::relative(Seconds::MAX, 0)
                .to_string()
                .starts_with("in ")
        );
    }
}
