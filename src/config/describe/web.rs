//! What the server does: its addresses, and what the web configuration file sets. No keys and no password hashes.

use super::{Lines, count};
use crate::config::{
    ClientAuth, ListenAddress, PemSource, TlsConfig, TlsVersion, WebConfig, WebFile,
    duration::format as time,
};

impl Lines {
    /// Adds the addresses and the lines of the web configuration file, if there is a valid one.
    pub(super) fn web(&mut self, web: &WebConfig, file: Option<&WebFile>) {
        let tls = file.and_then(|file| file.tls.as_ref());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let path = &format!("{}{}", web.route_prefix, web.telemetry_path);
        for address in &web.listen_addresses {
            self.field("listen on", page(address, scheme, path));
        }
        if web.systemd_socket {
            let sockets = format!("the sockets that systemd passes ({scheme}, {path})");
            self.field("listen on", sockets);
        }
        if let Some(address) = &web.probe_listen_address {
            self.field("probes on", page(address, "http", "/livez"));
            self.field("", page(address, "http", "/readyz"));
        }
        if let (Some(path), Some(file)) = (&web.config_file, file) {
            self.field("web file", path.display().to_string());
            self.web_file(file);
        }
    }

    fn web_file(&mut self, file: &WebFile) {
        match &file.tls {
            Some(tls) => self.tls(tls, file.http2),
            None => self.field("TLS", "off"),
        }
        if file.users.is_empty() {
            self.field("users", "none: no password is required");
        } else {
            let names: Vec<_> = file
                .users
                .keys()
                .map(|name| name.escape_debug().to_string())
                .collect();
            self.field("users", names.join(", "));
        }
        if !file.headers.is_empty() {
            let names: Vec<_> = file.headers.iter().map(|(name, _)| *name).collect();
            self.field("headers", names.join(", "));
        }
        if let Some(limit) = file.rate_limit {
            let burst = count(
                usize::try_from(limit.burst).unwrap_or(usize::MAX),
                "request",
            );
            // Milliseconds are the smallest unit of `format`.
            let interval = if limit.interval.subsec_nanos() % 1_000_000 == 0 {
                time(limit.interval)
            } else {
                format!("{:?}", limit.interval)
            };
            self.field(
                "rate limit",
                format!("{burst} at once, then one per {interval}"),
            );
        }
    }

    fn tls(&mut self, tls: &TlsConfig, http2: bool) {
        let versions = match (tls.min_version, tls.max_version) {
            (TlsVersion::Tls12, TlsVersion::Tls13) => "TLS 1.2 and 1.3",
            (TlsVersion::Tls12, TlsVersion::Tls12) => "TLS 1.2",
            (TlsVersion::Tls13, _) => "TLS 1.3",
        };
        let http = if http2 {
            "HTTP/1.1 and HTTP/2"
        } else {
            "HTTP/1.1"
        };
        self.field("TLS", format!("{versions}, {http}"));
        self.field("", format!("certificate {}", place(&tls.certificate)));
        self.field("", format!("key {}", place(&tls.key)));
        if let Some(client_ca) = &tls.client_ca {
            self.field("", format!("client CA {}", place(client_ca)));
        }
        if tls.client_auth != ClientAuth::None {
            self.field(
                "",
                format!("client certificates: {}", tls.client_auth.name()),
            );
        }
        if !tls.client_allowed_sans.is_empty() {
            let names: Vec<_> = tls
                .client_allowed_sans
                .iter()
                .map(|name| name.escape_debug().to_string())
                .collect();
            self.field("", format!("with one of the names {}", names.join(", ")));
        }
        if !tls.cipher_suites.is_empty() {
            let suites = count(tls.cipher_suites.len(), "cipher suite");
            self.field("", format!("{suites} of the file"));
        }
        if !tls.curves.is_empty() {
            let curves = count(tls.curves.len(), "curve");
            self.field("", format!("{curves} of the file"));
        }
    }
}

/// How to reach the page at `path`.
fn page(address: &ListenAddress, scheme: &str, path: &str) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("{scheme}://{address}{path}"),
        ListenAddress::Unix(_) => {
            let address = address.to_string();
            format!("{} ({scheme}, {path})", address.escape_debug())
        }
    }
}

/// Where a PEM text is.
fn place(source: &PemSource) -> String {
    match source.file() {
        Some(path) => path.display().to_string().escape_debug().to_string(),
        None => "in the file itself".to_owned(),
    }
}
