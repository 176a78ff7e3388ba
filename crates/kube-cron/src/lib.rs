//! When CronJobs are due, exactly as the CronJob controller of Kubernetes reckons.
//!
//! The controller reads schedules with robfig/cron v3, whose answers around clock changes, for the two day fields and
//! for `@every` are its own. Whoever wants to say that a run was missed has to give the same answers, so this module
//! copies that search and the controller's arithmetic step by step. A schedule is a pure function: it reads no clock and
//! no file, and the time zone data is in the binary.
//!
//! - `parse` reads the text: five fields, macros, `@every`
//! - `zone` finds time zones by their exact names
//! - `search` finds the next slot of five fields on the clocks of a zone
//! - `due` says what is due since the last start, and what the controller makes of it
//! - `mirrored` reads schedules as kube-state-metrics does, which gives other answers to some
//!
//! A **slot** is a time that a schedule names. Slots are whole seconds, so all times here are: a caller drops the
//! fraction of a later time, which changes no answer.
//!
//! Checked against vectors computed by the originals, in `tests/fixtures`.

/// A point in time or a duration in whole seconds, times since the Unix epoch.
pub type Seconds = i64;

mod due;
mod error;
mod every;
mod ksm;
mod parse;
mod search;
mod zone;

#[cfg(test)]
mod tests;

pub use due::{Due, Window};
pub use error::{Error, Field, Problem};
pub use ksm::KsmSchedule;
pub use zone::Zone;

use ksm::Reader;
use parse::Fields;

/// The schedule of a CronJob with its time zone, ready to be asked.
///
/// Small, and cheap to clone: sets of bits, and a zone that all schedules of that zone share.
#[derive(Clone, Debug)]
pub struct Schedule {
    rule: Rule,
    zone: Zone,
}

/// The two kinds of schedules.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Five fields, looked for on the clocks of the zone.
    Clock(Fields),
    /// `@every`: seconds from slot to slot, on no clock. The chain hangs on the time that one asks from.
    Every(Seconds),
}

const MINUTE: usize = 60;
const DAY: Seconds = 24 * 60 * 60;

impl Schedule {
    /// Reads `schedule`, as in `spec.schedule`, and `time_zone`, as in `spec.timeZone`. Without a zone in either,
    /// `controller` counts: the zone of kube-controller-manager, which the API does not tell.
    ///
    /// A zone at the start of the schedule (`TZ=Europe/Berlin 0 9 * * *`, or `CRON_TZ=`) is refused by the API for
    /// new objects, but the controller goes on to honour it for old ones.
    pub fn parse(
        schedule: &str,
        time_zone: Option<&str>,
        controller: &Zone,
    ) -> Result<Self, Error> {
        Self::read(Reader::Controller, schedule, time_zone, controller)
    }

    fn read(
        reader: Reader,
        schedule: &str,
        time_zone: Option<&str>,
        local: &Zone,
    ) -> Result<Self, Error> {
        let named = time_zone.map(Zone::named).transpose()?;
        let (embedded, rule) = parse::split_zone(schedule)?;
        let zone = match (named, embedded) {
            (Some(_), Some(_)) => return Err(Error::TwoZones),
            (Some(zone), None) => zone,
            (None, None | Some("Local")) => local.clone(),
            (None, Some("")) if reader == Reader::Controller => Zone::default(),
            (None, Some(name)) => Zone::named(name)?,
        };
        let rule = parse::rule(reader, rule)?;
        Ok(Self { rule, zone })
    }

    /// The first slot strictly after `after`.
    ///
    /// `None` where the search finds nothing: it looks no further than the fifth year after that of `after`, so
    /// `0 0 31 2 *` has no slot, and neither has `0 0 29 2 *` from 2096 on.
    #[must_use]
    pub fn next(&self, after: Seconds) -> Option<Seconds> {
        // Where the answer has passed, a later question gets past it.
        (after..after.saturating_add(DAY))
            .step_by(MINUTE)
            .map_while(|from| self.answer(from))
            .find(|slot| *slot > after)
    }

    /// The first slot strictly after `after`, of the chain that hangs on `since`. Only `@every` is such a chain: what a
    /// clock shows hangs on nothing.
    #[must_use]
    pub fn next_in_chain(&self, since: Seconds, after: Seconds) -> Option<Seconds> {
        match &self.rule {
            Rule::Clock(_) => self.next(after),
            Rule::Every(step) => {
                let slots = after.checked_sub(since)?.div_euclid(*step);
                since.checked_add(slots.checked_add(1)?.checked_mul(*step)?)
            }
        }
    }

    /// What robfig/cron answers to `after`: the first slot after it, but for an oddity that [`next`](Self::next) spares its
    /// callers. Where clocks go back to within an hour, as on Chatham from 3:45 to 2:45, whoever asks between 2:45 and 3:00
    /// is told of slots that have passed; sometimes from slot to slot in a circle.
    fn answer(&self, after: Seconds) -> Option<Seconds> {
        match &self.rule {
            Rule::Clock(fields) => search::next(fields, &self.zone.0, after),
            Rule::Every(step) => after.checked_add(*step),
        }
    }
}
