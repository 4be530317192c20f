//! What is kept of a flow until it is settled.

use etiage_capture::{Side, TcpHeader, Timestamp};
use etiage_classifier::{FlowState, Requests, Verdict, Watch};

use crate::share::Share;

/// A flow that is not settled yet.
#[derive(Debug, Default)]
pub(crate) struct Open {
    pub(crate) waiting: Waiting,
    pub(crate) stage: Stage,
    pub(crate) rank: Rank,
}

/// How far its classification is. What a stage needs is taken when it begins and freed when it ends:
/// a connection request that nobody answers takes none of it.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Connection requests and nothing else.
    Asking(Requests),
    /// It is shown to the recognisers. `Some`: it is counted under this, though more is still asked.
    Inspected(Box<FlowState>, Option<Verdict>),
    /// Its protocol is known, while its shape may say what it is for.
    Watched(Box<Watch>),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Asking(Requests::default())
    }
}

/// What waits for a verdict.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) pending: Pending,
    pub(crate) handshake: Handshake,
}

/// Counted under no class yet: at most two intervals by two directions, on the links it was seen.
/// Most flows have two at most, and need no memory of their own for them.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    first: [Option<Share>; 2],
    more: Vec<Share>,
}

impl Pending {
    /// Adds a share to one of the same interval, link and direction, or keeps it as a new one; true if
    /// it is the first in its interval.
    pub(crate) fn add(&mut self, share: Share) -> bool {
        let mut known_interval = false;
        for pending in self.first.iter_mut().flatten().chain(&mut self.more) {
            known_interval |= pending.start == share.start;
            if (pending.start, pending.link, pending.direction)
                == (share.start, share.link, share.direction)
            {
                pending.counted.add(share.counted);
                pending.flows += share.flows;
                return false;
            }
        }
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(share),
            None => self.more.push(share),
        }
        !known_interval
    }

    /// Takes out what is in one interval, or everything.
    pub(crate) fn take(&mut self, only: Option<u32>, mut each: impl FnMut(&Share)) {
        let wanted = |share: &Share| only.is_none_or(|start| share.start == start);
        for place in &mut self.first {
            if let Some(share) = place.take_if(|share| wanted(share)) {
                each(&share);
            }
        }
        self.more.retain(|share| {
            let now = wanted(share);
            if now {
                each(share);
            }
            !now
        });
    }
}

/// The time of a TCP handshake, from the SYN to the acknowledgment of its answer: a full round trip
/// between the ends, wherever on the way one looks, and even if only the initiator is seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Handshake {
    #[default]
    Unseen,
    Syn(Timestamp),
    /// Microseconds; to be counted once the category is known.
    Measured(u64),
    /// Counted, or never to be: a repeated SYN makes it ambiguous (RFC 6298, section 3).
    Done,
}

impl Handshake {
    pub(crate) fn next(self, side: Side, tcp: Option<TcpHeader>, time: Timestamp) -> Self {
        let Some(tcp) = tcp.filter(|_| side == Side::Initiator) else { return self };
        match self {
            Self::Unseen if tcp.is_syn() => Self::Syn(time),
            Self::Syn(_) if tcp.is_syn() => Self::Done,
            Self::Syn(sent) if tcp.has(TcpHeader::ACK) => {
                Self::Measured(u64::try_from(time.since(sent).as_micros()).unwrap_or(u64::MAX))
            }
            other => other,
        }
    }
}

/// What a flow has shown of itself. Flows of one rank make room among themselves, the oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It asked for a connection, and nothing came of it yet.
    #[default]
    Asking,
    /// One end speaks, and the other has not answered.
    Silent,
    /// Both ends were seen.
    Answered,
    /// It carries volume, or payload both ways over TCP.
    Heavy,
}

impl Rank {
    pub(crate) const ALL: [Self; 4] = [Self::Asking, Self::Silent, Self::Answered, Self::Heavy];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_flow_is_small() {
        assert!(size_of::<Open>() <= 168, "{}", size_of::<Open>());
    }
}
