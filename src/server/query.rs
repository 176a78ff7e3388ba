//! What a query asks of a scrape: `family[]=NAME`, any number of times.
//!
//! Parameters of other names are passed over: Prometheus can be told to send any.

use percent_encoding::percent_decode_str;

use crate::config::Pattern;

/// The parameter, as the exporters that have one like it call theirs.
const FAMILY: &str = "family[]";

/// Names and patterns of the families that are asked for; with none of them, all are.
pub(super) fn families(query: Option<&str>) -> Vec<Pattern> {
    let parameters = query.unwrap_or_default().split('&');
    let pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    pairs
        .filter(|(key, _)| decoded(key) == FAMILY)
        .map(|(_, value)| Pattern::from(&*decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_however_they_are_written() {
        let asked = |query| {
            let families = families(query);
            let names: Vec<String> = families.iter().map(ToString::to_string).collect();
            names.join(" ")
        };
        assert_eq!(asked(None), "");
        assert_eq!(asked(Some("")), "");
        assert_eq!(asked(Some("x=1&family=a&family[]&&=")), "");
        assert_eq!(
            asked(Some("family[]=a&x=1&family%5B%5D=batch_%2A")),
            "a batch_*"
        );
        assert_eq!(asked(Some("family[]=")), "");
        assert_eq!(families(Some("family[]=")).len(), 1);
        assert_eq!(asked(Some("family[]=%ff")), "\u{fffd}");
    }
}
