//! Checks that wait for each other.

use std::{
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::{sync::oneshot, task::JoinSet, task::yield_now};

use super::*;

fn key(number: u8) -> Fingerprint {
    [number; 32]
}

/// Lets all other tasks run until they wait.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

#[tokio::test]
async fn equal_checks_run_once() {
    let checks = SingleFlight::new(1, 0);
    let (end, ended) = oneshot::channel();
    let mut ended = Some(ended);
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let checks = checks.clone();
        let ended = ended.take();
        tasks.spawn(async move {
            let check = || async move { ended.expect("the first alone").await.unwrap() };
            checks.run(key(1), || None, check).await
        });
        settle().await;
    }
    end.send("answer").unwrap();
    assert_eq!(tasks.join_all().await, vec![Ok("answer"); 100]);
    // The check has ended, so the next one is new.
    let next = checks.run(key(1), || None, || async { "next" }).await;
    assert_eq!(next, Ok("next"));
}

#[tokio::test]
async fn checks_beyond_the_bound_have_no_answer() {
    let checks = SingleFlight::new(1, 1);
    let mut tasks = JoinSet::new();
    for number in [1, 2] {
        let checks = checks.clone();
        tasks.spawn(async move { checks.run(key(number), || None, pending::<()>).await });
    }
    settle().await;
    assert_eq!(checks.run(key(3), || None, pending).await, Err(NoAnswer));
    assert_eq!(checks.run(key(3), || Some(()), pending).await, Ok(()));
}

#[tokio::test]
async fn a_check_waits_for_those_that_run() {
    let checks = SingleFlight::new(1, 1);
    let (end, ended) = oneshot::channel::<()>();
    let mut tasks = JoinSet::new();
    let first = checks.clone();
    tasks.spawn(async move {
        let check = || async { ended.await.is_ok() };
        first.run(key(1), || None, check).await
    });
    settle().await;
    let has_run = Arc::new(AtomicBool::new(false));
    let runs = has_run.clone();
    tasks.spawn(async move {
        let check = || async move { runs.fetch_not(Ordering::Relaxed) };
        checks.run(key(2), || None, check).await
    });
    settle().await;
    assert!(!has_run.load(Ordering::Relaxed));
    end.send(()).unwrap();
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Ok(true));
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Ok(false));
}

#[tokio::test]
async fn a_check_goes_on_when_its_client_is_gone() {
    let checks = SingleFlight::new(1, 0);
    let (end, ended) = oneshot::channel::<()>();
    let (cache, cached) = oneshot::channel();
    let gone = checks.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let check = || async {
            let _ = ended.await;
            cache.send("cached").unwrap();
        };
        gone.run(key(1), || None, check).await
    });
    settle().await;
    tasks.shutdown().await;
    end.send(()).unwrap();
    assert_eq!(cached.await, Ok("cached"));
    settle().await;
    assert_eq!(checks.run(key(2), || None, || async {}).await, Ok(()));
}

#[tokio::test]
async fn a_check_that_panics_leaves_room_for_others() {
    let checks = SingleFlight::<()>::new(1, 0);
    let check = || async { panic!("on purpose") };
    assert_eq!(checks.run(key(1), || None, check).await, Err(NoAnswer));
    assert_eq!(checks.run(key(1), || None, || async {}).await, Ok(()));
}
