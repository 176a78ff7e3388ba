//! A change of the mapped labels while the process runs: which of the old values each new label takes.

use std::sync::Arc;

use super::{MappedLabels, Name};

/// Moves the values of mapped labels to the positions of a new configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relabelling {
    /// The names of the new labels, in the order of their values.
    pub names: Arc<[String]>,
    /// For each new label, the position of its value before; `None` if the value is not known yet.
    pub positions: Arc<[Option<usize>]>,
}

impl Relabelling {
    /// The values in their new order. A value that is not known yet is empty.
    #[must_use]
    pub fn apply(&self, labels: &MappedLabels) -> MappedLabels {
        let old = labels.as_deref().unwrap_or_default();
        let value = |position: &Option<usize>| {
            let value = position.and_then(|position| old.get(position));
            value.cloned().unwrap_or_else(|| Name::from(""))
        };
        (!self.positions.is_empty()).then(|| self.positions.iter().map(value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_their_labels_and_new_labels_are_empty() {
        let old: MappedLabels = Some(["a", "b"].map(Name::from).into());
        for (positions, expected) in [
            (vec![Some(1), None, Some(0)], vec!["b", "", "a"]),
            (vec![Some(5)], vec![""]),
        ] {
            let relabelling = Relabelling {
                names: positions.iter().map(|_| String::new()).collect(),
                positions: positions.into(),
            };
            let new = relabelling.apply(&old).expect("labels");
            let new: Vec<&str> = new.iter().map(|value| &**value).collect();
            assert_eq!(new, expected);
            let unknown = relabelling.apply(&None).expect("labels");
            assert!(unknown.iter().all(|value| value.is_empty()));
        }
        let none = Relabelling {
            names: Arc::default(),
            positions: Arc::default(),
        };
        assert_eq!(none.apply(&old), None);
    }
}
