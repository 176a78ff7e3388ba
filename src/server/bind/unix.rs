//! Binds unix sockets.
//!
//! A process that is killed leaves the file of its socket behind. Such a file is replaced. No other file is ever removed.

use std::{fs, io, os::unix::fs::FileTypeExt as _, path::Path};

use tokio::net::{UnixListener, UnixStream};
use tracing::info;

use super::BindError;
use crate::{
    config::ListenAddress,
    server::listener::{Listener, SocketFile},
};

/// How often to try, while other processes create and remove the file.
const ATTEMPTS: usize = 3;

/// What is at the path of a socket that cannot be bound.
enum Occupant {
    /// A socket that a process listens on.
    Live,
    /// A socket that nobody listens on.
    Stale,
    /// Nothing any more.
    Gone,
    /// Another file. It is left alone.
    File,
}

/// Binds a socket at `path`. Its permissions follow the umask.
pub(super) async fn listen(path: &Path) -> Result<Listener, BindError> {
    let address = || ListenAddress::Unix(path.to_owned());
    let refused = |source| BindError::Refused {
        address: address(),
        source,
    };
    for _ in 0..ATTEMPTS {
        match UnixListener::bind(path) {
            Ok(socket) => {
                let file = SocketFile::new(path).map_err(refused)?;
                return Ok(Listener::Unix {
                    _file: Some(file),
                    socket,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(refused(error)),
        }
        match occupant(path).await.map_err(refused)? {
            Occupant::Live => return Err(BindError::InUse(address())),
            Occupant::File => return Err(BindError::NotASocket(path.to_owned())),
            Occupant::Gone => {}
            Occupant::Stale => {
                info!(path = %path.display(), "replacing a socket that nobody listens on");
                fs::remove_file(path)
                    .or_else(ignore_missing)
                    .map_err(refused)?;
            }
        }
    }
    Err(BindError::InUse(address()))
}

async fn occupant(path: &Path) -> io::Result<Occupant> {
    match fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => {}
        Ok(_) => return Ok(Occupant::File),
        Err(error) => return ignore_missing(error).map(|()| Occupant::Gone),
    }
    match UnixStream::connect(path).await {
        Ok(_) => Ok(Occupant::Live),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Ok(Occupant::Stale),
            io::ErrorKind::NotFound => Ok(Occupant::Gone),
            io::ErrorKind::PermissionDenied => Err(error),
            // Its backlog is full, or it is of another type.
            _ => Ok(Occupant::Live),
        },
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
