//! From batches to acknowledged rows, whatever happens to the database meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use std::time::Duration;

use common::{Database, MIDNIGHT, batch, range, volume};
use etiage_aggregator::{Batch, Direction};
use etiage_store::{Filter, Store, TotalsQuery, Writer, WriterHandle, WriterSettings};

const PATIENCE: Duration = Duration::from_secs(30);

/// One row of volumes and one observation, of 1000 octets.
fn two_rows(number: u32) -> Batch {
    let start = MIDNIGHT + 10 * (number % 360);
    batch(start, vec![volume("l", Direction::In, "web", 1000)], &["l"])
}

async fn octets(store: &Store) -> (u64, u64) {
    let hour = range(MIDNIGHT, MIDNIGHT + 3600);
    let query = TotalsQuery { range: hour, group_by: vec![], filter: Filter::default(), top: None };
    let observed = store.observations(hour).await.unwrap();
    let observed = observed.first().map_or(0, |link| link.packets / 7);
    (store.totals(&query).await.unwrap().total.octets, observed)
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// Waits for a condition that another task brings about.
async fn until(what: &str, handle: &WriterHandle, condition: impl Fn(&WriterHandle) -> bool) {
    let reached = async {
        while !condition(handle) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, reached).await;
}

fn quick() -> WriterSettings {
    WriterSettings {
        collect: Duration::from_millis(20),
        block_rows: 50,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        ..WriterSettings::default()
    }
}

#[tokio::test]
async fn what_is_sent_is_written_once() {
    let database = Database::start().await;
    let store = database.store().await;
    let (writer, task) = Writer::spawn(store.clone(), WriterSettings::default());
    within("an empty flush", writer.flush()).await;
    for number in 0..1000 {
        writer.try_send(two_rows(number)).unwrap();
    }
    within("flush", writer.flush()).await;
    let stats = writer.stats();
    assert_eq!((stats.queued_rows, stats.written_rows, stats.dropped_rows), (0, 2000, 0));
    assert_eq!((stats.failed_inserts, stats.last_error), (0, None));
    assert_eq!(stats.last_written_interval, Some(MIDNIGHT + 3590));
    assert_eq!(octets(&store).await, (1_000_000, 1000));

    // Without a flush it is written after the time to collect.
    writer.try_send(two_rows(0)).unwrap();
    until("collecting", &writer, |writer| writer.stats().written_rows == 2002).await;

    let threads = writer.clone();
    let thread = std::thread::spawn(move || threads.blocking_send(two_rows(1)).unwrap());
    writer.send(two_rows(2)).await.unwrap();
    thread.join().unwrap();
    within("close", writer.close()).await;
    within("the task's end", task).await.unwrap();
    assert_eq!(octets(&store).await, (1_003_000, 1003));
    assert!(writer.try_send(two_rows(0)).is_err());
    assert!(writer.send(two_rows(0)).await.is_err());
    assert!(writer.blocking_send(two_rows(0)).is_err());
    within("a flush after the end", writer.flush()).await;
    database.engine.stop().await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_engine_is_killed() {
    let mut database = Database::start().await;
    let store = database.store().await;
    let (writer, _task) = Writer::spawn(store.clone(), quick());
    let sender = writer.clone();
    let sending = tokio::spawn(async move {
        for number in 0..6000 {
            sender.send(two_rows(number)).await.unwrap();
            if number % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    for round in 1..=3 {
        let before = writer.stats().written_rows;
        until("writing", &writer, |writer| writer.stats().written_rows > before).await;
        let pid = database.engine.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        within("the end", database.engine.exited()).await;
        until("a failure", &writer, |writer| writer.stats().last_error.is_some()).await;
        assert!(writer.stats().failed_inserts >= round);
        database.engine.restart().await.unwrap();
    }
    within("sending", sending).await.unwrap();
    within("flush", writer.flush()).await;
    let stats = writer.stats();
    assert_eq!((stats.queued_rows, stats.written_rows, stats.dropped_rows), (0, 12_000, 0));
    assert_eq!(stats.last_error, None);
    assert_eq!(octets(&store).await, (6_000_000, 6000));
    database.engine.stop().await;
}

#[tokio::test]
async fn the_oldest_go_first_when_there_is_no_room() {
    let mut database = Database::start().await;
    let store = database.store().await;
    let settings = WriterSettings { max_rows: 20, block_rows: 4, ..quick() };
    let (writer, _task) = Writer::spawn(store.clone(), settings);
    kill_and_wait(&mut database).await;
    writer.try_send(two_rows(0)).unwrap();
    writer.try_send(two_rows(0)).unwrap();
    until("a failure", &writer, |writer| writer.stats().failed_inserts > 0).await;
    // One block of 4 rows is under way; of 50 batches the newest 8 fit beside it.
    for number in 0..50 {
        writer.try_send(two_rows(number)).unwrap();
    }
    let stats = writer.stats();
    assert_eq!(stats.queued_rows, 20);
    assert_eq!((stats.dropped_rows, stats.dropped_octets), (84, 42_000));
    assert!(stats.last_error.unwrap().contains("cannot be reached"));
    // Whoever can wait is not let in, and drops nothing.
    let waiting = writer.send(two_rows(99));
    assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
    let flush = writer.flush();
    assert!(tokio::time::timeout(Duration::from_millis(50), flush).await.is_err());
    assert_eq!(writer.stats().dropped_rows, 84);

    database.engine.restart().await.unwrap();
    within("flush", writer.flush()).await;
    within("sending", writer.send(two_rows(99))).await.unwrap();
    within("close", writer.close()).await;
    // 2 + 8 + 1 batches: what was dropped is known, the rest is there.
    assert_eq!(octets(&store).await, (11_000, 11));
    assert_eq!(writer.stats().written_rows, 22);
    database.engine.stop().await;
}

async fn kill_and_wait(database: &mut Database) {
    let pid = database.engine.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    within("the end", database.engine.exited()).await;
}
