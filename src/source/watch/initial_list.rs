//! The objects of a streamed list until its end.
//!
//! The list is that of the server's cache, and may be followed by changes since then before its end. Each event costs the
//! same, however many objects there are.
//!
//! A list that repeats an earlier one is pushed in pages as it arrives. The store then has the positions.

use std::{collections::HashMap, mem};

use crate::{
    client::Failure,
    config::ListLimits,
    model::Uid,
    source::reader::{ListUsage, WatchedResource},
};

/// How many objects are pushed at once.
const PAGE: usize = 500;

/// The objects so far.
pub(super) struct InitialList<R: WatchedResource> {
    /// All objects, or those that were not pushed yet.
    records: Vec<R::Record>,
    /// Whether the caller pushes them in pages. Else all are kept until the end.
    in_place: bool,
    /// Where each object is in `records`. Made at the first change, because most lists have none.
    positions: Option<HashMap<Uid, usize>>,
    usage: ListUsage,
}

impl<R: WatchedResource> InitialList<R> {
    /// An empty list. `in_place`: whether the caller pushes its pages as they arrive.
    pub(super) fn new(limits: ListLimits, in_place: bool) -> Self {
        Self {
            records: Vec::new(),
            in_place,
            positions: None,
            usage: ListUsage::new(limits),
        }
    }

    /// The number of objects that are kept.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Takes a page to push, if there is one.
    pub(super) fn take_page(&mut self) -> Option<Vec<R::Record>> {
        let is_page = self.in_place && self.records.len() >= PAGE;
        is_page.then(|| mem::take(&mut self.records))
    }

    /// Takes what has to be pushed before the deletion of an object, if the deletion is pushed too.
    pub(super) fn take_before_deletion(&mut self) -> Option<Vec<R::Record>> {
        self.in_place.then(|| mem::take(&mut self.records))
    }

    /// The stream has this many bytes so far.
    pub(super) fn set_bytes(&mut self, bytes: u64) -> Result<(), Failure> {
        self.usage.set_bytes(bytes)
    }

    /// An event about an object arrived.
    pub(super) fn count_event(&mut self) -> Result<(), Failure> {
        self.usage.add_object()
    }

    /// Adds an object of the list.
    pub(super) fn add(&mut self, record: R::Record) {
        if self.positions.is_some() {
            self.change(record);
        } else {
            self.records.push(record);
        }
    }

    /// Replaces an object, or adds it.
    pub(super) fn change(&mut self, record: R::Record) {
        if self.in_place {
            self.records.push(record); // the store applies both states in this order
            return;
        }
        let (records, positions) = self.indexed();
        if let Some(&position) = positions.get(R::uid(&record)) {
            records[position] = record;
        } else {
            positions.insert(R::uid(&record).clone(), records.len());
            records.push(record);
        }
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, record: &R::Record) {
        let (records, positions) = self.indexed();
        if let Some(position) = positions.remove(R::uid(record)) {
            swap_remove::<R>(records, positions, position);
        }
    }

    /// All objects that were not pushed.
    pub(super) fn into_records(self) -> Vec<R::Record> {
        self.records
    }

    /// The objects, and where each is. Of an object that was added twice, the last state stays.
    fn indexed(&mut self) -> (&mut Vec<R::Record>, &mut HashMap<Uid, usize>) {
        let records = &mut self.records;
        let positions = self.positions.get_or_insert_with(|| {
            let mut positions = HashMap::with_capacity(records.len());
            for position in (0..records.len()).rev() {
                let uid = R::uid(&records[position]);
                if positions.contains_key(uid) {
                    swap_remove::<R>(records, &mut positions, position);
                } else {
                    positions.insert(uid.clone(), position);
                }
            }
            positions
        });
        (records, positions)
    }
}

/// Removes the object at `position`. The last one takes its place.
fn swap_remove<R: WatchedResource>(
    records: &mut Vec<R::Record>,
    positions: &mut HashMap<Uid, usize>,
    position: usize,
) {
    records.swap_remove(position);
    if let Some(moved) = records.get(position) {
        positions.insert(R::uid(moved).clone(), position);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{decode::Decoder, model::Job, source::reader::Jobs};

    fn job(name: u8, parallelism: u8) -> Job {
        let json = format!(
            r#"{{"metadata":{{"namespace":"n","name":"{name}","uid":"{name}"}},"spec":{{"parallelism":{parallelism}}}}}"#
        );
        Decoder::default().job(&json).unwrap()
    }

    proptest! {
        #[test]
        fn events_leave_the_last_state_of_each_object_that_is_left(
            added in proptest::collection::vec((0..20u8, 0..4u8), 0..40),
            events in proptest::collection::vec((0..3u8, 0..20u8, 0..4u8), 1..60),
        ) {
            let mut list = InitialList::<Jobs>::new(ListLimits::default(), false);
            let mut expected = HashMap::new();
            // As a map of the last states, once a change has come.
            for (name, state) in added {
                list.add(job(name, state));
                expected.insert(name, state);
            }
            list.remove(&job(255, 0));
            for (event, name, state) in events {
                match event {
                    0 => list.remove(&job(name, state)),
                    1 => list.add(job(name, state)),
                    _ => list.change(job(name, state)),
                }
                if event == 0 {
                    expected.remove(&name);
                } else {
                    expected.insert(name, state);
                }
            }
            let mut expected: Vec<_> = expected
                .into_iter()
                .map(|(name, state)| (name.to_string(), Some(i32::from(state))))
                .collect();
            let records = list.into_records().into_iter();
            let mut found: Vec<_> = records
                .map(|job| (job.name.to_string(), job.template.parallelism))
                .collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
