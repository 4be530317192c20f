//! A connection whose client must get on: with its request, and with its answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::house::{Place, Reason, Seat};

/// How long a request may take to come, its body included.
pub(super) const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long may pass between two pieces of it: a lost packet comes again within that time.
const PIECE_TIME: Duration = Duration::from_secs(4);
/// How long a connection may be idle that was of use.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How long a client may take nothing of its answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// The connection.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    place: Arc<Place>,
    /// When the request that comes began, and when its last piece came.
    request: Option<(Instant, Instant)>,
    /// How many requests had come before it.
    before: u64,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, place, request: None, before: 0, reading: None, writing: None }
    }

    /// By when the next octet must be there; none while a request is at work.
    fn deadline(&mut self) -> Option<Instant> {
        self.forget_the_last();
        let seat = &self.place.seat;
        if seat.is_at_work() {
            return None;
        }
        let since = Instant::from_std(seat.since());
        Some(match self.request {
            Some((began, last)) => (began + REQUEST_TIME).min(last + PIECE_TIME),
            None if seat.requests() > 0 => since + IDLE_TIME,
            None => since + REQUEST_TIME,
        })
    }

    /// What came of a request that was answered since is of the past.
    fn forget_the_last(&mut self) {
        let requests = self.place.seat.requests();
        if self.before != requests {
            (self.before, self.request) = (requests, None);
        }
    }

    /// Something came.
    fn got_on(&mut self) {
        self.forget_the_last();
        if !self.place.seat.is_at_work() {
            let now = Instant::now();
            self.request = Some((self.request.map_or(now, |(began, _)| began), now));
        }
    }

    /// A write is ready, or waits for the client.
    fn write<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.writing.take().is_some() {
                self.place.seat.gets_on();
            }
            return written;
        }
        if self.writing.is_none() {
            self.place.seat.stalls();
        }
        let limit = || Box::pin(sleep_until(Instant::now() + ANSWER_TIME));
        ready!(self.writing.get_or_insert_with(limit).as_mut().poll(context));
        self.place.count(Reason::SlowReader);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if buffer.filled().len() > before {
                self.got_on();
            }
            return read;
        }
        let Some(deadline) = self.deadline() else {
            self.reading = None;
            return Poll::Pending;
        };
        let sleep = self.reading.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        ready!(sleep.as_mut().poll(context));
        if self.request.is_some() || self.place.seat.requests() == 0 {
            self.place.count(Reason::SlowRequest);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.write(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.write(context, ended)
    }
}

/// An answer; while it is sent, its connection is at work.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    seat: Arc<Seat>,
}

impl Answer {
    pub(super) fn new(body: Body, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.seat.waits();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
