//! Answers that cost much and change slowly: made once for all who ask.

use std::future::Future;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

/// The last answer and when it was made. Whoever asks while it is made waits for it.
#[derive(Debug)]
pub(crate) struct Cached<T>(Mutex<Option<(OffsetDateTime, Arc<T>)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cached<T> {
    /// The last answer, if it is not older than `fresh`; else a new one. An error is not kept.
    pub(crate) async fn get<E, F>(
        &self,
        now: OffsetDateTime,
        fresh: Duration,
        make: impl FnOnce() -> F,
    ) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut last = self.0.lock().await;
        // A clock that was set back makes an answer too old, not young for ever.
        let usable = |made: &OffsetDateTime| (Duration::ZERO..=fresh).contains(&(now - *made));
        if let Some((_, answer)) = last.as_ref().filter(|(made, _)| usable(made)) {
            return Ok(answer.clone());
        }
        let answer = Arc::new(make().await?);
        *last = Some((now, answer.clone()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_made_again_when_it_is_old() {
        let cached = Cached::default();
        let start = datetime!(2026-11-21 12:00:00 UTC);
        for (second, number, expected) in [(0, 1, 1), (20, 2, 1), (21, 3, 3), (5, 4, 4)] {
            let now = start + Duration::seconds(second);
            let make = || async { Ok::<_, Infallible>(number) };
            assert_eq!(*cached.get(now, Duration::seconds(20), make).await.unwrap(), expected);
        }
        let failed = cached.get(start + Duration::DAY, Duration::SECOND, || async { Err(7) }).await;
        assert_eq!(failed, Err(7));
    }
}
