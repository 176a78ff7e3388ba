//! Strings and lists that many records share, stored once, and cut to the length that label values may have.

use std::{borrow::Cow, collections::HashSet, mem, sync::Arc};

use crate::model::{LabelValues, Name, RunTemplate};

/// The number of entries below which no sweep is worth its cost.
const MIN_SWEEP: usize = 64;

/// What stands at the end of a value that was cut.
const CUT_MARK: char = '…';

/// Sets of shared strings, lists and templates. Each feed has its own, so that it needs no lock.
#[derive(Debug)]
pub(super) struct Interner {
    strings: HashSet<Name>,
    lists: HashSet<LabelValues>,
    pair_lists: HashSet<Arc<[(Name, Name)]>>,
    templates: HashSet<Arc<RunTemplate>>,
    /// The number of entries after the last sweep. The next sweep runs at twice as many.
    swept_len: usize,
    /// The longest label value, in bytes.
    max_label_value: usize,
    /// Where the values came from that [`Self::label`] has cut.
    truncated: Vec<Name>,
}

impl Interner {
    pub(super) fn new(max_label_value: usize) -> Self {
        Self {
            strings: HashSet::new(),
            lists: HashSet::new(),
            pair_lists: HashSet::new(),
            templates: HashSet::new(),
            swept_len: 0,
            max_label_value,
            truncated: Vec::new(),
        }
    }

    /// Returns the shared copy of a label value. Cuts it if it is too long, and notes `source`: the field, label or
    /// annotation that has it.
    pub(super) fn label(&mut self, source: &str, value: &str) -> Name {
        if value.len() <= self.max_label_value {
            return self.intern(value);
        }
        let source = self.intern(source);
        self.truncated.push(source);
        self.intern(&cut(value, self.max_label_value))
    }

    /// Takes the sources of the values that were cut since the last call.
    pub(super) fn take_truncated(&mut self) -> Vec<Name> {
        mem::take(&mut self.truncated)
    }

    /// Returns the shared copy of `text`.
    pub(super) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.strings.get(text) {
            return name.clone();
        }
        self.sweep_if_grown();
        let name: Name = text.into();
        self.strings.insert(name.clone());
        name
    }

    /// Returns the shared copy of a list of strings.
    pub(super) fn intern_list(&mut self, list: Vec<Name>) -> LabelValues {
        if let Some(shared) = self.lists.get(list.as_slice()) {
            return shared.clone();
        }
        self.sweep_if_grown();
        let list = LabelValues::from(list);
        self.lists.insert(list.clone());
        list
    }

    /// Returns the shared copy of what Jobs have in common.
    pub(super) fn intern_template(&mut self, template: RunTemplate) -> Arc<RunTemplate> {
        if let Some(shared) = self.templates.get(&template) {
            return shared.clone();
        }
        self.sweep_if_grown();
        let template = Arc::new(template);
        self.templates.insert(template.clone());
        template
    }

    /// Returns the shared copy of a list of pairs of strings.
    pub(super) fn intern_pairs<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Arc<[(Name, Name)]> {
        let pairs: Vec<_> = pairs
            .map(|(key, value)| (self.intern(key), self.intern(value)))
            .collect();
        if let Some(shared) = self.pair_lists.get(pairs.as_slice()) {
            return shared.clone();
        }
        self.sweep_if_grown();
        let pairs: Arc<[_]> = pairs.into();
        self.pair_lists.insert(pairs.clone());
        pairs
    }

    /// Drops the entries that no record holds. The doubling rule keeps the cost per insertion constant.
    fn sweep_if_grown(&mut self) {
        if self.len() < 2 * self.swept_len.max(MIN_SWEEP) {
            return;
        }
        // Templates hold lists and strings, and lists hold strings, so these are swept later.
        self.templates.retain(|it| Arc::strong_count(it) > 1);
        self.templates.shrink_to_fit();
        self.pair_lists.retain(|pairs| Arc::strong_count(pairs) > 1);
        self.pair_lists.shrink_to_fit();
        self.lists.retain(|list| !list.is_unshared());
        self.lists.shrink_to_fit();
        self.strings.retain(|name| Name::strong_count(name) > 1);
        self.strings.shrink_to_fit();
        self.swept_len = self.len();
    }

    fn len(&self) -> usize {
        let lists = self.lists.len() + self.pair_lists.len();
        self.strings.len() + lists + self.templates.len()
    }
}

/// Cuts `value` to at most `max` bytes, the mark at its end included.
pub(super) fn cut(value: &str, max: usize) -> Cow<'_, str> {
    if value.len() <= max {
        return Cow::Borrowed(value);
    }
    let end = value.floor_char_boundary(max.saturating_sub(CUT_MARK.len_utf8()));
    let mut cut = value[..end].to_owned();
    cut.push(CUT_MARK);
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_shared_and_dropped_when_no_record_holds_them() {
        let mut interner = Interner::new(1024);
        let kept = interner.intern("billing");
        assert!(Name::ptr_eq(&kept, &interner.intern("billing")));
        for i in 0..10_000 {
            interner.intern(&format!("passing-{i}"));
        }
        assert!(interner.strings.len() < 200, "{}", interner.strings.len());
        assert!(Name::ptr_eq(&kept, &interner.intern("billing")));
    }

    #[test]
    fn templates_are_shared_and_dropped_with_their_strings_when_no_record_holds_them() {
        let mut interner = Interner::new(1024);
        let template = |interner: &mut Interner, workload: &str| {
            let (kind, workload) = (interner.intern("cronjob"), interner.intern(workload));
            let namespace = interner.intern("billing");
            interner.intern_template(RunTemplate::new(namespace, kind, Some(workload)))
        };
        let kept = template(&mut interner, "nightly");
        for i in 0..10_000 {
            template(&mut interner, &format!("passing-{i}"));
        }
        assert!(interner.len() < 400, "{}", interner.len());
        assert!(Arc::ptr_eq(&kept, &template(&mut interner, "nightly")));
        assert!(interner.strings.contains("nightly"));
    }

    #[test]
    fn a_value_is_cut_at_a_character() {
        for (value, max, expected) in [
            ("12345678", 8, "12345678"),
            ("123456789", 8, "12345…"),
            ("1234äöü", 8, "1234…"),
            ("äöüäö", 8, "äö…"),
            ("😀😀😀", 8, "😀…"),
        ] {
            let cut = cut(value, max);
            assert_eq!(cut, expected);
            assert!(cut.len() <= max, "{cut}");
        }
    }

    #[test]
    fn a_cut_value_is_reported_with_its_source() {
        let mut interner = Interner::new(8);
        assert_eq!(&*interner.label("spec.schedule", "short"), "short");
        assert_eq!(&*interner.label("spec.timeZone", "Europe/Berlin"), "Europ…");
        assert_eq!(interner.take_truncated(), ["spec.timeZone".into()]);
        assert!(interner.take_truncated().is_empty());
    }
}
