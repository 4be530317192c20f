//! Following the database's durable marks: what they say is deleted here, and what they no longer say is
//! sent again.

use std::io;

use super::cursor::Place;
use super::log::{Spool, left_of};
use super::segment::HEADER;
use crate::durable::Marked;

impl Spool {
    /// Takes note of the database's last durable mark; `None` where it has none, and what it acknowledges
    /// counts as durable. If it was taken back to that mark since, the records behind are to be sent once more.
    ///
    /// # Errors
    /// The system's; to be repeated then.
    pub(crate) fn follow(&mut self, marked: Option<&Marked>) -> io::Result<()> {
        let place = self.cursor.place();
        let Some(marked) = marked else {
            if place.epoch != 0 {
                let durable = place.acknowledged;
                self.cursor.set(Place { epoch: 0, durable, ..place })?;
                self.cursor.sync()?;
                self.release();
            }
            return Ok(());
        };
        let sent = marked.spools.get(&self.id).copied();
        if place.epoch != marked.epoch {
            self.rewind(marked.epoch, sent)?;
        }
        let place = self.cursor.place();
        if let Some((first, _)) = sent
            && first > place.durable + 1
        {
            let durable = (first - 1).min(place.acknowledged);
            self.cursor.set(Place { durable, ..place })?;
            // Before anything is deleted: what is missing later is damage.
            self.cursor.sync()?;
        }
        self.release();
        Ok(())
    }

    /// Goes back to the group that the database saw last before its mark. Which tables have rows of it, their
    /// deduplication logs know: it is sent with the token that it had.
    fn rewind(&mut self, epoch: u64, sent: Option<(u64, u64)>) -> io::Result<()> {
        let place = self.cursor.place();
        let (acknowledged, flying) = match sent {
            Some((first, last)) => (first.saturating_sub(1), Some((first, last))),
            // It has seen nothing of this spool, or nothing since it had marks.
            None if place.epoch == 0 => (place.acknowledged, place.flying),
            None => (place.durable, None),
        };
        let durable = place.durable.min(acknowledged);
        let before = self.stats().records;
        for index in 0..self.segments.len() {
            let Some(segment) = self.segments.get(index) else { break };
            let octets = self.disk.read(&segment.path, HEADER as u64)?;
            let (left, unread) =
                left_of(&octets, HEADER as u64, acknowledged, (segment.first, segment.last));
            if let Some(segment) = self.segments.get_mut(index) {
                (segment.left, segment.unread) = (left, unread);
            }
        }
        self.next = self.next.max(acknowledged + 1).max(flying.map_or(0, |(_, last)| last) + 1);
        self.cursor.set(Place { acknowledged, flying, durable, epoch, ..place })?;
        self.cursor.sync()?;
        let again = self.stats().records.saturating_sub(before);
        if again > 0 {
            self.stats.rewound_records += again;
            tracing::warn!(
                records = again,
                "the database was taken back to its last durable mark: what came after is sent again"
            );
        }
        Ok(())
    }

    /// Octets of segments that wait for nothing but the database's disk.
    pub(super) fn unforced_bytes(&self) -> u64 {
        let acknowledged = self.cursor.place().acknowledged;
        let waits = |segment: &&super::segment::Segment| segment.last <= acknowledged;
        self.segments.iter().take_while(waits).map(|segment| segment.octets).sum()
    }
}
