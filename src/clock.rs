//! The clocks of this machine: the crates of the core have none, and are given these.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use etiage_capture::Timestamp;

/// The system's clock: the kernel stamps live packets with it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Nanoseconds since the first call; never set back.
pub(crate) fn nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}
