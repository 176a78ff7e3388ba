//! The last runs of a workload as bars: the higher, the longer it took. A failed run has a cross, a missed one is dashed.
//!
//! All text comes from numbers and from `phrases`, so the result is safe in HTML.

use std::fmt::{self, Display, Write as _};

use crate::{
    model::{Seconds, Tick, TickOutcome, Ticks},
    status::phrases,
};

const HEIGHT: Seconds = 20;
/// Height of the shortest run, and of one whose duration is unknown.
const MIN_HEIGHT: Seconds = 6;
/// From one bar to the next.
const STEP: usize = 8;

/// Ticks as an image.
pub(super) struct TickBars<'a>(pub(super) &'a Ticks);

impl Display for TickBars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0;
        let width = Ticks::MAX * STEP;
        let description = describe(ticks);
        write!(
            f,
            "<svg class=\"ticks\" width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{description}\">"
        )?;
        let longest = ticks.iter().filter_map(Tick::duration).max().unwrap_or(0);
        let first = Ticks::MAX.saturating_sub(ticks.len());
        for (position, tick) in ticks.iter().enumerate() {
            write_tick(f, tick, (first + position) * STEP, longest)?;
        }
        f.write_str("</svg>")
    }
}

impl askama::filters::HtmlSafe for TickBars<'_> {}

fn write_tick(f: &mut fmt::Formatter<'_>, tick: &Tick, x: usize, longest: Seconds) -> fmt::Result {
    let class = match tick.outcome {
        TickOutcome::Succeeded => "ok",
        TickOutcome::Failed => "bad",
        TickOutcome::Deleted => "gone",
        TickOutcome::Missed => "missed",
    };
    let height = match tick.duration() {
        Some(duration) if longest > 0 => {
            MIN_HEIGHT + (HEIGHT - MIN_HEIGHT) * duration.min(longest) / longest
        }
        _ if tick.outcome == TickOutcome::Missed => HEIGHT,
        _ => MIN_HEIGHT,
    };
    let y = HEIGHT - height;
    write!(f, "<g><title>{}</title>", Title(tick))?;
    if tick.outcome == TickOutcome::Missed {
        write!(
            f,
            "<rect class=\"missed\" x=\"{x}.5\" y=\".5\" width=\"4\" height=\"19\"/>"
        )?;
    } else {
        write!(
            f,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"5\" height=\"{height}\"/>"
        )?;
    }
    if tick.outcome == TickOutcome::Failed {
        write!(f, "<path class=\"cross\" d=\"M{x} {y}l5 5m0-5l-5 5\"/>")?;
    }
    f.write_str("</g>")
}

/// What a bar stands for.
struct Title<'a>(&'a Tick);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tick = self.0;
        let (outcome, due) = (phrases::outcome(tick.outcome), phrases::time(tick.due()));
        write!(f, "{outcome}, {due}")?;
        if let Some(duration) = tick.duration() {
            write!(f, ", {}", phrases::duration(duration))?;
        }
        if let Some(reason) = tick.not_started() {
            write!(f, ": {}", phrases::not_started(reason))?;
        }
        if tick.manual {
            f.write_str(", manual")?;
        }
        Ok(())
    }
}

/// The ticks in words, for those who do not see them.
fn describe(ticks: &Ticks) -> String {
    if ticks.is_empty() {
        return "no finished runs".to_owned();
    }
    let mut text = format!("last {}, earliest first", ticks.len());
    let mut run: Option<(TickOutcome, usize)> = None;
    let mut write_run = |run: Option<(TickOutcome, usize)>| {
        if let Some((outcome, count)) = run {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {count} {}", phrases::outcome(outcome));
        }
    };
    for tick in ticks.iter() {
        run = match run {
            Some((outcome, count)) if outcome == tick.outcome => Some((outcome, count + 1)),
            other => {
                write_run(other);
                Some((tick.outcome, 1))
            }
        };
    }
    write_run(run);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NotStarted, Run, RunExplanation, RunResult, Uid};

    fn run(due: Seconds, duration: Seconds, result: RunResult) -> Run {
        Run {
            uid: Uid::parse(&format!("uid-{due}")),
            job_name: "a".into(),
            due: Some(due),
            manual: false,
            created: Some(due),
            start: Some(due),
            end: Some(due + duration),
            result,
            reason: None,
            succeeded_pods: 0,
            failed_pods: 0,
            explanation: RunExplanation::default(),
            jobs: None,
        }
    }

    #[test]
    fn bars_have_shapes_heights_and_words() {
        let mut ticks = Ticks::default();
        ticks.add_run(&run(60, 10, RunResult::Succeeded));
        ticks.add_run(&run(120, 20, RunResult::Succeeded));
        ticks.add_run(&run(180, 20, RunResult::Failed));
        ticks.add_missed(240, NotStarted::Unexplained);
        let image = TickBars(&ticks).to_string();
        assert!(
            image
                .contains("aria-label=\"last 4, earliest first, 2 succeeded, 1 failed, 1 missed\""),
            "{image}"
        );
        assert!(image.contains("<title>succeeded, 1970-01-01 00:01:00 UTC, 10 s</title><rect class=\"ok\" x=\"128\" y=\"7\" width=\"5\" height=\"13\"/>"), "{image}");
        assert!(image.contains("<rect class=\"bad\" x=\"144\" y=\"0\" width=\"5\" height=\"20\"/><path class=\"cross\""), "{image}");
        assert!(
            image.contains("<rect class=\"missed\" x=\"152.5\""),
            "{image}"
        );
    }

    #[test]
    fn a_workload_without_runs_has_an_empty_image() {
        let image = TickBars(&Ticks::default()).to_string();
        assert!(
            image.contains("aria-label=\"no finished runs\"></svg>"),
            "{image}"
        );
    }
}
