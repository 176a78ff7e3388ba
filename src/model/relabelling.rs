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

    /// Both changes in one: `earlier`, then this one.
    #[must_use]
    pub fn after(&self, earlier: &Self) -> Self {
        let before = |position: usize| earlier.positions.get(position).copied().flatten();
        let positions = self.positions.iter();
        Self {
            names: self.names.clone(),
            positions: positions.map(|it| it.and_then(before)).collect(),
        }
    }

    /// Finds the value of each new label by its name.
    #[must_use]
    pub fn by_name(old: &[String], new: Arc<[String]>) -> Self {
        let position = |name| old.iter().position(|old| old == name);
        Self {
            positions: new.iter().map(position).collect(),
            names: new,
        }
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

    #[test]
    fn two_changes_in_one_move_values_as_one_after_the_other() {
        let relabelling = |positions: &[Option<usize>]| Relabelling {
            names: positions.iter().map(|it| format!("{it:?}")).collect(),
            positions: positions.into(),
        };
        let labels: MappedLabels = Some(["a", "b", "c"].map(Name::from).into());
        let all = [
            relabelling(&[Some(2), None, Some(0)]),
            relabelling(&[Some(1), Some(0)]),
            relabelling(&[Some(7), Some(1), Some(0), Some(2)]),
            relabelling(&[]),
        ];
        for earlier in &all {
            for later in &all {
                let both = later.after(earlier);
                assert_eq!(both.names, later.names);
                let expected = later.apply(&earlier.apply(&labels));
                assert_eq!(both.apply(&labels), expected, "{earlier:?}, {later:?}");
            }
        }
    }

    #[test]
    fn values_are_found_by_the_names_of_their_labels() {
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        let relabelling = Relabelling::by_name(
            &names(&["team", "app"]),
            names(&["app", "stage", "team"]).into(),
        );
        assert_eq!(*relabelling.positions, [Some(1), None, Some(0)]);
        assert_eq!(*relabelling.names, ["app", "stage", "team"]);
    }
}
