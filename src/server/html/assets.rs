//! The stylesheet, the script and the icon of the pages.
//!
//! Their paths contain a hash of their content, so browsers keep them for good and still get a new version at once.

use std::{fmt::Write as _, sync::LazyLock};

use http::{
    Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use ring::digest::{SHA256, digest};

use crate::server::{body::Content, response::with_header};

/// Where they are, below the root of the pages.
pub(super) const DIRECTORY: &str = "/assets/";

/// Digits of the hash in a path. It tells versions apart, and protects nothing.
const HASH_BYTES: usize = 6;

/// A file that pages load.
pub(super) struct Asset {
    /// The path without the leading slash, for links relative to the root of the pages.
    pub(super) path: String,
    content: &'static str,
    content_type: &'static str,
}

/// The files that pages load.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

/// All files.
pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("css", "text/css; charset=utf-8", include_str!("style.css")),
    script: Asset::new(
        "js",
        "text/javascript; charset=utf-8",
        include_str!("script.js"),
    ),
    icon: Asset::new("svg", "image/svg+xml", include_str!("icon.svg")),
});

/// The file at a path.
pub(super) fn respond(path: &str) -> Option<Response<Content>> {
    let path = path.strip_prefix('/')?;
    let Assets {
        style,
        script,
        icon,
    } = &*ASSETS;
    let asset = [style, script, icon].into_iter();
    let asset = asset.clone().find(|asset| asset.path == path)?;
    let response = Response::new(Content::from(asset.content));
    let response = with_header(response, CONTENT_TYPE, asset.content_type);
    let response = with_header(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    Some(with_header(
        response,
        CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    ))
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let mut path = DIRECTORY.trim_start_matches('/').to_owned();
        for byte in &digest(&SHA256, content.as_bytes()).as_ref()[..HASH_BYTES] {
            // Writing to a string cannot fail.
            let _ = write!(path, "{byte:02x}");
        }
        path.push('.');
        path.push_str(extension);
        Self {
            path,
            content,
            content_type,
        }
    }
}
