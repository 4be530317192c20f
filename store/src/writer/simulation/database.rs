//! A database that answers late, twice or not at all, and that loses everything since its last mark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etiage_aggregator::Batch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use crate::Error;
use crate::durable::Marked;
use crate::spool::octets_of;
use crate::writer::database::Database;

/// Tables that each insert goes to, one after the other.
pub(super) const TABLES: usize = 3;

type Sent = BTreeMap<u128, (u64, u64)>;

/// What a power cut takes back, all at once.
#[derive(Clone, Debug, Default)]
struct Tables {
    rows: [Vec<u64>; TABLES],
    tokens: [BTreeSet<String>; TABLES],
    sent: Sent,
}

struct World {
    rng: StdRng,
    epoch: u64,
    tables: Tables,
    mark: Tables,
    /// Inserts whose sender has given up, and that still go on.
    late: Vec<(Vec<u64>, String)>,
    /// All numbers that ever left a spool: they were forced to its disk before.
    left: BTreeSet<u64>,
    /// One in so many steps goes wrong; 0 for none.
    errors: u32,
    /// Steps until the power is cut, if it is.
    until_crash: Option<u32>,
}

/// A handle; clones are of the same database.
#[derive(Clone)]
pub(super) struct SimulatedDatabase {
    world: Arc<Mutex<World>>,
    pub(super) crash: Arc<Notify>,
}

/// What happens, where a seed is run alone.
pub(super) fn tell(text: impl FnOnce() -> String) {
    if std::env::var_os("ETIAGE_SEED").is_some() {
        eprintln!("{}", text());
    }
}

fn failed(text: &str) -> Error {
    tell(|| format!("  {text}"));
    let source = clickhouse::error::Error::BadResponse(text.to_owned());
    Error::Query { what: "insert", source }
}

impl SimulatedDatabase {
    pub(super) fn new(seed: u64) -> Self {
        let world = World {
            rng: StdRng::seed_from_u64(seed),
            epoch: 1,
            tables: Tables::default(),
            mark: Tables::default(),
            late: Vec::new(),
            left: BTreeSet::new(),
            errors: 0,
            until_crash: None,
        };
        Self { world: Arc::new(Mutex::new(world)), crash: Arc::default() }
    }

    pub(super) fn fail_one_in(&self, steps: u32) {
        self.world.lock().unwrap().errors = steps;
    }

    /// The power is cut after so many steps.
    pub(super) fn crash_in(&self, steps: Option<u32>) {
        self.world.lock().unwrap().until_crash = steps;
    }

    /// Everything since the last mark is gone.
    pub(super) fn take_back(&self) {
        let mut world = self.world.lock().unwrap();
        tell(|| format!("taken back to {:?}", world.mark));
        world.tables = world.mark.clone();
        world.epoch += 1;
        world.late.clear();
    }

    /// The process was killed: what was under way has ended.
    pub(super) fn kill(&self) {
        self.world.lock().unwrap().late.clear();
    }

    pub(super) fn rows(&self) -> [Vec<u64>; TABLES] {
        self.world.lock().unwrap().tables.rows.clone()
    }

    pub(super) fn left(&self) -> BTreeSet<u64> {
        self.world.lock().unwrap().left.clone()
    }

    fn note(&self, numbers: &[u64], token: &str) {
        let mut world = self.world.lock().unwrap();
        world.left.extend(numbers);
        let mut words = token.split('-');
        let id = u128::from_str_radix(words.next().unwrap(), 16).unwrap();
        let mut number = || words.next().unwrap().parse().unwrap();
        let sent = (number(), number());
        world.tables.sent.insert(id, sent);
    }

    /// One step of the world: something late may happen, something may fail, the power may be cut.
    async fn step(&self) -> bool {
        let (fails, crashes) = {
            let mut world = self.world.lock().unwrap();
            if !world.late.is_empty() && world.rng.random_bool(0.3) {
                let (numbers, token) = world.late.remove(0);
                for table in 0..TABLES {
                    world.put(table, &numbers, &token);
                }
            }
            let errors = world.errors;
            let fails = errors > 0 && world.rng.random_ratio(1, errors);
            if let Some(left) = &mut world.until_crash {
                *left = left.saturating_sub(1);
            }
            (fails, world.until_crash == Some(0))
        };
        if crashes {
            self.crash.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        fails
    }
}

impl World {
    fn put(&mut self, table: usize, numbers: &[u64], token: &str) {
        if self.tables.tokens[table].insert(token.to_owned()) {
            self.tables.rows[table].extend(numbers);
        }
    }
}

impl Database for SimulatedDatabase {
    const INLINE: bool = true;

    async fn insert(&self, batches: &[Batch], token: &str, epoch: u64) -> Result<(), Error> {
        let numbers: Vec<u64> = batches.iter().map(octets_of).collect();
        tell(|| format!("insert {token} {epoch}: {numbers:?}"));
        if self.step().await {
            return Err(failed("Code: 210. DB::Exception: it is away"));
        }
        if self.world.lock().unwrap().epoch != epoch {
            return Err(failed("Code: 236. DB::Exception: (ETIAGE_EPOCH)"));
        }
        self.note(&numbers, token);
        for table in 0..TABLES {
            if self.step().await {
                // It goes on or does not; whoever asked hears nothing of it.
                let mut world = self.world.lock().unwrap();
                if world.rng.random_bool(0.5) && world.epoch == epoch {
                    world.late.push((numbers, token.to_owned()));
                }
                return Err(failed("Code: 209. DB::Exception: timeout"));
            }
            let mut world = self.world.lock().unwrap();
            if world.epoch != epoch {
                return Err(failed("Code: 210. DB::Exception: it has gone"));
            }
            world.put(table, &numbers, token);
        }
        match self.step().await {
            true => Err(failed("Code: 209. DB::Exception: the answer is lost")),
            false => Ok(()),
        }
    }

    async fn marked(&self, take: bool) -> Result<Option<Marked>, Error> {
        if self.step().await {
            return Err(failed("Code: 209. DB::Exception: no mark"));
        }
        let mut world = self.world.lock().unwrap();
        if take || world.rng.random_bool(0.5) {
            world.mark = world.tables.clone();
        }
        let (epoch, spools) = (world.epoch, world.mark.sent.clone());
        Ok(Some(Marked { epoch, age: 0, failure: None, spools }))
    }
}
