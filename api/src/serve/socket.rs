//! A socket of the file system that only the proxy may open.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream as Knock;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The socket. Its file goes with it.
#[derive(Debug)]
pub struct ProxySocket {
    listener: UnixListener,
    path: PathBuf,
    user: u32,
}

/// A socket that is bound, and not yet served.
#[derive(Debug)]
pub struct BoundProxySocket {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
    user: u32,
}

impl BoundProxySocket {
    /// Listens there for this user (and root). Where the file can be given to the user, the system keeps all
    /// others out; in any case it says whose process has connected, and others are hung up on.
    ///
    /// # Errors
    /// What the system says; [`ErrorKind::AddrInUse`] where another process listens there.
    pub fn bind(path: &Path, user: u32) -> io::Result<Self> {
        remove_stale(path)?;
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let own = Self { listener, path: path.to_owned(), user };
        let mode = if chown(path, Some(user), None).is_ok() { 0o600 } else { 0o666 };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        Ok(own)
    }

    /// Ready to be served.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// Outside an async runtime.
    pub fn open(self) -> io::Result<ProxySocket> {
        let Self { listener, path, user } = self;
        Ok(ProxySocket { listener: UnixListener::from_std(listener)?, path, user })
    }
}

impl ProxySocket {
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// Whether this is the proxy.
    pub(super) fn admits(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.user || peer.uid() == 0)
    }
}

/// Removes what a process that was killed has left.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is not a socket"))
        }
        Ok(_) => match Knock::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::AddrInUse.into()),
        },
    }
}

impl Drop for ProxySocket {
    fn drop(&mut self) {
        // At the next start it is removed as well.
        let _ = fs::remove_file(&self.path);
    }
}
