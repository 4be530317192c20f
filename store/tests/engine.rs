//! The embedded engine's process: how it starts, fails and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Database, MIDNIGHT, batch, client, engine_settings, range, volume};
use etiage_aggregator::Direction;
use etiage_store::embedded::{Engine, EngineSettings};
use etiage_store::{Error, Filter, Store, TotalsQuery};

fn runs(pid: u32) -> bool {
    // A process that has ended and was not yet waited for still has its directory.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

async fn until_gone(pid: u32) {
    let gone = async {
        while runs(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the engine goes on running");
}

#[tokio::test]
async fn it_ends_when_asked_and_keeps_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let settings = engine_settings(&directory.path().join("deep/data"));
    let engine = Engine::start(&settings).await.unwrap();
    let pid = engine.pid();
    let store = Store::open(&engine.settings()).await.unwrap();
    let rows = vec![volume("l", Direction::In, "web", 42)];
    store.insert(&[batch(MIDNIGHT, rows, &["l"])], "a").await.unwrap();

    // Meanwhile nobody else can have the directory.
    let error = Engine::start(&settings).await.err().unwrap();
    assert!(matches!(error, Error::DataDirectoryHeld { .. }), "{error}");
    assert!(error.to_string().contains(&format!("pid {pid}")), "{error}");

    engine.stop().await;
    assert!(!runs(pid));
    assert!(matches!(store.size().await, Err(Error::Unreachable { .. })));

    let engine = Engine::start(&settings).await.unwrap();
    let store = Store::open(&engine.settings()).await.unwrap();
    let query = TotalsQuery {
        range: range(MIDNIGHT, MIDNIGHT + 10),
        group_by: vec![],
        filter: Filter::default(),
        top: None,
    };
    assert_eq!(store.totals(&query).await.unwrap().total.octets, 42);
    // Dropped, it is killed.
    let pid = engine.pid();
    drop(engine);
    until_gone(pid).await;
}

#[tokio::test]
async fn its_death_is_noticed_and_it_can_be_restarted() {
    let mut database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let block = [batch(MIDNIGHT, vec![volume("l", Direction::In, "web", 42)], &["l"])];
    store.insert(&block, "a").await.unwrap();
    let rows = store.size().await.unwrap().rows;
    kill(database.engine.pid());
    assert!(database.engine.exited().await.contains("9"), "killed by signal 9");
    let first = database.engine.pid();
    database.engine.restart().await.unwrap();
    assert_ne!(database.engine.pid(), first);
    // As when the answer to the insert was lost: what was stored is there, and known by its token.
    store.insert(&block, "a").await.unwrap();
    assert_eq!(store.size().await.unwrap().rows, rows, "in every tier what was there");
    database.engine.stop().await;
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").arg("-9").arg(pid.to_string()).status();
    assert!(status.unwrap().success());
}

/// It answers nothing, and does not end by itself.
#[tokio::test]
async fn a_hung_engine_is_found_and_replaced() {
    let mut database = Database::start().await;
    let store = database.store().await;
    let pid = database.engine.pid();
    let stop = std::process::Command::new("kill").args(["-STOP", &pid.to_string()]).status();
    assert!(stop.unwrap().success());
    let asked = async {
        // As soon as it is known, nobody waits any more: long before a question's own limit.
        let started = std::time::Instant::now();
        let error = store.size().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("no sign of life"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
        let started = std::time::Instant::now();
        assert!(store.size().await.is_err());
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    };
    let (end, ()) = tokio::join!(database.engine.over(), asked);
    assert_eq!(end, "silent for 20 s, and killed");
    until_gone(pid).await;
    assert!(store.size().await.unwrap_err().to_string().contains("is being started again"));
    database.engine.restart().await.unwrap();
    store.size().await.unwrap();
    database.engine.stop().await;
}

/// Questions that take all that there is for questions, for longer than a hang may last.
#[tokio::test(flavor = "multi_thread")]
async fn questions_stop_neither_inserts_nor_signs_of_life() {
    let mut database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let plain = client(&settings);
    let questions: Vec<_> = (0..200)
        .map(|_| {
            let query = plain
                .query("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1");
            tokio::spawn(async move { query.fetch_one::<u64>().await })
        })
        .collect();
    // As many as may wait do so; the others are told at once.
    let busy = async {
        loop {
            match store.size().await {
                Err(Error::Busy { .. }) => return,
                other => drop(other),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), busy).await.expect("the queue is full");
    let block = |start| [batch(start, vec![volume("l", Direction::In, "web", 42)], &["l"])];
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let started = std::time::Instant::now();
        store.insert(&block(MIDNIGHT + 10 * number), &number.to_string()).await.unwrap();
        slowest = slowest.max(started.elapsed());
    }
    println!("slowest insert beside 200 questions: {slowest:?}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    let over = tokio::time::timeout(Duration::from_secs(25), database.engine.over()).await;
    assert!(over.is_err(), "{over:?}");

    // Nobody waits for them any more: they end, and others are answered.
    questions.iter().for_each(tokio::task::JoinHandle::abort);
    let answered = async { while store.size().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), answered).await.expect("they go on");
    database.engine.stop().await;
}

async fn start_error(settings: EngineSettings) -> Error {
    Engine::start(&settings).await.expect_err("this engine cannot start")
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let good = engine_settings(&directory.path().join("data"));

    let library = PathBuf::from("/no/such/libchdb.so");
    let error = start_error(EngineSettings { library, ..good.clone() }).await;
    assert!(matches!(error, Error::EngineLibraryMissing { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("/no/such/libchdb.so") && text.contains("make deps"), "{text}");
    assert_eq!(text.lines().count(), 1);

    // A file that is no library.
    let library = directory.path().join("libchdb.so");
    std::fs::write(&library, "not a library").unwrap();
    let error = start_error(EngineSettings { library, ..good.clone() }).await;
    assert!(matches!(error, Error::EngineLibraryMissing { .. }), "{error}");

    let program = PathBuf::from("/no/such/program");
    let error = start_error(EngineSettings { program, ..good.clone() }).await;
    assert!(error.to_string().contains("/no/such/program"), "{error}");

    // A program that is not the engine, and ends at once.
    let program = PathBuf::from("/bin/true");
    let error = start_error(EngineSettings { program, ..good.clone() }).await;
    assert!(matches!(error, Error::EngineFailed { .. }), "{error}");

    let data = Path::new("/dev/null/data").to_owned();
    let error = start_error(EngineSettings { data, ..good }).await;
    assert!(matches!(error, Error::EngineFailed { .. }), "{error}");
    assert!(error.to_string().contains("/dev/null/data"), "{error}");
}

#[tokio::test]
async fn the_interface_keeps_its_bounds() {
    let database = Database::start().await;
    let client = client(&database.fresh()).with_database("default");
    // One request's settings do not reach the next one's.
    let limit = async |query: clickhouse::query::Query| query.fetch_one::<u64>().await.unwrap();
    let ask = || client.query("SELECT toUInt64(getSetting('max_threads'))");
    assert_eq!(limit(ask().with_setting("max_threads", "3")).await, 3);
    for _ in 0..8 {
        assert_ne!(limit(ask()).await, 3);
    }
    // More than may be held in memory, and a result that is too large: errors, no end.
    for (sql, code) in [
        ("SELECT length(groupArray(number)) AS n FROM numbers(1000000000)", "Code: 241"),
        ("SELECT number AS n FROM numbers(100000000)", "Code: 396"),
        ("SELECT toUInt64(1) AS n FROM missing", "Code: 60"),
    ] {
        let query = client.query(sql).with_setting("max_memory_usage", "400000000");
        let error = query.fetch_all::<u64>().await.unwrap_err();
        assert!(error.to_string().contains(code), "{error}");
    }
    // More requests than threads: they wait their turn.
    let tasks: Vec<_> = (0..32_u64)
        .map(|number| {
            let query = client.query("SELECT {n:UInt64} + sleep(0.02)").param("n", number);
            tokio::spawn(async move { query.fetch_one::<u64>().await })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), number as u64);
    }
    database.engine.stop().await;
}
