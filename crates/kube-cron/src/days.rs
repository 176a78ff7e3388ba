//! Which days the three day fields of a schedule select.
//!
//! cron combines the fields for the day of the month and the day of the week by rules of its own. [`Days`] is the result of
//! these rules. `words` puts it into words.

use super::parse::{BitSet, Fields};

/// The days of a month, without the restriction by months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// No day: a field is empty, as in `0 0 , * *`.
    None,
    /// Every day.
    All,
    /// These days of the month.
    OfMonth(BitSet),
    /// These weekdays, where 0 is Sunday.
    OfWeek(BitSet),
    /// Days of the month and weekdays. One of them is enough.
    Either(BitSet, BitSet),
}

/// The number of days of each month, in a leap year.
const MONTH_LENGTHS: [i8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Days {
    /// The days of a schedule that the CronJob controller evaluates.
    pub(super) fn of(fields: &Fields) -> Self {
        let (days, weekdays) = (fields.days, fields.weekdays);
        let all_days = days == (1..=31).collect();
        let all_weekdays = weekdays == (0..=6).collect();
        if fields.match_both_days {
            // At least one of the fields contains a star, and so all of its numbers.
            return match (all_days, all_weekdays) {
                (true, true) => Self::All,
                (true, false) if weekdays.is_empty() => Self::None,
                (true, false) => Self::OfWeek(weekdays),
                (false, _) if days.is_empty() => Self::None,
                (false, _) => Self::OfMonth(days),
            };
        }
        match (days.is_empty(), weekdays.is_empty()) {
            _ if all_days || all_weekdays => Self::All,
            (true, true) => Self::None,
            (true, false) => Self::OfWeek(weekdays),
            (false, true) => Self::OfMonth(days),
            (false, false) => Self::Either(days, weekdays),
        }
    }

    /// Whether one of the days exists in one of `months`.
    pub(super) fn exist_in(self, months: BitSet) -> bool {
        match self {
            Self::None => false,
            Self::All | Self::OfWeek(_) | Self::Either(..) => !months.is_empty(),
            Self::OfMonth(days) => (1..).zip(MONTH_LENGTHS).any(|(month, length)| {
                months.contains(month) && days.numbers().any(|day| day <= length)
            }),
        }
    }
}
