//! Keys of labels and annotations → names of Prometheus labels, as kube-state-metrics 2.20 makes them.
//!
//! Several keys can come to the same name. None of them gets it then: they are told apart by `_conflict1`,
//! `_conflict2` and so on, in the order of the keys. Whatever the keys, no name is given twice.

use std::collections::HashMap;

/// Gives each key its name; the values go along.
pub(super) fn name<'a>(
    prefix: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, &'a str)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    let mut given = Given::default();
    for (key, value) in pairs {
        given.add(format!("{prefix}_{}", snake_case(key)), value);
    }
    given.names
}

/// The names given so far.
#[derive(Default)]
struct Given<'a> {
    names: Vec<(String, &'a str)>,
    /// Where in `names` each is.
    places: HashMap<String, usize>,
    /// Names that several keys come to, with the last number that was added to tell these apart.
    conflicts: HashMap<String, u32>,
}

impl<'a> Given<'a> {
    fn add(&mut self, plain: String, value: &'a str) {
        if self.conflicts.contains_key(&plain) {
            let name = self.number(&plain);
            self.put(name, value);
            return;
        }
        let Some(place) = self.places.remove(&plain) else {
            self.put(plain, value);
            return;
        };
        // A second key for this name: the first gives it up.
        let first = self.number(&plain);
        self.places.insert(first.clone(), place);
        self.names[place].0 = first;
        let second = self.number(&plain);
        self.put(second, value);
    }

    /// The next numbered form of `plain` that is free.
    fn number(&mut self, plain: &str) -> String {
        let last = self.conflicts.entry(plain.to_owned()).or_default();
        loop {
            *last += 1;
            let name = format!("{plain}_conflict{last}");
            if !self.places.contains_key(&name) {
                return name;
            }
        }
    }

    fn put(&mut self, name: String, value: &'a str) {
        self.places.insert(name.clone(), self.names.len());
        self.names.push((name, value));
    }
}

/// `app.kubernetes.io/partOf` → `app_kubernetes_io_part_of`: whatever no label name may have is an underscore.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    let mut before = '_';
    for c in key.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        let known = c.is_ascii_alphanumeric();
        snake.push(if known { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    snake
}
