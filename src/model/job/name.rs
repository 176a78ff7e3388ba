//! The name of a Job.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

use arrayvec::ArrayString;

use crate::model::Name;

/// The longest name that is stored in the record itself, in bytes. Names of a `CronJob`'s Jobs are 9 to 11 bytes longer than
/// its own.
const INLINE: usize = 40;

/// The name of a Job.
///
/// Names are unique, so no two records could share one, and all lines of a scrape need it. So it is part of the record: an
/// allocation of its own would take up to 64 bytes more, and each reader would have to wait for it.
#[derive(Clone)]
pub struct JobName(Text);

#[derive(Clone)]
enum Text {
    Inline(ArrayString<INLINE>),
    Long(Name),
}

// === impl JobName ===

impl JobName {
    /// The name as a string that other records can share.
    #[must_use]
    pub fn to_shared(&self) -> Name {
        match &self.0 {
            Text::Inline(name) => Name::from(name.as_str()),
            Text::Long(name) => name.clone(),
        }
    }
}

impl Deref for JobName {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Inline(name) => name,
            Text::Long(name) => name,
        }
    }
}

impl From<&str> for JobName {
    fn from(name: &str) -> Self {
        Self(ArrayString::from(name).map_or_else(|_| Text::Long(name.into()), Text::Inline))
    }
}

impl From<String> for JobName {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl PartialEq for JobName {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for JobName {}

impl PartialOrd for JobName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for JobName {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for JobName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_are_kept_and_compared_by_their_text() {
        for length in [0, 1, INLINE - 2, INLINE - 1, INLINE, INLINE + 1, 253] {
            // The last character has two bytes.
            let name = &format!("{}ä", "n".repeat(length));
            let stored = JobName::from(name.as_str());
            assert_eq!(*stored, *name);
            assert_eq!(*stored.to_shared(), *name);
            assert_eq!(stored, JobName::from(name.to_owned()));
            assert_ne!(stored, JobName::from(format!("{name}-")));
        }
    }

    #[test]
    fn a_long_name_is_shared_and_not_copied() {
        let name = JobName::from("n".repeat(INLINE + 1));
        let (shared, copy) = (name.to_shared(), name.clone().to_shared());
        assert!(Name::ptr_eq(&shared, &copy));
    }
}
