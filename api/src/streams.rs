//! Live streams: how many are open, in all and for each session, name or address.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Share;
use crate::problem::ApiError;

/// Streams of one session, name or address: a quarter of all that may be open.
const MAX_EACH: usize = 64;

/// Streams that are open; clones count the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    open: Mutex<HashMap<Share, usize>>,
    refused: AtomicU64,
}

/// One that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    streams: Streams,
    share: Share,
}

impl Streams {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit, open: Mutex::default(), refused: AtomicU64::new(0) }))
    }

    /// One more.
    ///
    /// # Errors
    /// [`ApiError::TooManyStreams`], [`ApiError::TooManyOwnStreams`].
    pub(crate) fn open(&self, share: Share) -> Result<Open, ApiError> {
        let Inner { limit, open, refused } = &*self.0;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&share).copied().unwrap_or(0);
        let error = match () {
            () if all >= *limit => ApiError::TooManyStreams { limit: *limit },
            () if own >= MAX_EACH => ApiError::TooManyOwnStreams { limit: MAX_EACH },
            () => {
                *open.entry(share.clone()).or_default() += 1;
                return Ok(Open { streams: self.clone(), share });
            }
        };
        refused.fetch_add(1, Ordering::Relaxed);
        Err(error)
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// How many were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.streams.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.share) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_of_them() {
        let streams = Streams::new(100);
        let share = |name: &str| Share::Name(name.into());
        let mut own: Vec<_> = (0..MAX_EACH).map(|_| streams.open(share("a")).unwrap()).collect();
        let error = streams.open(share("a")).unwrap_err();
        assert!(matches!(error, ApiError::TooManyOwnStreams { limit: MAX_EACH }));
        own.extend((MAX_EACH..100).map(|_| streams.open(share("b")).unwrap()));
        let error = streams.open(share("c")).unwrap_err();
        assert!(matches!(error, ApiError::TooManyStreams { limit: 100 }));
        own.pop();
        assert!(streams.open(share("c")).is_ok());
        drop(own);
        assert_eq!((streams.count(), streams.refused()), (0, 2));
        assert!(streams.0.open.lock().unwrap().is_empty());
    }
}
