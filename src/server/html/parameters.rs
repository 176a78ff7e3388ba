//! Filters, order and page of the overview in the query of its address, so that a view can be bookmarked and sent.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

use crate::{
    server::workload_path::encode,
    status::{Column, OverallState, Query},
};

/// The order of a column in a query.
const DESCENDING: &str = "desc";

/// Reads a query. Parameters and values that do not exist are ignored: an old bookmark still shows something.
pub(super) fn parse(query: Option<&str>) -> Query {
    let mut parsed = Query::default();
    for (name, value) in pairs(query.unwrap_or_default()) {
        if value.is_empty() {
            continue;
        }
        match name.as_str() {
            "target" => parsed.target = Some(value),
            "namespace" => parsed.namespace = Some(value),
            "state" => parsed.states.extend(OverallState::from_label(&value)),
            "q" => parsed.text = value,
            "sort" => parsed.sort = Column::from_label(&value).unwrap_or_default(),
            "order" => parsed.descending = value == DESCENDING,
            "page" => parsed.page = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    parsed
}

/// The address of a view, relative to the overview itself.
pub(super) fn link(query: &Query) -> String {
    let mut link = String::from("?");
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let separator = if link.len() > 1 { "&" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(link, "{separator}{name}={}", encode(value));
        }
    };
    add("q", &query.text);
    add("target", query.target.as_deref().unwrap_or_default());
    add("namespace", query.namespace.as_deref().unwrap_or_default());
    for state in &query.states {
        add("state", state.as_str());
    }
    if query.sort != Column::default() {
        add("sort", query.sort.as_str());
    }
    if query.descending {
        add("order", DESCENDING);
    }
    if query.page > 1 {
        add("page", &query.page.to_string());
    }
    link
}

/// The decoded pairs of a query, as HTML forms write them.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let parameters = query.split('&').filter_map(|it| it.split_once('='));
    parameters.map(move |(name, value)| (decode(name), decode(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_back_from_its_link() {
        let query = Query {
            target: Some("prod eu".to_owned()),
            namespace: Some("a&b".to_owned()),
            states: vec![OverallState::Failing, OverallState::TooLong],
            text: "50% \"é\"+".to_owned(),
            sort: Column::Duration,
            descending: true,
            page: 3,
        };
        let link = link(&query);
        assert_eq!(
            link,
            "?q=50%25%20%22%C3%A9%22%2B&target=prod%20eu&namespace=a%26b&state=failing&state=too_long\
             &sort=duration&order=desc&page=3"
        );
        assert_eq!(parse(link.strip_prefix('?')), query);
        assert_eq!(super::link(&Query::default()), "?");
    }

    #[test]
    fn what_a_form_sends_is_understood() {
        let query = parse(Some("q=a+b&target=&namespace=&state=&sort=state"));
        assert_eq!(
            query,
            Query {
                text: "a b".to_owned(),
                ..Query::default()
            }
        );
    }

    #[test]
    fn what_does_not_exist_is_ignored() {
        assert_eq!(
            parse(Some("state=odd&sort=odd&order=odd&page=-1&x=1&&=&q=%ff")),
            Query {
                text: "\u{fffd}".to_owned(),
                ..Query::default()
            }
        );
        assert_eq!(parse(None), Query::default());
    }
}
