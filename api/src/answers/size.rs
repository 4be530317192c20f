//! What the database takes on disk, as it was last heard: whoever wants to know does not wait for it.

use std::time::Duration;

use etiage_store::{Error, Size, Store};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::problem::chain;

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// A size that is older is not known any more: the database has missed three questions.
const STALE: Duration = Duration::from_secs(16);
/// How long the first answer is waited for, where nothing was ever heard.
const FIRST: Duration = Duration::from_secs(2);

/// The last answer, and when it came; none before the first question was answered or given up.
pub(crate) type Sizes = watch::Receiver<Option<Heard>>;

/// What was heard, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard(Option<(Size, Instant)>);

/// Asks now and again, until `stop` says so or its sender is gone.
pub(crate) fn start(store: Store, mut stop: watch::Receiver<bool>) -> Sizes {
    let (sender, sizes) = watch::channel(None);
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => break,
                _ = ticks.tick() => {}
            }
            let heard = ask(&store).await;
            sender.send_modify(|last| {
                let before = last.and_then(|Heard(last)| last);
                *last = Some(Heard(match heard {
                    Answered::Size(size) => Some((size, Instant::now())),
                    Answered::Late => before,
                    Answered::Nothing => None,
                }));
            });
        }
    });
    sizes
}

enum Answered {
    Size(Size),
    /// It is busy, or slow.
    Late,
    /// Nobody is there.
    Nothing,
}

async fn ask(store: &Store) -> Answered {
    match timeout(PATIENCE, store.size()).await {
        Ok(Ok(size)) => Answered::Size(size),
        Ok(Err(error)) => {
            tracing::debug!("api: the store's size: {}", chain(&error));
            match error {
                Error::Unreachable { .. } | Error::Denied { .. } => Answered::Nothing,
                _ => Answered::Late,
            }
        }
        Err(_) => Answered::Late,
    }
}

/// The size, unless the database has not said it for a while.
pub(crate) async fn known(mut sizes: Sizes) -> Option<Size> {
    let heard = timeout(FIRST, sizes.wait_for(Option::is_some)).await;
    let Heard(last) = (*heard.ok()?.ok()?)?;
    last.filter(|(_, at)| at.elapsed() < STALE).map(|(size, _)| size)
}
