//! Reads captures one after the other as one stream of frames.

use std::path::PathBuf;
use std::time::Duration;

use etiage_capture::source::{Frame, Savefile, SourceError};
use etiage_capture::{LinkLayer, Timestamp};

/// A frame that comes so long before the latest one is of another recording: flows and intervals of the
/// two have nothing to do with each other.
const BACKWARDS: Duration = Duration::from_secs(60);

/// Whether a frame of this time, coming after stream time `now`, begins another recording.
pub(crate) fn is_other_recording(now: Timestamp, frame: Timestamp) -> bool {
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
        let layer = savefile.link_layer();
        while let Some(frame) = savefile.next_frame()? {
            if visit(layer, &frame) == Next::Stop {
                return Ok(Next::Stop);
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
