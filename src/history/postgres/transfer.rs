//! Exports the schema as of one moment, and imports into it while exporters use it.

use std::{collections::HashMap, vec};

use tokio_postgres::{
    IsolationLevel, Portal, Row, Transaction,
    types::{ToSql, Type},
};

use super::{
    super::{
        merge::{NewRuns, reset_histograms},
        pending::PendingWorkload,
        rows::{Bounds, TargetRow, encode},
        storage::{Limits, Storage as _, StorageError},
        transfer::{
            Counts, Destination, ExportedRun, ExportedWorkload, Failure, ImportedTarget,
            ImportedWorkload, LineWriter, StoredParts,
        },
    },
    PostgresStorage, READ_TIMEOUT,
    connection::{Connection, PostgresError},
    merge::StoredWorkload,
    read::{WorkloadColumns, workload_id},
    sql::{LOCK, Sql},
    write::insert_runs,
};
use crate::model::{RunSortKey, WorkloadId};

/// Rows that are read at a time.
const PAGE: i32 = 1_000;

/// The columns that order the rows of a target by the bytes of names, as the file does.
const NAMES_IN_ORDER: &str = "namespace COLLATE \"C\", kind COLLATE \"C\", name COLLATE \"C\"";

/// The rows of a query, some at a time.
struct Pages<'a> {
    storage: &'a PostgresStorage,
    transaction: &'a Transaction<'a>,
    portal: Portal,
    rows: vec::IntoIter<Row>,
    is_last: bool,
}

impl PostgresStorage {
    /// Connects, and creates or updates the tables.
    pub(in crate::history) fn open_for_import(&mut self) -> Result<(), Failure> {
        self.connect().map_err(|error| self.failure(error))
    }

    /// Writes everything in the schema as of one moment. A user that may only read can do this.
    pub(in crate::history) fn export(&self, lines: &mut LineWriter<'_>) -> Result<(), Failure> {
        let failed = |error| self.failure(error);
        let mut connection = self.open_for_export().map_err(failed)?;
        let Connection { client, sql, .. } = &mut connection;
        let begin = async {
            let transaction = client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .await?;
            // Who reads the lines may be slow, and this transaction stops nobody.
            transaction
                .batch_execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                .await?;
            let targets = format!(
                "SELECT target, since, seen FROM \"{}\".targets ORDER BY target COLLATE \"C\"",
                sql.schema
            );
            let targets = transaction.query(&targets, &[]).await?;
            Ok((transaction, targets))
        };
        let (transaction, targets) = self.wait(READ_TIMEOUT, begin).map_err(failed)?;
        lines.header(&self.bounds)?;
        for target in targets {
            let row = target_columns(&target).map_err(failed)?;
            let name: &str = target.try_get(0).map_err(|error| failed(error.into()))?;
            self.export_target(&transaction, sql, (name, row), lines)?;
        }
        Ok(())
    }

    fn open_for_export(&self) -> Result<Connection, PostgresError> {
        let mut connection = self.open()?;
        // An export of nothing is a wrong schema or database.
        let prepare = async {
            if connection.version().await? == 0 {
                return Err(PostgresError::Empty);
            }
            connection.migrate().await
        };
        self.wait(READ_TIMEOUT, prepare)?;
        Ok(connection)
    }

    fn export_target(
        &self,
        transaction: &Transaction<'_>,
        sql: &Sql,
        (name, row): (&str, TargetRow),
        lines: &mut LineWriter<'_>,
    ) -> Result<(), Failure> {
        let pages = |query: &str| {
            let pages = Pages::new(self, transaction, query, &[&name]);
            pages.map_err(|error| self.failure(error))
        };
        let workloads = pages(&format!("{} ORDER BY {NAMES_IN_ORDER}", sql.workloads))?;
        let runs = pages(&format!(
            "SELECT namespace, kind, name, uid, run::text FROM \"{}\".runs WHERE target = $1 \
            ORDER BY {NAMES_IN_ORDER}, order_due, order_start, order_created, uid COLLATE \"C\"",
            sql.schema
        ))?;
        let workloads = workloads.map(|row| -> Result<_, StorageError> {
            let (id, stored) = StoredWorkload::from_row(&row?)?;
            Ok(ExportedWorkload {
                id,
                bounds: Some(stored.bounds.clone()).filter(|bounds| *bounds != self.bounds),
                row: stored.row,
            })
        });
        let runs = runs.map(|row| -> Result<_, StorageError> {
            let row = row?;
            Ok(ExportedRun {
                workload: workload_id(&row)?,
                uid: row.try_get(3)?,
                row: row.try_get(4)?,
            })
        });
        lines.target(name, row, workloads, runs)
    }

    fn failure(&self, error: PostgresError) -> Failure {
        if error.is_configuration() {
            Failure::Open(error.at_start(self.location()))
        } else {
            Failure::Storage(error.into())
        }
    }
}

impl Destination for PostgresStorage {
    fn import(
        &mut self,
        target: &ImportedTarget,
        part: &[ImportedWorkload],
        limits: Limits,
    ) -> Result<Counts, StorageError> {
        Ok(self.run(READ_TIMEOUT, async |connection, bounds| {
            connection.import(target, part, limits, bounds).await
        })?)
    }
}

impl Connection {
    /// Adds a target and some of its workloads.
    async fn import(
        &mut self,
        target: &ImportedTarget,
        part: &[ImportedWorkload],
        limits: Limits,
        bounds: &Bounds,
    ) -> Result<Counts, PostgresError> {
        let Self { client, sql, .. } = self;
        let transaction = client.transaction().await?;
        let name = &target.name;
        let lock = sql.lock("write", name);
        transaction.query(LOCK, &[&lock]).await?;
        let row = transaction.query_opt(&sql.target, &[name]).await?;
        let stored_target = row.as_ref().map(target_columns).transpose()?;
        let row = target.row(stored_target);
        transaction
            .execute(&sql.see_target, &[name, &row.since, &row.seen])
            .await?;
        let mut new = Counts {
            targets: stored_target.is_none().into(),
            ..Counts::default()
        };
        if !part.is_empty() {
            let stored = read_stored(&transaction, sql, name, part, limits, bounds).await?;
            let part = Part {
                target,
                stored_target,
                workloads: part,
                limits,
            };
            new += part.write(&transaction, sql, stored, bounds).await?;
        }
        transaction.commit().await?;
        Ok(new)
    }
}

/// What the database has of a workload.
#[derive(Default)]
struct Stored {
    workload: Option<StoredWorkload>,
    first_kept: Option<RunSortKey>,
}

/// What the database has of these workloads.
async fn read_stored(
    transaction: &Transaction<'_>,
    sql: &Sql,
    target: &str,
    part: &[ImportedWorkload],
    limits: Limits,
    bounds: &Bounds,
) -> Result<HashMap<WorkloadId, Stored>, PostgresError> {
    let ids = || part.iter().map(|workload| &workload.id);
    let namespaces: Vec<&str> = ids().map(|id| &*id.namespace).collect();
    let kinds: Vec<&str> = ids().map(|id| &*id.kind).collect();
    let names: Vec<&str> = ids().map(|id| &*id.name).collect();
    let mut stored = HashMap::<WorkloadId, Stored>::new();
    let parameters: &[&(dyn ToSql + Sync)] = &[&target, &namespaces, &kinds, &names];
    for row in transaction.query(&sql.known_workloads, parameters).await? {
        let (id, mut workload) = StoredWorkload::from_row(&row)?;
        reset_histograms(workload.row.totals.to_mut(), &workload.bounds, bounds);
        stored.entry(id).or_default().workload = Some(workload);
    }
    let before = i64::try_from(limits.runs_per_workload.saturating_sub(1)).unwrap_or(i64::MAX);
    let first_kept = format!(
        "SELECT wanted.namespace, wanted.kind, wanted.name, order_due, order_start, order_created \
        FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::text[], $4::text[]) AS names (namespace, kind, name)) AS wanted, \
        LATERAL (SELECT order_due, order_start, order_created FROM \"{}\".runs AS known WHERE target = $1 \
        AND known.namespace = wanted.namespace AND known.kind = wanted.kind AND known.name = wanted.name \
        ORDER BY order_due DESC, order_start DESC, order_created DESC, uid DESC OFFSET $5 LIMIT 1) AS kept",
        sql.schema
    );
    let parameters: &[&(dyn ToSql + Sync)] = &[&target, &namespaces, &kinds, &names, &before];
    for row in transaction.query(&first_kept, parameters).await? {
        let order = (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
        stored.entry(workload_id(&row)?).or_default().first_kept = Some(order.into());
    }
    Ok(stored)
}

/// What one transaction imports.
struct Part<'a> {
    target: &'a ImportedTarget,
    stored_target: Option<TargetRow>,
    workloads: &'a [ImportedWorkload],
    limits: Limits,
}

impl Part<'_> {
    async fn write(
        &self,
        transaction: &Transaction<'_>,
        sql: &Sql,
        mut stored: HashMap<WorkloadId, Stored>,
        bounds: &Bounds,
    ) -> Result<Counts, PostgresError> {
        let mut parts = Vec::new();
        let mut pending = Vec::new();
        for workload in self.workloads {
            let Stored {
                workload: known,
                first_kept,
            } = stored.remove(&workload.id).unwrap_or_default();
            let before = known.as_ref().map(|it| it.text.clone());
            let stored = StoredParts {
                target: self.stored_target,
                workload: known.map(|it| it.row),
                first_kept,
            };
            let runs = workload.runs.iter();
            let runs = runs.filter(|(run, _)| stored.admits(run, self.limits));
            let runs = PendingWorkload {
                runs: runs.cloned().collect(),
                ..PendingWorkload::default()
            };
            pending.push((&workload.id, runs));
            parts.push((workload, before, stored));
        }
        let runs: Vec<_> = pending.iter().map(|(id, runs)| (*id, runs)).collect();
        let mut runs = insert_runs(transaction, sql, &self.target.name, &runs).await?;
        let mut new = Counts::default();
        let mut columns = WorkloadColumns::default();
        for (workload, before, stored) in parts {
            let runs: NewRuns<'_> = runs.remove(&workload.id).unwrap_or_default();
            new.runs += runs.added.len() as u64;
            if let Some(row) = stored.merge(self.target, workload, &runs, bounds) {
                new.workloads += u64::from(before.is_none());
                columns.push(&workload.id, &row, before.as_ref())?;
            }
        }
        let bounds = encode("workloads", bounds)?;
        let target = &self.target.name;
        columns.upsert(transaction, sql, target, &bounds).await?;
        Ok(new)
    }
}

/// A target of the columns `since` and `seen`.
fn target_columns(row: &Row) -> Result<TargetRow, PostgresError> {
    Ok(TargetRow {
        since: row.try_get("since")?,
        seen: row.try_get("seen")?,
    })
}

// === impl Pages ===

impl<'a> Pages<'a> {
    fn new(
        storage: &'a PostgresStorage,
        transaction: &'a Transaction<'a>,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Self, PostgresError> {
        let bind = async {
            let statement = transaction.prepare_typed(query, &[Type::TEXT]).await?;
            Ok(transaction.bind(&statement, parameters).await?)
        };
        Ok(Self {
            portal: storage.wait(READ_TIMEOUT, bind)?,
            storage,
            transaction,
            rows: Vec::new().into_iter(),
            is_last: false,
        })
    }

    fn read(&mut self) -> Result<(), PostgresError> {
        let page = async { Ok(self.transaction.query_portal(&self.portal, PAGE).await?) };
        let rows = self.storage.wait(READ_TIMEOUT, page)?;
        self.is_last = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        self.rows = rows.into_iter();
        Ok(())
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Row, PostgresError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.len() == 0
            && !self.is_last
            && let Err(error) = self.read()
        {
            self.is_last = true;
            return Some(Err(error));
        }
        self.rows.next().map(Ok)
    }
}
