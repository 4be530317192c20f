//! Which packet times can be true: judged here for live capture and for files alike.

use std::time::Duration;

use crate::time::Timestamp;

/// A frame that comes this long before the latest one is of another recording: flows and intervals of the
/// two have nothing to do with each other.
const BACKWARDS: Duration = Duration::from_secs(60);
/// A frame that comes this long after the latest one is believed only if what follows it agrees.
const FORWARDS: Duration = Duration::from_secs(3600);
/// Frames that are asked whether a leap in time is one: a packet with an absurd time stands alone, or
/// among packets of the time before.
const WITNESSES: usize = 8;

/// What a frame's time does to stream time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Stream time is the latest time so far.
    Plain,
    /// Stream time begins anew with this frame.
    OtherRecording,
    /// Nothing: the frame's time cannot be true, and it is counted at the present stream time.
    Implausible,
}

/// Stream time as the frames of a capture tell it.
///
/// One packet with an absurd time must not end all flows and close all intervals: a leap, an hour ahead
/// or a minute back, is believed only if none of the next frames is of the time before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamClock {
    now: Timestamp,
}

impl StreamClock {
    /// Stream time at the last frame judged.
    pub const fn now(self) -> Timestamp {
        self.now
    }

    /// Judges the next frame of a file; `following` are the times of those after it.
    pub fn judge(&mut self, time: Timestamp, following: impl Iterator<Item = Timestamp>) -> Note {
        if self.is_near(time) {
            self.now = self.now.max(time);
            return Note::Plain;
        }
        if following.take(WITNESSES).any(|time| self.is_near(time)) {
            return Note::Implausible;
        }
        let back = time < self.now;
        self.now = time;
        if back { Note::OtherRecording } else { Note::Plain }
    }

    /// Judges the next frame of a stream. Nobody knows when the one after it comes, so the system's clock
    /// judges leaps.
    pub fn judge_stream(&mut self, time: Timestamp, wall: &mut WallClock) -> Note {
        if !self.is_near(time) && !wall.allows(time) {
            return Note::Implausible;
        }
        self.judge(time, std::iter::empty())
    }

    /// Whether a frame of this time can follow what has come so far.
    fn is_near(self, time: Timestamp) -> bool {
        self.now == Timestamp::EPOCH
            || self.now.since(time) <= BACKWARDS && time.since(self.now) <= FORWARDS
    }
}

/// The system's clock, where packets come at the time they are stamped with: live capture and streams.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    read: fn() -> Timestamp,
    /// The latest time that can be true.
    latest: Timestamp,
}

impl WallClock {
    /// `read` says what time it is.
    pub const fn new(read: fn() -> Timestamp) -> Self {
        Self { read, latest: Timestamp::EPOCH }
    }

    /// Reads the clock: to be called now and then, as a clock may be set back.
    pub fn look(&mut self) {
        self.latest = (self.read)().after(FORWARDS);
    }

    /// Whether a time is at most an hour ahead. The clock is read again only if it seems not to be.
    #[inline]
    pub fn allows(&mut self, time: Timestamp) -> bool {
        if time > self.latest {
            self.look();
        }
        time <= self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of frames of these seconds: `.` plain, `R` another recording, `!` implausible.
    fn notes(seconds: &[u64]) -> String {
        let mut clock = StreamClock::default();
        let note = |(place, second): (usize, &u64)| {
            let following = seconds.iter().skip(place + 1).map(|s| Timestamp::from_secs(*s));
            letter(clock.judge(Timestamp::from_secs(*second), following))
        };
        seconds.iter().enumerate().map(note).collect()
    }

    const fn letter(note: Note) -> char {
        match note {
            Note::Plain => '.',
            Note::OtherRecording => 'R',
            Note::Implausible => '!',
        }
    }

    #[test]
    fn one_absurd_time_moves_nothing() {
        assert_eq!(notes(&[1000, 1001, 4_000_000_000, 1002, 1003]), "..!..");
        assert_eq!(notes(&[90_000, 90_001, 5, 90_002]), "..!.");
        // Two at once, and a second clock among the first one's frames.
        assert_eq!(notes(&[1000, 9_000_000, 9_000_001, 1001]), ".!!.");
        assert_eq!(notes(&[1000, 9000, 1001, 9001, 1002]), ".!.!.");
    }

    #[test]
    fn silence_and_another_recording_are_believed() {
        assert_eq!(notes(&[1000, 9000, 9001, 9002]), "....");
        assert_eq!(notes(&[1000, 9000, 20_000, 30_000]), "....", "a packet every few hours");
        assert_eq!(notes(&[9000, 9001, 1000, 1001, 1002]), "..R..");
        assert_eq!(notes(&[9000, 8941, 9001]), "...", "late, but not lost");
        assert_eq!(notes(&[9000, 1000]), ".R", "nothing follows that says otherwise");
        // Once the first time was absurd, what follows begins anew.
        assert_eq!(notes(&[4_000_000_000, 1000, 1001, 1002]), ".R..");
    }

    #[test]
    fn the_system_s_clock_judges_streams() {
        let noon = || Timestamp::from_secs(20_000);
        let (mut clock, mut wall) = (StreamClock::default(), WallClock::new(noon));
        let mut note = |second| letter(clock.judge_stream(Timestamp::from_secs(second), &mut wall));
        let notes: String =
            [1000, 9000, 30_000, 9001, 23_600, 1000].map(&mut note).iter().collect();
        assert_eq!(notes, "..!..R", "an hour ahead of the clock is the most that is believed");
    }
}
