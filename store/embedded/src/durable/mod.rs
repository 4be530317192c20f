//! What is acknowledged is on the disk: durable marks, and the way back to the last one.
//!
//! The engine forces nothing to disk by itself, and an `fsync` of each file of each insert's twenty tables
//! would cost more than the inserts. Instead the data directory is check-pointed. Every so often, while
//! no insert runs, the active parts of all tables are listed; then inserts go on, and one `syncfs` forces
//! what was listed to disk; then the list is written down with how far each spool had come. Until
//! then spools keep what was acknowledged. After a power cut the directory is taken back to the list,
//! the deduplication logs with it, and the spools send what came after once more: nothing is lost, and
//! nothing is there twice.
//!
//! Merged parts stay as long as `OLD_PARTS_SECS`, which is longer than marks may be overdue. Tables with
//! `fsync_after_insert` look after themselves, and are no part of this.

mod gate;
mod mark;
mod part;
mod start;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::gate::{Ending, Gate, Kind, Running};
use self::mark::{Mark, Table};
use crate::engine::{Answer, Session};
use crate::ffi::{Api, Connection};

/// Time between two marks: what a spool keeps beyond what was acknowledged.
const EVERY: Duration = Duration::from_secs(30);
/// Statements that change tables are followed by a mark so soon.
const SOON: Duration = Duration::from_secs(2);
/// Without a mark for so long nothing is inserted and merged any more.
const OVERDUE: Duration = Duration::from_secs(120);
/// Merged parts are kept for so long: as long as marks may be overdue, and as long again for the next one.
pub(crate) const OLD_PARTS_SECS: u64 = 240;
/// How long inserts that run may keep a mark waiting.
const QUIET: Duration = Duration::from_secs(20);

/// What is asked for a mark now.
const TAKE: &str = "SYSTEM DURABLE MARK";
/// What is asked for the last one.
const STATE: &str = "SYSTEM DURABLE STATE";

/// Parts of all tables that do not force their inserts to disk, and a line without a part for each table.
const LIST: &str = "WITH (SELECT groupArray((database, name)) FROM system.tables \
     WHERE engine LIKE '%MergeTree' AND engine_full NOT LIKE '%fsync_after_insert = 1%') AS known \
     SELECT arrayStringConcat(arraySlice(splitByChar('/', path), -5, 3), '/'), name \
     FROM system.parts WHERE active AND has(known, (database, table)) \
     UNION ALL SELECT arrayStringConcat(arraySlice(splitByChar('/', data_paths[1]), -4, 3), '/'), '' \
     FROM system.tables WHERE has(known, (database, name))";

/// Marks of one data directory.
pub(crate) struct Durable {
    directory: PathBuf,
    /// Open since before the engine was: the kernel reports each failure to write out once for each open file.
    root: File,
    gate: Gate,
    last: Mutex<Last>,
    changed: Condvar,
    /// One mark at a time.
    taking: Mutex<()>,
    /// How long the engine may take to end an insert whose data has come.
    insert_limit: Duration,
}

/// The last durable mark.
struct Last {
    mark: Mark,
    taken: Instant,
    /// Why there is no newer one.
    failure: Option<String>,
    overdue: bool,
    ending: bool,
}

/// Why there is no mark.
enum Failed {
    /// Another time, perhaps.
    Passing(String),
    /// What the kernel had taken could not be written out. It counts as clean from now on: only the last
    /// mark is certain.
    Disk(io::Error),
}

impl Durable {
    /// Makes the directory ready for the engine: takes it back to the last mark if need be.
    pub(crate) fn prepare(directory: &Path, insert_limit: Duration) -> io::Result<Arc<Self>> {
        let mark = start::prepare(directory)?;
        Ok(Arc::new(Self {
            directory: directory.to_owned(),
            root: File::open(directory)?,
            gate: Gate::new(&mark),
            last: Mutex::new(Last {
                mark,
                taken: Instant::now(),
                failure: None,
                overdue: false,
                ending: false,
            }),
            changed: Condvar::new(),
            taking: Mutex::new(()),
            insert_limit,
        }))
    }

    /// Starts to take marks. `arguments` are the engine's.
    pub(crate) fn watch(
        self: &Arc<Self>,
        api: Api,
        arguments: Arc<[CString]>,
    ) -> io::Result<JoinHandle<()>> {
        // Apart from the marks, which may themselves wait for what does not end.
        let this = Arc::clone(self);
        let watchdog = std::thread::Builder::new().name("watchdog".to_owned());
        watchdog.spawn(move || {
            while this.pause() {
                this.see_stuck()
            }
        })?;
        let this = Arc::clone(self);
        let thread = std::thread::Builder::new().name("marks".to_owned()).stack_size(8 << 20);
        thread.spawn(move || this.keep_marking(api, &arguments))
    }

    /// Runs a statement at a moment at which it may run.
    pub(crate) fn query(
        &self,
        api: Api,
        arguments: &[CString],
        session: &Session,
        sql: &str,
        run: impl FnOnce() -> Answer,
    ) -> Answer {
        if matches!(sql.trim(), TAKE | STATE) {
            return self.answer(api, arguments, sql);
        }
        let _running = self.admit(api, arguments, sql, session)?;
        run()
    }

    /// Lets a statement run, or says why not. What changes tables is held back while they are listed.
    fn admit(
        &self,
        api: Api,
        arguments: &[CString],
        sql: &str,
        session: &Session,
    ) -> Result<Running<'_>, String> {
        let kind = Kind::of(sql);
        if kind == Kind::Reads {
            return Ok(self.gate.reads());
        }
        if kind == Kind::Inserts && self.lock().overdue {
            let reason = self.lock().failure.clone().unwrap_or_default();
            return Err(format!(
                "Code: 75. DB::Exception: Nothing is inserted, for what was inserted cannot be forced to \
                 disk: {reason}. (CANNOT_WRITE_TO_FILE_DESCRIPTOR)"
            ));
        }
        let spool = gate::spool_of(session);
        if self.gate.wants_a_mark(kind, spool.is_some()) {
            self.take(api, arguments).map_err(|failed| {
                format!("Code: 75. DB::Exception: {failed} (CANNOT_WRITE_TO_FILE_DESCRIPTOR)")
            })?;
        }
        if session.epoch.is_some_and(|epoch| epoch != self.lock().mark.epoch) {
            // The spool's next step is to look at the mark, and to go back to it.
            return Err(
                "Code: 236. DB::Exception: The data was taken back to the last durable mark. \
                        (ETIAGE_EPOCH)"
                    .to_owned(),
            );
        }
        Ok(self.gate.enter(kind, spool))
    }

    /// Answers a statement of this program's own: epoch, seconds since the last mark, whether marks are overdue and why; then each
    /// spool's id and its group.
    fn answer(&self, api: Api, arguments: &[CString], sql: &str) -> Answer {
        if sql.trim() == TAKE {
            self.take(api, arguments)
                .map_err(|failed| format!("Code: 75. DB::Exception: {failed}"))?;
        }
        let last = self.lock();
        let failure = last.failure.as_deref().unwrap_or_default().replace(['\t', '\n'], " ");
        let age = last.taken.elapsed().as_secs();
        let mut text = format!("{}\t{age}\t{}\t{failure}\n", last.mark.epoch, last.overdue);
        for (id, (first, last)) in &last.mark.spools {
            let _ = writeln!(text, "{id:032x}\t{first}\t{last}"); // Writing to a string cannot fail.
        }
        Ok(text.into_bytes())
    }

    /// Before the engine is closed, once no request is left: nothing is merged any more, and what there is, is marked.
    pub(crate) fn end(&self, api: Api, arguments: &[CString], watcher: JoinHandle<()>) {
        self.lock().ending = true;
        self.changed.notify_all();
        drop(watcher.join());
        let Some(connection) = api.connect(arguments) else { return };
        drop(connection.query("SYSTEM STOP MERGES", "Null", &[]));
        let deadline = Instant::now() + SOON;
        let merging = || connection.query("SELECT 1 FROM system.merges LIMIT 1", "TSV", &[]);
        while merging().is_ok_and(|some| !some.is_empty()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(connection);
        if let Err(failed) = self.take(api, arguments) {
            eprintln!("etiage-clickhouse: {failed}");
            self.keep_merged();
        }
    }

    /// After it was closed: the next start finds all of it on the disk.
    pub(crate) fn closed(&self) {
        if self.lock().failure.is_some() {
            return; // As if it were killed.
        }
        let mark = self.lock().mark.clone();
        if let Err(error) = start::close(&self.directory, mark) {
            eprintln!("etiage-clickhouse: cannot force the data to disk: {error}");
        }
    }

    /// Notes that an insert's data has come; one that does not end then ends the process.
    pub(crate) fn ends(&self) -> Ending<'_> {
        self.gate.ends(Instant::now())
    }

    /// An insert that the engine never ends would hold back every mark, and later every insert. The
    /// next process begins with what is there, and the insert is repeated with the token it had.
    fn see_stuck(&self) {
        let longest = self.gate.longest_ending(Instant::now());
        if longest > self.insert_limit {
            let secs = longest.as_secs();
            eprintln!(
                "etiage-clickhouse: an insert has not ended for {secs} s: starting anew, it will be \
                 repeated"
            );
            kill_self();
        }
    }

    /// Waits for a moment; false if the process ends.
    fn pause(&self) -> bool {
        let last = self.lock();
        let waited = self.changed.wait_timeout_while(last, SOON, |last| !last.ending);
        !waited.unwrap_or_else(PoisonError::into_inner).0.ending
    }

    fn keep_marking(&self, api: Api, arguments: &[CString]) {
        loop {
            if !self.pause() {
                return;
            }
            let last = self.lock();
            let failed_before = last.failure.is_some();
            let due = failed_before || self.gate.is_changed() || last.taken.elapsed() >= EVERY;
            drop(last);
            if due
                && let Err(failed) = self.take(api, arguments)
                && !failed_before
            {
                eprintln!("etiage-clickhouse: {failed}");
            }
            self.see_overdue(api, arguments);
        }
    }

    /// Takes a mark; it is on the disk when this returns.
    fn take(&self, api: Api, arguments: &[CString]) -> Result<(), Failed> {
        let _one = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = api
            .connect(arguments)
            .ok_or_else(|| Failed::Passing("the engine refuses connections".to_owned()))
            .and_then(|connection| self.take_with(&connection));
        let mut last = self.lock();
        match taken {
            Ok(mark) => {
                (last.mark, last.taken, last.failure) = (mark, Instant::now(), None);
                // What stays costs room until the next time, and no more.
                let _ = start::forget_kept(&self.directory);
                Ok(())
            }
            Err(failed) => {
                last.failure = Some(failed.to_string());
                drop(last);
                self.gate.mark_failed();
                if let Failed::Disk(error) = &failed {
                    self.give_up(error);
                }
                Err(failed)
            }
        }
    }

    fn take_with(&self, connection: &Connection) -> Result<Mark, Failed> {
        let before = self.lock().mark.clone();
        let epoch = before.epoch;
        let listed = self.gate.while_quiet(QUIET, |spools| {
            let rows = connection.query(LIST, "TSV", &[]).map_err(Failed::Passing)?;
            let mut mark = Mark { epoch, spools, tables: listed(&rows) };
            for (path, table) in &mut mark.tables {
                table.logs = start::logs(&self.directory.join(path))
                    .map_err(|error| Failed::Passing(error.to_string()))?;
            }
            Ok(mark)
        });
        let mark = listed.unwrap_or_else(|| {
            let secs = QUIET.as_secs();
            Err(Failed::Passing(format!("an insert has been running for {secs} s")))
        })?;
        if mark == before {
            return Ok(mark); // All of it is on the disk already.
        }
        start::sync(&self.root).map_err(Failed::Disk)?;
        mark.write(&self.directory).map_err(|error| Failed::Passing(error.to_string()))?;
        Ok(mark)
    }

    /// Without marks merged parts would be deleted whose results are not on the disk.
    fn see_overdue(&self, api: Api, arguments: &[CString]) {
        let mut last = self.lock();
        let overdue = last.failure.is_some() && last.taken.elapsed() >= OVERDUE;
        if overdue == std::mem::replace(&mut last.overdue, overdue) {
            return;
        }
        drop(last);
        let verb = if overdue { "STOP" } else { "START" };
        if let Some(connection) = api.connect(arguments) {
            drop(connection.query(&format!("SYSTEM {verb} MERGES"), "Null", &[]));
        }
        if overdue {
            self.keep_merged();
        }
    }

    fn keep_merged(&self) {
        let mark = self.lock().mark.clone();
        if let Err(error) = start::keep_aside(&self.directory, &mark) {
            eprintln!(
                "etiage-clickhouse: cannot keep what was merged since the last mark: {error}"
            );
        }
    }

    /// Ends the process at once. The next one goes back to the last mark, as after a power cut.
    fn give_up(&self, error: &io::Error) {
        eprintln!(
            "etiage-clickhouse: the disk did not take what was written ({error}): going back to the last \
             durable mark"
        );
        // If that cannot be written either, the mark stays where it is all the same.
        let _ = mark::write_whole(&self.directory, start::RUNNING, "failed\n");
        kill_self();
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At once, without waiting for what does not end.
fn kill_self() {
    let own = rustix::process::getpid();
    let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
}

/// The tables of the answer to `LIST`.
fn listed(rows: &[u8]) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::<String, Table>::new();
    for line in String::from_utf8_lossy(rows).lines() {
        let Some((directory, part)) = line.split_once('\t') else { continue };
        let table = tables.entry(directory.to_owned()).or_default();
        if !part.is_empty() {
            table.parts.insert(part.to_owned());
        }
    }
    tables
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passing(reason) => write!(formatter, "cannot take a durable mark: {reason}"),
            Self::Disk(error) => write!(formatter, "cannot force the data to disk: {error}"),
        }
    }
}
