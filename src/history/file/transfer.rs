//! Exports the file, and imports into it.

use std::{collections::HashMap, path::Path};

use redb::{Database, ReadableTable as _, Table, TableHandle as _, WriteTransaction};

use super::{
    super::{
        Error,
        merge::{NewRuns, RunUpdate},
        rows::{Bounds, RunRow, TargetRow, decode, encode},
        storage::{Limits, StorageError},
        transfer::{
            Counts, Destination, ExportedRun, ExportedWorkload, Failure, ImportedTarget,
            ImportedWorkload, LineWriter, StoredParts,
        },
    },
    DatabaseSlot, FileError, HistoryFile, Location, OpenError, builder, migrate, open_database,
    tables::{
        BOUNDS_KEY, FORMAT_KEY, META, RUNS, RunKey, TARGETS, WORKLOADS, first_run, first_run_of,
        first_workload, next_name, workload_id, workload_key,
    },
};
use crate::model::{Run, Seconds};

type RunTable<'a> = Table<'a, RunKey<'static>, &'static str>;
type RunOrder = (Seconds, Seconds, Seconds);

/// Writes everything in the file. Leaves the file as it is, also one that is invalid.
pub(in crate::history) fn export(path: &Path, lines: &mut LineWriter<'_>) -> Result<(), Failure> {
    let at_start = |error| failure(error, path);
    let database = open_existing(path).map_err(at_start)?;
    // Nothing of it is committed.
    let transaction = database.begin_write().map_err(FileError::from);
    let transaction = transaction.map_err(|error| at_start(error.into()))?;
    let bounds = read_meta(&transaction).map_err(|error| at_start(error.into()))?;
    lines.header(&bounds)?;
    write_targets(&transaction, lines)
}

fn open_existing(path: &Path) -> Result<Database, OpenError> {
    Ok(builder(path)?.open(path).map_err(FileError::from)?)
}

/// Checks the format, and converts an older one. Returns the bounds.
fn read_meta(transaction: &WriteTransaction) -> Result<Bounds, FileError> {
    let foreign = || FileError::Foreign("the file has no history".to_owned());
    let mut tables = transaction.list_tables()?;
    if !tables.any(|table| table.name() == META.name()) {
        return Err(foreign());
    }
    let meta = transaction.open_table(META)?;
    let format = meta.get(FORMAT_KEY)?.map(|row| row.value().to_owned());
    match format.as_deref().map(str::parse) {
        Some(Ok(format)) => migrate::from_format(transaction, format)?,
        None | Some(Err(_)) => return Err(foreign()),
    }
    let bounds = meta.get(BOUNDS_KEY)?.ok_or_else(foreign)?;
    Ok(decode(META.name(), bounds.value())?)
}

fn write_targets(
    transaction: &WriteTransaction,
    lines: &mut LineWriter<'_>,
) -> Result<(), Failure> {
    let failed = |error: FileError| Failure::Storage(error.into());
    let open = || -> Result<_, FileError> {
        Ok((
            transaction.open_table(TARGETS)?,
            transaction.open_table(WORKLOADS)?,
            transaction.open_table(RUNS)?,
        ))
    };
    let (targets, workloads, runs) = open().map_err(failed)?;
    for target in targets.iter().map_err(|error| failed(error.into()))? {
        let (name, row) = target.map_err(|error| failed(error.into()))?;
        let name = name.value();
        let row = decode(TARGETS.name(), row.value()).map_err(|error| failed(error.into()))?;
        let end = next_name(name);
        let workloads = workloads
            .range(first_workload(name)..first_workload(&end))
            .map_err(|error| failed(error.into()))?;
        let runs = runs
            .range(first_run(name)..first_run(&end))
            .map_err(|error| failed(error.into()))?;
        let workloads = workloads.map(|workload| -> Result<_, StorageError> {
            let (key, value) = workload?;
            Ok(ExportedWorkload {
                id: workload_id(key.value()),
                bounds: None,
                row: decode(WORKLOADS.name(), value.value())?,
            })
        });
        let runs = runs.map(|run| -> Result<_, StorageError> {
            let (key, value) = run?;
            let (target, namespace, kind, name, _, uid) = key.value();
            Ok(ExportedRun {
                workload: workload_id((target, namespace, kind, name)),
                uid: uid.to_owned(),
                row: value.value().to_owned(),
            })
        });
        lines.target(name, row, workloads, runs)?;
    }
    Ok(())
}

/// A file into which lines are imported.
#[derive(Debug)]
pub(in crate::history) struct FileImport {
    file: HistoryFile,
    bounds: Bounds,
}

impl FileImport {
    /// Opens or creates the file. An invalid one stays as it is.
    pub(in crate::history) fn open(path: &Path, bounds: Bounds) -> Result<Self, Failure> {
        let location = Location {
            path: path.to_owned(),
            bounds: bounds.clone(),
            open_database: open_database(),
            slot: DatabaseSlot::default(),
        };
        match location.try_open(&[]) {
            Ok((file, _)) => Ok(Self { file, bounds }),
            Err(error) => Err(failure(error, path)),
        }
    }
}

impl Destination for FileImport {
    fn import(
        &mut self,
        target: &ImportedTarget,
        part: &[ImportedWorkload],
        limits: Limits,
    ) -> Result<Counts, StorageError> {
        let transaction = self.file.database.begin_write()?;
        let new = write_part(&transaction, target, part, limits, &self.bounds)?;
        transaction.commit()?;
        Ok(new)
    }
}

fn write_part(
    transaction: &WriteTransaction,
    target: &ImportedTarget,
    part: &[ImportedWorkload],
    limits: Limits,
    bounds: &Bounds,
) -> Result<Counts, FileError> {
    let mut targets = transaction.open_table(TARGETS)?;
    let mut workloads = transaction.open_table(WORKLOADS)?;
    let mut runs = transaction.open_table(RUNS)?;
    let name = target.name.as_str();
    let stored_target: Option<TargetRow> = match targets.get(name)? {
        Some(row) => Some(decode(TARGETS.name(), row.value())?),
        None => None,
    };
    let row = encode(TARGETS.name(), &target.row(stored_target))?;
    targets.insert(name, row.as_str())?;
    let mut new = Counts {
        targets: stored_target.is_none().into(),
        ..Counts::default()
    };
    for imported in part {
        let key = workload_key(name, &imported.id);
        let before = workloads.get(key)?.map(|row| row.value().to_owned());
        let workload = before.as_deref().map(|row| decode(WORKLOADS.name(), row));
        let mut known = KnownRuns::read(&runs, name, imported, limits)?;
        let stored = StoredParts {
            target: stored_target,
            workload: workload.transpose()?,
            first_kept: known.first_kept.map(Into::into),
        };
        let admitted = imported.runs.iter();
        let admitted = admitted.filter(|(run, _)| stored.admits(run, limits));
        let mut new_runs = NewRuns::default();
        for (run, counted) in admitted {
            known.write(&mut runs, name, imported, (run, *counted), &mut new_runs)?;
        }
        new.runs += new_runs.added.len() as u64;
        if let Some(row) = stored.merge(target, imported, &new_runs, bounds) {
            let row = encode(WORKLOADS.name(), &row)?;
            if before.as_ref() != Some(&row) {
                workloads.insert(key, row.as_str())?;
            }
            new.workloads += u64::from(before.is_none());
        }
    }
    Ok(new)
}

/// The runs of a workload in the file.
struct KnownRuns {
    by_uid: HashMap<String, (RunOrder, String)>,
    first_kept: Option<RunOrder>,
}

impl KnownRuns {
    fn read(
        runs: &RunTable<'_>,
        target: &str,
        imported: &ImportedWorkload,
        limits: Limits,
    ) -> Result<Self, FileError> {
        let (target, namespace, kind, name) = workload_key(target, &imported.id);
        let end = next_name(name);
        let first = first_run_of((target, namespace, kind, name));
        let rows = runs.range(first..first_run_of((target, namespace, kind, &end)))?;
        let mut known = Self {
            by_uid: HashMap::new(),
            first_kept: None,
        };
        for (rank, run) in rows.rev().enumerate() {
            let (key, value) = run?;
            let (.., order, uid) = key.value();
            if rank + 1 == limits.runs_per_workload {
                known.first_kept = Some(order);
            }
            let row = (order, value.value().to_owned());
            known.by_uid.insert(uid.to_owned(), row);
        }
        Ok(known)
    }

    /// Writes a run that is new, or of which more is known now.
    fn write<'a>(
        &mut self,
        runs: &mut RunTable<'_>,
        target: &str,
        imported: &ImportedWorkload,
        (run, counted): (&'a Run, bool),
        new: &mut NewRuns<'a>,
    ) -> Result<(), FileError> {
        let (target, namespace, kind, name) = workload_key(target, &imported.id);
        let uid = run.uid.to_string();
        let key = |order| (target, namespace, kind, name, order, uid.as_str());
        let mut is_counted = counted;
        match self.by_uid.get(&uid) {
            None => new.added.push((run, counted)),
            Some((order, row)) => {
                let Some(update) = RunUpdate::new(decode(RUNS.name(), row)?, run, counted) else {
                    return Ok(());
                };
                is_counted = update.is_counted;
                new.updated.push(update);
                runs.remove(key(*order))?;
            }
        }
        let order: RunOrder = run.sort_key().into();
        let row = encode(RUNS.name(), &RunRow::new(run, is_counted))?;
        runs.insert(key(order), row.as_str())?;
        self.by_uid.insert(uid, (order, row));
        Ok(())
    }
}

fn failure(error: OpenError, path: &Path) -> Failure {
    let path = path.to_owned();
    match error {
        OpenError::InUse => Failure::Open(Error::InUse { path }),
        OpenError::Path(source) => Failure::Open(Error::Path { path, source }),
        other => Failure::Storage(other.into()),
    }
}
