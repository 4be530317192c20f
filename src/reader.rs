//! Reads captures one after the other as one stream of frames.

use std::path::PathBuf;
use std::time::Duration;

use etiage_capture::source::{Batch, Frame, Savefile, SourceError, pair_hash};
use etiage_capture::{LinkLayer, Timestamp};

use crate::run::clock;

/// A frame that comes so long before the latest one is of another recording: flows and intervals of the
/// two have nothing to do with each other.
const BACKWARDS: Duration = Duration::from_secs(60);
/// A frame that comes so long after the latest one is believed only if what follows it agrees.
pub(crate) const FORWARDS: Duration = Duration::from_secs(3600);
/// Frames that are asked whether a leap in time is one: a packet with an absurd time stands alone, or
/// among packets of the time before.
const WITNESSES: usize = 8;
/// Frames dealt at once: enough that dealing costs nothing a frame, few enough to stay in the cache.
const EPOCH: usize = 4096;
/// Frames read at once where one worker takes them all: what was read last is still in the cache.
const SMALL_EPOCH: usize = 256;

/// Whether a frame of this time, coming after stream time `now`, begins another recording.
fn is_other_recording(now: Timestamp, frame: Timestamp) -> bool {
    now.since(frame) > BACKWARDS
}

/// What a visitor says after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Show the next one.
    Continue,
    /// The user wants to stop.
    Stop,
}

/// Shows every frame of every file. A file that cannot be opened or is damaged ends the reading; what
/// came before it has been shown.
pub(crate) fn each_frame(
    files: &[PathBuf],
    mut visit: impl FnMut(LinkLayer, &Frame<'_>) -> Next,
) -> Result<Next, SourceError> {
    for file in files {
        let mut savefile = Savefile::open(file)?;
        let mut batch = Batch::default();
        loop {
            savefile.fill(&mut batch, SMALL_EPOCH)?;
            if batch.is_empty() {
                break;
            }
            for frame in batch.frames() {
                if visit(batch.layer(), &frame) == Next::Stop {
                    return Ok(Next::Stop);
                }
            }
        }
    }
    Ok(Next::Continue)
}

/// The span of time that the files cover, and their octets on disk; `None` if there is no packet.
pub(crate) fn span(files: &[PathBuf]) -> Result<Option<(Timestamp, Timestamp)>, SourceError> {
    let mut span: Option<(Timestamp, Timestamp)> = None;
    each_frame(files, |_, frame| {
        let (first, last) = span.unwrap_or((frame.timestamp, frame.timestamp));
        span = Some((first.min(frame.timestamp), last.max(frame.timestamp)));
        Next::Continue
    })?;
    Ok(span)
}

/// What a frame's time does to stream time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
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
pub(crate) struct StreamClock {
    now: Timestamp,
}

impl StreamClock {
    /// The next frame; `following` are the times of those after it.
    fn frame(&mut self, time: Timestamp, following: impl Iterator<Item = Timestamp>) -> Note {
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

    /// Whether a frame of this time can follow what has come so far.
    fn is_near(&self, time: Timestamp) -> bool {
        self.now == Timestamp::EPOCH
            || !is_other_recording(self.now, time) && time.since(self.now) <= FORWARDS
    }
}

/// Frames that were dealt together.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// What they begin with.
    pub(crate) layer: LinkLayer,
    pub(crate) batch: Batch,
    /// For each frame, whose it is and what its time does.
    pub(crate) dealt: Vec<(u8, Note)>,
    /// Stream time before the first.
    pub(crate) now: Timestamp,
    /// How many frames were dealt before.
    pub(crate) first: u64,
}

impl Default for Epoch {
    fn default() -> Self {
        Self {
            layer: LinkLayer::Ethernet,
            batch: Batch::default(),
            dealt: Vec::new(),
            now: Timestamp::EPOCH,
            first: 0,
        }
    }
}

/// Reads files and deals their frames to workers: all that two addresses exchange goes to one worker.
pub(crate) struct Dealer<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    open: Option<Savefile>,
    /// Read, but not dealt yet: a leap in time is judged by what follows.
    ahead: Batch,
    /// Found after what was read ahead.
    error: Option<SourceError>,
    workers: u64,
    clock: StreamClock,
    dealt: u64,
}

impl<'a> Dealer<'a> {
    /// Of these files, to so many workers, from this stream time on.
    pub(crate) fn new(files: &'a [PathBuf], workers: usize, clock: StreamClock) -> Self {
        Self {
            files: files.iter(),
            open: None,
            ahead: Batch::default(),
            error: None,
            workers: workers as u64,
            clock,
            dealt: 0,
        }
    }

    /// Stream time at the last frame dealt.
    pub(crate) const fn clock(&self) -> StreamClock {
        self.clock
    }

    /// Deals the next frames; false if there are none.
    pub(crate) fn deal(&mut self, epoch: &mut Epoch) -> Result<bool, SourceError> {
        epoch.dealt.clear();
        while self.ahead.is_empty() {
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.open.is_none() {
                let Some(file) = self.files.next() else { return Ok(false) };
                self.open = Some(Savefile::open(file)?);
            }
            self.read_ahead()?;
        }
        (epoch.now, epoch.first) = (self.clock.now, self.dealt);
        std::mem::swap(&mut epoch.batch, &mut self.ahead);
        self.ahead.clear();
        let Some(open) = &self.open else { return Ok(true) };
        epoch.layer = epoch.batch.layer();
        // Nobody knows when a stream's next frame comes: its leaps are judged by the clock.
        let is_stream = open.is_stream();
        if !is_stream && let Err(error) = self.read_ahead() {
            self.error = Some(error);
        }
        let latest = is_stream.then(|| clock().after(FORWARDS));
        self.judge(epoch, latest);
        self.dealt += epoch.batch.len() as u64;
        Ok(true)
    }

    /// Asks memory for one frame more of those to be read next.
    #[inline]
    pub(crate) fn look_ahead(&mut self) {
        if let Some(open) = &mut self.open {
            open.look_ahead();
        }
    }

    /// Reads the next frames of the open file, and closes it at its end.
    fn read_ahead(&mut self) -> Result<(), SourceError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        // One worker shows a stream's frames as they come; several are for what is there already.
        let max = match self.workers {
            1 if open.is_stream() => 1,
            1 => SMALL_EPOCH,
            _ => EPOCH,
        };
        let read = open.fill(&mut self.ahead, max);
        if read.is_err() {
            self.ahead.clear();
        }
        if self.ahead.is_empty() {
            self.open = None;
        }
        read
    }

    fn judge(&mut self, epoch: &mut Epoch, latest: Option<Timestamp>) {
        let Self { ahead, workers, clock, .. } = self;
        let Epoch { batch, dealt, layer, .. } = epoch;
        for (place, frame) in batch.frames().enumerate() {
            let following = (place + 1..batch.len()).map_while(|place| batch.get(place));
            let following = following.chain(ahead.frames()).map(|frame| frame.timestamp);
            let note = match latest {
                Some(latest) if frame.timestamp > latest && !clock.is_near(frame.timestamp) => {
                    Note::Implausible
                }
                Some(_) => clock.frame(frame.timestamp, std::iter::empty()),
                None => clock.frame(frame.timestamp, following),
            };
            let worker = match *workers {
                1 => 0,
                many => (((pair_hash(*layer, frame.data) >> 32) * many) >> 32) as u8,
            };
            dealt.push((worker, note));
        }
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
            match clock.frame(Timestamp::from_secs(*second), following) {
                Note::Plain => '.',
                Note::OtherRecording => 'R',
                Note::Implausible => '!',
            }
        };
        seconds.iter().enumerate().map(note).collect()
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
}
