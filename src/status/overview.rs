//! All workloads of all targets: counts, filters, order and pages.
//!
//! The state of every workload is computed, everything else only of those on the page that is shown.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{
    Column, OverallState, Query, Reach, TargetHealth, UNNAMED_TARGET, WorkloadStatus,
    judge::TargetFacts, workload::label_values,
};
use crate::{
    model::{Name, Seconds},
    store::{TargetSnapshot, WorkloadRecord},
};

/// Rows per page.
pub const PAGE: usize = 100;

/// One page of workloads, and the counts of all.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The counts of all workloads, whatever the filters.
    pub summary: Summary,
    /// The targets, in the order of the configuration.
    pub targets: Vec<TargetHealth>,
    /// The namespaces of all workloads, each once, in order.
    pub namespaces: Vec<Name>,
    /// Number of workloads that the filters let pass.
    pub matching: usize,
    /// The page that is shown, from 1.
    pub page: usize,
    /// Number of pages, at least 1.
    pub pages: usize,
    /// The workloads of the page.
    pub rows: Vec<WorkloadStatus>,
}

/// How many workloads are in each state, and how the targets are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    states: [usize; OverallState::COUNT],
    /// Targets of which nothing can be read.
    pub targets_down: usize,
    /// Targets that can be read in part.
    pub targets_partly_down: usize,
    /// Targets that were not read completely yet.
    pub targets_not_synced: usize,
    /// Configured Jobs that do not exist.
    pub missing_jobs: usize,
}

/// A workload before its details are read.
struct Row<'a> {
    facts: &'a TargetFacts<'a>,
    workload: &'a WorkloadRecord,
    state: OverallState,
}

/// What a row is sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortValue<'a> {
    Number(Seconds),
    Text(&'a str),
}

// === impl Overview ===

impl Overview {
    /// The page of these targets that a query asks for.
    #[must_use]
    pub fn new(targets: &[TargetSnapshot], query: &Query) -> Self {
        Self::paged(targets, query, PAGE)
    }

    /// The same with all workloads on one page.
    #[must_use]
    pub fn all(targets: &[TargetSnapshot], query: &Query) -> Self {
        Self::paged(targets, query, usize::MAX)
    }

    fn paged(targets: &[TargetSnapshot], query: &Query, page_size: usize) -> Self {
        let facts: Vec<_> = targets.iter().map(TargetFacts::new).collect();
        let mut summary = Summary::default();
        let mut namespaces = BTreeSet::new();
        let filter = Filter::new(query);
        let mut rows = Vec::new();
        for facts in &facts {
            summary.add_target(&facts.health);
            for workload in facts.target.workloads.iter() {
                let state = facts.judge(workload).state;
                summary.states[state.rank()] += 1;
                namespaces.insert(&workload.id.namespace);
                let row = Row {
                    facts,
                    workload,
                    state,
                };
                if filter.matches(&row) {
                    rows.push((row.sort_value(query.sort), row));
                }
            }
        }
        rows.sort_by(|(value, row), (other_value, other)| {
            compare(value.as_ref(), other_value.as_ref(), query.descending)
                .then_with(|| row.name().cmp(&other.name()))
        });
        let pages = rows.len().div_ceil(page_size).max(1);
        let page = query.page.clamp(1, pages);
        let shown = rows.iter().skip((page - 1) * page_size).take(page_size);
        Self {
            matching: rows.len(),
            page,
            pages,
            rows: shown
                .map(|(_, row)| WorkloadStatus::new(row.facts, row.workload))
                .collect(),
            namespaces: namespaces.into_iter().cloned().collect(),
            summary,
            targets: facts.into_iter().map(|facts| facts.health).collect(),
        }
    }
}

/// Values in ascending or descending order. Rows without a value come last in both.
fn compare(
    value: Option<&SortValue<'_>>,
    other: Option<&SortValue<'_>>,
    descending: bool,
) -> Ordering {
    match (value, other) {
        (Some(value), Some(other)) if descending => other.cmp(value),
        (Some(value), Some(other)) => value.cmp(other),
        (value, other) => value.is_none().cmp(&other.is_none()),
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    /// Identifies the row. Rows that are equal otherwise are in this order.
    fn name(&self) -> [&'a str; 4] {
        let id = &self.workload.id;
        [&id.name, &id.namespace, &id.kind, self.target()]
    }

    fn target(&self) -> &'a str {
        let target = self.facts.target.target.as_deref();
        target.unwrap_or(UNNAMED_TARGET)
    }

    fn sort_value(&self, column: Column) -> Option<SortValue<'a>> {
        let workload = self.workload;
        let totals = &workload.state.totals;
        let last = totals.last.as_ref();
        let number = match column {
            Column::State => Seconds::try_from(self.state.rank()).ok(),
            Column::LastEnd => last.and_then(|last| last.end),
            Column::Duration => last.and_then(crate::model::LastRun::duration),
            Column::Failures => Seconds::try_from(totals.consecutive_failures.count).ok(),
            Column::NextDue => {
                let status = self.facts.cronjob(workload)?.schedule_status()?;
                status.next
            }
            Column::Deadline => workload.success_deadline(),
            Column::Workload => return Some(SortValue::Text(&workload.id.name)),
            Column::Namespace => return Some(SortValue::Text(&workload.id.namespace)),
            Column::Type => return Some(SortValue::Text(&workload.id.kind)),
            Column::Target => return Some(SortValue::Text(self.target())),
            Column::Severity => return workload.severity().map(SortValue::Text),
        };
        number.map(SortValue::Number)
    }
}

// === Filter ===

/// The filters of a query, prepared.
struct Filter<'a> {
    query: &'a Query,
    words: Vec<String>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a Query) -> Self {
        let words = query.text.split_whitespace().map(str::to_lowercase);
        Self {
            query,
            words: words.collect(),
        }
    }

    fn matches(&self, row: &Row<'_>) -> bool {
        let query = self.query;
        let is = |filter: &Option<String>, value: &str| {
            filter.as_deref().is_none_or(|filter| filter == value)
        };
        (query.states.is_empty() || query.states.contains(&row.state))
            && is(&query.target, row.target())
            && is(&query.namespace, &row.workload.id.namespace)
            && self.matches_text(row)
    }

    fn matches_text(&self, row: &Row<'_>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let workload = row.workload;
        let labels = label_values(row.facts.target, workload).map(|(_, value)| &**value);
        let texts = row.name().into_iter().chain(workload.severity());
        let texts: Vec<_> = texts.chain(labels).map(str::to_lowercase).collect();
        let occurs = |word: &String| texts.iter().any(|text| text.contains(word.as_str()));
        self.words.iter().all(occurs)
    }
}

// === impl Summary ===

impl Summary {
    /// Number of workloads in a state.
    #[must_use]
    pub fn count(&self, state: OverallState) -> usize {
        self.states[state.rank()]
    }

    /// Number of workloads.
    #[must_use]
    pub fn workloads(&self) -> usize {
        self.states.iter().sum()
    }

    /// Number of workloads in a state that has to be looked at.
    #[must_use]
    pub fn problems(&self) -> usize {
        let states = OverallState::ALL.iter().filter(|state| state.is_problem());
        states.map(|state| self.count(*state)).sum()
    }

    fn add_target(&mut self, target: &TargetHealth) {
        self.targets_down += usize::from(target.reach == Reach::Down);
        self.targets_partly_down += usize::from(target.reach == Reach::Partly);
        self.targets_not_synced += usize::from(!target.synced);
        self.missing_jobs += target.missing_jobs;
    }
}
