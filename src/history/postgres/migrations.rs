//! Creates the tables, and converts those of older versions.
//!
//! Processes that start at the same time wait for one another, and each does what is left. A user without the right to create
//! anything can use tables that are up to date.

use super::{
    connection::{Connection, PostgresError},
    sql::LOCK,
};

/// What changes from each version to the next. The first one creates the tables.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE {schema}.version (version integer NOT NULL);
INSERT INTO {schema}.version VALUES (0);
CREATE TABLE {schema}.targets (
    target text PRIMARY KEY,
    since bigint NOT NULL,
    seen bigint NOT NULL
);
CREATE TABLE {schema}.workloads (
    target text NOT NULL,
    namespace text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    left_at bigint,
    departure text,
    bounds json NOT NULL,
    state json NOT NULL,
    PRIMARY KEY (target, namespace, kind, name)
);
CREATE TABLE {schema}.runs (
    target text NOT NULL,
    uid text NOT NULL,
    namespace text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    job text NOT NULL,
    order_due bigint NOT NULL,
    order_start bigint NOT NULL,
    order_created bigint NOT NULL,
    ended bigint,
    run json NOT NULL,
    PRIMARY KEY (target, uid)
);
CREATE INDEX runs_of_workload ON {schema}.runs (target, namespace, kind, name, order_due, order_start, order_created, uid);
"];

/// The version after all of them.
const VERSION: i32 = 1;

impl Connection {
    /// Brings the schema to the version of this exporter.
    pub(super) async fn migrate(&mut self) -> Result<(), PostgresError> {
        if self.version().await? == VERSION {
            return Ok(());
        }
        let transaction = self.client.transaction().await?;
        let lock = self.sql.lock("migrate", "");
        transaction.query(LOCK, &[&lock]).await?;
        let schema = &self.sql.schema;
        let exists = "SELECT FROM pg_namespace WHERE nspname = $1";
        if transaction.query_opt(exists, &[schema]).await?.is_none() {
            let create = format!("CREATE SCHEMA \"{schema}\"");
            transaction.batch_execute(&create).await?;
        }
        let found = version(&transaction, schema).await?;
        for (migration, to) in MIGRATIONS.iter().zip(1..) {
            if to > found {
                let migration = migration.replace("{schema}", &format!("\"{schema}\""));
                transaction.batch_execute(&migration).await?;
            }
        }
        if found < VERSION {
            let set = format!("UPDATE \"{schema}\".version SET version = {VERSION}");
            transaction.batch_execute(&set).await?;
            tracing::info!(
                schema,
                from = found,
                to = VERSION,
                "created or updated the tables of the history"
            );
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The version of the tables; 0 if there are none.
    pub(super) async fn version(&mut self) -> Result<i32, PostgresError> {
        let transaction = self.client.transaction().await?;
        version(&transaction, &self.sql.schema).await
    }
}

/// The version of the tables; 0 if there are none.
async fn version(
    transaction: &tokio_postgres::Transaction<'_>,
    schema: &str,
) -> Result<i32, PostgresError> {
    // A user without rights on the schema must get an error, and not believe that it is empty.
    let exists = "SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
        WHERE nspname = $1 AND relname = 'version'";
    if transaction.query_opt(exists, &[&schema]).await?.is_none() {
        return Ok(0);
    }
    let select = format!("SELECT version FROM \"{schema}\".version");
    let found = transaction.query_one(&select, &[]).await?.try_get(0)?;
    if found > VERSION {
        return Err(PostgresError::Newer {
            found,
            known: VERSION,
        });
    }
    Ok(found)
}
