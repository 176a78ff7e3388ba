//! Recorded pods: the same records in both formats.

use super::*;
use crate::decode::{self, Message, Object, Page};

const JSON: &[u8] = include_bytes!("../../../../tests/fixtures/kubernetes-1.36/pods/pods.json");
const PROTOBUF: &[u8] = include_bytes!("../../../../tests/fixtures/kubernetes-1.36/pods/pods.pb");

fn pods(page: &Page<'_>) -> Vec<Pod> {
    let mut decoder = Decoder::default();
    let pods = page.items().map(|item| decoder.pod(item).unwrap().unwrap());
    pods.collect()
}

#[test]
fn the_records_of_both_formats_are_equal_and_say_what_happened() {
    let json = pods(&decode::page(JSON).unwrap());
    assert_eq!(pods(&decode::protobuf_page(PROTOBUF).unwrap()), json);
    let failed = |cause| PodState::Failed(cause);
    let expected = [
        ("deleted", failed(FailureCause::Deleted), None, None),
        ("evicted", failed(FailureCause::Evicted), None, None),
        ("fails", failed(FailureCause::Error), Some(3), None),
        (
            "no-image",
            PodState::Waiting(WaitReason::ImagePullBackOff),
            None,
            None,
        ),
        ("ok", PodState::Succeeded, None, None),
        ("orphan", PodState::Running, None, None),
        (
            "out-of-memory",
            failed(FailureCause::OomKilled),
            Some(137),
            None,
        ),
        // The simulation forgets the last state when it stops a container.
        ("out-of-retries", failed(FailureCause::Deleted), None, None),
        ("preempted", failed(FailureCause::Preempted), None, None),
        (
            "retried",
            PodState::Running,
            Some(137),
            Some(FailureCause::OomKilled),
        ),
        ("sidecar", failed(FailureCause::Error), Some(5), None),
        (
            "unschedulable",
            PodState::Waiting(WaitReason::Unschedulable),
            None,
            None,
        ),
    ];
    let found: Vec<_> = json
        .iter()
        .map(|pod| (&*pod.job_name, pod.state, pod.exit_code, pod.retried))
        .collect();
    assert_eq!(found, expected);
    for pod in &json {
        assert_eq!(&*pod.namespace, "pods");
        assert!(pod.name.starts_with(&*pod.job_name), "{pod:?}");
        assert!(matches!(pod.uid, Uid::Uuid(_)) && matches!(pod.job_uid, Uid::Uuid(_)));
        let has_time = matches!(pod.state, PodState::Failed(_) | PodState::Waiting(_));
        assert_eq!(pod.since.get().is_some(), has_time, "{pod:?}");
    }
}

#[test]
fn a_message_that_is_cut_off_is_an_error_or_a_part_of_the_pod() {
    let page = decode::protobuf_page(PROTOBUF).unwrap();
    let mut decoder = Decoder::default();
    for item in page.items() {
        let Object::Protobuf(message) = item else {
            panic!("{item:?}")
        };
        let whole = decoder.pod(item).unwrap().unwrap();
        for length in 0..message.bytes.len() {
            let cut = Object::Protobuf(Message::untyped(&message.bytes[..length]));
            if let Ok(part) = decoder.pod(cut) {
                assert_eq!(part.unwrap().uid, whole.uid);
            }
        }
    }
}
