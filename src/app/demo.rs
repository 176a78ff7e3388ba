//! The command `demo`: exports from a simulated cluster, or from a simulated Huawei Cloud CCI.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use super::{
    Descriptors, Error, Exporter, Signals, StartProblem, plan::TargetPlan, supervisor::Supervisor,
    web::PreparedWeb,
};
use crate::{
    cli,
    config::{self, Config, ConfigInForce, Flags, Inputs},
    model,
    server::{LoadedConfig, Server},
};

mod cloud;
mod cluster;

use cloud::SimulatedCloud;
use cluster::SimulatedCluster;

/// Runs the exporter with a simulated cluster, or with a simulated CCI.
pub(super) async fn run(flags: cli::Demo) -> Result<(), Error> {
    tracing::info!(version = cli::VERSION, "starting");
    if flags.cci {
        run_with_cci(flags).await
    } else {
        run_with_cluster(flags).await
    }
}

/// Runs the exporter with a simulated cluster.
async fn run_with_cluster(flags: cli::Demo) -> Result<(), Error> {
    let (config, loaded) = load(None, flags)?;
    let cluster = SimulatedCluster::bind().await.map_err(Error::Demo)?;
    let plans = cluster.plans(&config);
    let server = Server::bind(&config.web.listen_addresses).await?;
    let page = server.local_addrs()[0].with_scheme("http");
    let _ = writeln!(
        io::stdout(),
        "A simulated cluster runs on {address}. The exporter reads it like any other cluster. Open:\n\n  \
         {page}/         the status of all workloads\n  \
         {page}/metrics  the metrics that Prometheus scrapes\n\n\
         curl -s {page}/metrics | grep batch_job_failed\n\n\
         Press Ctrl-C to stop.",
        address = cluster.address(),
    );
    let mut tasks = Supervisor::default();
    tasks.spawn("simulated cluster".to_owned(), cluster.run());
    serve(server, config, loaded, plans, tasks).await
}

/// Runs the exporter with a simulated CCI, and with a configuration file as a user writes it.
async fn run_with_cci(flags: cli::Demo) -> Result<(), Error> {
    let (cloud, files) = SimulatedCloud::bind().await.map_err(Error::Demo)?;
    let (config, loaded) = load(Some(files.configuration()), flags)?;
    let plans = TargetPlan::from_config(&config);
    let server = Server::bind(&config.web.listen_addresses).await?;
    let page = server.local_addrs()[0].with_scheme("http");
    let _ = writeln!(
        io::stdout(),
        "Huawei Cloud CCI and IAM are simulated on loopback over HTTPS. The target `token` logs in with a password, and \
         the target `signed` signs its requests. Open:\n\n  \
         {page}/         the status of all workloads\n  \
         {page}/metrics  the metrics that Prometheus scrapes\n\n\
         The configuration is in this file, beside its secrets and the certificate authority. The demo deletes them at its end:\n  {}\n\n\
         Press Ctrl-C to stop.",
        files.configuration().display(),
    );
    let mut tasks = Supervisor::default();
    tasks.spawn("simulated cloud".to_owned(), cloud.run());
    serve(server, config, loaded, plans, tasks).await
}

/// Exports from simulated targets until a signal arrives. The configuration stays as it is.
async fn serve(
    server: Server,
    config: Config,
    loaded: LoadedConfig,
    plans: Vec<TargetPlan>,
    tasks: Supervisor,
) -> Result<(), Error> {
    let signals = Signals::listen().map_err(Error::Runtime)?;
    let budget = Descriptors::raise(&config).budget();
    let exporter = Exporter::build(config, loaded, PreparedWeb::default(), plans, tasks, budget)?;
    exporter.run(server, signals, None).await
}

/// Loads the configuration from `file`, or the defaults. The flags win.
fn load(file: Option<PathBuf>, flags: cli::Demo) -> Result<(Config, LoadedConfig), Error> {
    let inputs = Inputs {
        file,
        flags: Flags {
            listen_addresses: flags.listen_addresses,
            ..Flags::default()
        },
        ..Inputs::default()
    };
    let (config, origins) = config::load_with_origins(&inputs).map_err(Error::Config)?;
    if config
        .web
        .listen_addresses
        .iter()
        .any(|address| address.tcp().is_none())
    {
        return Err(Error::Unusable(vec![StartProblem::demo_without_url()]));
    }
    let loaded = LoadedConfig {
        in_force: ConfigInForce::new(&config, inputs.file, &origins, &[]),
        loaded: model::now(),
        warnings: Vec::new(),
    };
    Ok((config, loaded))
}
