//! Finds the next due time of five fields, by the steps of robfig/cron and in their order.
//!
//! The search goes from the largest field to the smallest and moves forward until each matches. Months and days move in
//! local time, hours and minutes in elapsed time. So a local time that a clock change skips has no due time, and one that
//! it repeats has two.
//!
//! Some results look wrong and depend on the start of the search. Where midnight does not exist, the search can lose a
//! whole day. Where clocks go back in the middle of an hour, it can find a time before its start. The controller gets the
//! same results: do not fix the steps.

use jiff::{
    Span, Timestamp,
    civil::{DateTime, Time},
    tz::{Offset, TimeZone},
};

use super::{HOUR, MINUTE, Seconds, parse::Fields};

/// The limit of steps in one search. Six years of days take about 2,300 steps, and every successful search takes fewer.
///
/// A search reaches the limit if a field is empty (`,`), or at a day that a zone skipped: Pacific/Apia had no 30 December
/// 2011, and the original never returns.
const MAX_STEPS: u32 = 10_000;

/// The first due time after `after`. `None` if it is more than five calendar years later.
pub(super) fn next(fields: &Fields, zone: &TimeZone, after: Seconds) -> Option<Seconds> {
    let mut search = Search {
        fields,
        current: LocalTime::at(zone, after.checked_add(1)?)?,
        advanced: false,
        steps_left: MAX_STEPS,
    };
    let last_year = search.current.civil.year() + 5;
    while search.current.civil.year() <= last_year {
        let found = search.month()?
            && search.day()?
            && search.hour()?
            && search.minute()?
            && search.second()?;
        if found {
            return Some(search.current.unix);
        }
    }
    None
}

/// The state of a search.
///
/// The method of each field moves forward until that field matches, and returns `true`. It returns `false` if the field
/// wrapped around: the larger fields are then checked again. It returns `None` if the search fails.
struct Search<'a> {
    fields: &'a Fields,
    current: LocalTime<'a>,
    /// Whether a field moved. The first move resets all smaller fields.
    advanced: bool,
    steps_left: u32,
}

impl<'a> Search<'a> {
    fn month(&mut self) -> Option<bool> {
        while !self.fields.months.contains(self.current.civil.month()) {
            let date = self.current.civil.date().first_of_month();
            self.reset_to(date.to_datetime(Time::midnight()))?;
            self.advance(self.current.next_month()?)?;
            if self.current.civil.month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn day(&mut self) -> Option<bool> {
        while !self.fields.matches_day(self.current.civil.date()) {
            let date = self.current.civil.date();
            self.reset_to(date.to_datetime(Time::midnight()))?;
            self.advance(self.current.next_day()?)?;
            // If the day has no midnight: forward to the next one, or back, possibly to the evening before.
            let hour = Seconds::from(self.current.civil.hour());
            let offset = if hour > 12 { 24 - hour } else { -hour };
            self.current = self.current.plus(offset * HOUR)?;
            if self.current.civil.day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn hour(&mut self) -> Option<bool> {
        while !self.fields.hours.contains(self.current.civil.hour()) {
            let civil = self.current.civil;
            self.reset_to(civil.date().at(civil.hour(), 0, 0, 0))?;
            let before = self.current.civil.hour();
            self.advance(self.current.plus(HOUR)?)?;
            let hour = self.current.civil.hour();
            if self.fields.defer_skipped_hour
                && hour - before == 2
                && self.fields.hours.contains(hour - 1)
            {
                return Some(true);
            }
            if hour == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn minute(&mut self) -> Option<bool> {
        while !self.fields.minutes.contains(self.current.civil.minute()) {
            if !self.advanced {
                self.advanced = true;
                self.current = self.current.plus(-self.current.unix.rem_euclid(MINUTE))?;
            }
            self.advance(self.current.plus(MINUTE)?)?;
            if self.current.civil.minute() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// All due times are at second 0. The move to it starts a new minute.
    fn second(&mut self) -> Option<bool> {
        let second = Seconds::from(self.current.civil.second());
        if second == 0 {
            return Some(true);
        }
        self.advanced = true;
        self.advance(self.current.plus(MINUTE - second)?)?;
        Some(false)
    }

    /// Moves to `civil`, which resets the smaller fields, if this is the first move.
    fn reset_to(&mut self, civil: DateTime) -> Option<()> {
        if !self.advanced {
            self.advanced = true;
            self.current = LocalTime::from_civil(self.current.zone, civil)?;
        }
        Some(())
    }

    fn advance(&mut self, to: LocalTime<'a>) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        self.current = to;
        Some(())
    }
}

/// A point in time and the local time in a zone. It is limited to the range of jiff, the years -9999 to 9999.
#[derive(Clone, Copy)]
struct LocalTime<'a> {
    zone: &'a TimeZone,
    /// Seconds since the Unix epoch.
    unix: Seconds,
    civil: DateTime,
}

impl<'a> LocalTime<'a> {
    fn at(zone: &'a TimeZone, unix: Seconds) -> Option<Self> {
        let time = Timestamp::from_second(unix).ok()?;
        let civil = zone.to_datetime(time);
        Some(Self { zone, unix, civil })
    }

    /// The point in time with the local time `civil`, by the rule of Go's `time.Date`.
    ///
    /// The rule takes the offset at `civil` as UTC, and applies the offset in force at the resulting time. If the local
    /// time does not exist, the result is after the gap in zones east of UTC and before it in zones west of UTC. If it
    /// exists twice, the result is either.
    fn from_civil(zone: &'a TimeZone, civil: DateTime) -> Option<Self> {
        let utc = Offset::UTC.to_timestamp(civil).ok()?.as_second();
        let offset = |unix| {
            let time = Timestamp::from_second(unix).ok()?;
            Some(Seconds::from(zone.to_offset(time).seconds()))
        };
        Self::at(zone, utc - offset(utc - offset(utc)?)?)
    }

    /// Adds elapsed time.
    fn plus(self, seconds: Seconds) -> Option<Self> {
        Self::at(self.zone, self.unix.checked_add(seconds)?)
    }

    /// The same local time on the next day.
    fn next_day(self) -> Option<Self> {
        let date = self.civil.date().tomorrow().ok()?;
        Self::from_civil(self.zone, date.to_datetime(self.civil.time()))
    }

    /// The same local time and day in the next month. A day beyond the end of that month overflows into the one after.
    fn next_month(self) -> Option<Self> {
        let date = self.civil.date();
        let first = date
            .first_of_month()
            .checked_add(Span::new().months(1))
            .ok()?;
        let date = first.checked_add(Span::new().days(date.day() - 1)).ok()?;
        Self::from_civil(self.zone, date.to_datetime(self.civil.time()))
    }
}
