//! Which certificates and values of `sslmode` are accepted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use crate::{
    cluster::Cluster,
    database::Database,
    jobs::Jobs,
    replica::{refused, setup_by, shows, synced, terminate},
    seed,
};

/// Whether all connections of the owner are encrypted. Asserts that there is one.
fn encrypted(database: &Database) -> bool {
    let query = format!(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '{}'",
        database.name
    );
    match database.column(&query).as_slice() {
        [ssl] => ssl == "t",
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_encrypted_unless_that_is_disabled() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let by_name = database.url().replace("@127.0.0.1:", "@localhost:");
    let cases = [
        (database.url(), true),
        (format!("{}?sslmode=verify-full", database.url()), true),
        (format!("{}?sslmode=require", database.url()), true),
        (format!("{by_name}?sslmode=verify-full"), true),
        (format!("{}?sslmode=disable", database.url()), false),
        // Files of passwords often end with a line break.
        (format!("{}?sslmode=require\n", database.url()), true),
    ];
    for (url, expected) in cases {
        let exporter = synced(setup_by(&cluster, &database, &url)).await;
        jobs.run(1);
        shows(&exporter, &jobs.truth).await;
        assert_eq!(encrypted(&database), expected, "{url}");
        terminate(exporter).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_verified_is_an_error_at_the_start() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap();
    let text = STANDARD.encode(der.der());
    let other = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    for mode in ["verify-full", "require"] {
        let url = format!("{}?sslmode={mode}", database.url());
        let setup = setup_by(&cluster, &database, &url);
        let log = refused(setup.file("ca.crt", &other)).await;
        assert!(log.contains("certificate"), "{log}");
        assert!(log.lines().any(|line| line.starts_with("hint: ")), "{log}");
    }
    // The certificate is not for this address.
    let url = database.url().replace("@127.0.0.1:", "@127.0.0.2:");
    let server = database.server.address();
    let proxy = crate::proxy::Proxy::start_at("127.0.0.2:0", server).await;
    let port = format!(":{}/", server.port());
    let url = url.replace(&port, &format!(":{}/", proxy.address.port()));
    let log = refused(setup_by(&cluster, &database, &url)).await;
    assert!(log.contains("certificate"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_modes_are_refused() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    for mode in ["allow", "prefer", "verify-ca", "unknown"] {
        let url = format!("{}?sslmode={mode}", database.url());
        let log = refused(setup_by(&cluster, &database, &url)).await;
        assert!(log.contains("sslmode"), "{mode}: {log}");
    }
    let setup = setup_by(&cluster, &database, &database.url());
    let log = refused(setup.file("ca.crt", "no certificate")).await;
    assert!(log.contains("ca.crt"), "{log}");
}
