//! Rules about the expressions of a dashboard.

use std::sync::LazyLock;

use super::model::{Dashboard, text};
use crate::promql::{Families, Matcher, References, Selector, references};

static FAMILIES: LazyLock<Families> = LazyLock::new(Families::documented);

/// Functions that make a rate or a difference of a counter.
const OF_COUNTERS: [&str; 3] = ["increase", "irate", "rate"];

/// What is wrong with an expression of a dashboard, if it is read alone.
pub(super) fn problems(dashboard: &Dashboard, expression: &str) -> Vec<String> {
    let references = match references(expression) {
        Ok(references) => references,
        Err(error) => return vec![error],
    };
    let mut problems = FAMILIES.problems(&references, &|_| false);
    for selector in &references.selectors {
        problems.extend(
            selector
                .matchers
                .iter()
                .filter_map(|matcher| of_matcher(dashboard, selector, matcher)),
        );
    }
    problems
}

/// A variable with several choices is a regular expression, one with a single choice is a value.
fn of_matcher(dashboard: &Dashboard, selector: &Selector, matcher: &Matcher) -> Option<String> {
    let variable = dashboard.variable(matcher.value.strip_prefix('$')?)?;
    let expected = if variable["multi"] == true { "=~" } else { "=" };
    let place = format!("{}{{{}{}", selector.family, matcher.label, matcher.operator);
    if variable["name"] != matcher.label.as_str() {
        Some(format!("{place}{}}} is another label", matcher.value))
    } else if matcher.operator != expected {
        Some(format!("{place}{}}} needs {expected}", matcher.value))
    } else {
        None
    }
}

/// The expressions are valid, as far as this can be seen without Prometheus, and `docs/metrics.md` has all that they name.
pub(super) fn promql(dashboard: &Dashboard) -> Vec<String> {
    let mut problems = dashboard.each_target(|_, target| problems(dashboard, text(target, "expr")));
    problems.extend(each_selector(dashboard, |selector| {
        missing_matcher(dashboard, selector)
    }));
    problems
}

/// The series of a dashboard are those that its variables choose.
fn missing_matcher(dashboard: &Dashboard, selector: &Selector) -> Option<String> {
    let chosen = dashboard
        .variables()
        .iter()
        .map(|variable| text(variable, "name"))
        .filter(|name| {
            let own = FAMILIES.has_label(&selector.family, name);
            // A list of target health has no workloads; the choice of an exporter is the business of the rules below.
            own && !["job", "instance"].contains(name)
        });
    let has = |label: &str| {
        selector
            .matchers
            .iter()
            .any(|matcher| matcher.label == label)
    };
    let missing = chosen.into_iter().find(|label| !has(label))?;
    Some(format!("{} without ${missing}", selector.family))
}

/// Only increases of counters mean something.
pub(super) fn counters(dashboard: &Dashboard) -> Vec<String> {
    each_selector(dashboard, |selector| {
        let family = selector.family.as_str();
        let is_counter = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .any(|end| family.ends_with(end));
        let is_rate = selector
            .function
            .as_deref()
            .is_some_and(|function| OF_COUNTERS.contains(&function));
        (is_counter && !(is_rate && selector.range.is_some()))
            .then(|| format!("{family} without rate or increase"))
    })
}

/// The window of a rate contains several scrapes.
pub(super) fn rate_interval(dashboard: &Dashboard) -> Vec<String> {
    each_selector(dashboard, |selector| {
        let is_rate = ["rate", "irate"].contains(&selector.function.as_deref()?);
        let range = selector.range.as_deref();
        (is_rate && range != Some("__rate_interval"))
            .then(|| format!("the rate of {} over {range:?}", selector.family))
    })
}

pub(super) fn job(dashboard: &Dashboard) -> Vec<String> {
    scrape_label(dashboard, "job")
}

pub(super) fn instance(dashboard: &Dashboard) -> Vec<String> {
    scrape_label(dashboard, "instance")
}

fn scrape_label(dashboard: &Dashboard, label: &str) -> Vec<String> {
    each_selector(dashboard, |selector| {
        let has = selector
            .matchers
            .iter()
            .any(|matcher| matcher.label == label);
        (!has).then(|| format!("{} without {label}", selector.family))
    })
}

fn each_selector(
    dashboard: &Dashboard,
    problem: impl Fn(&Selector) -> Option<String>,
) -> Vec<String> {
    dashboard.each_target(|_, target| {
        // `promql` reports the error.
        let References { selectors, .. } = references(text(target, "expr")).unwrap_or_default();
        selectors.iter().filter_map(&problem).collect()
    })
}
