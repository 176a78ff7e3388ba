//! Reads what processes have written of a target.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use tokio_postgres::{IsolationLevel, Row, Transaction};

use super::{
    super::{
        merge::reset_histograms,
        rows::{Bounds, RunRow, TargetRow, WorkloadRow, decode, encode},
        storage::{HistoryTarget, Restored},
    },
    connection::{Connection, PostgresError},
    merge::StoredWorkload,
    sql::Sql,
};
use crate::model::{Departure, RestoredState, RestoredWorkload, Seconds, Ticks, Uid, WorkloadId};

/// Columns of workloads.
#[derive(Default)]
pub(super) struct WorkloadColumns {
    namespaces: Vec<String>,
    kinds: Vec<String>,
    names: Vec<String>,
    left: Vec<Option<Seconds>>,
    departures: Vec<Option<String>>,
    states: Vec<String>,
}

impl Connection {
    /// Returns the row and the content of a target, as of one moment. A target that is new is added, so that all processes count from
    /// the same time on.
    pub(super) async fn read(
        &mut self,
        target: &HistoryTarget,
        bounds: &Bounds,
    ) -> Result<Restored, PostgresError> {
        let Self { client, sql, .. } = self;
        let TargetRow { since, seen } = target.row;
        client
            .execute(&sql.add_target, &[&target.name, &since, &seen])
            .await?;
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        let row = transaction.query_one(&sql.target, &[&target.name]).await?;
        let row = TargetRow {
            since: row.try_get(0)?,
            seen: row.try_get(1)?,
        };
        let mut restored = RestoredState {
            since: row.since,
            label_names: target.label_names.clone(),
            ..RestoredState::default()
        };
        for workload in transaction.query(&sql.workloads, &[&target.name]).await? {
            let (id, mut stored) = StoredWorkload::from_row(&workload)?;
            reset_histograms(stored.row.totals.to_mut(), &stored.bounds, bounds);
            restored.workloads.push(RestoredWorkload {
                id,
                last_existed: stored.row.left.unwrap_or(row.seen),
                departure: stored.row.departure.unwrap_or_default(),
                state: stored.row.into_state(&target.label_names),
            });
        }
        read_runs(&transaction, sql, &target.name, &mut restored).await?;
        Ok((row, restored))
    }
}

/// Adds the runs. The latest ones of each workload are its ticks.
async fn read_runs(
    transaction: &Transaction<'_>,
    sql: &Sql,
    target: &str,
    restored: &mut RestoredState,
) -> Result<(), PostgresError> {
    let positions = restored.workloads.iter().enumerate();
    let positions: HashMap<WorkloadId, usize> = positions
        .map(|(position, workload)| (workload.id.clone(), position))
        .collect();
    let max = i64::try_from(Ticks::MAX).unwrap_or(i64::MAX);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&target, &max];
    let rows = transaction.query_raw(&sql.runs, parameters).await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let uid = Uid::parse(row.try_get(3)?);
        // An invalid row only leaves a gap among the ticks.
        if let Some(text) = row.try_get::<_, Option<&str>>(4)?
            && let Some(position) = positions.get(&workload_id(&row)?)
            && let Ok(run) = decode::<RunRow<'_>>("runs", text)
        {
            let run = run.into_run(uid.clone());
            let ticks = &mut restored.workloads[*position].state.ticks;
            ticks.add_run(&run);
            if run.jobs.is_some() {
                restored.owner_runs.push(run);
            }
        }
        restored.runs.push(uid);
    }
    Ok(())
}

/// The workload of the first three columns.
pub(super) fn workload_id(row: &Row) -> Result<WorkloadId, PostgresError> {
    Ok(WorkloadId {
        namespace: row.try_get::<_, &str>(0)?.into(),
        kind: row.try_get::<_, &str>(1)?.into(),
        name: row.try_get::<_, &str>(2)?.into(),
    })
}

impl StoredWorkload {
    /// A workload with its key, from all columns but the target.
    pub(super) fn from_row(row: &Row) -> Result<(WorkloadId, Self), PostgresError> {
        let left: Option<Seconds> = row.try_get(3)?;
        let departure: Option<String> = row.try_get(4)?;
        let text: String = row.try_get(6)?;
        let state: WorkloadRow<'static> = decode("workloads", &text)?;
        let stored = Self {
            bounds: decode("workloads", row.try_get(5)?)?,
            row: WorkloadRow {
                left,
                departure: departure.as_deref().and_then(Departure::parse),
                ..state
            },
            text: (left, departure, text),
        };
        Ok((workload_id(row)?, stored))
    }
}

// === impl WorkloadColumns ===

impl WorkloadColumns {
    /// Adds a row unless it is the same as `before`.
    pub(super) fn push(
        &mut self,
        id: &WorkloadId,
        row: &WorkloadRow<'_>,
        before: Option<&(Option<Seconds>, Option<String>, String)>,
    ) -> Result<(), PostgresError> {
        let departure = row.departure.map(|how| how.as_str().to_owned());
        let state = WorkloadRow {
            left: None,
            departure: None,
            ..row.clone()
        };
        let after = (row.left, departure, encode("workloads", &state)?);
        // After a start the store reports all workloads, and few of them have changed.
        if before == Some(&after) {
            return Ok(());
        }
        let (left, departure, state) = after;
        self.namespaces.push(id.namespace.to_string());
        self.kinds.push(id.kind.to_string());
        self.names.push(id.name.to_string());
        self.left.push(left);
        self.departures.push(departure);
        self.states.push(state);
        Ok(())
    }

    /// Inserts or replaces these rows.
    pub(super) async fn upsert(
        &self,
        transaction: &Transaction<'_>,
        sql: &Sql,
        target: &str,
        bounds: &str,
    ) -> Result<(), PostgresError> {
        let Self {
            namespaces,
            kinds,
            names,
            left,
            departures,
            states,
        } = self;
        if names.is_empty() {
            return Ok(());
        }
        transaction
            .execute(
                &sql.upsert_workloads,
                &[
                    &target, namespaces, kinds, names, left, departures, states, &bounds,
                ],
            )
            .await?;
        Ok(())
    }
}
