//! Finds the next slot of five fields, by the steps of robfig/cron and in their order.
//!
//! The search goes from the largest field to the smallest and moves forward until each matches. Months and days move on
//! the clock, hours and minutes in elapsed time: so a time that a clock change leaves out has no slot, and one that it
//! repeats has two. Some answers are odd, and depend on where the search begins: where there is no midnight, a whole day
//! can be lost; and where clocks go back to within an hour, the slot found can lie before the time that one asks from. They
//! are the controller's answers all the same: do not mend the steps.

use jiff::{
    Span, Timestamp,
    civil::{DateTime, Time},
    tz::{Offset, TimeZone},
};

use super::{Seconds, parse::Fields};

/// What a search may take. To go six years day by day takes some 2,300, and whatever finds a slot takes fewer. The rest
/// finds none: a field that is empty, as `,` is; or a day that a zone left out, as Pacific/Apia did with 30 December
/// 2011, where the original goes round for ever.
const STEPS: u32 = 10_000;

const MINUTE: Seconds = 60;
const HOUR: Seconds = 60 * MINUTE;

/// The first slot after `after`, if there is one within five years after that year.
pub(super) fn next(fields: &Fields, zone: &TimeZone, after: Seconds) -> Option<Seconds> {
    let mut search = Search {
        fields,
        here: Moment::at(zone, after.checked_add(1)?)?,
        moved: false,
        steps: STEPS,
    };
    let last_year = search.here.wall.year() + 5;
    while search.here.wall.year() <= last_year {
        let found = search.month()?
            && search.day()?
            && search.hour()?
            && search.minute()?
            && search.second()?;
        if found {
            return Some(search.here.second);
        }
    }
    None
}

/// A search under way.
///
/// The method of each field moves forward until that field matches. It answers `true` then; `false` if the field began
/// again at its start, so that the larger ones have to be looked at anew; and `None` if the search is given up.
struct Search<'a> {
    fields: &'a Fields,
    here: Moment<'a>,
    /// Whether some field moved. The first that moves sets the smaller ones to their start.
    moved: bool,
    steps: u32,
}

impl<'a> Search<'a> {
    fn month(&mut self) -> Option<bool> {
        while !self.fields.months.contains(self.here.wall.month()) {
            let date = self.here.wall.date().first_of_month();
            self.start(date.to_datetime(Time::midnight()))?;
            self.step(self.here.next_month()?)?;
            if self.here.wall.month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn day(&mut self) -> Option<bool> {
        while !self.fields.name_day(self.here.wall.date()) {
            let date = self.here.wall.date();
            self.start(date.to_datetime(Time::midnight()))?;
            self.step(self.here.next_day()?)?;
            // Where the day has no midnight: to the one after, or back, which may be the evening before.
            let hour = Seconds::from(self.here.wall.hour());
            let away = if hour > 12 { 24 - hour } else { -hour };
            self.here = self.here.plus(away * HOUR)?;
            if self.here.wall.day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn hour(&mut self) -> Option<bool> {
        while !self.fields.hours.contains(self.here.wall.hour()) {
            let wall = self.here.wall;
            self.start(wall.date().at(wall.hour(), 0, 0, 0))?;
            let before = self.here.wall.hour();
            self.step(self.here.plus(HOUR)?)?;
            let hour = self.here.wall.hour();
            if self.fields.catches_up && hour - before == 2 && self.fields.hours.contains(hour - 1)
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
        while !self.fields.minutes.contains(self.here.wall.minute()) {
            if !self.moved {
                self.moved = true;
                self.here = self.here.plus(-self.here.second.rem_euclid(MINUTE))?;
            }
            self.step(self.here.plus(MINUTE)?)?;
            if self.here.wall.minute() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// All slots are at second 0, and getting there begins a new minute.
    fn second(&mut self) -> Option<bool> {
        let second = Seconds::from(self.here.wall.second());
        if second == 0 {
            return Some(true);
        }
        self.moved = true;
        self.step(self.here.plus(MINUTE - second)?)?;
        Some(false)
    }

    /// Sets the smaller fields to their start, `wall`, if this is the first move.
    fn start(&mut self, wall: DateTime) -> Option<()> {
        if !self.moved {
            self.moved = true;
            self.here = Moment::showing(self.here.zone, wall)?;
        }
        Some(())
    }

    fn step(&mut self, to: Moment<'a>) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        self.here = to;
        Some(())
    }
}

/// A point in time, and what the clocks of the zone show then. There is none beyond the years that jiff knows, -9999 to
/// 9999.
#[derive(Clone, Copy)]
struct Moment<'a> {
    zone: &'a TimeZone,
    second: Seconds,
    wall: DateTime,
}

impl<'a> Moment<'a> {
    fn at(zone: &'a TimeZone, second: Seconds) -> Option<Self> {
        let time = Timestamp::from_second(second).ok()?;
        let wall = zone.to_datetime(time);
        Some(Self { zone, second, wall })
    }

    /// The moment when the clocks show `wall`, by the rule of Go's `time.Date`: its offset is the one in force if `wall`
    /// is read in the offset in force if `wall` is read as UTC. If clocks never show `wall`, that is after the gap in
    /// zones east of UTC and before it in those west; if they show it twice, it is either.
    fn showing(zone: &'a TimeZone, wall: DateTime) -> Option<Self> {
        let utc = Offset::UTC.to_timestamp(wall).ok()?.as_second();
        let offset = |second| {
            let time = Timestamp::from_second(second).ok()?;
            Some(Seconds::from(zone.to_offset(time).seconds()))
        };
        Self::at(zone, utc - offset(utc - offset(utc)?)?)
    }

    /// Later in elapsed time.
    fn plus(self, seconds: Seconds) -> Option<Self> {
        Self::at(self.zone, self.second.checked_add(seconds)?)
    }

    /// The same time on the clock a day later.
    fn next_day(self) -> Option<Self> {
        let date = self.wall.date().tomorrow().ok()?;
        Self::showing(self.zone, date.to_datetime(self.wall.time()))
    }

    /// The same time on the clock and day a month later; what goes over the end of that month goes into the one after.
    fn next_month(self) -> Option<Self> {
        let date = self.wall.date();
        let first = date
            .first_of_month()
            .checked_add(Span::new().months(1))
            .ok()?;
        let date = first.checked_add(Span::new().days(date.day() - 1)).ok()?;
        Self::showing(self.zone, date.to_datetime(self.wall.time()))
    }
}
