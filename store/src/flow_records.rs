//! The way of flow records to the database: a bounded queue, and what finds no room in it is dropped and counted.
//!
//! They do not go through the spool: volumes must be whole, records are a sample, and a database that is away for
//! an hour must not cost the spool's room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::{NewFlowRecord, Store};

/// Records that wait at most: some 20 MB.
const QUEUE: usize = 65_536;
/// Records of one insert at most.
const BLOCK: usize = 20_000;
/// How long the first of them waits for others.
const COLLECT: Duration = Duration::from_secs(2);
/// Attempts to insert before a block is given up.
const ATTEMPTS: u32 = 6;
/// The first pause after a failed attempt; doubled with each: a minute in all.
const PAUSE: Duration = Duration::from_secs(2);

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowRecordStats {
    /// Records that the database has.
    pub written: u64,
    /// Records that were dropped: too many waited, or the database did not take them.
    pub dropped: u64,
}

/// Takes records; clones take into the same queue.
#[derive(Clone, Debug)]
pub struct FlowRecords {
    sender: mpsc::Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Record(Box<NewFlowRecord>),
    /// To be answered once all before it is written or given up.
    Flush(oneshot::Sender<()>),
}

impl FlowRecords {
    /// Starts the task that writes. It ends when nobody holds this any more.
    pub fn spawn(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        tokio::spawn(write(store, receiver, counts.clone()));
        Self { sender, counts }
    }

    /// Takes a record; where too many wait it is dropped and counted. Never waits.
    pub fn push(&self, record: NewFlowRecord) {
        if self.sender.try_send(Message::Record(Box::new(record))).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was taken is written or given up.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            // An error means that the task has ended, and there is nothing to wait for.
            let _ = flushed.await;
        }
    }

    /// Numbers since the start.
    pub fn stats(&self) -> FlowRecordStats {
        FlowRecordStats {
            written: self.counts.written.load(Ordering::Relaxed),
            dropped: self.counts.dropped.load(Ordering::Relaxed),
        }
    }
}

async fn write(store: Store, mut receiver: mpsc::Receiver<Message>, counts: Arc<Counts>) {
    let mut block = Vec::new();
    loop {
        let mut flushed = Vec::new();
        let Some(first) = receiver.recv().await else { return };
        take(first, &mut block, &mut flushed);
        let collected = sleep(COLLECT);
        tokio::pin!(collected);
        while block.len() < BLOCK && flushed.is_empty() {
            tokio::select! {
                () = &mut collected => break,
                message = receiver.recv() => match message {
                    Some(message) => take(message, &mut block, &mut flushed),
                    None => break,
                },
            }
        }
        let records = block.len() as u64;
        let written = insert(&store, &block).await;
        let count = if written { &counts.written } else { &counts.dropped };
        count.fetch_add(records, Ordering::Relaxed);
        block.clear();
        for done in flushed {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

fn take(message: Message, block: &mut Vec<NewFlowRecord>, flushed: &mut Vec<oneshot::Sender<()>>) {
    match message {
        Message::Record(record) => block.push(*record),
        Message::Flush(done) => flushed.push(done),
    }
}

/// Whether the database has taken them. An answer that got lost makes them be there twice, which a sample can
/// bear.
async fn insert(store: &Store, records: &[NewFlowRecord]) -> bool {
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS {
        match store.add_flow_records(records).await {
            Ok(()) => return true,
            Err(error) if attempt == ATTEMPTS => {
                let lost = records.len();
                tracing::warn!("{lost} records of flows are dropped: {error}");
            }
            Err(_) => {
                sleep(pause).await;
                pause *= 2;
            }
        }
    }
    false
}
