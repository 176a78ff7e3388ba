//! What is due since the last start, and what the CronJob controller makes of it.
//!
//! The controller makes one run for all slots that are due: for the most recent, or what it takes for that by an
//! estimate, which for uneven schedules can miss. So what is due and what will be started are two answers.

use super::{Rule, Schedule, Seconds};

/// How many slots are passed one by one in search of the last; from there on by halving.
const WALK: u32 = 100;

/// The time in which the slots of a CronJob are due: after `since` and up to `now`, none older than the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `status.lastScheduleTime`, or `metadata.creationTimestamp` while that is not set.
    pub since: Seconds,
    /// `spec.startingDeadlineSeconds`.
    pub deadline: Option<Seconds>,
    /// The time of asking, its fraction dropped.
    pub now: Seconds,
}

impl Window {
    /// Slots are due from here on, but not at this very second.
    fn opening(self) -> Seconds {
        let oldest = self
            .deadline
            .map(|deadline| self.now.saturating_sub(deadline));
        oldest.map_or(self.since, |oldest| oldest.max(self.since))
    }
}

/// What is due in a [`Window`].
///
/// To keep it up to date, nothing needs to be done before `next`; without a deadline, one more slot is due then, and
/// [`Schedule::next`] has the one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How many slots are due, as far as they were to be counted.
    pub slots: u64,
    /// The oldest of them.
    pub first: Option<Seconds>,
    /// The most recent of them, also when not all were counted.
    pub latest: Option<Seconds>,
    /// The slot that the controller would start a run for. Where it is none although slots are due, they are lost.
    pub start: Option<Seconds>,
    /// How many slots the controller believes to be due. Over 100 it warns with an event, and starts the run all the same.
    pub estimate: u64,
    /// The slot that the controller sleeps until, if nothing else wakes it.
    pub next: Option<Seconds>,
}

/// The controller's view of the slots after some opening.
#[derive(Clone, Copy)]
struct Reckoning {
    first: Option<Seconds>,
    start: Option<Seconds>,
    estimate: u64,
}

impl Schedule {
    /// What is due in `window`, counting up to `cap` slots.
    ///
    /// `None` where there are no slots to go by, as for `0 0 31 2 *`: the controller reports `InvalidSchedule` and does
    /// nothing until the object changes.
    #[must_use]
    pub fn due(&self, window: Window, cap: u64) -> Option<Due> {
        let Window { since, now, .. } = window;
        let opening = window.opening();
        let reckoning = self.reckon(opening, now)?;
        let counted = reckoning.first.map(|first| self.count(first, now, cap));
        Some(Due {
            slots: counted.map_or(0, |(slots, _)| slots),
            first: reckoning.first,
            latest: counted.map(|(_, last)| self.latest(last, now)),
            start: reckoning.start,
            estimate: reckoning.estimate,
            next: self.wake(since, now),
        })
    }

    /// The function `mostRecentScheduleTime` of the controller. `None` is its error.
    fn reckon(&self, opening: Seconds, now: Seconds) -> Option<Reckoning> {
        let first = self.answer(opening)?;
        if now < first {
            return Some(Reckoning {
                first: None,
                start: None,
                estimate: 0,
            });
        }
        let second = self.answer(first)?;
        if now < second {
            return Some(Reckoning {
                first: Some(first),
                start: Some(first),
                estimate: 1,
            });
        }
        // As if all slots were as far apart as the first two. One more step back, and it looks from there: if the slots
        // after were further apart, that can be behind the last that is due.
        let gap = second - first;
        if gap < 1 {
            return None;
        }
        let steps = now.saturating_sub(first) / gap;
        let behind = self.answer(first + (steps - 1) * gap);
        Some(Reckoning {
            first: Some(first),
            start: behind
                .filter(|slot| *slot <= now)
                .map(|slot| self.latest(slot, now)),
            estimate: steps.unsigned_abs() + 1,
        })
    }

    /// The function `nextScheduleTimeDuration` of the controller, which reckons without the deadline.
    fn wake(&self, since: Seconds, now: Seconds) -> Option<Seconds> {
        let from = match self.reckon(since, now) {
            Some(Reckoning {
                start: Some(slot), ..
            }) => slot,
            Some(Reckoning { first: None, .. }) => since,
            _ => now,
        };
        self.next(from)
    }

    /// How many slots there are from `first`, which is one, to `now`, at most `cap`; and the last one counted.
    fn count(&self, first: Seconds, now: Seconds, cap: u64) -> (u64, Seconds) {
        if let Rule::Every(step) = self.rule {
            let more = now.saturating_sub(first) / step;
            return ((more.unsigned_abs() + 1).min(cap), first + more * step);
        }
        let (mut slots, mut last) = (cap.min(1), first);
        while slots < cap
            && let Some(slot) = self.due_after(last, now)
        {
            slots += 1;
            last = slot;
        }
        (slots, last)
    }

    /// The last slot up to `now`, given one.
    ///
    /// The controller passes all slots one by one, be they a year of minutes. Here long ways are halved, by asking from
    /// the middle. The answer is the same but for a slot that a clock change hides from some of those who ask.
    fn latest(&self, slot: Seconds, now: Seconds) -> Seconds {
        let mut slot = slot;
        for _ in 0..WALK {
            match self.due_after(slot, now) {
                Some(next) => slot = next,
                None => return slot,
            }
        }
        let mut none_after = now;
        while slot < none_after {
            let middle = slot + (none_after - slot) / 2;
            match self.due_after(middle, now) {
                Some(next) => slot = next,
                None => none_after = middle,
            }
        }
        slot
    }

    /// The slot after `after`, if it is due.
    fn due_after(&self, after: Seconds, now: Seconds) -> Option<Seconds> {
        self.next(after).filter(|slot| *slot <= now)
    }
}
