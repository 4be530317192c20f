//! How the client reaches the database: over TCP to a server, over a Unix socket to the embedded engine.

use std::io;
use std::path::PathBuf;

use clickhouse::Client;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::geteuid;
use tokio::net::UnixStream;

use crate::Settings;
use crate::embedded::Presence;

/// What the URL of a Unix socket begins with.
pub(crate) const UNIX: &str = "unix:";
/// The header that puts a statement of the writer into a lane of its own in the engine's program.
const WRITER: (&str, &str) = ("x-etiage-lane", "writer");
/// The one that puts a sign of life into its lane.
pub(crate) const LIFE: (&str, &str) = ("x-etiage-lane", "life");
/// What the engine is called in requests; nothing is looked up by it.
const HOST: &str = "http://engine";
/// Idle connections are closed before the other side can be thought to do so: as the client crate does.
const IDLE: std::time::Duration = std::time::Duration::from_secs(2);

impl Settings {
    /// A plain client of this database, for what the store itself does not ask.
    pub fn client(&self) -> Client {
        let client = match self.url.strip_prefix(UNIX) {
            None => Client::default().with_url(self.url.trim_end_matches('/')),
            Some(path) => over_socket(PathBuf::from(path), self.engine.clone()),
        };
        let client = client.with_user(&self.user).with_database(&self.database);
        match &self.password {
            Some(password) => client.with_password(password),
            None => client,
        }
    }
}

/// The same client for what is written: no question stands before it.
pub(crate) fn writing(client: &Client, settings: &Settings) -> Client {
    match settings.url.starts_with(UNIX) {
        true => client.clone().with_header(WRITER.0, WRITER.1),
        // A server of its own has settings of its own for that.
        false => client.clone(),
    }
}

fn over_socket(path: PathBuf, engine: Option<Presence>) -> Client {
    let connector =
        tower::service_fn(move |_: hyper::Uri| Box::pin(connect(path.clone(), engine.clone())));
    let client = HttpClient::builder(TokioExecutor::new())
        .pool_timer(hyper_util::rt::TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector);
    Client::with_http_client(client).with_url(HOST)
}

/// Connects, and makes sure who answers before a word is sent: this user, and the process that was started.
async fn connect(path: PathBuf, engine: Option<Presence>) -> io::Result<TokioIo<UnixStream>> {
    let stream = UnixStream::connect(&path).await?;
    let peer = stream.peer_cred()?;
    let own = geteuid().as_raw();
    if peer.uid() != own {
        let reason = format!("{} is served by user {}, not by {own}", path.display(), peer.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let started = engine.and_then(|engine| engine.pid());
    if let (Some(started), Some(serves)) = (started, peer.pid())
        && u32::try_from(serves) != Ok(started)
    {
        let reason = format!(
            "{} is served by process {serves}, not by the engine {started}",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(TokioIo::new(stream))
}
