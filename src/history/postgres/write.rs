//! Writes changes. Those who write the same target wait for one another, so that each sees what the others have counted.

use std::{borrow::Cow, collections::HashMap};

use tokio_postgres::Transaction;

use super::{
    super::{
        merge::{NewRuns, RunUpdate},
        pending::{PendingWorkload, PendingWrites},
        rows::{Bounds, RunRow, decode, encode},
        storage::HistoryTarget,
    },
    connection::{Connection, PostgresError},
    merge::{StoredWorkload, merge},
    read::WorkloadColumns,
    sql::{LOCK, Sql},
};
use crate::model::{Run, Seconds, WorkloadId};

/// The most rows of a transaction, unless one workload has more runs.
const MAX_ROWS: usize = 2_000;

/// Some of the changes of a target.
pub(super) type Part<'a> = Vec<(&'a WorkloadId, &'a PendingWorkload)>;

/// Divides changes into those of one transaction each, at least one. All of a workload is in one.
pub(super) fn parts(pending: &PendingWrites) -> Vec<Part<'_>> {
    let mut parts = vec![Part::new()];
    let mut rows = 0;
    for (id, workload) in &pending.workloads {
        let more = 1 + workload.runs.len();
        if rows > 0 && rows + more > MAX_ROWS {
            parts.push(Part::new());
            rows = 0;
        }
        rows += more;
        if let Some(part) = parts.last_mut() {
            part.push((id, workload));
        }
    }
    parts
}

/// Columns of new runs.
#[derive(Default)]
struct RunColumns<'a> {
    namespaces: Vec<Cow<'a, str>>,
    kinds: Vec<Cow<'a, str>>,
    names: Vec<Cow<'a, str>>,
    uids: Vec<String>,
    jobs: Vec<Cow<'a, str>>,
    due: Vec<Seconds>,
    start: Vec<Seconds>,
    created: Vec<Seconds>,
    ended: Vec<Option<Seconds>>,
    rows: Vec<String>,
}

impl Connection {
    /// Writes some changes of a target, and that it exists. Returns the number of new runs.
    pub(super) async fn write(
        &mut self,
        target: &HistoryTarget,
        part: &[(&WorkloadId, &PendingWorkload)],
        bounds: &Bounds,
    ) -> Result<u64, PostgresError> {
        let Self { client, sql, .. } = self;
        let transaction = client.transaction().await?;
        let lock = sql.lock("write", &target.name);
        transaction.query(LOCK, &[&lock]).await?;
        let row = target.row;
        transaction
            .execute(&sql.see_target, &[&target.name, &row.since, &row.seen])
            .await?;
        let mut new = 0;
        if !part.is_empty() {
            let runs = insert_runs(&transaction, sql, &target.name, part).await?;
            new = runs.values().map(|runs| runs.added.len() as u64).sum();
            write_workloads(&transaction, sql, target, part, &runs, bounds).await?;
        }
        transaction.commit().await?;
        Ok(new)
    }
}

/// Inserts the runs that are new, and updates those of which more is known. Returns both, by workload.
pub(super) async fn insert_runs<'a>(
    transaction: &Transaction<'_>,
    sql: &Sql,
    target: &str,
    part: &[(&'a WorkloadId, &'a PendingWorkload)],
) -> Result<HashMap<&'a WorkloadId, NewRuns<'a>>, PostgresError> {
    let mut columns = RunColumns::default();
    let mut latest = HashMap::new();
    for (id, workload) in part {
        // A run is reported again when more is known of it.
        for (run, counted) in &workload.runs {
            latest.insert(run.uid.to_string(), (*id, run, *counted));
        }
    }
    for (uid, (id, run, counted)) in &latest {
        columns.push(id, uid, run, *counted)?;
    }
    if latest.is_empty() {
        return Ok(HashMap::new());
    }
    let RunColumns {
        namespaces,
        kinds,
        names,
        uids,
        jobs,
        due,
        start,
        created,
        ended,
        rows,
    } = &columns;
    let inserted = transaction
        .query(
            &sql.insert_runs,
            &[
                &target, namespaces, kinds, names, uids, jobs, due, start, created, ended, rows,
            ],
        )
        .await?;
    let mut runs = HashMap::<_, NewRuns<'_>>::new();
    for row in inserted {
        if let Some((id, run, counted)) = latest.remove(row.try_get::<_, &str>(0)?) {
            runs.entry(id).or_default().added.push((run, counted));
        }
    }
    // The others are known. The order of runs of the same workload does not matter for what they add up to.
    update_runs(transaction, sql, target, latest, &mut runs).await?;
    Ok(runs)
}

async fn update_runs<'a>(
    transaction: &Transaction<'_>,
    sql: &Sql,
    target: &str,
    mut known: HashMap<String, (&'a WorkloadId, &'a Run, bool)>,
    runs: &mut HashMap<&'a WorkloadId, NewRuns<'a>>,
) -> Result<(), PostgresError> {
    if known.is_empty() {
        return Ok(());
    }
    let uids: Vec<_> = known.keys().collect();
    let stored = transaction
        .query(&sql.known_runs, &[&target, &uids])
        .await?;
    for row in stored {
        let uid: &str = row.try_get(0)?;
        let Some((id, run, counted)) = known.remove(uid) else {
            continue;
        };
        let stored = decode("runs", row.try_get(1)?)?;
        let Some(update) = RunUpdate::new(stored, run, counted) else {
            continue;
        };
        let row = encode("runs", &RunRow::new(run, update.is_counted))?;
        transaction
            .execute(&sql.update_run, &[&target, &uid, &run.end, &row])
            .await?;
        runs.entry(id).or_default().updated.push(update);
    }
    Ok(())
}

async fn write_workloads(
    transaction: &Transaction<'_>,
    sql: &Sql,
    target: &HistoryTarget,
    part: &[(&WorkloadId, &PendingWorkload)],
    runs: &HashMap<&WorkloadId, NewRuns<'_>>,
    bounds: &Bounds,
) -> Result<(), PostgresError> {
    let ids = || part.iter().map(|(id, _)| *id);
    let column = |text: fn(&WorkloadId) -> &str| ids().map(text).map(clean).collect::<Vec<_>>();
    let (namespaces, kinds, names) = (
        column(|id| &id.namespace),
        column(|id| &id.kind),
        column(|id| &id.name),
    );
    let stored = transaction
        .query(
            &sql.known_workloads,
            &[&target.name, &namespaces, &kinds, &names],
        )
        .await?;
    let stored: Result<HashMap<_, _>, PostgresError> =
        stored.iter().map(StoredWorkload::from_row).collect();
    let mut stored = stored?;
    let mut columns = WorkloadColumns::default();
    for (id, pending) in part {
        let key = WorkloadId {
            namespace: clean(&id.namespace).into(),
            kind: clean(&id.kind).into(),
            name: clean(&id.name).into(),
        };
        let stored = stored.remove(&key);
        let before = stored.as_ref().map(|it| it.text.clone());
        let no_runs = NewRuns::default();
        let runs = runs.get(id).unwrap_or(&no_runs);
        if let Some(row) = merge(stored, pending, runs, bounds, &target.label_names) {
            columns.push(&key, &row, before.as_ref())?;
        }
    }
    let bounds = encode("workloads", bounds)?;
    columns
        .upsert(transaction, sql, &target.name, &bounds)
        .await
}

impl<'a> RunColumns<'a> {
    fn push(
        &mut self,
        id: &'a WorkloadId,
        uid: &str,
        run: &'a Run,
        counted: bool,
    ) -> Result<(), PostgresError> {
        let (due, start, created) = run.sort_key().into();
        self.namespaces.push(clean(&id.namespace));
        self.kinds.push(clean(&id.kind));
        self.names.push(clean(&id.name));
        self.uids.push(clean(uid).into_owned());
        self.jobs.push(clean(&run.job_name));
        self.due.push(due);
        self.start.push(start);
        self.created.push(created);
        self.ended.push(run.end);
        self.rows.push(encode("runs", &RunRow::new(run, counted))?);
        Ok(())
    }
}

/// The text without NUL, which PostgreSQL cannot store. No name of Kubernetes has one.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}
