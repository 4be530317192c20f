//! Places at the database, given in turns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::access::Share;
use crate::problem::ApiError;

/// Questions with the database at once. The embedded engine works on four statements at a time, and each is
/// given all cores: more at once makes each slower, and none sooner. One of the four stays free for what
/// the appliance asks itself, as detection does.
const PLACES: usize = 3;
/// Questions that wait. A page asks half a dozen: this is some forty pages opened at once.
const MAX_WAITING: usize = 256;
/// Questions of one session, name or address that wait: a few pages in several tabs.
const MAX_WAITING_EACH: usize = 64;
/// How long one waits at most. Whoever is told to come again has an answer; whoever waits in silence has none.
const PATIENCE: Duration = Duration::from_secs(8);
/// What is thought of how long a question takes before any was answered.
const FIRST_GUESS: f64 = 0.1;
/// Seconds after which to come again, at most.
const MAX_RETRY: u64 = 30;

/// The queue; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Mutex<Turns>>);

/// What is counted of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// With the database now.
    pub(crate) running: usize,
    /// Waiting now.
    pub(crate) waiting: usize,
    /// That had a place.
    pub(crate) admitted: u64,
    /// Refused, for too many waited.
    pub(crate) queue_full: u64,
    /// Refused, for too many of the same session, name or address waited.
    pub(crate) share_full: u64,
    /// Refused, for their turn did not come in time.
    pub(crate) too_late: u64,
    /// That went away while they waited.
    pub(crate) gone: u64,
}

#[derive(Debug, Default)]
struct Turns {
    counted: Counted,
    /// Who waits, in the order of their next turns. Nobody is here without a ticket.
    waiting: VecDeque<(Share, VecDeque<Ticket>)>,
    tickets: u64,
    /// How long a place is held, in seconds, smoothed.
    takes: Option<f64>,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    turn: oneshot::Sender<Place>,
}

/// A place at the database, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where it goes then; nowhere where it was never taken.
    queue: Option<Queue>,
    since: Instant,
}

impl Queue {
    /// Waits for a place. Whoever stops waiting, waits no more.
    ///
    /// # Errors
    /// [`ApiError::Busy`].
    pub(crate) async fn enter(&self, share: Share) -> Result<Place, ApiError> {
        let (turn, mut waiting) = match self.ask(share)? {
            Asked::Now(place) => return Ok(place),
            Asked::Later(turn, waiting) => (turn, waiting),
        };
        if let Ok(Ok(place)) = tokio::time::timeout(PATIENCE, turn).await {
            return Ok(place);
        }
        let mut turns = self.turns();
        turns.counted.too_late += 1;
        let seconds = turns.retry();
        drop(turns);
        waiting.too_late = true;
        Err(ApiError::Busy { seconds })
    }

    fn ask(&self, share: Share) -> Result<Asked, ApiError> {
        let mut turns = self.turns();
        if turns.counted.running < PLACES && turns.waiting.is_empty() {
            turns.counted.running += 1;
            turns.counted.admitted += 1;
            return Ok(Asked::Now(self.place()));
        }
        let own = turns.waiting.iter().find(|(other, _)| *other == share);
        let own = own.map_or(0, |(_, tickets)| tickets.len());
        if turns.counted.waiting >= MAX_WAITING || own >= MAX_WAITING_EACH {
            match own >= MAX_WAITING_EACH {
                true => turns.counted.share_full += 1,
                false => turns.counted.queue_full += 1,
            }
            return Err(ApiError::Busy { seconds: turns.retry() });
        }
        let (sender, turn) = oneshot::channel();
        let number = turns.add(share.clone(), sender);
        let queue = self.clone();
        Ok(Asked::Later(turn, Waiting { queue, share, number, too_late: false }))
    }

    /// What is counted of it.
    pub(crate) fn counted(&self) -> Counted {
        self.turns().counted
    }

    fn place(&self) -> Place {
        Place { queue: Some(self.clone()), since: Instant::now() }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place that is free to whoever is next; nothing is held locked while it goes there.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut turns = self.turns();
                let next = turns.next();
                if next.is_none() {
                    turns.counted.running -= 1;
                }
                next
            };
            let Some(ticket) = next else { return };
            match ticket.turn.send(self.place()) {
                Ok(()) => {
                    self.turns().counted.admitted += 1;
                    return;
                }
                // It has just gone away; its place is still free.
                Err(mut place) => place.queue = None,
            }
        }
    }
}

enum Asked {
    Now(Place),
    Later(oneshot::Receiver<Place>, Waiting),
}

impl Turns {
    fn add(&mut self, share: Share, turn: oneshot::Sender<Place>) -> u64 {
        self.tickets += 1;
        let ticket = Ticket { number: self.tickets, turn };
        match self.waiting.iter_mut().find(|(other, _)| *other == share) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.waiting.push_back((share, VecDeque::from([ticket]))),
        }
        self.counted.waiting += 1;
        self.tickets
    }

    /// The first ticket of whoever's turn it is; they go to the end.
    fn next(&mut self) -> Option<Ticket> {
        let (share, mut tickets) = self.waiting.pop_front()?;
        let ticket = tickets.pop_front();
        if !tickets.is_empty() {
            self.waiting.push_back((share, tickets));
        }
        self.counted.waiting -= usize::from(ticket.is_some());
        ticket
    }

    /// Whether the ticket still waited.
    fn remove(&mut self, share: &Share, number: u64) -> bool {
        let Some(at) = self.waiting.iter().position(|(other, _)| other == share) else {
            return false;
        };
        let Some((_, tickets)) = self.waiting.get_mut(at) else { return false };
        let before = tickets.len();
        tickets.retain(|ticket| ticket.number != number);
        let found = tickets.len() < before;
        if tickets.is_empty() {
            self.waiting.remove(at);
        }
        self.counted.waiting -= usize::from(found);
        found
    }

    /// After how many seconds those that wait now will have had their turns.
    fn retry(&self) -> u64 {
        let takes = self.takes.unwrap_or(FIRST_GUESS);
        let seconds = takes * (self.counted.waiting + 1) as f64 / PLACES as f64;
        (seconds.ceil() as u64).clamp(1, MAX_RETRY)
    }
}

/// Takes a ticket back that nobody waits for any more.
struct Waiting {
    queue: Queue,
    share: Share,
    number: u64,
    too_late: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut turns = self.queue.turns();
        if turns.remove(&self.share, self.number) && !self.too_late {
            turns.counted.gone += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        let took = self.since.elapsed().as_secs_f64();
        {
            let mut turns = queue.turns();
            turns.takes = Some(turns.takes.map_or(took, |takes| 0.9 * takes + 0.1 * took));
        }
        queue.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use crate::questions::tests::poll;

    use super::*;

    fn share(name: &str) -> Share {
        Share::Name(name.into())
    }

    async fn fill(queue: &Queue) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(queue.enter(share("first")).await.unwrap());
        }
        places
    }

    #[tokio::test]
    async fn one_screen_does_not_starve_another() {
        let queue = Queue::default();
        let mut places = fill(&queue).await;
        let greedy: Vec<_> = (0..5).map(|_| Box::pin(queue.enter(share("greedy")))).collect();
        let mut greedy = greedy;
        for waiting in &mut greedy {
            assert!(poll(waiting).is_pending());
        }
        let mut modest = pin!(queue.enter(share("modest")));
        assert!(poll(&mut modest).is_pending());
        assert_eq!(queue.counted().waiting, 6);
        places.pop();
        let Poll::Ready(Ok(_place)) = poll(&mut greedy[0]) else { panic!("first come") };
        assert!(poll(&mut modest).is_pending());
        places.pop();
        let Poll::Ready(Ok(_place)) = poll(&mut modest) else { panic!("its turn is the second") };
        assert!(poll(&mut greedy[1]).is_pending());
    }

    #[tokio::test]
    async fn whoever_goes_away_frees_the_place() {
        let queue = Queue::default();
        let mut places = fill(&queue).await;
        let mut first = Box::pin(queue.enter(share("a")));
        let mut second = Box::pin(queue.enter(share("b")));
        let mut third = Box::pin(queue.enter(share("c")));
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(poll(waiting).is_pending());
        }
        drop(first);
        assert_eq!((queue.counted().waiting, queue.counted().gone), (2, 1));
        places.pop();
        // The place is on its way to one that goes away before it looks.
        drop(second);
        let Poll::Ready(Ok(place)) = poll(&mut third) else { panic!("it is passed on") };
        drop(place);
        drop(places);
        let counted = queue.counted();
        assert_eq!((counted.running, counted.waiting), (0, 0));
        assert!(queue.0.lock().unwrap().waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_in_length_and_in_time() {
        let queue = Queue::default();
        let places = fill(&queue).await;
        let mut own = Vec::new();
        for number in 0..MAX_WAITING {
            let mut waiting = Box::pin(queue.enter(share(&format!("{}", number % 8))));
            assert!(poll(&mut waiting).is_pending());
            own.push(waiting);
        }
        assert!(matches!(queue.enter(share("new")).await, Err(ApiError::Busy { seconds: 9 })));
        assert_eq!(queue.counted().queue_full, 1);
        own.truncate(1);
        for _ in 1..MAX_WAITING_EACH {
            let mut waiting = Box::pin(queue.enter(share("0")));
            assert!(poll(&mut waiting).is_pending());
            own.push(waiting);
        }
        assert!(queue.enter(share("0")).await.is_err());
        assert_eq!(queue.counted().share_full, 1);
        assert!(matches!(own[0].as_mut().await, Err(ApiError::Busy { .. })));
        own.clear();
        assert_eq!((queue.counted().waiting, queue.counted().too_late), (0, 1));
        drop(places);
        assert!(queue.enter(share("0")).await.is_ok());
    }
}
