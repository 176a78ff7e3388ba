//! The command `demo`: exports from a simulated cluster, or from a simulated Huawei Cloud CCI.

use std::io::{self, Write as _};

use super::{Error, plan::TargetPlan, serve, supervisor::Supervisor};
use crate::{
    cli,
    config::{self, Flags, Inputs},
    server::Server,
};

mod cloud;
mod cluster;

use cloud::Cloud;
use cluster::Simulation;

/// Exports from a simulated cluster, or from a simulated CCI.
pub(super) async fn run(flags: cli::Demo) -> Result<(), Error> {
    if flags.cci {
        show_cci(flags).await
    } else {
        show(flags).await
    }
}

/// Exports from a simulated cluster.
async fn show(flags: cli::Demo) -> Result<(), Error> {
    tracing::info!(version = cli::VERSION, "starting");
    let inputs = Inputs {
        flags: Flags {
            listen_addresses: flags.listen_addresses,
            ..Flags::default()
        },
        ..Inputs::default()
    };
    let settings = config::load(&inputs).map_err(Error::Config)?;
    let simulation = Simulation::bind().await.map_err(Error::Demo)?;
    let plans = simulation.plans(&settings);
    let server = Server::bind(&settings.web.listen_addresses).await?;
    let page = format!("http://{}", server.local_addrs()[0]);
    let _ = writeln!(
        io::stdout(),
        "A simulated cluster lives on {address}, and is exported like any other. Open:\n\n  \
         {page}/         what is read, and how that goes\n  \
         {page}/metrics  what Prometheus scrapes\n\n\
         curl -s {page}/metrics | grep batch_job_failed\n\n\
         Ctrl-C ends it.",
        address = simulation.address(),
    );
    let mut tasks = Supervisor::default();
    tasks.spawn("simulated cluster".to_owned(), simulation.run());
    serve(server, &settings, plans, tasks).await
}

/// Exports from a simulated CCI, with the configuration that a user would write.
async fn show_cci(flags: cli::Demo) -> Result<(), Error> {
    tracing::info!(version = cli::VERSION, "starting");
    let (cloud, files) = Cloud::bind().await.map_err(Error::Demo)?;
    let inputs = Inputs {
        file: Some(files.configuration()),
        flags: Flags {
            listen_addresses: flags.listen_addresses,
            ..Flags::default()
        },
        ..Inputs::default()
    };
    let settings = config::load(&inputs).map_err(Error::Config)?;
    let plans = TargetPlan::from_config(&settings);
    let server = Server::bind(&settings.web.listen_addresses).await?;
    let page = format!("http://{}", server.local_addrs()[0]);
    let _ = writeln!(
        io::stdout(),
        "Huawei Cloud CCI and its IAM are simulated on loopback, over HTTPS. Target `token` logs in with a password, \
         target `signed` signs its requests. Open:\n\n  \
         {page}/         what is read, and how that goes\n  \
         {page}/metrics  what Prometheus scrapes\n\n\
         The configuration, with its secrets and the certificate authority beside it, until the demo ends:\n  {}\n\n\
         Ctrl-C ends it.",
        files.configuration().display(),
    );
    let mut tasks = Supervisor::default();
    tasks.spawn("simulated cloud".to_owned(), cloud.run());
    serve(server, &settings, plans, tasks).await
}
