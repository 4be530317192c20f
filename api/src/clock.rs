//! The one place where the API reads the clock.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

/// What `now` is: the system's clock, or whatever a test says.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The system's clock, UTC.
    pub fn system() -> Self {
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// A clock that always shows the same moment.
    pub fn fixed(moment: OffsetDateTime) -> Self {
        Self(Arc::new(move || moment))
    }

    /// A clock that shows what is asked here.
    pub fn of(read: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The moment it is.
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
