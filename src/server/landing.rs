//! The page for people who open the exporter in a browser: what this is, where to go, how the targets are doing.
//!
//! One string, no assets, no scripts. Invariant: whatever comes from the configuration goes through [`Escaped`].

use std::fmt::{self, Display, Write as _};

use super::TargetLine;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}p{margin:.25rem 0 1.5rem;opacity:.75}\
ul{padding-left:1.2rem}code{font-size:.95em}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid #8884;font-variant-numeric:tabular-nums}\
td:first-child{overflow-wrap:anywhere}\
.number{text-align:right;padding-right:0}.down{color:#c22;color:light-dark(#b21,#f76);font-weight:600}";

/// The whole page.
pub(super) fn render(telemetry_path: &str, targets: &[TargetLine]) -> String {
    let mut page = String::with_capacity(2048 + 256 * targets.len());
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, telemetry_path, targets);
    page
}

fn write_page(page: &mut String, telemetry_path: &str, targets: &[TargetLine]) -> fmt::Result {
    let metrics = Escaped(telemetry_path);
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{name}</h1>\n<p>Version {version}. {description}.</p>\n<ul>\n\
         <li><a href=\"{metrics}\"><code>{metrics}</code></a> for Prometheus</li>\n\
         <li><a href=\"/readyz\"><code>/readyz</code></a> whether every target was read once</li>\n\
         <li><a href=\"/livez\"><code>/livez</code></a> whether the process runs</li>\n</ul>\n",
        name = env!("CARGO_PKG_NAME"),
        version = env!("CARGO_PKG_VERSION"),
        description = env!("CARGO_PKG_DESCRIPTION"),
    )?;
    write_targets(page, targets)?;
    page.push_str("</body>\n</html>\n");
    Ok(())
}

fn write_targets(page: &mut String, targets: &[TargetLine]) -> fmt::Result {
    page.push_str(
        "<table>\n<thead><tr><th>Target</th><th>State</th><th>Last success</th>\
         <th class=\"number\">Jobs</th><th class=\"number\">CronJobs</th></tr></thead>\n<tbody>\n",
    );
    for TargetLine { name, status } in targets {
        let state = match (status.up, status.synced) {
            (true, true) => "up",
            (true, false) => "reading",
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
            // Of what was never read, nothing is known.
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

/// Text that means itself, between tags and in quoted attributes.
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
    use crate::store::TargetStatus;

    use super::*;

    fn line(name: Option<&str>, up: bool, synced: bool) -> TargetLine {
        TargetLine {
            name: name.map(Into::into),
            status: TargetStatus {
                up,
                synced,
                last_success: up.then(|| "2030-01-02T03:04:05.678Z".parse().expect("a time")),
                jobs: 12,
                cronjobs: 3,
                invalid_annotations: 0,
            },
        }
    }

    #[test]
    fn targets_have_a_row_each() {
        let page = render(
            "/metrics",
            &[line(None, true, true), line(Some("cci"), true, false)],
        );
        assert!(page.contains(
            "<tr><td>(unnamed)</td><td>up</td><td>2030-01-02T03:04:05Z</td>\
             <td class=\"number\">12</td><td class=\"number\">3</td></tr>"
        ));
        assert!(page.contains("<td>cci</td><td>reading</td>"));
        let page = render("/metrics", &[line(Some("a"), false, false)]);
        assert!(page.contains(">down</span> (see the log)</td><td>never</td>"));
        assert!(page.contains("<td class=\"number\">–</td><td class=\"number\">–</td></tr>"));
        assert!(!page.contains("12"), "nothing is known of it");
    }

    #[test]
    fn names_and_paths_cannot_become_markup() {
        let name = "<script>alert('1')</script>&";
        let page = render("/m\"><b>", &[line(Some(name), true, true)]);
        assert!(page.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</td>"));
        assert!(page.contains("<a href=\"/m&quot;&gt;&lt;b&gt;\">"));
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
