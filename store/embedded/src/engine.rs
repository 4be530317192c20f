//! The engine behind bounded queues: a few threads for each, every one running one request at a time.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::durable::Durable;
use crate::ffi::{Api, Connection};
use crate::lanes::{LIFE_QUEUE, LIFE_THREADS, Label, Lanes, WRITER_QUEUE, WRITER_THREADS};

/// What a request brings besides its statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// The database that unqualified table names mean.
    pub database: Option<String>,
    /// Settings by name, applied in this order; names are checked identifiers.
    pub settings: Vec<(String, String)>,
    /// Values for `{name:Type}`, in ClickHouse's escaped form.
    pub parameters: Vec<(String, String)>,
    /// The rollback that who inserts knows of last; see [`crate::durable`].
    pub epoch: Option<u64>,
}

/// A piece of an insert's data. An insert whose channel closes without `End` is cancelled.
pub(crate) enum Chunk {
    Data(axum::body::Bytes),
    End,
}

/// What a request is answered: the result's bytes, or the engine's error text.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// One request on its way to the engine.
pub(crate) enum Job {
    /// Any statement whose text is complete. With a label it is cancelled by [`Job::Cancel`].
    Query {
        session: Session,
        sql: String,
        format: String,
        label: Option<Label>,
        answer: oneshot::Sender<Answer>,
    },
    /// An INSERT whose data follows in pieces; `sql` without its FORMAT clause.
    Insert {
        session: Session,
        sql: String,
        format: String,
        data: mpsc::Receiver<Chunk>,
        answer: oneshot::Sender<Answer>,
    },
    /// Ends the query of this label, wherever it is.
    Cancel { label: String },
}

/// The running engine.
pub(crate) struct Engine {
    api: Api,
    /// Holds the engine open between requests: it stops with its last connection.
    first: Connection,
    threads: Vec<JoinHandle<()>>,
    durable: Arc<Durable>,
    arguments: Arc<[CString]>,
    marks: JoinHandle<()>,
}

impl Engine {
    /// Starts the engine on `directory`, with `threads` threads that answer questions, and those of the other
    /// lanes. `None` if it cannot start; the engine itself writes the reason to standard error.
    pub(crate) fn start(
        api: Api,
        directory: &Path,
        configuration: &Path,
        threads: usize,
        queue: usize,
        durable: &Arc<Durable>,
    ) -> Option<(Self, Lanes)> {
        let path = CString::new(format!("--path={}", directory.display())).ok()?;
        let file = CString::new(format!("--config-file={}", configuration.display())).ok()?;
        let arguments: Arc<[CString]> = Arc::new([path, file]);
        let first = api.connect(&arguments)?;
        first.query("SELECT 1", "Null", &[]).ok()?;
        let mut all = Vec::new();
        let mut lane = |name: &str, threads: usize, queue: usize| {
            let (sender, receiver) = mpsc::channel(queue);
            let receiver = Arc::new(Mutex::new(receiver));
            let started = (0..threads).filter_map(|number| {
                let (receiver, arguments) = (Arc::clone(&receiver), Arc::clone(&arguments));
                let durable = Arc::clone(durable);
                std::thread::Builder::new()
                    .name(format!("{name}-{number}"))
                    .stack_size(8 << 20) // What ClickHouse's own recursion limits are made for.
                    .spawn(move || serve(api, &arguments, &receiver, &durable))
                    .ok()
            });
            let before = all.len();
            all.extend(started);
            (all.len() > before).then_some(sender)
        };
        let lanes = Lanes {
            questions: lane("question", threads, queue)?,
            writer: lane("writer", WRITER_THREADS, WRITER_QUEUE)?,
            life: lane("life", LIFE_THREADS, LIFE_QUEUE)?,
        };
        let marks = durable.watch(api, Arc::clone(&arguments)).ok()?;
        let durable = Arc::clone(durable);
        Some((Self { api, first, threads: all, durable, arguments, marks }, lanes))
    }

    /// Waits for the requests under way, closes everything. Every sender must be gone.
    pub(crate) fn stop(self) {
        for thread in self.threads {
            drop(thread.join());
        }
        self.durable.end(self.api, &self.arguments, self.marks);
        drop(self.first);
        self.api.shutdown();
        self.durable.closed();
    }
}

fn serve(api: Api, arguments: &[CString], queue: &Mutex<mpsc::Receiver<Job>>, durable: &Durable) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match job {
            None => return,
            Some(Job::Query { session, sql, format, label, answer }) if !answer.is_closed() => {
                let label = label.as_ref();
                let answered = durable.query(api, arguments, &session, &sql, || {
                    query(api, arguments, &session, &sql, &format, label)
                });
                drop(answer.send(answered));
            }
            Some(Job::Insert { session, sql, format, mut data, answer }) if !answer.is_closed() => {
                let answered = durable.query(api, arguments, &session, &sql, || {
                    insert(api, arguments, &session, &sql, &format, &mut data, durable)
                });
                drop(answer.send(answered));
            }
            Some(Job::Cancel { label }) => cancel(api, arguments, &label),
            Some(_) => {} // Whoever asked has gone away.
        }
    }
}

/// Opens a session for one request: under a millisecond, and nothing of the previous request's
/// settings, database or temporary tables can leak into it.
fn open(api: Api, arguments: &[CString], session: &Session) -> Result<Connection, String> {
    let connection =
        api.connect(arguments).ok_or_else(|| "the engine refuses connections".to_owned())?;
    if let Some(database) = &session.database {
        connection.query(&format!("USE {}", quote(database, '`')), "Null", &[])?;
    }
    let settings: Vec<_> = session
        .settings
        .iter()
        .map(|(name, value)| format!("{name} = {}", quote(value, '\'')))
        .collect();
    if !settings.is_empty() {
        connection.query(&format!("SET {}", settings.join(", ")), "Null", &[])?;
    }
    Ok(connection)
}

fn query(
    api: Api,
    arguments: &[CString],
    session: &Session,
    sql: &str,
    format: &str,
    label: Option<&Label>,
) -> Answer {
    let connection = open(api, arguments, session)?;
    let mark = |running| {
        if let Some(label) = label {
            label.running.store(running, Ordering::Release);
        }
    };
    mark(true);
    let answer = connection.query(sql, format, &session.parameters);
    mark(false);
    answer
}

/// Best effort: a question that goes on nevertheless ends at its own limit of time.
fn cancel(api: Api, arguments: &[CString], label: &str) {
    let label = quote(label, '\'');
    let sql = format!("KILL QUERY WHERE Settings['log_comment'] = {label} ASYNC");
    if let Err(error) =
        open(api, arguments, &Session::default()).and_then(|own| own.query(&sql, "Null", &[]))
    {
        eprintln!("etiage-clickhouse: a question that nobody waits for goes on: {error}");
    }
}

fn insert(
    api: Api,
    arguments: &[CString],
    session: &Session,
    sql: &str,
    format: &str,
    data: &mut mpsc::Receiver<Chunk>,
    durable: &Durable,
) -> Answer {
    let mut connection = open(api, arguments, session)?;
    let mut insert = connection.insert(sql, format)?;
    loop {
        match data.blocking_recv() {
            Some(Chunk::Data(bytes)) => insert.append(&bytes)?,
            Some(Chunk::End) => {
                let _ends = durable.ends();
                return insert.finish().map(|()| Vec::new());
            }
            None => return Err("the request ended before its data did".to_owned()),
        }
    }
}

/// A string or identifier as ClickHouse reads it between `mark`s.
fn quote(text: &str, mark: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for character in text.chars() {
        if character == mark || character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push(mark);
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quote("a", '`'), "`a`");
        assert_eq!(quote(r"a'; DROP DATABASE x; --", '\''), r"'a\'; DROP DATABASE x; --'");
        assert_eq!(quote(r"a\", '\''), r"'a\\'");
        assert_eq!(quote(r"a\`b", '`'), r"`a\\\`b`");
    }
}
