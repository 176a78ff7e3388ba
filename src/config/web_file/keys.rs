//! The table of all keys of the web configuration file.
//!
//! Tests check that each key in it is read and documented in `docs/configuration.md`.

/// The paths of all keys of the web configuration file. Users choose the keys inside `basic_auth_users`.
pub const WEB_FILE_KEYS: &[&str] = &[
    "tls_server_config",
    "tls_server_config.cert",
    "tls_server_config.cert_file",
    "tls_server_config.key",
    "tls_server_config.key_file",
    "tls_server_config.client_ca",
    "tls_server_config.client_ca_file",
    "tls_server_config.client_auth_type",
    "tls_server_config.client_allowed_sans",
    "tls_server_config.min_version",
    "tls_server_config.max_version",
    "tls_server_config.cipher_suites",
    "tls_server_config.prefer_server_cipher_suites",
    "tls_server_config.curve_preferences",
    "http_server_config",
    "http_server_config.http2",
    "http_server_config.headers",
    "http_server_config.headers.Content-Security-Policy",
    "http_server_config.headers.Strict-Transport-Security",
    "http_server_config.headers.X-Content-Type-Options",
    "http_server_config.headers.X-Frame-Options",
    "http_server_config.headers.X-XSS-Protection",
    "basic_auth_users",
    "rate_limit",
    "rate_limit.interval",
    "rate_limit.burst",
];
