//! `/`: version, links to the other pages, and the state of the targets.
//!
//! The page is one string, without scripts or other files. All text from the configuration is written as [`Escaped`].

use std::fmt::{self, Display, Write as _};

use http::{Request, Response};

use super::{LANDING, Route, Site};
use crate::{
    model::Name,
    server::{body::Content, response},
    store::TargetStatus,
};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}p{margin:.25rem 0 1.5rem;opacity:.75}\
ul{padding-left:1.2rem}code{font-size:.95em}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid #8884;font-variant-numeric:tabular-nums}\
td:first-child{overflow-wrap:anywhere}\
.number{text-align:right;padding-right:0}.down{color:#c22;color:light-dark(#b21,#f76);font-weight:600}";

/// A row of the table of targets.
struct LandingRow {
    /// The target's name; `None` for a single unnamed target.
    name: Option<Name>,
    status: TargetStatus,
}

pub(super) fn respond(_: &Request<()>, site: &Site) -> Response<Content> {
    let targets = site.data.store().snapshot().into_iter();
    let targets: Vec<_> = targets
        .map(|target| LandingRow {
            name: target.target,
            status: target.status,
        })
        .collect();
    response::html(render(&site.routes, &targets))
}

fn render(routes: &[Route], targets: &[LandingRow]) -> String {
    let mut page = String::with_capacity(2048 + 256 * targets.len());
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, routes, targets);
    page
}

fn write_page(page: &mut String, routes: &[Route], targets: &[LandingRow]) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{name}</h1>\n<p>Version {version}. {description}.</p>\n",
        name = env!("CARGO_PKG_NAME"),
        version = env!("CARGO_PKG_VERSION"),
        description = env!("CARGO_PKG_DESCRIPTION"),
    )?;
    write_links(page, routes)?;
    write_targets(page, targets)?;
    page.push_str("</body>\n</html>\n");
    Ok(())
}

fn write_links(page: &mut String, routes: &[Route]) -> fmt::Result {
    page.push_str("<ul>\n");
    for route in routes.iter().filter(|route| route.path != LANDING) {
        let (path, summary) = (Escaped(&route.path), route.summary);
        writeln!(
            page,
            "<li><a href=\"{path}\"><code>{path}</code></a> {summary}</li>"
        )?;
    }
    page.push_str("</ul>\n");
    Ok(())
}

fn write_targets(page: &mut String, targets: &[LandingRow]) -> fmt::Result {
    page.push_str(
        "<table>\n<thead><tr><th>Target</th><th>State</th><th>Last success</th>\
         <th class=\"number\">Jobs</th><th class=\"number\">CronJobs</th></tr></thead>\n<tbody>\n",
    );
    for LandingRow { name, status } in targets {
        let state = match (status.up, status.synced) {
            (true, true) => "up",
            (true, false) => "syncing",
            (false, _) => "<span class=\"down\">down</span> (see the log)",
        };
        write!(
            page,
            "<tr><td>{}</td><td>{state}</td><td>",
            Escaped(name.as_deref().unwrap_or("(unnamed)"))
        )?;
        match status.last_success {
            Some(last_success) => write!(page, "{last_success:.0}")?,
            None => page.push_str("never"),
        }
        for count in [status.jobs, status.cronjobs] {
            page.push_str("</td><td class=\"number\">");
            // Before the first complete read, the counts are unknown.
            if status.synced {
                write!(page, "{count}")?;
            } else {
                page.push('–');
            }
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
    Ok(())
}

/// Text escaped for use between tags and in quoted attributes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::routes, *};

    fn row(name: Option<&str>, up: bool, synced: bool) -> LandingRow {
        LandingRow {
            name: name.map(Into::into),
            status: TargetStatus {
                up,
                synced,
                last_success: up.then(|| "2030-01-02T03:04:05.678Z".parse().expect("a time")),
                feeds: 2,
                failing_feeds: usize::from(!up),
                undecodable_jobs: 0,
                undecodable_cronjobs: 0,
                jobs: 12,
                cronjobs: 3,
                invalid_annotations: 0,
                truncated_values: 0,
                dropped_workloads: 0,
            },
        }
    }

    fn page(telemetry_path: &str, targets: &[LandingRow]) -> String {
        render(&routes(telemetry_path.to_owned()), targets)
    }

    #[test]
    fn every_target_has_a_row() {
        let text = page(
            "/metrics",
            &[row(None, true, true), row(Some("cci"), true, false)],
        );
        assert!(text.contains(
            "<tr><td>(unnamed)</td><td>up</td><td>2030-01-02T03:04:05Z</td>\
             <td class=\"number\">12</td><td class=\"number\">3</td></tr>"
        ));
        assert!(text.contains("<td>cci</td><td>syncing</td>"));
        let text = page("/metrics", &[row(Some("a"), false, false)]);
        assert!(text.contains(">down</span> (see the log)</td><td>never</td>"));
        assert!(text.contains("<td class=\"number\">–</td><td class=\"number\">–</td></tr>"));
        assert!(!text.contains("12"), "the count is not known yet");
    }

    #[test]
    fn names_and_paths_are_escaped() {
        let name = "<script>alert('1')</script>&";
        let page = page("/m\"><b>", &[row(Some(name), true, true)]);
        assert!(page.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</td>"));
        assert!(page.contains("<a href=\"/m&quot;&gt;&lt;b&gt;\">"));
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
