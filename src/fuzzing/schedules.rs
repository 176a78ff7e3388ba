//! Schedules of `CronJobs`: the first line is the time, the second the time zone, the third the schedule.

use kube_cron::{KsmSchedule, Schedule, Seconds, Window, Zone};

/// The most due times that one call may visit.
const MAX_COUNT: u64 = 100;

/// Due times ascend, and the functions of the crate agree with each other.
pub(super) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let (Some(time), Some(zone), Some(schedule)) = (lines.next(), lines.next(), lines.next())
    else {
        return;
    };
    let now: Seconds = time.parse().unwrap_or(1_795_445_760);
    let zone = Some(zone).filter(|zone| !zone.is_empty());
    if let Ok(schedule) = KsmSchedule::parse(schedule, zone) {
        let _ = schedule.next(now);
    }
    let parsed = Schedule::parse(schedule, zone, &Zone::UTC);
    let schedule = match parsed {
        Ok(schedule) => schedule,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    assert!(!schedule.describe().is_empty());
    let mut last = now;
    for next in schedule.upcoming(now, now).take(3) {
        assert!(next > last, "{next} is not after {last}");
        assert!(!schedule.is_never_due(), "{next} is a due time");
        last = next;
    }
    if let Some(next) = schedule.next_anchored(now, now) {
        assert!(next > now, "{next} is not after {now}");
    }
    for starting_deadline in [None, Some(3_600)] {
        check_due(&schedule, now, starting_deadline);
    }
}

fn check_due(schedule: &Schedule, now: Seconds, starting_deadline: Option<Seconds>) {
    let since = now.saturating_sub(86_400);
    let window = Window {
        since,
        starting_deadline,
        now,
    };
    let Some(due) = schedule.due(window, MAX_COUNT) else {
        return;
    };
    assert!(due.count <= MAX_COUNT);
    assert_eq!(due.count > 0, due.earliest.is_some());
    assert_eq!(due.earliest.is_some(), due.latest.is_some());
    let times = [due.earliest, due.start, due.latest].into_iter().flatten();
    assert!(times.clone().is_sorted(), "{due:?}");
    for time in times {
        assert!(since < time && time <= now, "{time} of {due:?}");
    }
}
