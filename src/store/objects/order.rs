//! Arranges Jobs by the time of their creation.
//!
//! A list has the runs of each workload together, but those leave one by one. Runs of the same age leave together, so they share
//! blocks. See [`blocks`](super::blocks).

use std::cmp::Reverse;

use tokio::time::Instant;

use super::{
    Objects,
    blocks::{BLOCK, index},
};
use crate::{
    model::{Job, Seconds},
    store::blocking::long_step,
};

impl Objects<Job> {
    /// Arranges the Jobs if most of them came since there were `before`.
    pub(in crate::store) fn arrange_if_grown(&mut self, before: usize) {
        if self.total() > BLOCK && self.total() / 2 > before {
            self.arrange();
        }
    }

    /// Arranges the Jobs if most slots are free, so that some Jobs that stay do not keep the memory of all that were there. The
    /// cost per removed Job is constant.
    pub(in crate::store) fn arrange_if_sparse(&mut self) {
        if self.blocks.end() > 4 * (self.total() + BLOCK) {
            long_step(|| self.arrange());
        }
    }

    /// Jobs of one block keep the order of the list: names that are alike compress better.
    fn arrange(&mut self) {
        let slots = self.blocks.iter();
        let mut ages: Vec<(Option<Seconds>, u32)> = slots
            .map(|(slot, entry)| (entry.record.created.get(), slot))
            .collect();
        ages.sort_unstable();
        for block in ages.chunks_mut(BLOCK) {
            block.sort_unstable_by_key(|(_, slot)| *slot);
        }
        let mut order: Vec<u32> = ages.into_iter().map(|(_, slot)| slot).collect();
        let all = 0..index(self.blocks.end());
        order.extend(all.filter(|slot| self.blocks.get(*slot).is_none()));
        let moved_to = self.blocks.permute(order);
        for slot in &mut self.index {
            *slot = moved_to[*slot as usize];
        }
        // A stale removal may name a slot that is gone.
        let moved = |Reverse((at, slot)): Reverse<(Instant, u32)>| {
            let slot = moved_to.get(slot as usize)?;
            Some(Reverse((at, *slot)))
        };
        self.lists.follow(&moved_to);
        self.removals = self.removals.drain().filter_map(moved).collect();
        self.shrink();
    }
}

#[cfg(test)]
mod tests;
