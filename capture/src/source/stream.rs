//! Savefiles that come as a stream: standard input, named pipes, compressed files. They are read by the same
//! parsers as mapped ones, so a file gives the same frames whichever way it comes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::Frame;
use super::batch::Batch;
use super::mapped::{Format, ReadError};
use super::record::Next;
use crate::decode::LinkLayer;

/// Octets read at once: as much as a pipe holds.
const CHUNK: usize = 64 << 10;
/// Octets by which a format must be known: pcapng may have long blocks before its first interface.
const MAX_HEADER: usize = 1 << 20;
/// What gzip and Zstandard begin with (RFC 1952, section 2.3.1; RFC 8878, section 3.1.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

type Input = Box<dyn Read + Send>;

/// An open stream.
pub(super) struct Stream {
    input: Input,
    format: Format,
    octets: Vec<u8>,
    /// Where in `octets` reading is.
    at: usize,
    /// What was found after the frames of the last batch.
    error: Option<ReadError>,
}

/// What is known of a stream once its first octets were read.
pub(super) enum Opened {
    Stream(Box<Stream>),
    /// Nothing came.
    Empty,
    /// It is neither pcap nor pcapng, or of a link type that is not decoded: its first octets.
    Other(Vec<u8>),
}

/// Whether a file is compressed in a way that is read here.
pub(super) fn is_compressed(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut begin)?;
    Ok(begin.starts_with(&GZIP) || begin.starts_with(&ZSTANDARD))
}

impl Stream {
    /// Opens a file, a named pipe, or standard input (`-`), and waits for its first octets.
    pub(super) fn open(path: &Path) -> io::Result<Opened> {
        let file = match path == Path::new("-") {
            true => File::from(io::stdin().as_fd().try_clone_to_owned()?),
            false => File::open(path)?,
        };
        let (mut input, mut octets) = (decompressed(file)?, Vec::new());
        loop {
            if let Some((format, at)) = Format::of(&octets) {
                let stream = Self { input, format, octets, at, error: None };
                return Ok(Opened::Stream(Box::new(stream)));
            }
            if octets.len() >= MAX_HEADER || !more(&mut input, &mut octets)? {
                return Ok(if octets.is_empty() { Opened::Empty } else { Opened::Other(octets) });
            }
        }
    }

    pub(super) fn layer(&self) -> LinkLayer {
        self.format.layer()
    }

    /// Fills a batch with at most so many frames: those that are there, or the next one. None is the end.
    pub(super) fn fill(&mut self, batch: &mut Batch, max: usize) -> Result<(), ReadError> {
        batch.begin_copied();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while batch.len() < max {
            let rest = self.octets.get(self.at..).unwrap_or_default();
            match self.format.next(rest) {
                Next::Frame { timestamp, octets, start, captured, length, layer } => {
                    if !batch.takes(layer) {
                        break;
                    }
                    let data = rest.get(start..start + captured as usize).unwrap_or_default();
                    batch.push(&Frame { timestamp, octets, data });
                    self.at += length;
                }
                Next::Skip(length) => self.at += length,
                Next::More { .. } if !batch.is_empty() => break,
                Next::More { wanted, of } => {
                    let there = rest.len();
                    self.octets.drain(..self.at);
                    self.at = 0;
                    if !more(&mut self.input, &mut self.octets).map_err(read_error)? {
                        if there == 0 {
                            break;
                        }
                        return Err(ReadError::Damaged(format!(
                            "truncated dump file; tried to read {wanted} {of} bytes, only got {there}"
                        )));
                    }
                }
                Next::Bad(reason) if batch.is_empty() => return Err(ReadError::Damaged(reason)),
                Next::Bad(reason) => {
                    self.error = Some(ReadError::Damaged(reason));
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Reads what comes next; false at the end.
fn more(input: &mut Input, octets: &mut Vec<u8>) -> io::Result<bool> {
    let before = octets.len();
    octets.resize(before + CHUNK, 0);
    let place = octets.get_mut(before..).unwrap_or_default();
    let read = loop {
        match input.read(place) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    octets.truncate(before + read.as_ref().map_or(0, |read| *read));
    read.map(|read| read > 0)
}

/// A decompressor's complaint is damage; all else is the system's.
fn read_error(error: io::Error) -> ReadError {
    match error.raw_os_error() {
        Some(_) => ReadError::Io(error),
        None => ReadError::Damaged(error.to_string()),
    }
}

/// What a file holds once it is decompressed.
fn decompressed(mut file: File) -> io::Result<Input> {
    let mut begin = Vec::new();
    file.by_ref().take(ZSTANDARD.len() as u64).read_to_end(&mut begin)?;
    let (is_gzip, is_zstandard) = (begin.starts_with(&GZIP), begin == ZSTANDARD);
    let whole = BufReader::with_capacity(CHUNK, Cursor::new(begin).chain(file));
    Ok(match (is_gzip, is_zstandard) {
        (true, _) => Box::new(MultiGzDecoder::new(whole)),
        (_, true) => Box::new(Frames::Between(Some(whole))),
        _ => Box::new(whole.into_inner()),
    })
}

/// Zstandard frames, one after the other.
enum Frames<R: BufRead> {
    Between(Option<R>),
    Within(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Within(decoder) => match decoder.read(octets)? {
                    0 if !octets.is_empty() => {}
                    read => return Ok(read),
                },
                Self::Between(input) => {
                    let Some(mut reader) = input.take() else { return Ok(0) };
                    if reader.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(reader).map_err(io::Error::other)?;
                    *self = Self::Within(Box::new(decoder));
                    continue;
                }
            }
            if let Self::Within(decoder) = std::mem::replace(self, Self::Between(None)) {
                *self = Self::Between(Some(decoder.into_inner()));
            }
        }
    }
}
