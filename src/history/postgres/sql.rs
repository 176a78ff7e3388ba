//! The statements, with the name of the schema.

/// Statements of one schema.
pub(super) struct Sql {
    pub(super) schema: String,
    pub(super) measure: String,
    pub(super) add_target: String,
    pub(super) see_target: String,
    pub(super) target: String,
    pub(super) workloads: String,
    pub(super) runs: String,
    pub(super) insert_runs: String,
    pub(super) known_runs: String,
    pub(super) update_run: String,
    pub(super) known_workloads: String,
    pub(super) upsert_workloads: String,
    pub(super) existing_workloads: String,
    pub(super) mark_gone: String,
    pub(super) prune_workloads: String,
    pub(super) surplus_runs: String,
    pub(super) delete_runs: String,
    pub(super) old_targets: String,
    pub(super) latest_runs: String,
}

/// Waits until no other transaction has this lock, and keeps it until the end of the transaction.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// The same, without waiting. The result says whether it has the lock.
pub(super) const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";

/// The order of the runs of a workload, the latest first.
macro_rules! latest_first {
    () => {
        "order_due DESC, order_start DESC, order_created DESC, uid DESC"
    };
}

impl Sql {
    /// The name of a schema needs no quotes: see its configuration.
    pub(super) fn new(schema: &str) -> Self {
        let sql = |text: &str| text.replace("{schema}", &format!("\"{schema}\""));
        Self {
            schema: schema.to_owned(),
            measure: sql("SELECT (SELECT count(*) FROM {schema}.runs), \
                (pg_total_relation_size('{schema}.runs') + pg_total_relation_size('{schema}.workloads') \
                + pg_total_relation_size('{schema}.targets'))::bigint"),
            add_target: sql(
                "INSERT INTO {schema}.targets (target, since, seen) VALUES ($1, $2, $3) \
                ON CONFLICT (target) DO NOTHING",
            ),
            see_target: sql(
                "INSERT INTO {schema}.targets AS known (target, since, seen) VALUES ($1, $2, $3) \
                ON CONFLICT (target) DO UPDATE SET seen = greatest(known.seen, excluded.seen)",
            ),
            target: sql("SELECT since, seen FROM {schema}.targets WHERE target = $1"),
            workloads: sql(
                "SELECT namespace, kind, name, left_at, departure, bounds::text, state::text \
                FROM {schema}.workloads WHERE target = $1",
            ),
            runs: sql(concat!(
                "SELECT namespace, kind, name, uid, CASE WHEN rank <= $2 THEN run::text END FROM (SELECT *, \
                row_number() OVER (PARTITION BY namespace, kind, name ORDER BY ",
                latest_first!(),
                ") AS rank FROM {schema}.runs WHERE target = $1) AS ranked ORDER BY namespace, kind, name, rank"
            )),
            insert_runs: sql(
                "INSERT INTO {schema}.runs (target, namespace, kind, name, uid, job, order_due, order_start, \
                order_created, ended, run) SELECT $1, namespace, kind, name, uid, job, due, start, created, ended, run::json \
                FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], \
                $9::bigint[], $10::bigint[], $11::text[]) \
                AS new (namespace, kind, name, uid, job, due, start, created, ended, run) \
                ON CONFLICT (target, uid) DO NOTHING RETURNING uid",
            ),
            known_runs: sql(
                "SELECT uid, run::text FROM {schema}.runs WHERE target = $1 AND uid = ANY($2)",
            ),
            update_run: sql(
                "UPDATE {schema}.runs SET ended = $3, run = $4::text::json WHERE target = $1 AND uid = $2",
            ),
            known_workloads: sql(
                "SELECT namespace, kind, name, left_at, departure, bounds::text, state::text \
                FROM {schema}.workloads JOIN unnest($2::text[], $3::text[], $4::text[]) AS wanted (namespace, kind, name) \
                USING (namespace, kind, name) WHERE target = $1",
            ),
            upsert_workloads: sql(
                "INSERT INTO {schema}.workloads (target, namespace, kind, name, left_at, departure, bounds, state) \
                SELECT $1, namespace, kind, name, left_at, departure, $8::text::json, state::json \
                FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[]) \
                AS new (namespace, kind, name, left_at, departure, state) \
                ON CONFLICT (target, namespace, kind, name) DO UPDATE SET left_at = excluded.left_at, \
                departure = excluded.departure, bounds = excluded.bounds, state = excluded.state",
            ),
            existing_workloads: sql("SELECT namespace, kind, name FROM {schema}.workloads \
                WHERE target = $1 AND left_at IS NULL"),
            mark_gone: sql("UPDATE {schema}.workloads AS known SET left_at = $5 \
                FROM unnest($2::text[], $3::text[], $4::text[]) AS gone (namespace, kind, name) \
                WHERE known.target = $1 AND known.namespace = gone.namespace AND known.kind = gone.kind \
                AND known.name = gone.name AND known.left_at IS NULL"),
            prune_workloads: sql(
                "DELETE FROM {schema}.workloads AS known USING (SELECT namespace, kind, name, \
                row_number() OVER (ORDER BY left_at DESC) AS rank FROM {schema}.workloads \
                WHERE target = $1 AND left_at IS NOT NULL) AS gone WHERE known.target = $1 \
                AND known.namespace = gone.namespace AND known.kind = gone.kind AND known.name = gone.name \
                AND (gone.rank > $2 OR known.left_at < $3)",
            ),
            surplus_runs: sql(concat!(
                "SELECT namespace, job, uid FROM (SELECT *, row_number() OVER (PARTITION BY namespace, kind, name ORDER BY ",
                latest_first!(),
                ") AS rank FROM {schema}.runs WHERE target = $1) AS ranked WHERE rank > $2 OR coalesce(ended, order_start) < $3 \
                OR NOT EXISTS (SELECT FROM {schema}.workloads AS known WHERE known.target = $1 \
                AND known.namespace = ranked.namespace AND known.kind = ranked.kind AND known.name = ranked.name)"
            )),
            delete_runs: sql("DELETE FROM {schema}.runs WHERE target = $1 AND uid = ANY($2)"),
            old_targets: sql("SELECT target FROM {schema}.targets WHERE seen < $1"),
            latest_runs: sql(concat!(
                "SELECT uid, run::text FROM {schema}.runs WHERE target = $1 AND namespace = $2 AND kind = $3 AND name = $4 ORDER BY ",
                latest_first!(),
                " LIMIT $5"
            )),
        }
    }

    /// The name of the lock of a target, for those who write it or for those who prune it.
    pub(super) fn lock(&self, purpose: &str, target: &str) -> String {
        format!("job-status-exporter {purpose} {} {target}", self.schema)
    }
}
