//! A parser of `/metrics`. It asserts that no series occurs twice.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

/// One scrape in the text format.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metrics(BTreeMap<Series, f64>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    family: String,
    /// Without empty labels, which Prometheus treats as absent.
    labels: BTreeMap<String, String>,
}

/// The values of an object's series, by family and by the labels that do not identify the object, such as
/// `batch_job_state{state="running"}`.
pub(crate) type Samples = BTreeMap<String, f64>;

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) =
                Series::parse(line).unwrap_or_else(|| panic!("not a sample: {line}"));
            let previous = samples.insert(series, value);
            assert_eq!(previous, None, "a duplicate series: {line}");
        }
        Self(samples)
    }

    /// The value of the series with exactly these labels.
    pub(crate) fn value(&self, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let series = Series {
            family: family.to_owned(),
            labels: to_map(labels),
        };
        self.0.get(&series).copied()
    }

    /// All series whose family starts with `prefix` and which have these labels among others.
    pub(crate) fn samples(&self, prefix: &str, labels: &[(&str, &str)]) -> Samples {
        let labels = to_map(labels);
        self.0
            .iter()
            .filter(|(series, _)| series.family.starts_with(prefix))
            .filter_map(|(series, value)| Some((series.without(&labels)?, *value)))
            .collect()
    }
}

impl Series {
    fn parse(line: &str) -> Option<(Self, f64)> {
        let mut rest = line.chars().peekable();
        let mut family = String::new();
        while let Some(c) = rest.next_if(|c| !matches!(c, '{' | ' ')) {
            family.push(c);
        }
        let mut labels = BTreeMap::new();
        if rest.next_if_eq(&'{').is_some() {
            while rest.next_if_eq(&'}').is_none() {
                let (name, value) = label(&mut rest)?;
                assert!(!labels.contains_key(&name), "a duplicate label: {line}");
                if !value.is_empty() {
                    labels.insert(name, value);
                }
                rest.next_if_eq(&',');
            }
        }
        rest.next_if_eq(&' ')?;
        let value = rest.collect::<String>().parse().ok()?;
        Some((Self { family, labels }, value))
    }

    /// The series without `labels`, or `None` if it lacks one of them.
    fn without(&self, labels: &BTreeMap<String, String>) -> Option<String> {
        let own = |(name, value): (&String, &String)| self.labels.get(name) == Some(value);
        if !labels.iter().all(own) {
            return None;
        }
        let others = self
            .labels
            .iter()
            .filter(|(name, _)| !labels.contains_key(*name));
        let others: Vec<_> = others
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        Some(if others.is_empty() {
            self.family.clone()
        } else {
            format!("{}{{{}}}", self.family, others.join(","))
        })
    }
}

fn label(rest: &mut Peekable<Chars<'_>>) -> Option<(String, String)> {
    let name = rest.by_ref().take_while(|c| *c != '=').collect();
    rest.next_if_eq(&'"')?;
    let mut value = String::new();
    loop {
        match rest.next()? {
            '"' => return Some((name, value)),
            '\\' => value.push(match rest.next()? {
                'n' => '\n',
                c => c,
            }),
            c => value.push(c),
        }
    }
}

fn to_map(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    labels.iter().map(owned).collect()
}
