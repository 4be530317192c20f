//! The Unix socket: in a directory that is this user's alone, and only for this user's processes.
//!
//! A TCP port on the loopback interface is anybody's: whoever binds it after a crash is sent the password
//! and every row. Here nobody else can reach the socket's name, and the kernel says who is at the other end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::serve::Listener;
use rustix::process::geteuid;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

/// Why the socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Somebody else could put another socket in this one's place.
    #[error(
        "the socket's directory {} must belong to the user who runs this, and to nobody else \
         (mode 0700; it is {mode:04o} of user {owner})",
        path.display()
    )]
    Shared { path: PathBuf, mode: u32, owner: u32 },
    /// Something is there that is not a socket without a server.
    #[error("cannot listen on {}: {reason}", path.display())]
    Taken { path: PathBuf, reason: &'static str },
    /// It cannot be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

/// The listening socket, which lets in processes of its own user only; its name goes when it is dropped.
///
/// Not even root's: root can become that user, and one rule is easier to trust than two.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    refused: AtomicU64,
}

impl Socket {
    /// Listens, in place of the socket that an earlier process may have left.
    pub(crate) fn listen(path: &Path) -> Result<Self, SocketError> {
        let unusable = |source| SocketError::Unusable { path: path.to_owned(), source };
        own(path.parent().unwrap_or(Path::new("/")))?;
        clear(path)?;
        let listener = UnixListener::bind(path).map_err(unusable)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        Ok(Self { listener, path: path.to_owned(), refused: AtomicU64::new(0) })
    }

    /// Whether the process at the other end may ask; says so once at 1, 2, 4, 8, … who may not.
    fn admits(&self, stream: &UnixStream) -> bool {
        let peer = stream.peer_cred();
        if peer.as_ref().is_ok_and(|peer| peer.uid() == geteuid().as_raw()) {
            return true;
        }
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if refused.is_power_of_two() {
            let who = match peer {
                Ok(peer) => format!("a process of user {}", peer.uid()),
                Err(error) => format!("an unknown process ({error})"),
            };
            eprintln!("etiage-clickhouse: {who} may not connect ({refused} refused so far)");
        }
        false
    }
}

impl Listener for Socket {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if self.admits(&stream) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // The next one clears it, too.
    }
}

/// Nobody else can write in the directory, nor replace it by another while it is looked at: it is not a link.
fn own(directory: &Path) -> Result<(), SocketError> {
    let path = || directory.to_owned();
    let data = fs::symlink_metadata(directory)
        .map_err(|source| SocketError::Unusable { path: path(), source })?;
    let mode = data.mode() & 0o7777;
    if !data.is_dir() || data.uid() != geteuid().as_raw() || mode & 0o077 != 0 {
        return Err(SocketError::Shared { path: path(), mode, owner: data.uid() });
    }
    Ok(())
}

/// Removes a socket behind which nobody listens any more.
fn clear(path: &Path) -> Result<(), SocketError> {
    let taken = |reason| Err(SocketError::Taken { path: path.to_owned(), reason });
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(data) if !data.file_type().is_socket() => taken("something else is there"),
        Ok(_) if Probe::connect(path).is_ok() => taken("another process serves there"),
        Ok(_) => fs::remove_file(path)
            .map_err(|source| SocketError::Unusable { path: path.to_owned(), source }),
        Err(source) => Err(SocketError::Unusable { path: path.to_owned(), source }),
    }
}
