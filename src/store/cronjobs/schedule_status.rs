//! How a `CronJob` stands with its schedule: what comes next, what should have started and did not, and why.
//!
//! The object tells the last start and the present; what was between is reckoned from the schedule, and from the few
//! changes that were seen: a resume, another schedule, the end of a run that was in the way. A timetable is worked out
//! again when its object changes and when its [`ScheduleStatus::wake`] has come, never in between.

use std::sync::Arc;

use kube_cron::{Schedule, Window, Zone};

use crate::model::{ConcurrencyPolicy, CronJob, NotStarted, Seconds};

/// Missed runs are counted up to here: beyond, nobody cares how many there are.
const MOST: u64 = 1_000;

/// How a `CronJob` stands with its schedule.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// `None` where it cannot be understood.
    schedule: Option<Arc<Schedule>>,
    /// Whether the controller would ever start a run by it.
    pub valid: bool,
    /// The next due time, unless it is suspended.
    pub next: Option<Seconds>,
    /// How many due times since the last start should have started a run.
    pub missed: u64,
    /// The first of them.
    pub missed_since: Option<Seconds>,
    /// Why the last due time started nothing.
    pub not_started: Option<NotStarted>,
    /// When to look again, unless the object changes before.
    pub(super) wake: Option<Seconds>,
    seen: Seen,
    tally: Tally,
}

/// What was seen of a `CronJob` that it does not tell itself.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Seconds,
    /// When it was resumed.
    resumed: Option<Seconds>,
    /// When it was given another schedule.
    rescheduled: Option<Seconds>,
    /// When the run ended that was in the way of others.
    unblocked: Option<Seconds>,
}

/// Slots counted so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// The chain of slots hangs on this time.
    since: Seconds,
    /// Slots are counted that are later.
    from: Seconds,
    slots: u64,
    first: Option<Seconds>,
    /// The last of them, or `from`.
    last: Seconds,
}

/// What a timetable is worked out from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<'a> {
    pub(super) now: Seconds,
    /// How late a run may start without being missed.
    pub(super) grace: Seconds,
    /// For `CronJobStore` that name no zone.
    pub(super) zone: &'a Zone,
}

impl ScheduleStatus {
    /// That of a `CronJob` seen for the first time.
    pub(super) fn new(cronjob: &CronJob, conditions: Conditions<'_>) -> Self {
        let seen = Seen {
            first: conditions.now,
            resumed: None,
            rescheduled: None,
            unblocked: None,
        };
        let mut schedule_status = Self {
            schedule: read(cronjob, conditions.zone),
            valid: false,
            next: None,
            missed: 0,
            missed_since: None,
            not_started: None,
            wake: None,
            seen,
            tally: Tally::default(),
        };
        schedule_status.update(cronjob, conditions);
        schedule_status
    }

    /// That of the same `CronJob` after a change.
    pub(super) fn after(&self, old: &CronJob, new: &CronJob, conditions: Conditions<'_>) -> Self {
        let mut schedule_status = self.clone();
        let now = Some(conditions.now);
        if old.suspended && !new.suspended {
            schedule_status.seen.resumed = now;
        }
        if old.schedule != new.schedule || old.time_zone != new.time_zone {
            schedule_status.schedule = read(new, conditions.zone);
            schedule_status.seen.rescheduled = now;
            schedule_status.tally = Tally::default();
        }
        if blocked(old) && !blocked(new) {
            schedule_status.seen.unblocked = now;
        }
        schedule_status.update(new, conditions);
        schedule_status
    }

    /// Works it out for this moment.
    pub(super) fn update(&mut self, cronjob: &CronJob, conditions: Conditions<'_>) {
        let Conditions { now, grace, .. } = conditions;
        (self.next, self.missed, self.missed_since) = (None, 0, None);
        (self.not_started, self.wake) = (None, None);
        let since = cronjob.last_schedule.or(cronjob.created);
        let since = since.unwrap_or(self.seen.first);
        let schedule = self.schedule.clone();
        let schedule = schedule.filter(|schedule| schedule.next(since).is_some());
        self.valid = schedule.is_some();
        let Some(schedule) = schedule else {
            return;
        };
        let slot_after = |time: Seconds| schedule.next_anchored(since, time.max(since));
        let due_after = |time| slot_after(time).filter(|slot| *slot <= now);
        let next = slot_after(now);
        self.wake = next;
        let deadline = cronjob.starting_deadline.filter(|deadline| *deadline >= 0);
        if cronjob.suspended {
            self.not_started = due_after(since).map(|_| NotStarted::Suspended);
            return;
        }
        self.next = next;
        let excused = self.seen.excused(deadline);
        let Some(first_due) = due_after(excused) else {
            let resumed = self.seen.resumed.filter(|resumed| *resumed > since);
            let slept = resumed.and_then(|_| due_after(since));
            self.not_started = slept.map(|_| NotStarted::Suspended);
            return;
        };
        if blocked(cronjob) {
            self.not_started = Some(NotStarted::ForbiddenByActiveRun);
            return;
        }
        let from = since.max(excused);
        let from = self.seen.unblocked.map_or(from, |seen| seen.max(from));
        let uncounted = self.tally.count(&schedule, since, from, now - grace);
        (self.missed, self.missed_since) = (self.tally.slots, self.tally.first);
        // A slot that was held up is started as soon as nothing is in its way any more.
        let held_up = self
            .seen
            .unblocked
            .filter(|unblocked| *unblocked > first_due);
        let held_up = held_up.and_then(|unblocked| {
            let window = Window {
                since: since.max(excused),
                starting_deadline: deadline,
                now: unblocked,
            };
            Some((unblocked, schedule.due(window, 0)?.start?))
        });
        if let Some((unblocked, slot)) = held_up
            && unblocked + grace < now
        {
            self.missed += 1;
            self.missed_since = Some(slot);
        }
        let startable = deadline.is_none_or(|deadline| due_after(now - deadline - 1).is_some());
        self.not_started = match (startable, self.missed) {
            (false, _) => Some(NotStarted::DeadlinePassed),
            (true, 0) => None,
            (true, _) => Some(NotStarted::Unexplained),
        };
        let too_late = |slot: Seconds| deadline.map(|deadline| slot + deadline + 1);
        let changes = [
            self.wake,
            uncounted.map(|slot| slot + grace + 1),
            uncounted.and_then(too_late),
            too_late(self.tally.last),
            held_up.map(|(unblocked, _)| unblocked + grace + 1),
        ];
        self.wake = changes.into_iter().flatten().filter(|at| *at > now).min();
    }
}

impl Seen {
    /// Due times up to here are no concern: they were before a resume or another schedule, or may have been.
    fn excused(&self, deadline: Option<Seconds>) -> Seconds {
        // What was due before anybody looked may have been slept through. Without a deadline the controller makes good
        // for that at the resume, which then shows as the last start.
        let unseen = deadline.map(|deadline| self.first.saturating_sub(deadline));
        [self.resumed, self.rescheduled, unseen]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(Seconds::MIN)
    }
}

impl Tally {
    /// Counts slots after `from` up to `to`, going on from where it was. Gives the first slot that is not counted.
    fn count(
        &mut self,
        schedule: &Schedule,
        since: Seconds,
        from: Seconds,
        to: Seconds,
    ) -> Option<Seconds> {
        if (self.since, self.from) != (since, from) {
            *self = Self {
                since,
                from,
                slots: 0,
                first: None,
                last: from,
            };
        }
        loop {
            let slot = schedule.next_anchored(since, self.last)?;
            if slot >= to || self.slots >= MOST {
                return Some(slot);
            }
            self.slots += 1;
            self.first = self.first.or(Some(slot));
            self.last = slot;
        }
    }
}

/// Whether an active run is in the way of the next.
fn blocked(cronjob: &CronJob) -> bool {
    cronjob.concurrency_policy == Some(ConcurrencyPolicy::Forbid) && cronjob.active_jobs > 0
}

fn read(cronjob: &CronJob, zone: &Zone) -> Option<Arc<Schedule>> {
    let zone_name = cronjob.time_zone.as_deref();
    Schedule::parse(&cronjob.schedule, zone_name, zone)
        .ok()
        .map(Arc::new)
}
