//! Responses to requests for a reload.

use tokio::task::JoinSet;

use super::*;

fn request(method: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(PATH);
    request.body(()).unwrap()
}

fn text_of(response: Response<Content>) -> (u16, String) {
    let status = response.status().as_u16();
    match response.into_body() {
        Content::Full(bytes) => (status, String::from_utf8(bytes.to_vec()).unwrap()),
        Content::Stream(_) => panic!("not a stream"),
    }
}

#[tokio::test]
async fn the_answer_is_the_outcome_of_the_reload() {
    let (handle, mut requests) = ReloadHandle::new();
    let lifecycle = Lifecycle(Some(handle));
    let mut reloads = JoinSet::new();
    reloads.spawn(async move {
        for succeeded in [true, false] {
            let outcome = ReloadOutcome {
                succeeded,
                text: format!("{succeeded}\n"),
            };
            requests.recv().await.unwrap().send(outcome).unwrap();
        }
    });
    let response = lifecycle.respond(&request("POST")).await;
    assert_eq!(text_of(response), (200, "true\n".to_owned()));
    let response = lifecycle.respond(&request("PUT")).await;
    assert_eq!(text_of(response), (500, "false\n".to_owned()));
    reloads.join_next().await.unwrap().unwrap();
    let response = lifecycle.respond(&request("POST")).await;
    assert_eq!(text_of(response), (503, "shutting down\n".to_owned()));
}

#[tokio::test]
async fn other_methods_and_servers_without_reloads_are_refused() {
    let (handle, mut requests) = ReloadHandle::new();
    let lifecycle = Lifecycle(Some(handle));
    for method in ["GET", "HEAD", "DELETE"] {
        let response = lifecycle.respond(&request(method)).await;
        assert_eq!(response.headers()[ALLOW], "POST, PUT");
        assert_eq!(text_of(response).0, 405, "{method}");
    }
    assert!(requests.try_recv().is_err());
    let (status, text) = text_of(Lifecycle(None).respond(&request("POST")).await);
    assert_eq!(status, 403);
    assert!(text.contains("--web.enable-lifecycle"), "{text}");
}
