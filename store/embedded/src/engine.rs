//! The engine behind a bounded queue: a few threads, each running one request at a time.

use std::ffi::CString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::ffi::{Api, Connection};

/// What a request brings besides its statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// The database that unqualified table names mean.
    pub database: Option<String>,
    /// Settings by name, applied in this order; names are checked identifiers.
    pub settings: Vec<(String, String)>,
    /// Values for `{name:Type}`, in ClickHouse's escaped form.
    pub parameters: Vec<(String, String)>,
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
    /// Any statement whose text is complete.
    Query { session: Session, sql: String, format: String, answer: oneshot::Sender<Answer> },
    /// An INSERT whose data follows in pieces; `sql` without its FORMAT clause.
    Insert {
        session: Session,
        sql: String,
        format: String,
        data: mpsc::Receiver<Chunk>,
        answer: oneshot::Sender<Answer>,
    },
}

/// The running engine.
pub(crate) struct Engine {
    api: Api,
    /// Holds the engine open between requests: it stops with its last connection.
    first: Connection,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine on `directory` with `threads` threads that serve the returned queue.
    /// `None` if it cannot start; the engine itself writes the reason to standard error.
    pub(crate) fn start(
        api: Api,
        directory: &Path,
        configuration: &Path,
        threads: usize,
        queue: usize,
    ) -> Option<(Self, mpsc::Sender<Job>)> {
        let path = CString::new(format!("--path={}", directory.display())).ok()?;
        let file = CString::new(format!("--config-file={}", configuration.display())).ok()?;
        let arguments: Arc<[CString]> = Arc::new([path, file]);
        let first = api.connect(&arguments)?;
        first.query("SELECT 1", "Null", &[]).ok()?;
        let (sender, receiver) = mpsc::channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..threads)
            .filter_map(|number| {
                let (receiver, arguments) = (Arc::clone(&receiver), Arc::clone(&arguments));
                std::thread::Builder::new()
                    .name(format!("engine-{number}"))
                    .stack_size(8 << 20) // What ClickHouse's own recursion limits are made for.
                    .spawn(move || serve(api, &arguments, &receiver))
                    .ok()
            })
            .collect::<Vec<_>>();
        if threads.is_empty() {
            return None;
        }
        Some((Self { api, first, threads }, sender))
    }

    /// Waits for the requests under way, closes everything. Every sender must be gone.
    pub(crate) fn stop(self) {
        for thread in self.threads {
            drop(thread.join());
        }
        drop(self.first);
        self.api.shutdown();
    }
}

fn serve(api: Api, arguments: &[CString], queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match job {
            None => return,
            Some(Job::Query { session, sql, format, answer }) if !answer.is_closed() => {
                drop(answer.send(query(api, arguments, &session, &sql, &format)));
            }
            Some(Job::Insert { session, sql, format, mut data, answer }) if !answer.is_closed() => {
                drop(answer.send(insert(api, arguments, &session, &sql, &format, &mut data)));
            }
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
    for (name, value) in &session.settings {
        connection.query(&format!("SET {name} = {}", quote(value, '\'')), "Null", &[])?;
    }
    Ok(connection)
}

fn query(api: Api, arguments: &[CString], session: &Session, sql: &str, format: &str) -> Answer {
    open(api, arguments, session)?.query(sql, format, &session.parameters)
}

fn insert(
    api: Api,
    arguments: &[CString],
    session: &Session,
    sql: &str,
    format: &str,
    data: &mut mpsc::Receiver<Chunk>,
) -> Answer {
    let mut connection = open(api, arguments, session)?;
    let mut insert = connection.insert(sql, format)?;
    loop {
        match data.blocking_recv() {
            Some(Chunk::Data(bytes)) => insert.append(&bytes)?,
            Some(Chunk::End) => return insert.finish().map(|()| Vec::new()),
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
