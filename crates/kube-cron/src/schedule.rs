//! The public type for schedules.

use std::iter;

use super::{
    DAY, Error, MINUTE, Seconds, Zone,
    days::Days,
    ksm::Dialect,
    parse::{self, Rule},
    search, words,
};

/// The schedule of a CronJob and its time zone.
///
/// The type is small and cheap to clone: it holds bit sets and a shared reference to the time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    rule: Rule,
    zone: Zone,
}

impl Schedule {
    /// Parses `spec.schedule` and `spec.timeZone` of a CronJob.
    ///
    /// If neither names a time zone, the schedule uses `controller_zone`: the time zone of kube-controller-manager,
    /// which the API does not expose.
    ///
    /// The schedule can begin with a time zone, as in `TZ=Europe/Berlin 0 9 * * *` or `CRON_TZ=…`. The API server rejects
    /// this in new objects, but the controller still evaluates it in old ones.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the controller rejects the schedule or the time zone, or if both name a time zone.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Error, Schedule, Zone};
    ///
    /// assert!(Schedule::parse("30 2 * * mon-fri", Some("Europe/Berlin"), &Zone::UTC).is_ok());
    /// assert!(Schedule::parse("@every 1h30m", None, &Zone::UTC).is_ok());
    ///
    /// let error = Schedule::parse("0 0 * * 7", None, &Zone::UTC).unwrap_err();
    /// assert_eq!(error.to_string(), "day of week `7`: 7 is not in 0 (Sunday) to 6");
    /// let error = Schedule::parse("0 0 * *", None, &Zone::UTC).unwrap_err();
    /// assert_eq!(error, Error::FieldCount(4));
    /// ```
    pub fn parse(
        schedule: &str,
        time_zone: Option<&str>,
        controller_zone: &Zone,
    ) -> Result<Self, Error> {
        Self::parse_as(Dialect::Controller, schedule, time_zone, controller_zone)
    }

    pub(super) fn parse_as(
        dialect: Dialect,
        schedule: &str,
        time_zone: Option<&str>,
        local: &Zone,
    ) -> Result<Self, Error> {
        let named = time_zone.map(Zone::named).transpose()?;
        let (embedded, rule) = parse::split_zone(schedule)?;
        let zone = match (named, embedded) {
            (Some(_), Some(_)) => return Err(Error::DuplicateZone),
            (Some(zone), None) => zone,
            (None, None | Some("Local")) => local.clone(),
            (None, Some("")) if dialect == Dialect::Controller => Zone::UTC,
            (None, Some(name)) => Zone::named(name)?,
        };
        let rule = parse::parse_rule(dialect, rule)?;
        Ok(Self { rule, zone })
    }

    /// The time zone in which the schedule is evaluated: `spec.timeZone`, the one that the schedule begins with, or that of
    /// the controller.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Schedule, Zone};
    ///
    /// let schedule = Schedule::parse("@daily", Some("Europe/Berlin"), &Zone::UTC)?;
    /// assert_eq!(schedule.zone().name(), "Europe/Berlin");
    /// let schedule = Schedule::parse("CRON_TZ=Asia/Tokyo 0 9 * * *", None, &Zone::UTC)?;
    /// assert_eq!(schedule.zone().name(), "Asia/Tokyo");
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first due time strictly after `after`.
    ///
    /// For `@every` this is `after` plus the interval; see [`next_anchored`](Self::next_anchored).
    ///
    /// `None` if no due time lies in the year of `after` or in the five years that follow it. This is always so for
    /// `0 0 31 2 *`, and for `0 0 29 2 *` from its due time in 2096 to the end of 2098: the next 29 February is in 2104.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Schedule, Zone};
    ///
    /// let hourly = Schedule::parse("@hourly", None, &Zone::UTC)?;
    /// assert_eq!(hourly.next(0), Some(3_600));
    /// assert_eq!(hourly.next(3_600), Some(7_200));
    ///
    /// let never = Schedule::parse("0 0 31 2 *", None, &Zone::UTC)?;
    /// assert_eq!(never.next(0), None);
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn next(&self, after: Seconds) -> Option<Seconds> {
        // If a result is not later than `after`, a search from a later time finds one that is.
        (0..DAY / MINUTE)
            .map_while(|minutes| self.next_raw(after.checked_add(minutes * MINUTE)?))
            .find(|due| *due > after)
    }

    /// The first due time strictly after `after`, where the due times of `@every` are counted from `anchor`.
    ///
    /// The controller counts them from `status.lastScheduleTime`, or from `metadata.creationTimestamp` while that is not
    /// set. For five fields the anchor has no effect.
    ///
    /// `None` as for [`next`](Self::next), or if the result does not fit into [`Seconds`].
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Schedule, Zone};
    ///
    /// let schedule = Schedule::parse("@every 10m", None, &Zone::UTC)?;
    /// assert_eq!(schedule.next(1_000), Some(1_600));
    /// assert_eq!(schedule.next_anchored(0, 1_000), Some(1_200));
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn next_anchored(&self, anchor: Seconds, after: Seconds) -> Option<Seconds> {
        match &self.rule {
            Rule::Fields(_) => self.next(after),
            Rule::Every(step) => {
                let steps = after.checked_sub(anchor)?.div_euclid(*step);
                anchor.checked_add(steps.checked_add(1)?.checked_mul(*step)?)
            }
        }
    }

    /// The due times strictly after `after`, in ascending order. Those of `@every` are counted from `anchor`, as for
    /// [`next_anchored`](Self::next_anchored).
    ///
    /// The iterator ends where `next_anchored` returns `None`. Most schedules have due times without an end, so limit the
    /// number of items.
    ///
    /// # Examples
    ///
    /// In Berlin, the night to 25 October 2026 has 2:30 twice:
    ///
    /// ```
    /// use kube_cron::{Schedule, Zone};
    ///
    /// let schedule = Schedule::parse("30 2 * * *", Some("Europe/Berlin"), &Zone::UTC)?;
    /// let now = 1_792_843_200; // 2026-10-24T12:00:00Z
    /// let due: Vec<_> = schedule.upcoming(now, now).take(3).collect();
    /// // 2026-10-25T00:30:00Z, 2026-10-25T01:30:00Z, 2026-10-26T01:30:00Z
    /// assert_eq!(due, [1_792_888_200, 1_792_891_800, 1_792_978_200]);
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    pub fn upcoming(&self, anchor: Seconds, after: Seconds) -> impl Iterator<Item = Seconds> {
        iter::successors(self.next_anchored(anchor, after), move |due| {
            self.next_anchored(anchor, *due)
        })
    }

    /// The schedule in words, in English and without its time zone.
    ///
    /// The words depend on the numbers that match, not on the text: `*/30` and `0,30` have the same words. Two schedules with
    /// the same words, zone and anchor have the same due times. Every field that restricts the due times shows.
    ///
    /// The words are `never` if a field matches nothing (`,`). Days that do not exist, such as 31 February, show as
    /// written; see [`is_never_due`](Self::is_never_due).
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Schedule, Zone};
    ///
    /// for (text, words) in [
    ///     ("*/5 * * * *", "every 5 minutes"),
    ///     ("15 2 * * *", "daily at 02:15"),
    ///     ("*/20 9-17 * * 1-5", "every 20 minutes from 09:00 to 17:40 on Monday to Friday"),
    ///     ("0 0 1 1,7 *", "at 00:00 on day 1 of January and July"),
    ///     // If both day fields are restricted, either must match.
    ///     ("0 0 13 * 5", "at 00:00 on each day that is day 13 of the month or falls on Friday"),
    ///     ("@every 90m", "every 90 minutes, counted from the last start"),
    /// ] {
    ///     assert_eq!(Schedule::parse(text, None, &Zone::UTC)?.describe(), words);
    /// }
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn describe(&self) -> String {
        words::describe(&self.rule)
    }

    /// Whether no time of any year is a due time, as for `0 0 31 2 *`.
    ///
    /// [`next`](Self::next) can return `None` for other schedules, too: it searches five years only.
    #[must_use]
    pub fn is_never_due(&self) -> bool {
        match &self.rule {
            Rule::Every(_) => false,
            Rule::Fields(fields) => {
                fields.minutes.is_empty()
                    || fields.hours.is_empty()
                    || !Days::of(fields).exist_in(fields.months)
            }
        }
    }

    /// What the Go library returns for `after`. It can lie before `after`, where [`next`](Self::next) never does.
    ///
    /// Where clocks go back in the middle of an hour, as on Chatham from 3:45 to 2:45, a search that starts between 2:45
    /// and 3:00 finds due times that have passed. Repeated searches can then return the same due times in a circle.
    pub(super) fn next_raw(&self, after: Seconds) -> Option<Seconds> {
        match &self.rule {
            Rule::Fields(fields) => search::next(fields, &self.zone.0, after),
            Rule::Every(step) => after.checked_add(*step),
        }
    }

    /// The interval of `@every` in seconds, at least 1. `None` for five fields and their macros.
    #[must_use]
    pub fn interval(&self) -> Option<Seconds> {
        match self.rule {
            Rule::Fields(_) => None,
            Rule::Every(step) => Some(step),
        }
    }
}
