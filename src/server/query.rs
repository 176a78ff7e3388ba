//! Parses the query of a scrape: `family[]=PATTERN`, any number of times.
//!
//! Other parameters are ignored, since Prometheus can be configured to send any parameter.

use percent_encoding::percent_decode_str;

use crate::config::Pattern;

/// Name of the parameter. The brackets follow `collect[]` and `name[]` of other exporters.
const FAMILY: &str = "family[]";

/// Names and patterns of the requested families. An empty list means all families.
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
    fn families_are_decoded_and_other_parameters_ignored() {
        let requested = |query| {
            let families = families(query);
            let names: Vec<String> = families.iter().map(ToString::to_string).collect();
            names.join(" ")
        };
        assert_eq!(requested(None), "");
        assert_eq!(requested(Some("")), "");
        assert_eq!(requested(Some("x=1&family=a&family[]&&=")), "");
        assert_eq!(
            requested(Some("family[]=a&x=1&family%5B%5D=batch_%2A")),
            "a batch_*"
        );
        assert_eq!(requested(Some("family[]=")), "");
        assert_eq!(families(Some("family[]=")).len(), 1);
        assert_eq!(requested(Some("family[]=%ff")), "\u{fffd}");
    }
}
