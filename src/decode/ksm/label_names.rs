//! Keys of labels and annotations → names of Prometheus labels, as kube-state-metrics 2.20 makes them.
//!
//! Several keys can map to the same name. Then all of them get a suffix, `_conflict1`, `_conflict2` and so on, in the
//! order of the keys. The names are always unique.

use std::collections::HashMap;

/// Returns the label name and the value of each pair, in the order of the keys.
pub(super) fn assign<'a>(
    prefix: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, &'a str)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    let mut labels = Labels::default();
    for (key, value) in pairs {
        labels.add(format!("{prefix}_{}", snake_case(key)), value);
    }
    labels.named
}

/// The labels so far.
#[derive(Default)]
struct Labels<'a> {
    /// Names and values.
    named: Vec<(String, &'a str)>,
    /// The index in `named` of each name.
    indexes: HashMap<String, usize>,
    /// The names that several keys map to, with the last suffix number.
    conflicts: HashMap<String, u32>,
}

impl<'a> Labels<'a> {
    fn add(&mut self, plain: String, value: &'a str) {
        if self.conflicts.contains_key(&plain) {
            let name = self.suffixed(&plain);
            self.push(name, value);
            return;
        }
        let Some(index) = self.indexes.remove(&plain) else {
            self.push(plain, value);
            return;
        };
        // This is the second key for the name, so the first gets a suffix too.
        let first = self.suffixed(&plain);
        self.indexes.insert(first.clone(), index);
        self.named[index].0 = first;
        let second = self.suffixed(&plain);
        self.push(second, value);
    }

    /// Returns `plain` with the next suffix that makes a new name.
    fn suffixed(&mut self, plain: &str) -> String {
        let last = self.conflicts.entry(plain.to_owned()).or_default();
        loop {
            *last += 1;
            let name = format!("{plain}_conflict{last}");
            if !self.indexes.contains_key(&name) {
                return name;
            }
        }
    }

    fn push(&mut self, name: String, value: &'a str) {
        self.indexes.insert(name.clone(), self.named.len());
        self.named.push((name, value));
    }
}

/// `app.kubernetes.io/partOf` → `app_kubernetes_io_part_of`. Characters that a label name cannot have become underscores.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    let mut previous = '_';
    for c in key.chars() {
        if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            snake.push('_');
        }
        let valid = c.is_ascii_alphanumeric();
        snake.push(if valid { c.to_ascii_lowercase() } else { '_' });
        previous = c;
    }
    snake
}
