//! Reads captures one after the other as one stream of frames.

use std::path::PathBuf;

use etiage_capture::source::{Batch, Frame, Savefile, SourceError, pair_hash};
use etiage_capture::{LinkLayer, Note, StreamClock, Timestamp, WallClock};

/// Frames dealt at once: enough that dealing costs nothing a frame, few enough to stay in the cache.
const EPOCH: usize = 4096;
/// Frames read at once where one worker takes them all: what was read last is still in the cache.
const SMALL_EPOCH: usize = 256;

/// What a visitor says after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Show the next one.
    Continue,
    /// The user wants to stop.
    Stop,
}

/// Shows every frame of every file. A file that cannot be opened or is damaged ends the reading; what
/// came before it has been shown.
fn each_frame(
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

/// The span of time that the files cover; `None` if there is no packet.
///
/// # Errors
/// A file cannot be opened or is damaged.
pub fn span(files: &[PathBuf]) -> Result<Option<(Timestamp, Timestamp)>, SourceError> {
    let mut span: Option<(Timestamp, Timestamp)> = None;
    each_frame(files, |_, frame| {
        let (first, last) = span.unwrap_or((frame.timestamp, frame.timestamp));
        span = Some((first.min(frame.timestamp), last.max(frame.timestamp)));
        Next::Continue
    })?;
    Ok(span)
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
    wall: WallClock,
    dealt: u64,
}

impl<'a> Dealer<'a> {
    /// Of these files, to this number of workers, from this stream time on.
    pub(crate) fn new(
        files: &'a [PathBuf],
        workers: usize,
        clock: StreamClock,
        wall: WallClock,
    ) -> Self {
        Self {
            files: files.iter(),
            open: None,
            ahead: Batch::default(),
            error: None,
            workers: workers as u64,
            clock,
            wall,
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
        (epoch.now, epoch.first) = (self.clock.now(), self.dealt);
        std::mem::swap(&mut epoch.batch, &mut self.ahead);
        self.ahead.clear();
        let Some(open) = &self.open else { return Ok(true) };
        epoch.layer = epoch.batch.layer();
        let is_stream = open.is_stream();
        if is_stream {
            self.wall.look();
        } else if let Err(error) = self.read_ahead() {
            self.error = Some(error);
        }
        self.judge(epoch, is_stream);
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

    fn judge(&mut self, epoch: &mut Epoch, is_stream: bool) {
        let Self { ahead, workers, clock, wall, .. } = self;
        let Epoch { batch, dealt, layer, .. } = epoch;
        for (place, frame) in batch.frames().enumerate() {
            let note = if is_stream {
                clock.judge_stream(frame.timestamp, wall)
            } else {
                let following = (place + 1..batch.len()).map_while(|place| batch.get(place));
                let following = following.chain(ahead.frames()).map(|frame| frame.timestamp);
                clock.judge(frame.timestamp, following)
            };
            let worker = match *workers {
                1 => 0,
                many => (((pair_hash(*layer, frame.data) >> 32) * many) >> 32) as u8,
            };
            dealt.push((worker, note));
        }
    }
}
