//! An engine that has ended is started again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Engine;

/// Pause before an engine that has died is started again; doubled with each time that it does not stay
/// alive.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const LONGEST_RESTART_PAUSE: Duration = Duration::from_secs(30);
/// After this long, a crash is not a start-up failure: the pause is reset.
const STAYS_ALIVE: Duration = Duration::from_secs(60);

impl Engine {
    /// Starts the engine again whenever it dies or hangs, until told to stop; the writer keeps its rows
    /// meanwhile. A closed channel means stop, too.
    pub async fn keep_running(mut self, mut stopped: watch::Receiver<bool>) {
        let mut pause = RESTART_PAUSE;
        let mut started = Instant::now();
        loop {
            let status = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                status = self.over() => status,
            };
            if started.elapsed() > STAYS_ALIVE {
                pause = RESTART_PAUSE;
            }
            tracing::error!("the database engine has ended ({status}): starting it again");
            let stop = stopped.wait_for(|stop| *stop);
            if tokio::time::timeout(pause, stop).await.is_ok() {
                break;
            }
            pause = (pause * 2).min(LONGEST_RESTART_PAUSE);
            if let Err(error) = self.restart().await {
                tracing::error!("{error}");
            }
            started = Instant::now();
        }
        self.stop().await;
    }
}
