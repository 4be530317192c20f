//! From batches to acknowledged rows, whatever happens to the database meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Database, MIDNIGHT, batch, range, volume};
use etiage_aggregator::{Batch, Direction, Volume};
use etiage_store::spool::{MIN_SPOOL_BYTES, Refused, Spool, SpoolError, SpoolSettings, SpoolStats};
use etiage_store::{Filter, Store, TotalsQuery, Writer, WriterHandle, WriterSettings};

const PATIENCE: Duration = Duration::from_secs(120);

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
        for number in 0..2000 {
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
    assert_eq!((stats.queued_rows, stats.written_rows, stats.dropped_rows), (0, 4000, 0));
    assert_eq!(stats.last_error, None);
    assert_eq!(octets(&store).await, (2_000_000, 2000));
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

fn spool(directory: &Path) -> Spool {
    let settings =
        SpoolSettings { max_bytes: MIN_SPOOL_BYTES, ..SpoolSettings::new(directory.join("spool")) };
    // The one before ends a moment after its writer.
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match Spool::open(settings.clone(), MIDNIGHT) {
            Err(SpoolError::Held { .. }) if std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened.unwrap(),
        }
    }
}

fn spool_stats(writer: &WriterHandle) -> SpoolStats {
    writer.stats().spool.unwrap()
}

#[tokio::test]
async fn a_spool_outlives_its_writer_and_the_database_is_away_meanwhile() {
    let mut database = Database::start().await;
    let store = database.store().await;
    let folder = tempfile::tempdir().unwrap();
    let (writer, task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    for number in 0..100 {
        writer.try_send(two_rows(number)).unwrap();
    }
    within("flush", writer.flush()).await;
    assert_eq!(octets(&store).await, (100_000, 100));
    kill_and_wait(&mut database).await;
    for number in 0..500 {
        writer.try_send(two_rows(number)).unwrap();
    }
    writer.hand_over(1, vec![two_rows(1)], vec![two_rows(2), two_rows(3)]).unwrap();
    within("the spool", writer.spooled()).await;
    until("a failure", &writer, |writer| writer.stats().failed_inserts > 0).await;
    let stats = writer.stats();
    assert_eq!((stats.queued_rows, stats.dropped_rows, stats.spool_error), (1002, 0, None));
    // As if killed, with a block on its way to the database.
    task.abort();
    let _ = task.await;
    drop(writer);

    let (writer, _task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    assert_eq!(
        spool_stats(&writer).recovered_records,
        503,
        "with the two intervals that were open"
    );
    writer.try_send(two_rows(4)).unwrap();
    database.engine.restart().await.unwrap();
    within("close", writer.close()).await;
    assert_eq!(octets(&store).await, (604_000, 604));
    let stats = writer.stats();
    assert_eq!((stats.written_rows, stats.queued_rows, stats.last_error), (1008, 0, None));
    assert_eq!((spool_stats(&writer).records, spool_stats(&writer).corrupt_segments), (0, 0));
    database.engine.stop().await;
}

#[tokio::test]
async fn a_block_whose_answer_was_lost_is_not_counted_twice_by_the_next_process() {
    let database = Database::start().await;
    let store = database.store().await;
    let folder = tempfile::tempdir().unwrap();
    let patient = WriterSettings { collect: PATIENCE, ..quick() };
    let (writer, task) = Writer::with_spool(store.clone(), patient, spool(folder.path()));
    for number in 0..10 {
        writer.try_send(two_rows(number)).unwrap();
    }
    within("the spool", writer.spooled()).await;
    task.abort();
    let _ = task.await;
    drop(writer);
    // What the killed process had done: the block is in the database, and not acknowledged.
    let mut before = spool(folder.path());
    let group = before.next_group(10).unwrap().expect("ten batches wait");
    store.insert(&group.batches, &group.token).await.unwrap();
    drop(before);

    let (writer, _task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    within("close", writer.close()).await;
    assert_eq!(octets(&store).await, (10_000, 10));
    database.engine.stop().await;
}

#[tokio::test]
async fn what_the_database_refuses_for_its_content_does_not_block_the_rest() {
    let database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    common::client(&settings)
        .query("ALTER TABLE volumes_10s ADD CONSTRAINT honest CHECK octets != 666")
        .execute()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (writer, _task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    let bad = batch(MIDNIGHT, vec![volume("l", Direction::In, "web", 666)], &["l"]);
    writer.try_send(bad).unwrap();
    let is_aside = |writer: &WriterHandle| {
        spool_stats(writer).refused_groups == 1 && writer.stats().last_error.is_none()
    };
    until("setting aside", &writer, is_aside).await;
    let stats = writer.stats();
    assert_eq!((stats.failed_inserts, stats.last_error), (8, None));
    assert_eq!((spool_stats(&writer).refused_rows, spool_stats(&writer).records), (2, 0));
    assert_eq!(std::fs::read_dir(folder.path().join("spool/refused")).unwrap().count(), 1);
    writer.try_send(two_rows(0)).unwrap();
    within("close", writer.close()).await;
    assert_eq!(octets(&store).await, (1000, 1));
    // Once the database would take it, it can be read again; sent twice, it is there once.
    common::client(&settings)
        .query("ALTER TABLE volumes_10s DROP CONSTRAINT honest")
        .execute()
        .await
        .unwrap();
    let kept = SpoolSettings::new(folder.path().join("spool"));
    let mut refused = Refused::read_all(&kept).unwrap();
    let one = refused.pop().unwrap();
    assert_eq!((refused.len(), one.group.rows, one.damaged), (0, 2, 0));
    for _ in 0..2 {
        store.insert(&one.group.batches, &one.group.token).await.unwrap();
    }
    one.forget();
    assert_eq!(octets(&store).await, (1666, 2));
    assert!(Refused::read_all(&kept).unwrap().is_empty());
    database.engine.stop().await;
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_leaves_memory() {
    let database = Database::start().await;
    let store = database.store().await;
    let folder = tempfile::tempdir().unwrap();
    let (writer, _task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    std::fs::rename(folder.path().join("spool"), folder.path().join("away")).unwrap();
    writer.try_send(two_rows(0)).unwrap();
    until("the error", &writer, |writer| writer.stats().spool_error.is_some()).await;
    until("writing", &writer, |writer| writer.stats().written_rows == 2).await;
    assert_eq!(spool_stats(&writer).records, 0);
    std::fs::rename(folder.path().join("away"), folder.path().join("spool")).unwrap();
    writer.try_send(two_rows(1)).unwrap();
    until("the spool", &writer, |writer| writer.stats().spool_error.is_none()).await;
    within("close", writer.close()).await;
    assert_eq!(octets(&store).await, (2000, 2));
    database.engine.stop().await;
}

#[tokio::test]
async fn who_can_wait_waits_for_a_full_spool_and_who_cannot_drops_the_oldest() {
    let mut database = Database::start().await;
    let store = database.store().await;
    let folder = tempfile::tempdir().unwrap();
    let (writer, _task) = Writer::with_spool(store.clone(), quick(), spool(folder.path()));
    kill_and_wait(&mut database).await;
    let wide = |number: u32| {
        let volume = |row| Volume {
            service: format!("service-{number}-{row}").into(),
            ..volume("l", Direction::In, "web", 1)
        };
        batch(MIDNIGHT + 10 * number, (0..1000).map(volume).collect(), &["l"])
    };
    let mut sent = 0;
    while let Ok(sending) =
        tokio::time::timeout(Duration::from_millis(300), writer.send(wide(sent))).await
    {
        sending.unwrap();
        sent += 1;
    }
    within("the spool", writer.spooled()).await;
    let stats = spool_stats(&writer);
    assert!(stats.bytes > stats.max_bytes / 2, "{stats:?}");
    assert_eq!((stats.merged_rows, stats.dropped_rows), (0, 0));
    for number in sent..2 * sent {
        writer.try_send(wide(number)).unwrap();
        within("the spool", writer.spooled()).await;
    }
    let stats = spool_stats(&writer);
    assert!(stats.merged_rows > 0 && stats.dropped_rows > 0, "{stats:?}");
    assert!(stats.bytes <= stats.max_bytes, "{stats:?}");
    database.engine.restart().await.unwrap();
    within("close", writer.close()).await;
    let hour = range(MIDNIGHT, MIDNIGHT + 86_400);
    let query = TotalsQuery { range: hour, group_by: vec![], filter: Filter::default(), top: None };
    let written = store.totals(&query).await.unwrap().total.octets;
    assert_eq!(written + writer.stats().dropped_octets, u64::from(2 * sent) * 1000);
    database.engine.stop().await;
}
