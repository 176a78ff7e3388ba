//! `sharding`: several exporters divide the namespaces among them.

use std::{fs, ops::RangeInclusive};

use super::reader::{Node, Section, quoted};
use crate::model::Shard;

/// The valid values of `shards`.
const SHARDS_RANGE: RangeInclusive<u32> = 1..=1000;

/// The value of `shard` for the pods of a `StatefulSet`.
const AUTO: &str = "auto";

/// Where Linux has the name of the host, which is that of the pod in a container.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// Reads `sharding`. `None` without it, and if a problem was reported.
pub(super) fn read(node: &Node<'_>) -> Option<Shard> {
    let section = node.section()?;
    let shards = section
        .required("shards")
        .and_then(|node| node.count(SHARDS_RANGE));
    let shard = shard(&section);
    let (shards, (index, node)) = (shards?, shard?);
    let shard = Shard::new(index, shards);
    if shard.is_none() {
        node.problem_with_hint(
            format!("must be less than `shards`, is {index} of {shards}"),
            "shards are numbered from 0",
        );
    }
    shard
}

/// Reads `shard`.
fn shard<'a>(section: &Section<'a>) -> Option<(u32, Node<'a>)> {
    let node = section.required("shard")?;
    let index = match node.as_number() {
        Some(_) => count(&node),
        None => index_of_text(&node),
    };
    Some((index?, node))
}

fn count(node: &Node<'_>) -> Option<u32> {
    node.count(0..=SHARDS_RANGE.end() - 1)
}

/// A number is text in an environment variable.
fn index_of_text(node: &Node<'_>) -> Option<u32> {
    match node.text()? {
        AUTO => ordinal_of_host(node),
        text if text.bytes().all(|digit| digit.is_ascii_digit()) => count(node),
        text => {
            let message = format!("`{}` is neither a number nor `auto`", quoted(text));
            node.problem_with_hint(message, "shards are numbered from 0");
            None
        }
    }
}

fn ordinal_of_host(node: &Node<'_>) -> Option<u32> {
    let hint = "set `shard` to a number, or run the exporter as a StatefulSet";
    match fs::read_to_string(HOSTNAME) {
        Ok(host) => {
            let host = host.trim();
            let ordinal = ordinal(host);
            if ordinal.is_none() {
                let message =
                    format!("`auto` finds no number at the end of the host name `{host}`");
                node.problem_with_hint(message, hint);
            }
            ordinal
        }
        Err(error) => {
            node.problem_with_hint(format!("`auto` cannot read {HOSTNAME}: {error}"), hint);
            None
        }
    }
}

/// The ordinal of a pod of a `StatefulSet`: the number after the last dash of its name.
///
/// <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#ordinal-index>
fn ordinal(pod: &str) -> Option<u32> {
    let (_, ordinal) = pod.rsplit_once('-')?;
    let is_number = ordinal.bytes().all(|digit| digit.is_ascii_digit());
    ordinal.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinal_follows_the_last_dash() {
        for (pod, expected) in [
            ("job-status-exporter-0", Some(0)),
            ("job-status-exporter-12", Some(12)),
            ("exporter-007", Some(7)),
            ("job-status-exporter-7d9f8b6c5d-x2x8z", None),
            ("exporter-+1", None),
            ("exporter-", None),
            ("exporter", None),
            ("exporter-99999999999", None),
        ] {
            assert_eq!(ordinal(pod), expected, "{pod}");
        }
    }
}
