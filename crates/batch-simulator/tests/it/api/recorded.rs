//! Responses are equal to the recorded ones as JSON values.

use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("../../tests/fixtures/kubernetes-1.36").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json_fixture(name: &str) -> Value {
    serde_json::from_str(&fixture(name)).unwrap()
}

fn events_fixture(name: &str) -> Vec<Value> {
    let text = fixture(name);
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// An API that holds the recorded objects at their recorded versions.
async fn recorded_server() -> Server {
    let server = Server::start(ApiOptions::default()).await;
    let of = |kind: Kind| {
        let list = json_fixture(&format!("{}.json", kind.resource()));
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().map(move |item| (kind, item))
    };
    server.apply_all(of(Kind::Job).chain(of(Kind::CronJob)));
    server
}

#[tokio::test]
async fn discovery_is_as_recorded() {
    let server = Server::start(ApiOptions::default()).await;
    for (path, file) in [
        ("/version", "discovery/version.json"),
        ("/apis/batch", "discovery/apis-batch.json"),
        ("/apis/batch/v1", "discovery/apis-batch-v1.json"),
    ] {
        assert_eq!(server.get(path).await.json(), json_fixture(file), "{path}");
    }
    for path in ["/readyz", "/livez"] {
        assert_eq!(
            server.get(path).await.text,
            fixture("discovery/readyz.txt"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn lists_and_objects_are_as_recorded() {
    let server = recorded_server().await;
    for kind in [Kind::Job, Kind::CronJob] {
        let recorded = json_fixture(&format!("{}.json", kind.resource()));
        let path = format!("/apis/batch/v1/{}", kind.resource());
        let list = server.get(&path).await.json();
        assert_eq!(list["kind"], recorded["kind"]);
        assert_eq!(names(&list), names(&recorded));
        for (i, item) in recorded["items"].as_array().unwrap().iter().enumerate() {
            assert_eq!(list["items"][i], *item);
        }
    }
}

#[tokio::test]
async fn pages_are_as_recorded() {
    let server = recorded_server().await;
    server.advance_to(4098);
    let mut path = "/apis/batch/v1/jobs?limit=10".to_owned();
    for number in 1..=9 {
        let page = server.get(&path).await.json();
        if matches!(number, 1 | 2 | 9) {
            let file = format!("pages/page-{number}.json");
            assert_eq!(page, json_fixture(&file), "{file}");
        }
        server.advance_to(4098 + number);
        let token = page["metadata"]["continue"].as_str().unwrap_or_default();
        path = format!("/apis/batch/v1/jobs?limit=10&continue={token}");
    }
}

#[tokio::test]
async fn errors_are_as_recorded() {
    let server = Server::start(ApiOptions::default()).await;
    let everything = ["jobs", "jobs/status", "cronjobs"];
    let verbs = ["get", "list", "watch"];
    let admin = Permissions::of_user("admin").allow(&verbs, &everything);
    server.api.grant("admin", admin);
    server.api.grant("nobody", Permissions::of_user("nobody"));
    // At the time of the recording, versions before 3689 were expired, and 4099 was the current one.
    server.advance_to(3689);
    server.api.compact();
    server.advance_to(4099);

    let index = fixture("errors/index.tsv");
    let mut compared = 0;
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, method, path, status, content_type, sender] = columns[..] else {
            panic!("{line}");
        };
        // TLS, writes and namespaces are not simulated.
        if file.contains("https") || file.starts_with("415") || file == "404-namespace.json" {
            continue;
        }
        if file.starts_with("410-continue") {
            server.api.compact();
        }
        let mut headers = match sender {
            "no credentials" => vec![],
            "Authorization: Bearer wrong" => vec![("authorization", "Bearer wrong")],
            "a user without rights" => vec![("authorization", "Bearer nobody")],
            _ => vec![("authorization", "Bearer admin")],
        };
        if let Some(accept) = sender.strip_prefix("admin, Accept: ") {
            headers.push(("accept", accept));
        }
        let method = method.parse().unwrap();
        let answer = server.client.send(method, path, &headers, "").await;
        assert_eq!(answer.status.as_str(), status, "{file}");
        assert_eq!(answer.header("content-type"), content_type, "{file}");
        if content_type == "application/json" {
            assert_eq!(
                answer.json(),
                json_fixture(&format!("errors/{file}")),
                "{file}"
            );
        } else {
            assert_eq!(answer.text, fixture(&format!("errors/{file}")), "{file}");
        }
        compared += 1;
    }
    assert_eq!(compared, 23);
}

/// Replays recorded events into the API, and compares the events of a watch from version 1.
async fn replayed(file: &str, kind: Kind, query: &str) {
    let recorded = events_fixture(file);
    let server = Server::start(ApiOptions::default()).await;
    let namespace = "/apis/batch/v1/namespaces/watched";
    let resource = kind.resource();
    for event in &recorded {
        let (object, metadata) = (&event["object"], &event["object"]["metadata"]);
        let name = metadata["name"].as_str().unwrap();
        let version: u64 = metadata["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        if event["type"] == "DELETED" {
            server.advance_to(version - 1);
            assert!(server.api.delete(kind, "watched", name));
        } else {
            server.api.apply(kind, object.clone()).unwrap();
        }
    }
    let path = format!("{namespace}/{resource}?watch=1&resourceVersion=1&timeoutSeconds=1{query}");
    assert_eq!(events(&server.get(&path).await), recorded, "{file}");
}

#[tokio::test]
async fn watches_are_as_recorded() {
    tokio::join!(
        replayed(
            "watch/job-succeeds.jsonl",
            Kind::Job,
            "&fieldSelector=metadata.name%3Dlife-ok"
        ),
        replayed("watch/job-fails.jsonl", Kind::Job, ""),
        replayed(
            "watch/cronjob-runs.jsonl",
            Kind::Job,
            "&labelSelector=cron%3Dtick"
        ),
        replayed("watch/cronjobs-two-runs.jsonl", Kind::CronJob, ""),
    );
}

#[tokio::test]
async fn a_streamed_list_is_as_recorded() {
    let recorded = events_fixture("watch/watch-list.jsonl");
    let server = Server::start(ApiOptions::default()).await;
    let added = recorded.iter().filter(|event| event["type"] == "ADDED");
    server.apply_all(added.map(|event| (Kind::Job, event["object"].clone())));
    let mark = recorded
        .iter()
        .position(|event| event["type"] == "BOOKMARK")
        .unwrap();
    let version = &recorded[mark]["object"]["metadata"]["resourceVersion"];
    server.advance_to(version.as_str().unwrap().parse().unwrap());
    let path = "/apis/batch/v1/namespaces/billing/jobs?watch=1&sendInitialEvents=true\
                &resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    assert_eq!(events(&server.get(path).await), recorded[..=mark]);
}

#[tokio::test]
async fn bookmarks_are_as_recorded() {
    let recorded = events_fixture("watch/bookmarks.jsonl");
    let server = Server::start(ApiOptions {
        bookmark_interval: Duration::from_millis(200),
        ..ApiOptions::default()
    })
    .await;
    server.advance_to(3621);
    let path =
        "/apis/batch/v1/namespaces/watched/jobs?watch=1&allowWatchBookmarks=true&timeoutSeconds=1";
    let events = events(&server.get(path).await);
    assert_eq!(events[0], recorded[0], "the end of the empty list");
    let mut plain = recorded[0].clone();
    plain["object"]["metadata"] = json!({"resourceVersion": "3621"});
    assert!(events.len() > 1);
    assert!(events[1..].iter().all(|event| *event == plain));
}
