//! Deletes rows that are no longer needed. One process at a time does that; the others leave it to that one.
//!
//! A run stays while the store counts it, as in the file. A process judges only what it reads itself: other shards know the rest.

use std::collections::HashSet;

use super::{
    super::storage::Limits,
    connection::{Connection, PostgresError},
    read::workload_id,
    sql::{LOCK, TRY_LOCK},
};
use crate::model::{Seconds, StoreLookup, Uid};

/// Runs that are deleted by one statement.
const RUNS_PER_STATEMENT: usize = 10_000;

impl Connection {
    /// Marks workloads that this process reads and that do not exist as gone since `last_seen`.
    pub(super) async fn mark_gone(
        &mut self,
        target: &str,
        last_seen: Seconds,
        lookup: &dyn StoreLookup,
    ) -> Result<(), PostgresError> {
        let Self { client, sql, .. } = self;
        let transaction = client.transaction().await?;
        let lock = sql.lock("write", target);
        transaction.query(LOCK, &[&lock]).await?;
        let (mut namespaces, mut kinds, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for row in transaction
            .query(&sql.existing_workloads, &[&target])
            .await?
        {
            let id = workload_id(&row)?;
            if lookup.reads(&id.namespace) && !lookup.has_workload(&id) {
                namespaces.push(id.namespace.to_string());
                kinds.push(id.kind.to_string());
                names.push(id.name.to_string());
            }
        }
        if !names.is_empty() {
            transaction
                .execute(
                    &sql.mark_gone,
                    &[&target, &namespaces, &kinds, &names, &last_seen],
                )
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes the rows of a target that exceed the limits, except runs that the store counts. Does nothing while another process does.
    pub(super) async fn prune(
        &mut self,
        target: &str,
        limits: Limits,
        lookup: &dyn StoreLookup,
    ) -> Result<(), PostgresError> {
        let Self { client, sql, .. } = self;
        let transaction = client.transaction().await?;
        let lock = sql.lock("prune", target);
        let row = transaction.query_one(TRY_LOCK, &[&lock]).await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok(());
        }
        // Those who write wait, since both lock rows, and in another order.
        let lock = sql.lock("write", target);
        transaction.query(LOCK, &[&lock]).await?;
        let [kept_runs, kept_workloads] = [limits.runs_per_workload, limits.gone_workloads]
            .map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        transaction
            .execute(
                &sql.prune_workloads,
                &[&target, &kept_workloads, &limits.oldest],
            )
            .await?;
        let surplus = transaction
            .query(&sql.surplus_runs, &[&target, &kept_runs, &limits.oldest])
            .await?;
        let mut uids = Vec::new();
        for row in &surplus {
            let (namespace, job, uid) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if lookup.reads(namespace) && !lookup.is_counted(namespace, job, &Uid::parse(uid)) {
                uids.push(uid);
            }
        }
        for uids in uids.chunks(RUNS_PER_STATEMENT) {
            transaction
                .execute(&sql.delete_runs, &[&target, &uids])
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes targets that are not `configured`, and that no process has seen since `oldest`.
    pub(super) async fn prune_targets(
        &mut self,
        configured: &HashSet<&str>,
        oldest: Seconds,
    ) -> Result<(), PostgresError> {
        let Self { client, sql, .. } = self;
        for row in client.query(&sql.old_targets, &[&oldest]).await? {
            let target: &str = row.try_get(0)?;
            if configured.contains(target) {
                continue;
            }
            let transaction = client.transaction().await?;
            for table in ["runs", "workloads", "targets"] {
                let delete = format!("DELETE FROM \"{}\".{table} WHERE target = $1", sql.schema);
                transaction.execute(&delete, &[&target]).await?;
            }
            transaction.commit().await?;
            tracing::info!(
                target,
                "target is no longer configured, deleted it from the history"
            );
        }
        Ok(())
    }
}
