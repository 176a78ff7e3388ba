//! `/`: how all workloads are, worst first.

use askama::Template;

use super::{
    Site,
    frame::{Frame, Section, target_name},
    links,
    look::Look,
    moment::Moment,
    parameters,
    ticks::TickBars,
};
use crate::{
    model::{LastRun, Seconds},
    status::{
        Column, OverallState, Overview, Query, ScheduleFacts, Summary, TargetHealth,
        UNNAMED_TARGET, WorkloadStatus, phrases,
    },
};

/// States that have a card even if no workload is in them: what people look for first.
const ALWAYS_SHOWN: [OverallState; 8] = [
    OverallState::Failing,
    OverallState::NeverSucceeded,
    OverallState::Overdue,
    OverallState::TooLong,
    OverallState::Pending,
    OverallState::Running,
    OverallState::Suspended,
    OverallState::Succeeded,
];

/// The columns of the table. The others can be chosen in the form.
const HEADINGS: [Column; 7] = [
    Column::State,
    Column::Workload,
    Column::LastEnd,
    Column::Duration,
    Column::Failures,
    Column::NextDue,
    Column::Deadline,
];

/// The page.
#[derive(Template)]
#[template(path = "overview.html")]
pub(super) struct OverviewPage {
    frame: Frame,
    cards: Vec<Card>,
    query: Query,
    targets: Vec<Choice>,
    namespaces: Vec<Choice>,
    states: Vec<Choice>,
    columns: Vec<Choice>,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    /// Number of workloads, whatever the filters.
    workloads: usize,
    /// Whether anything was read completely.
    synced: bool,
    /// Positions of the rows among the matching ones, from 1.
    first: usize,
    last: usize,
    matching: usize,
    previous: Option<String>,
    next: Option<String>,
    page: usize,
    pages: usize,
}

/// A number of the summary, with a link to what it counts.
struct Card {
    look: Look,
    count: usize,
    label: &'static str,
    link: String,
    selected: bool,
}

/// An option of a filter.
struct Choice {
    value: String,
    label: String,
    selected: bool,
}

/// A column that sorts.
struct Heading {
    label: &'static str,
    link: String,
    /// The value of `aria-sort`.
    sorted: &'static str,
    /// Whether its values are numbers, aligned to the right.
    number: bool,
    /// Whether the column of the last runs precedes it.
    after_ticks: bool,
}

/// A workload.
struct Row {
    look: Look,
    state: &'static str,
    /// Why it is in its state.
    why: String,
    link: String,
    status: WorkloadStatus,
    target: Option<String>,
    last: Option<LastResult>,
    active: Option<String>,
    duration: Option<String>,
    limit: Option<String>,
    next: Option<NextDue>,
    deadline: Option<Moment>,
    deadline_passed: bool,
}

struct LastResult {
    look: Look,
    word: &'static str,
    reason: Option<String>,
    end: Option<Moment>,
}

struct NextDue {
    words: String,
    moment: Option<Moment>,
}

impl OverviewPage {
    pub(super) fn new(
        path: &str,
        query: Query,
        overview: Overview,
        now: Seconds,
        site: &Site,
    ) -> Self {
        let frame = Frame::new(
            path,
            Section::Workloads,
            "Workloads".to_owned(),
            &overview.targets,
            now,
            site,
        );
        let first = (overview.page - 1) * crate::status::PAGE;
        let page_link = |page: usize| {
            parameters::link(&Query {
                page,
                ..query.clone()
            })
        };
        let has_names = overview.targets.iter().any(|it| it.name.is_some());
        Self {
            cards: cards(&overview.summary, &query),
            targets: target_choices(&overview.targets, &query),
            namespaces: choices(
                overview.namespaces.iter().map(|it| &**it),
                query.namespace.as_deref(),
            ),
            states: state_choices(&overview.summary, &query),
            columns: column_choices(&query),
            headings: headings(&query),
            workloads: overview.summary.workloads(),
            synced: overview.targets.iter().any(|target| target.synced),
            first: first + 1,
            last: first + overview.rows.len(),
            matching: overview.matching,
            previous: (overview.page > 1).then(|| page_link(overview.page - 1)),
            next: (overview.page < overview.pages).then(|| page_link(overview.page + 1)),
            page: overview.page,
            pages: overview.pages,
            rows: overview
                .rows
                .into_iter()
                .map(|status| Row::new(status, has_names, now))
                .collect(),
            frame,
            query,
        }
    }
}

fn cards(summary: &Summary, query: &Query) -> Vec<Card> {
    let states = OverallState::ALL.iter().copied();
    let shown = states.filter(|state| ALWAYS_SHOWN.contains(state) || summary.count(*state) > 0);
    let card = |state: OverallState| {
        let count = summary.count(state);
        let selected = query.states == [state];
        Card {
            // A zero is no reason to look.
            look: if count == 0 {
                Look::Waiting
            } else {
                state.into()
            },
            count,
            label: phrases::state(state),
            link: parameters::link(&Query {
                states: if selected { Vec::new() } else { vec![state] },
                page: 0,
                ..query.clone()
            }),
            selected,
        }
    };
    shown.map(card).collect()
}

fn choices<'a>(values: impl Iterator<Item = &'a str>, selected: Option<&str>) -> Vec<Choice> {
    let mut choices: Vec<_> = values
        .map(|value| Choice {
            value: value.to_owned(),
            label: value.to_owned(),
            selected: selected == Some(value),
        })
        .collect();
    // What is asked for stays visible, even if nothing is there.
    if let Some(value) = selected
        && !choices.iter().any(|choice| choice.selected)
    {
        choices.push(Choice {
            value: value.to_owned(),
            label: value.to_owned(),
            selected: true,
        });
    }
    choices
}

/// No choice if there is only one target.
fn target_choices(targets: &[TargetHealth], query: &Query) -> Vec<Choice> {
    if targets.len() < 2 && query.target.is_none() {
        return Vec::new();
    }
    let names = targets
        .iter()
        .map(|it| it.name.as_deref().unwrap_or(UNNAMED_TARGET));
    choices(names, query.target.as_deref())
}

fn state_choices(summary: &Summary, query: &Query) -> Vec<Choice> {
    let states = OverallState::ALL.iter();
    let choice = |state: &OverallState| Choice {
        value: state.as_str().to_owned(),
        label: format!("{} ({})", phrases::state(*state), summary.count(*state)),
        selected: query.states.contains(state),
    };
    states.map(choice).collect()
}

fn column_choices(query: &Query) -> Vec<Choice> {
    let choice = |column: &Column| Choice {
        value: column.as_str().to_owned(),
        label: phrases::column(*column).to_lowercase(),
        selected: query.sort == *column,
    };
    Column::ALL.iter().map(choice).collect()
}

fn headings(query: &Query) -> Vec<Heading> {
    let heading = |column: Column| {
        let is_sorted = query.sort == column;
        let sorted = match (is_sorted, query.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        Heading {
            label: phrases::column(column),
            link: parameters::link(&Query {
                sort: column,
                descending: is_sorted && !query.descending,
                page: 0,
                ..query.clone()
            }),
            sorted,
            number: matches!(column, Column::Failures),
            after_ticks: matches!(column, Column::LastEnd),
        }
    };
    HEADINGS.into_iter().map(heading).collect()
}

// === impl Row ===

impl Row {
    fn new(status: WorkloadStatus, has_names: bool, now: Seconds) -> Self {
        let as_of = status.as_of.unwrap_or(now);
        let zone = status.zone();
        let why = status.main_finding();
        let last = status.last.as_ref();
        let active_since = status.oldest_active_start;
        Self {
            look: status.state.into(),
            state: phrases::state(status.state),
            why: why
                .map(|it| phrases::brief(it, as_of, &zone))
                .unwrap_or_default(),
            link: links::workload(status.target.as_deref(), &status.id),
            target: has_names.then(|| target_name(status.target.as_deref()).to_owned()),
            last: last.map(|last| LastResult {
                look: if last.succeeded {
                    Look::Fine
                } else {
                    Look::Bad
                },
                word: if last.succeeded {
                    "succeeded"
                } else {
                    "failed"
                },
                reason: last.reason.map(|reason| match last.cause {
                    Some(cause) => phrases::cause(cause, last.exit_code),
                    None => reason.as_str().to_owned(),
                }),
                end: last.end.map(|end| Moment::relative(end, now)),
            }),
            active: active_since.map(|start| {
                let duration = phrases::duration(as_of.saturating_sub(start));
                match status.active_runs {
                    0 | 1 => format!("running for {duration}"),
                    runs => format!("{runs} running, the first for {duration}"),
                }
            }),
            duration: last.and_then(LastRun::duration).map(phrases::duration),
            limit: status.thresholds.max_duration.map(phrases::duration),
            next: status
                .schedule
                .as_ref()
                .and_then(|it| NextDue::new(it, now)),
            deadline: status.success_deadline.map(|at| Moment::relative(at, now)),
            deadline_passed: status.success_deadline.is_some_and(|at| at < as_of),
            status,
        }
    }
}

impl NextDue {
    fn new(schedule: &ScheduleFacts, now: Seconds) -> Option<Self> {
        if let Some((at, zone)) = schedule.next.zip(schedule.zone.as_ref()) {
            return Some(Self {
                words: phrases::due(at, now, zone),
                moment: Some(Moment::relative(at, now)),
            });
        }
        let words = match (schedule.valid, schedule.suspended_since) {
            (Some(false), _) => "never: invalid schedule",
            (_, Some(_)) => "suspended",
            _ => return None,
        };
        Some(Self {
            words: words.to_owned(),
            moment: None,
        })
    }
}
