//! The real spool and the real writer's task on a simulated disk and a simulated database, from a seed.
//!
//! What must hold after any number of power cuts, kills and failures: each batch that was forced to the spool's
//! disk is in each table once; none is there twice, none that nobody has put; and what is missing, because
//! the disk wrote where it should not, was counted.
//!
//! `ETIAGE_SEED=N cargo test -p etiage-store --lib simulation` runs one seed, `ETIAGE_SEEDS=N` so many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Only one thread runs: nobody waits for the lock.
#![allow(clippy::await_holding_lock)]

mod database;
mod disk;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use etiage_aggregator::{Batch, Direction, Volume};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::database::{SimulatedDatabase, TABLES, tell};
use self::disk::SimulatedDisk;
use super::shared::Shared;
use super::{WriterSettings, task};
use crate::spool::{Spool, SpoolSettings};

/// Seeds of `make test`.
const SEEDS: u64 = 10_000;
/// Seeds beyond these that have found a fault.
const FOUND: [u64; 2] = [23_018, 321_789];

/// A batch that counts its own number in octets, and as many rows as asked.
fn batch(number: u64, rows: u32) -> Batch {
    let row = |row: u32| Volume {
        link: "l".into(),
        direction: Direction::In,
        protocol: "tls".into(),
        service: format!("{row}").into(),
        category: "web".into(),
        octets: if row == 0 { number } else { 0 },
        packets: 1,
        flows: 1,
    };
    let start = 1_795_219_200 + 10 * number as u32;
    let volumes = (0..rows).map(row).collect();
    Batch { probe: "p".into(), start, seconds: 10, volumes, ..Batch::default() }
}

struct Simulation {
    rng: StdRng,
    disk: SimulatedDisk,
    database: SimulatedDatabase,
    /// The last number that was put, or named as open.
    last: u64,
    /// Those that were forced to the spool's disk.
    forced: BTreeSet<u64>,
    /// Put since, and not forced yet.
    unforced: BTreeSet<u64>,
    /// What the spool has counted as damaged, dropped or torn.
    counted: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            disk: SimulatedDisk::new(seed ^ 1),
            database: SimulatedDatabase::new(seed ^ 2),
            last: 0,
            forced: BTreeSet::new(),
            unforced: BTreeSet::new(),
            counted: 0,
        }
    }

    async fn run(mut self) {
        let lives = self.rng.random_range(1..5);
        let errors = [0, 0, 12, 40][self.rng.random_range(0..4)];
        let misdirects = self.rng.random_bool(0.2);
        for _ in 0..lives {
            self.disk.fail_one_in(errors * 4);
            self.database.fail_one_in(errors);
            self.live().await;
            let end = self.rng.random_range(0..4);
            tell(|| format!("end {end}, misdirecting {misdirects}; forced {:?}", self.forced));
            match end {
                0 => self.database.kill(),
                1 => {
                    self.database.take_back(); // The machines are two.
                }
                2 => self.disk.cut_power(misdirects),
                _ => {
                    self.disk.cut_power(misdirects);
                    self.database.take_back();
                }
            }
            self.unforced.clear();
        }
        self.disk.fail_one_in(0);
        self.database.fail_one_in(0);
        self.database.crash_in(None);
        self.end().await;
    }

    fn open(&mut self) -> Arc<Shared> {
        let max_bytes = 1 << 22;
        let settings = SpoolSettings { max_bytes, ..SpoolSettings::new(PathBuf::from("/spool")) };
        let spool = loop {
            match Spool::open_simulated(Box::new(self.disk.clone()), settings.clone()) {
                Ok(spool) => break spool,
                // The operator is told that the disk has failed, and tries again.
                Err(_) => self.disk.fail_one_in(0),
            }
        };
        let settings = WriterSettings {
            collect: Duration::from_millis(self.rng.random_range(0..20)),
            block_rows: self.rng.random_range(1..40),
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(20),
            ..WriterSettings::default()
        };
        Arc::new(Shared::new(settings, Some(spool)))
    }

    /// From a start to an end that comes at any moment.
    async fn live(&mut self) {
        let shared = self.open();
        tell(|| format!("start: {:?}", shared.lock().spool));
        let crash = self.rng.random_bool(0.8).then(|| self.rng.random_range(1..120));
        self.database.crash_in(crash);
        let crashed = Arc::clone(&self.database.crash);
        let writing = task::run(self.database.clone(), Arc::clone(&shared));
        tokio::select! {
            biased;
            () = writing => unreachable!("it was not closed"),
            () = crashed.notified() => {}
            () = self.feed(&shared) => {}
        }
        self.look_at(&shared);
    }

    async fn feed(&mut self, shared: &Shared) {
        for _ in 0..self.rng.random_range(1..40) {
            let count = self.rng.random_range(0..4);
            let closed: Vec<Batch> = (0..count).map(|_| self.next_batch()).collect();
            // Intervals that stay open until the next step, and close with it.
            let open = if self.rng.random_bool(0.3) { vec![self.next_batch()] } else { vec![] };
            self.put(shared, &closed, &open).await;
            if !open.is_empty() {
                self.put(shared, &open, &[]).await;
            }
            if self.rng.random_bool(0.2) {
                let mut spool = shared.spool.as_ref().unwrap().lock().unwrap();
                if spool.sync().is_ok() {
                    self.forced.append(&mut self.unforced);
                }
            }
            if self.rng.random_bool(0.02) {
                self.database.take_back(); // Its disk has failed, and it has started again.
            }
        }
    }

    fn next_batch(&mut self) -> Batch {
        self.last += 1;
        batch(self.last, self.rng.random_range(1..6))
    }

    async fn put(&mut self, shared: &Shared, closed: &[Batch], open: &[Batch]) {
        let mut left = closed;
        while !left.is_empty() || !open.is_empty() {
            let mut spool = shared.spool.as_ref().unwrap().lock().unwrap();
            let result = spool.take(left, open.iter(), 1);
            tell(|| {
                let numbers = |batches: &[Batch]| -> Vec<u64> {
                    batches.iter().map(crate::spool::octets_of).collect()
                };
                format!("put {:?} open {:?}: {result:?}", numbers(left), numbers(open))
            });
            shared.lock().see_spool(&spool);
            drop(spool);
            shared.work.notify_one();
            let appended = result.as_ref().map_or_else(|failed| failed.appended, |()| left.len());
            self.unforced.extend(left[..appended].iter().map(crate::spool::octets_of));
            left = &left[appended..];
            let wait = self.rng.random_range(0..30);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            if result.is_ok() {
                break;
            }
        }
    }

    fn look_at(&mut self, shared: &Shared) {
        let spool = shared.spool.as_ref().unwrap().lock().unwrap_or_else(PoisonError::into_inner);
        let stats = spool.stats();
        self.counted += stats.corrupt_segments + stats.corrupt_bytes + stats.dropped_rows;
        // A misdirected write may hit the end of the last segment: that looks as if it were torn.
        self.counted += u64::from(self.disk.misdirected() > 0) * stats.torn_bytes;
        self.forced.extend(self.database.left());
        // Whoever is killed and no more has lost nothing that the kernel had.
    }

    /// All is well again, everything is written.
    async fn end(mut self) {
        let shared = self.open();
        let writing = task::run(self.database.clone(), Arc::clone(&shared));
        let written = async {
            shared.lock().flush = true;
            shared.work.notify_one();
            // Not before it knows whether the database was taken back.
            while shared.lock().spool.records > 0 || shared.lock().counts.mark.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            biased;
            () = writing => unreachable!("it was not closed"),
            done = tokio::time::timeout(Duration::from_secs(100_000), written) => {
                done.expect("it does not come to its end");
            }
        }
        self.look_at(&shared);
        self.check();
    }

    fn check(&self) {
        let rows = self.database.rows();
        for (table, rows) in rows.iter().enumerate().take(TABLES) {
            let once: BTreeSet<u64> = rows.iter().copied().collect();
            assert_eq!(once.len(), rows.len(), "table {table} has rows twice: {rows:?}");
            assert!(once.iter().all(|row| (1..=self.last).contains(row)), "{rows:?}");
            let missing: Vec<u64> = self.forced.difference(&once).copied().collect();
            let damaged = self.disk.misdirected() > 0;
            assert!(
                missing.is_empty() || damaged && self.counted > 0,
                "table {table} lacks {missing:?}; damaged: {damaged}, counted: {}",
                self.counted
            );
        }
        let sets = rows.clone().map(|rows| rows.into_iter().collect::<BTreeSet<u64>>());
        // A group of which one table had its part may be what the damage has hit.
        let whole = self.disk.misdirected() == 0;
        assert!(!whole || sets.iter().all(|table| *table == sets[0]), "{rows:?}");
    }
}

fn run(seed: u64) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(Simulation::new(seed).run());
}

#[test]
fn every_batch_is_written_once_whatever_happens() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("ETIAGE_SEED") {
        return run(seed);
    }
    FOUND.into_iter().for_each(run);
    let seeds = number("ETIAGE_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let failed = std::panic::catch_unwind(|| run(seed)).is_err();
                    if failed {
                        next.store(seeds, Ordering::Relaxed);
                        panic!("seed {seed} fails: run it alone with ETIAGE_SEED={seed}");
                    }
                }
            });
        }
    });
}
