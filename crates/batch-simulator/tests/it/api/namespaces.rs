//! Namespaces of the core API, and the parameter `shardSelector`.

use super::*;

/// The range of `load-07`, as a real 1.36 server selected it.
const LOAD_07: &str = "shardRange%28object.metadata.namespace%2C%270x70c0fd76b738ba59%27%2C%270x70c0fd76b738ba5a%27%29";

async fn server(sharded_lists: bool) -> Server {
    let options = ApiOptions {
        sharded_lists,
        ..ApiOptions::default()
    };
    let server = Server::start(options).await;
    for name in ["load-07", "load-08"] {
        let namespace = json!({"metadata": {"name": name}});
        server.api.apply(Kind::Namespace, namespace).unwrap();
        let job = json!({"metadata": {"namespace": name, "name": "load"}});
        server.api.apply(Kind::Job, job).unwrap();
    }
    server
}

/// The namespaces of a list of Jobs with this selector, and the selector that the list repeats.
async fn selected(server: &Server, selector: &str) -> (Vec<Value>, Value) {
    let path = format!("/apis/batch/v1/jobs?limit=500&shardSelector={selector}");
    let list = server.get(&path).await.json();
    let items = list["items"].as_array().unwrap();
    let namespaces = items.iter().map(|it| it["metadata"]["namespace"].clone());
    let namespaces = namespaces.collect();
    (
        namespaces,
        list["metadata"]["shardInfo"]["selector"].clone(),
    )
}

#[tokio::test]
async fn namespaces_are_in_none() {
    let server = server(false).await;
    let list = server.get("/api/v1/namespaces").await.json();
    assert_eq!(list["kind"], "NamespaceList");
    let item = &list["items"][0];
    assert_eq!(item["metadata"]["name"], "load-07");
    assert_eq!(item["metadata"].get("namespace"), None);
    assert_eq!(item["status"]["phase"], "Active");
    assert!(server.api.delete(Kind::Namespace, "", "load-07"));
    let list = server.get("/api/v1/namespaces").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_knows_the_parameter_selects_and_repeats_it() {
    let server = server(true).await;
    let (namespaces, selector) = selected(&server, LOAD_07).await;
    assert_eq!(namespaces, ["load-07"]);
    assert_eq!(
        selector,
        "shardRange(object.metadata.namespace,'0x70c0fd76b738ba59','0x70c0fd76b738ba5a')"
    );
    let path = "/apis/batch/v1/jobs?shardSelector=everything";
    let refused = server.get(path).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_server_that_does_not_know_the_parameter_ignores_it() {
    let server = server(false).await;
    let (namespaces, selector) = selected(&server, LOAD_07).await;
    assert_eq!(namespaces, ["load-07", "load-08"]);
    assert_eq!(selector, Value::Null);
}
