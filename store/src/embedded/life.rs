//! Signs of life: a process that runs and does not answer is as good as dead, but has to be found out.

use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;

use super::Presence;

/// When an engine that runs counts as hung.
///
/// It is asked for nothing (`SELECT 1`) in a lane of its own in the engine's program, so that no question and no
/// insert, however long, stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Pause between two signs of life.
    pub every: Duration,
    /// How long one may take. An engine that is busy on every core takes tenths of a second.
    pub answer: Duration,
    /// How many are missed, one after the other, before it counts as hung.
    pub misses: u32,
}

/// Silent after 5 s: then questions are refused at once. Hung after 20 s: longer than a machine swaps or a disk
/// stalls on an ordinary day, and short beside what the spool can hold.
pub(super) const PATIENCE: Patience =
    Patience { every: Duration::from_secs(2), answer: Duration::from_secs(5), misses: 4 };

/// Completes when the engine counts as hung; says for how long it was silent.
pub(super) async fn until_hung<F: Future<Output = bool>>(
    patience: &Patience,
    presence: &Presence,
    asks: impl Fn() -> F,
) -> Duration {
    let (mut missed, mut pause) = (0, patience.every);
    loop {
        tokio::time::sleep(pause).await;
        // Its time counts, not the clock's: this process may itself have been stopped meanwhile.
        let answered = tokio::time::timeout(patience.answer, asks()).await;
        missed = match answered {
            Ok(true) => 0,
            // Refused at once, as by a process that ends: not hung, but no sign of life either.
            Ok(false) => missed,
            Err(_) => missed + 1,
        };
        presence.heard(matches!(answered, Ok(true)));
        // One that is missed has taken its time already.
        pause = answered.map_or(Duration::ZERO, |_| patience.every);
        if missed >= patience.misses {
            return patience.answer * missed;
        }
    }
}

/// Asks for a sign of life. An error that the engine words itself is one, too.
pub(super) async fn ask(client: Client) -> bool {
    let answer = client.query("SELECT 1").fetch_one::<u8>().await;
    !matches!(answer, Err(Error::Network(_) | Error::TimedOut))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const QUICK: Patience =
        Patience { every: Duration::from_millis(1), answer: Duration::from_millis(10), misses: 3 };

    fn present() -> Presence {
        let presence = Presence::default();
        presence.set(Some(7));
        presence
    }

    #[tokio::test]
    async fn silence_is_found_out() {
        let presence = present();
        let silent = until_hung(&QUICK, &presence, std::future::pending).await;
        assert_eq!(silent, QUICK.answer * 3);
        assert_eq!(presence.lost().await, "the embedded engine gives no sign of life");
        assert_eq!(presence.pid(), Some(7), "and still known");
    }

    #[tokio::test]
    async fn answers_and_refusals_are_no_hang() {
        for answer in [true, false] {
            let (presence, asked) = (present(), AtomicU32::new(0));
            let hung = until_hung(&QUICK, &presence, || {
                asked.fetch_add(1, Ordering::Relaxed);
                std::future::ready(answer)
            });
            tokio::select! {
                _ = hung => panic!("hung, though it answers {answer}"),
                () = async {
                    while asked.load(Ordering::Relaxed) < 10 {
                        tokio::task::yield_now().await;
                    }
                } => {}
            }
        }
    }

    /// Two misses, an answer, two misses, an answer, …: slow, not hung.
    #[tokio::test]
    async fn one_answer_makes_up_for_what_was_missed() {
        let (presence, asked) = (present(), AtomicU32::new(0));
        let hung = until_hung(&QUICK, &presence, || {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if number % 3 != 2 {
                    std::future::pending::<()>().await;
                }
                true
            }
        });
        tokio::select! {
            _ = hung => panic!("hung, though it answers now and then"),
            () = async {
                while asked.load(Ordering::Relaxed) < 10 {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
    }
}
