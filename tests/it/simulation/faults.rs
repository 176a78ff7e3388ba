//! The faults of a month: when feeds miss events or receive them twice, and when the process is killed.

use super::{
    Action, FEEDS, Simulation,
    world::{BEGIN, DAY, END, HOUR, MINUTE},
};

impl Simulation {
    pub(super) fn plan_faults(&mut self, per_feed: usize) {
        for feed in 0..FEEDS {
            for _ in 0..per_feed {
                let mut at = || self.rng.i64(BEGIN + HOUR..END);
                let (gap, list, late, repeat) = (at(), at(), at(), at());
                let lasts = self.rng.i64(MINUTE..6 * HOUR);
                let behind = [0, self.rng.i64(1..20 * MINUTE)][self.rng.usize(..2)];
                let since = repeat - self.rng.i64(1..20 * MINUTE);
                self.plan(gap, Action::Gap(feed));
                let again = true;
                self.plan(
                    gap + lasts,
                    Action::List {
                        feed,
                        behind,
                        again,
                    },
                );
                self.plan(
                    list,
                    Action::List {
                        feed,
                        behind: 0,
                        again,
                    },
                );
                let behind = self.rng.i64(1..20 * MINUTE);
                self.plan(
                    late,
                    Action::List {
                        feed,
                        behind,
                        again,
                    },
                );
                let complete = false;
                self.plan(
                    repeat,
                    Action::Repeat {
                        feed,
                        since,
                        complete,
                    },
                );
            }
        }
        for fifth in 0..5 {
            let kill = BEGIN + fifth * 6 * DAY + self.rng.i64(DAY..5 * DAY);
            let lost = self.rng.i64(0..10 * MINUTE);
            self.plan(kill - lost, Action::Flush);
            self.plan(kill, Action::Kill);
            let down = [2 * MINUTE, 8 * HOUR][self.rng.usize(..2)];
            let start = kill + self.rng.i64(MINUTE..down);
            self.plan(start, Action::Start);
            self.plan(start + 10 * MINUTE, Action::Check);
        }
    }
}
