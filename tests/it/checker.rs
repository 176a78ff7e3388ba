//! A strict parser of the text formats. It panics with the line that violates a rule.
//!
//! It shares no code with the writer that it checks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use job_status_exporter::metrics::Format;

/// Families by their name in the `TYPE` line.
pub(crate) type Families = BTreeMap<String, Family>;

/// Names and values, in order.
pub(crate) type Labels = Vec<(String, String)>;

/// One family.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One sample line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

impl Sample {
    /// The series in the syntax of promtool. `scraped` are the labels that Prometheus adds.
    pub(crate) fn scraped_series(&self, scraped: &str) -> String {
        let labels = self.labels.iter();
        let labels = labels.map(|(name, value)| format!("{name}={value:?}"));
        let labels = labels.collect::<Vec<_>>().join(",");
        format!("{}{{{scraped},{labels}}}", self.name)
    }
}

/// Parses `text`, and asserts that
/// - each family has one HELP and one TYPE line, followed by all of its samples, at least one;
/// - names, labels, escapes and values are well formed, and the unit is the suffix of the name;
/// - series are unique, and all series of a family have the same labels, except families that show the labels of objects;
/// - histograms are cumulative and end in `+Inf`;
/// - in `OpenMetrics`, the creation time follows its counter or histogram, and the samples with the same labels are
///   contiguous;
/// - only `OpenMetrics` ends with `# EOF`.
pub(crate) fn check(format: Format, text: &str) -> Families {
    assert!(text.ends_with('\n'), "no line feed at the end");
    let body = match format {
        Format::Text => text,
        Format::OpenMetrics => text.strip_suffix("# EOF\n").expect("no mark at the end"),
        Format::Protobuf => panic!("no text format"),
    };
    let mut families = Families::new();
    let mut current = String::new();
    // Not `lines()`: a carriage return does not end a line in these formats.
    for line in body.split_terminator('\n') {
        if let Some(comment) = line.strip_prefix("# ") {
            read_comment(format, comment, &mut current, &mut families);
            continue;
        }
        let family = families.get_mut(&current);
        let family = family.unwrap_or_else(|| panic!("no family for {line}"));
        let sample = read_sample(line);
        let expected = sample_names(format, &current, &family.kind);
        assert!(
            expected.contains(&sample.name),
            "{line} is not of {current}"
        );
        family.samples.push(sample);
    }
    for (name, family) in &families {
        check_family(name, family);
        if format == Format::OpenMetrics {
            check_metrics(name, family);
        }
    }
    check_duplicates(&families);
    families
}

fn read_comment(format: Format, comment: &str, current: &mut String, families: &mut Families) {
    let mut words = comment.splitn(3, ' ');
    let (keyword, name, rest) = (words.next(), words.next(), words.next());
    let (Some(keyword), Some(name), Some(rest)) = (keyword, name, rest) else {
        panic!("an incomplete comment: {comment}");
    };
    if keyword == "HELP" {
        assert!(is_name(name), "not a name: {name}");
        check_help(format, rest);
        let earlier = families.insert(name.to_owned(), Family::default());
        assert!(earlier.is_none(), "{name} is there twice");
        name.clone_into(current);
        return;
    }
    assert_eq!(name, current, "not the family that this is about");
    let family = families.get_mut(name).unwrap();
    assert!(family.samples.is_empty(), "{comment} after samples");
    match keyword {
        "TYPE" => {
            assert!(family.kind.is_empty(), "TYPE twice: {comment}");
            assert!(["gauge", "counter", "histogram"].contains(&rest), "{rest}");
            rest.clone_into(&mut family.kind);
        }
        "UNIT" => {
            assert_eq!(format, Format::OpenMetrics, "no UNIT in text");
            assert!(name.ends_with(&format!("_{rest}")), "{name} is not {rest}");
            assert!(family.unit.replace(rest.to_owned()).is_none(), "{comment}");
        }
        _ => panic!("an unknown comment: {comment}"),
    }
}

fn sample_names(format: Format, family: &str, kind: &str) -> Vec<String> {
    let names = |suffixes: &[&str]| -> Vec<String> {
        let name = |suffix| format!("{family}_{suffix}");
        suffixes.iter().map(name).collect()
    };
    match (format, kind) {
        (Format::OpenMetrics, "counter") => names(&["total", "created"]),
        (Format::OpenMetrics, "histogram") => names(&["bucket", "sum", "count", "created"]),
        (Format::Text, "histogram") => names(&["bucket", "sum", "count"]),
        (_, "") => panic!("no TYPE for {family}"),
        _ => vec![family.to_owned()],
    }
}

pub(crate) fn read_sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("neither labels nor a value");
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "not a name: {line}");
    let mut labels = Vec::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, value) = inside.split_once("=\"").expect("a label and a value");
            assert!(
                is_name(label) && !label.contains(':'),
                "not a label: {label} in {line}"
            );
            let (value, after) = read_label_value(value);
            labels.push((label.to_owned(), value));
            let Some(more) = after.strip_prefix(',') else {
                rest = after.strip_prefix('}').expect("an end of the labels");
                break;
            };
            inside = more;
        }
    }
    let value = rest.strip_prefix(' ').expect("a value after one blank");
    Sample {
        name: name.to_owned(),
        labels,
        value: read_number(value),
    }
}

/// Reads up to the closing quote. Returns the value and the text after the quote.
fn read_label_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('\\' | '"'))) => c,
                other => panic!("not an escape: {other:?} in {text}"),
            }),
            c => value.push(c),
        }
    }
    panic!("no quote at the end of {text}");
}

fn check_help(format: Format, text: &str) {
    assert!(!text.is_empty(), "no help");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (format, c) {
            (_, '\\') => match (format, chars.next()) {
                (_, Some('n' | '\\')) | (Format::OpenMetrics, Some('"')) => {}
                (_, other) => panic!("not an escape: {other:?} in {text}"),
            },
            (Format::OpenMetrics, '"') => panic!("a bare quote in {text}"),
            _ => {}
        }
    }
}

fn read_number(text: &str) -> f64 {
    match text {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => {
            let plain = text
                .chars()
                .all(|c| c.is_ascii_digit() || "+-.e".contains(c));
            assert!(plain, "not a number: {text}");
            text.parse().expect("a number")
        }
    }
}

fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(rest)
}

fn check_family(name: &str, family: &Family) {
    assert!(!family.kind.is_empty(), "no TYPE for {name}");
    assert!(!family.samples.is_empty(), "no samples of {name}");
    let labels = |sample: &Sample| -> Vec<String> {
        let names = sample.labels.iter().map(|(label, _)| label.clone());
        names.filter(|label| label != "le").collect()
    };
    let expected = labels(&family.samples[0]);
    for sample in &family.samples {
        let distinct: BTreeSet<&String> = sample.labels.iter().map(|(label, _)| label).collect();
        assert_eq!(
            distinct.len(),
            sample.labels.len(),
            "a label twice: {sample:?}"
        );
    }
    if !shows_labels_of_objects(name) {
        for sample in &family.samples {
            assert_eq!(labels(sample), expected, "labels differ in {name}");
        }
    }
    match family.kind.as_str() {
        "histogram" => check_histogram(name, family),
        "counter" => assert!(family.samples.iter().all(|sample| sample.value >= 0.0)),
        _ => {}
    }
}

/// The labels of the metric that the sample belongs to.
fn metric(sample: &Sample) -> Labels {
    let labels = sample.labels.iter().cloned();
    labels.filter(|(label, _)| label != "le").collect()
}

fn check_metrics(name: &str, family: &Family) {
    let mut metrics: Vec<Labels> = family.samples.iter().map(metric).collect();
    metrics.dedup();
    let distinct: HashSet<&Labels> = metrics.iter().collect();
    assert_eq!(distinct.len(), metrics.len(), "metrics of {name} are mixed");
    if family.kind == "gauge" {
        return;
    }
    let is_created = |sample: &Sample| sample.name.ends_with("_created");
    let mut before = None;
    for sample in &family.samples {
        if is_created(sample) {
            let counted = |before: &Sample| {
                metric(before) == metric(sample)
                    && (before.name.ends_with("_total") || before.name.ends_with("_count"))
            };
            assert!(before.is_some_and(counted), "too early: {sample:?}");
            assert!(sample.value > 0.0, "before all times: {sample:?}");
        }
        before = Some(sample);
    }
}

/// Whether a family of kube-state-metrics has different labels for each object.
fn shows_labels_of_objects(family: &str) -> bool {
    ["kube_job_", "kube_cronjob_"]
        .iter()
        .filter_map(|prefix| family.strip_prefix(prefix))
        .any(|rest| ["labels", "annotations"].contains(&rest))
}

fn check_histogram(name: &str, family: &Family) {
    let mut buckets: HashMap<Labels, Vec<(f64, f64)>> = HashMap::new();
    for sample in &family.samples {
        let (le, labels): (Vec<_>, Vec<_>) = sample
            .labels
            .iter()
            .cloned()
            .partition(|(label, _)| label == "le");
        if let [(_, le)] = le.as_slice() {
            assert!(sample.name.ends_with("_bucket"), "{name}");
            assert!(
                le == "+Inf" || le.contains('.'),
                "not canonical: {le} in {name}"
            );
            let buckets = buckets.entry(labels).or_default();
            buckets.push((read_number(le), sample.value));
        } else if sample.name.ends_with("_count") {
            let last = buckets[&labels].last();
            assert_eq!(last, Some(&(f64::INFINITY, sample.value)), "{name}");
        }
    }
    for buckets in buckets.values() {
        let rising = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        assert!(buckets.windows(2).all(rising), "{name}: {buckets:?}");
    }
}

/// Prometheus ignores empty labels and the order of labels.
fn check_duplicates(families: &Families) {
    let mut seen = HashSet::new();
    for sample in families.values().flat_map(|family| &family.samples) {
        let labels = sample.labels.iter().filter(|(_, value)| !value.is_empty());
        let labels: BTreeMap<_, _> = labels.cloned().collect();
        assert!(
            seen.insert((sample.name.clone(), labels)),
            "there twice: {sample:?}"
        );
    }
}

#[test]
fn an_invalid_exposition_is_rejected() {
    let header = "# HELP a b\n# TYPE a gauge\n";
    let whole = format!("{header}a{{l=\"v\"}} 1\n");
    check(Format::Text, &whole);
    let counters = |samples: &str| format!("# HELP a b\n# TYPE a counter\n{samples}# EOF\n");
    let created = "a_total{l=\"x\"} 1\na_created{l=\"x\"} 1\na_total{l=\"y\"} 1\n";
    check(Format::OpenMetrics, &counters(created));
    for (format, broken) in [
        (Format::OpenMetrics, whole.clone()),
        (Format::Text, format!("{whole}# EOF\n")),
        (Format::Text, format!("{whole}{whole}")),
        (Format::Text, format!("{whole}a{{l=\"v\"}} 2\n")),
        (Format::Text, format!("{whole}a{{m=\"v\"}} 1\n")),
        (Format::Text, format!("{whole}b 1\n")),
        (Format::Text, "# HELP a b\na 1\n".to_owned()),
        (Format::Text, header.to_owned()),
        (Format::Text, format!("{header}a{{l=\"v}} 1\n")),
        (Format::Text, format!("{header}a{{l=\"\\t\"}} 1\n")),
        (Format::Text, format!("{header}a{{l=\"v\n\"}} 1\n")),
        (Format::Text, format!("{header}a one\n")),
        (
            Format::OpenMetrics,
            "# HELP a \"b\"\n# TYPE a gauge\na 1\n# EOF\n".to_owned(),
        ),
        (
            Format::OpenMetrics,
            "# HELP a b\n# TYPE a counter\na 1\n# EOF\n".to_owned(),
        ),
        (
            Format::OpenMetrics,
            counters("a_total{l=\"x\"} 1\na_total{l=\"y\"} 1\na_created{l=\"x\"} 1\n"),
        ),
        (Format::OpenMetrics, counters("a_created 1\na_total 1\n")),
        (Format::OpenMetrics, counters("a_total 1\na_created 0\n")),
        (
            Format::Text,
            "# HELP a_total b\n# TYPE a_total counter\na_total 1\na_created 1\n".to_owned(),
        ),
    ] {
        let checked = std::panic::catch_unwind(|| check(format, &broken));
        assert!(checked.is_err(), "not rejected: {broken}");
    }
}
