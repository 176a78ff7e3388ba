//! Sockets that systemd opened and passed to this process, as `sd_listen_fds(3)` describes.
//!
//! They are the file descriptors from 3 on. `LISTEN_FDS` has their number, `LISTEN_PID` the process that they are for.

use std::{
    env, io, net,
    os::{linux::net::SocketAddrExt as _, unix::net as unix},
    path::PathBuf,
    process,
};

use listenfd::ListenFd;
use socket2::SockRef;
use tokio::net::{TcpListener, UnixListener};

use crate::{config::ListenAddress, server::listener::Listener};

/// The first file descriptor that systemd passes.
const FIRST: usize = 3;

/// Maximum number of sockets.
const MAX_SOCKETS: usize = 256;

const PID: &str = "LISTEN_PID";
const COUNT: &str = "LISTEN_FDS";

/// The sockets that systemd passed to this process, or why there are none. Child processes inherit no stream socket. A `None`
/// is of another type.
#[derive(Debug)]
pub struct SystemdSockets(Result<Vec<Option<Socket>>, SystemdError>);

#[derive(Debug)]
enum Socket {
    Tcp(net::TcpListener),
    Unix(unix::UnixListener),
}

/// Sockets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SystemdError {
    /// `LISTEN_FDS` or `LISTEN_PID` is not set.
    #[error("systemd passed no sockets: {0} is not set")]
    NotActivated(&'static str),
    /// A variable has no valid value.
    #[error("systemd passed no sockets: {0} is invalid")]
    Invalid(&'static str),
    /// The unit has no sockets.
    #[error("systemd passed no sockets: LISTEN_FDS is 0")]
    Empty,
    /// The sockets are for another process.
    #[error("the sockets of systemd are for process {0}, and this is process {own}", own = process::id())]
    OtherProcess(u32),
    /// The descriptor is no stream socket of TCP or unix.
    #[error("file descriptor {0} of systemd is no TCP socket and no unix stream socket")]
    NotStream(usize),
    /// The descriptor is a connection.
    #[error("file descriptor {0} of systemd does not listen")]
    NotListening(usize),
    /// Any other error of the operating system.
    #[error("use file descriptor {descriptor} of systemd")]
    Refused {
        /// The number of the descriptor.
        descriptor: usize,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

impl SystemdSockets {
    /// Takes the sockets, and the variables that announce them. Call it once, and before the process has threads: another
    /// thread could read its environment at the same moment.
    #[must_use]
    pub fn take() -> Self {
        let variable =
            |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self(announced(variable, process::id()).map(take))
    }

    /// The number of sockets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, Vec::len)
    }

    /// The listeners, with their addresses.
    pub(in crate::server) fn listeners(
        self,
    ) -> Result<Vec<(Listener, ListenAddress)>, SystemdError> {
        let listener = |(index, socket): (usize, Option<Socket>)| {
            let descriptor = FIRST + index;
            let refused = |source| SystemdError::Refused { descriptor, source };
            let socket = socket.ok_or(SystemdError::NotStream(descriptor))?;
            if !socket.is_listener().map_err(refused)? {
                return Err(SystemdError::NotListening(descriptor));
            }
            socket.listener().map_err(refused)
        };
        self.0?.into_iter().enumerate().map(listener).collect()
    }
}

/// The number of sockets that the environment of the process `own` announces. It is not 0.
fn announced(variable: impl Fn(&str) -> Option<String>, own: u32) -> Result<usize, SystemdError> {
    let number = |name| match variable(name) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(SystemdError::NotActivated(name)),
    };
    let (pid, count) = (number(PID)?, number(COUNT)?);
    let pid: u32 = pid.parse().map_err(|_| SystemdError::Invalid(PID))?;
    if pid != own {
        return Err(SystemdError::OtherProcess(pid));
    }
    match count.parse() {
        Ok(0) => Err(SystemdError::Empty),
        Ok(count) if count <= MAX_SOCKETS => Ok(count),
        _ => Err(SystemdError::Invalid(COUNT)),
    }
}

fn take(count: usize) -> Vec<Option<Socket>> {
    let mut passed = ListenFd::from_env();
    let mut take = |index| {
        if let Ok(Some(socket)) = passed.take_tcp_listener(index) {
            return Some(Socket::Tcp(socket));
        }
        let socket = passed.take_unix_listener(index).ok().flatten();
        socket.map(Socket::Unix)
    };
    (0..count).map(&mut take).collect()
}

impl Socket {
    fn is_listener(&self) -> io::Result<bool> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket).is_listener(),
            Self::Unix(socket) => SockRef::from(socket).is_listener(),
        }
    }

    fn listener(self) -> io::Result<(Listener, ListenAddress)> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                let listener = Listener::Tcp(TcpListener::from_std(socket)?);
                Ok((listener, ListenAddress::Tcp(address)))
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                let path = path(&socket.local_addr()?);
                let listener = Listener::Unix {
                    _file: None,
                    socket: UnixListener::from_std(socket)?,
                };
                Ok((listener, ListenAddress::Unix(path)))
            }
        }
    }
}

/// The path of a socket; the name of an abstract one after `@`, as systemd writes it.
fn path(address: &unix::SocketAddr) -> PathBuf {
    match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => path.to_owned(),
        (None, Some(name)) => format!("@{}", String::from_utf8_lossy(name)).into(),
        (None, None) => PathBuf::new(),
    }
}

impl SystemdError {
    /// A way for the user to solve the problem.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotActivated(_) | Self::Empty => Some(
                "start the exporter by a socket unit of systemd, or set `web.listen_address` in place of `web.systemd_socket`",
            ),
            Self::OtherProcess(_) => Some(
                "`ExecStart=` must start the exporter itself, or a shell script that ends with `exec`",
            ),
            Self::NotStream(_) => Some("the socket unit may have `ListenStream=` only"),
            Self::NotListening(_) => Some("the socket unit needs `Accept=no`, the default"),
            Self::Invalid(_) | Self::Refused { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_announces_the_sockets_of_this_process() {
        let announced = |pid: Option<&str>, count: Option<&str>| {
            let variable = |name: &str| match name {
                PID => pid.map(str::to_owned),
                COUNT => count.map(str::to_owned),
                _ => None,
            };
            super::announced(variable, 7).map_err(|error| error.to_string())
        };
        assert_eq!(announced(Some("7"), Some("2")), Ok(2));
        for (pid, count, expected) in [
            (
                None,
                Some("2"),
                "systemd passed no sockets: LISTEN_PID is not set",
            ),
            (
                Some(""),
                Some("2"),
                "systemd passed no sockets: LISTEN_PID is not set",
            ),
            (
                Some("7"),
                None,
                "systemd passed no sockets: LISTEN_FDS is not set",
            ),
            (
                Some("7"),
                Some("0"),
                "systemd passed no sockets: LISTEN_FDS is 0",
            ),
            (
                Some("seven"),
                Some("2"),
                "systemd passed no sockets: LISTEN_PID is invalid",
            ),
            (
                Some("7"),
                Some("-1"),
                "systemd passed no sockets: LISTEN_FDS is invalid",
            ),
            (
                Some("7"),
                Some("99999999999"),
                "systemd passed no sockets: LISTEN_FDS is invalid",
            ),
        ] {
            assert_eq!(announced(pid, count), Err(expected.to_owned()));
        }
        let other = announced(Some("8"), Some("2")).unwrap_err();
        assert!(
            other.starts_with("the sockets of systemd are for process 8, "),
            "{other}"
        );
    }
}
