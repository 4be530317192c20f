//! One table for all workers, exchanged while they work.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Networks;

/// The table that is in use. Workers look at it through a [`NetworksReader`] each.
#[derive(Debug, Default)]
pub struct SharedNetworks {
    current: RwLock<Arc<Networks>>,
    version: AtomicU64,
}

impl SharedNetworks {
    /// With this table.
    pub fn new(networks: Networks) -> Self {
        Self { current: RwLock::new(Arc::new(networks)), version: AtomicU64::new(0) }
    }

    /// Puts another table in its place.
    pub fn replace(&self, networks: Networks) {
        // Whatever a panicking thread left is still a whole table.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(networks);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The table in use now.
    pub fn get(&self) -> Arc<Networks> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One worker's view of the table: no lock on the way of a packet.
#[derive(Debug)]
pub struct NetworksReader {
    shared: Arc<SharedNetworks>,
    table: Arc<Networks>,
    version: u64,
}

impl NetworksReader {
    /// A view of this table.
    pub fn new(shared: Arc<SharedNetworks>) -> Self {
        let version = shared.version.load(Ordering::Acquire);
        Self { table: shared.get(), shared, version }
    }

    /// Takes the newest table; to be called now and then.
    pub fn refresh(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version != self.version {
            self.table = self.shared.get();
            self.version = version;
        }
    }

    /// See [`Networks::look_up`].
    pub fn look_up(&self, address: IpAddr) -> u32 {
        self.table.look_up(address)
    }

    /// Whether there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
