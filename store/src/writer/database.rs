//! What the writer asks of the database: the real one, or a simulated one.

use etiage_aggregator::Batch;

use crate::durable::Marked;
use crate::{Error, Store};

/// Where rows go.
pub(super) trait Database: Send + Sync + 'static {
    /// Whether the disk is waited for on the spot: simulations know no threads.
    const INLINE: bool = false;

    /// As [`Store::insert_in_epoch`].
    fn insert(
        &self,
        batches: &[Batch],
        token: &str,
        epoch: u64,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// As [`Store::marked`].
    fn marked(&self, take: bool) -> impl Future<Output = Result<Option<Marked>, Error>> + Send;
}

impl Database for Store {
    async fn insert(&self, batches: &[Batch], token: &str, epoch: u64) -> Result<(), Error> {
        self.insert_in_epoch(batches, token, epoch).await
    }

    async fn marked(&self, take: bool) -> Result<Option<Marked>, Error> {
        Store::marked(self, take).await
    }
}
