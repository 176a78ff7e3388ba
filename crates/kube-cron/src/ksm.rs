//! Schedules as kube-state-metrics 2.20 reads them.
//!
//! It reads them with netresearch/go-cron v0.15, which began as robfig/cron and gives other answers to some of what the
//! API server takes. They are for its families and for nothing else: no run is made by them.

use super::{Error, Schedule, Seconds, Zone};

/// Whose way to read schedules it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The controller's.
    Controller,
    /// That of kube-state-metrics. It
    /// - wants a day to match both of its fields, where the controller takes either;
    /// - moves what is due in an hour that a clock change leaves out to the end of that hour;
    /// - refuses a step as large as its range (`*/60`), and `@every` with less than a second;
    /// - lets steps from a weekday on (`1/2`) run to Sunday as 7.
    KubeStateMetrics,
}

/// A schedule as kube-state-metrics reads it.
#[derive(Clone, Debug)]
pub struct KsmSchedule(Schedule);

impl KsmSchedule {
    /// Reads `schedule` and `time_zone`, as in `spec`. Without a zone, the clock of kube-state-metrics counts; it is
    /// taken to show UTC, as it does in its image.
    pub fn parse(schedule: &str, time_zone: Option<&str>) -> Result<Self, Error> {
        let reader = Reader::KubeStateMetrics;
        Schedule::read(reader, schedule, time_zone, &Zone::default()).map(Self)
    }

    /// What it takes for the next slot after `after`, though that can lie before. `None` where it finds none within five
    /// years.
    #[must_use]
    pub fn next(&self, after: Seconds) -> Option<Seconds> {
        self.0.answer(after)
    }
}
