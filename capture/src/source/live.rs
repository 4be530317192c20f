//! Live interfaces.

use std::os::fd::AsFd;
use std::time::Duration;

use pcap::{Active, Capture, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::fanout::Group;
use super::savefile::words;
use super::{Frame, SourceError, frame};
use crate::decode::LinkLayer;
use crate::time::Timestamp;

/// How to capture on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSettings {
    /// The interface's name.
    pub interface: String,
    /// Octets of each packet that are captured. Classification needs whole first packets.
    pub snap_octets: u32,
    /// Size of the kernel's ring, of each worker.
    pub ring_octets: u32,
    /// Sources that share the interface's packets, by flow.
    pub workers: u8,
    /// Whether to see packets that are not for this host: on a mirror port, all of them are.
    pub promiscuous: bool,
}

/// An open interface.
pub struct LiveSource {
    capture: Capture<Active>,
    layer: LinkLayer,
    interface: String,
    last: LiveDrops,
    /// Packets taken out of the ring; as the kernel's counters it wraps.
    taken: u32,
    /// Whether the interface's own drops are told here: by one of the sources that share it.
    leads: bool,
    /// Frames before this moment are not shown.
    since: Timestamp,
}

/// What came, or did not come.
#[derive(Debug)]
pub enum Received<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// One that is not to be shown.
    Early,
    /// None is there now.
    Nothing,
}

/// Packets that were lost before this program could see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveDrops {
    /// The ring was full.
    pub kernel: u32,
    /// The interface or its driver dropped them.
    pub interface: u32,
}

impl LiveSource {
    /// Begins to capture, with as many sources as workers are asked for. Until each has been told
    /// with [`LiveSource::show_since`] from when on, a packet may be shown by more than one.
    ///
    /// # Errors
    /// There is no such interface, it is down, this process may not capture on it, its link type is
    /// not decoded, or its packets cannot be shared.
    pub fn open_group(settings: &LiveSettings) -> Result<Vec<Self>, SourceError> {
        let first = Self::open(settings)?;
        if settings.workers <= 1 {
            return Ok(vec![first]);
        }
        let failed = |error: std::io::Error| SourceError::Interface {
            interface: settings.interface.clone(),
            reason: format!("its packets cannot be shared by several workers: {error}"),
        };
        let group = Group::found(first.capture.as_fd()).map_err(failed)?;
        let mut sources = vec![first];
        for _ in 1..settings.workers {
            let source = Self { leads: false, ..Self::open(settings)? };
            group.join(source.capture.as_fd()).map_err(failed)?;
            sources.push(source);
        }
        Ok(sources)
    }

    /// Shows no frame that was captured before this moment: while a group was being made, several of
    /// its sources were given the same packets.
    pub const fn show_since(&mut self, since: Timestamp) {
        self.since = since;
    }

    /// Begins to capture.
    ///
    /// # Errors
    /// There is no such interface, it is down, this process may not capture on it, or its link type is
    /// not decoded.
    pub fn open(settings: &LiveSettings) -> Result<Self, SourceError> {
        let interface = settings.interface.clone();
        let failed = |error: pcap::Error| SourceError::Interface {
            interface: interface.clone(),
            reason: advice(words(error)),
        };
        let capture = Capture::from_device(interface.as_str())
            .map_err(failed)?
            .precision(Precision::Nano)
            .promisc(settings.promiscuous)
            .snaplen(settings.snap_octets.try_into().unwrap_or(i32::MAX))
            .buffer_size(settings.ring_octets.try_into().unwrap_or(i32::MAX))
            // How long the kernel may collect packets in a block before it hands them over.
            .timeout(100)
            .open()
            .and_then(Capture::setnonblock)
            .map_err(failed)?;
        let layer = LinkLayer::from_dlt(capture.get_datalink().0)
            .map_err(|source| SourceError::LinkType { name: interface.clone(), source })?;
        let last = LiveDrops::default();
        let since = Timestamp::EPOCH;
        Ok(Self { capture, layer, interface, last, taken: 0, leads: true, since })
    }

    /// What its frames begin with.
    pub const fn link_layer(&self) -> LinkLayer {
        self.layer
    }

    /// The next frame that is there already.
    ///
    /// # Errors
    /// The interface went away.
    pub fn receive(&mut self) -> Result<Received<'_>, SourceError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.taken = self.taken.wrapping_add(1);
                let frame = frame(&packet);
                if frame.timestamp < self.since {
                    return Ok(Received::Early);
                }
                Ok(Received::Frame(frame))
            }
            Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => Ok(Received::Nothing),
            Err(error) => Err(SourceError::Interface {
                interface: self.interface.clone(),
                reason: words(error),
            }),
        }
    }

    /// Waits until a frame is there, but no longer than this. libpcap's own waiting has no end on
    /// Linux while no packet comes, and an interval must end without packets too.
    pub fn wait(&self, at_most: Duration) {
        let timeout = Timespec {
            tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        let mut descriptors = [PollFd::new(&self.capture, PollFlags::IN)];
        // An interrupted wait is a short one: the caller asks again.
        let _ = poll(&mut descriptors, Some(&timeout));
    }

    /// Packets that the kernel has put into the ring and that nobody has taken out.
    ///
    /// # Errors
    /// The interface went away.
    pub fn unread(&mut self) -> Result<u32, SourceError> {
        let stats = self.stats()?;
        Ok(stats.received.wrapping_sub(stats.dropped).wrapping_sub(self.taken))
    }

    /// Packets lost since the last call.
    ///
    /// # Errors
    /// The interface went away.
    pub fn drops(&mut self) -> Result<LiveDrops, SourceError> {
        let stats = self.stats()?;
        let interface = if self.leads { stats.if_dropped } else { 0 };
        let now = LiveDrops { kernel: stats.dropped, interface };
        // The counters are 32 bits wide and wrap.
        let since = LiveDrops {
            kernel: now.kernel.wrapping_sub(self.last.kernel),
            interface: now.interface.wrapping_sub(self.last.interface),
        };
        self.last = now;
        Ok(since)
    }

    fn stats(&mut self) -> Result<pcap::Stat, SourceError> {
        self.capture.stats().map_err(|error| SourceError::Interface {
            interface: self.interface.clone(),
            reason: words(error),
        })
    }
}

/// Keeps the calling thread on one core of this machine.
///
/// # Errors
/// There is no such core, or this process may not use it.
pub fn pin_to_core(core: u16) -> std::io::Result<()> {
    if usize::from(core) >= CpuSet::MAX_CPU {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut cores = CpuSet::new();
    cores.set(core.into());
    Ok(sched_setaffinity(None, &cores)?)
}

/// libpcap's words with what to do about them.
fn advice(reason: String) -> String {
    if reason.contains("ermission") || reason.contains("not permitted") {
        return format!(
            "{reason}; run as root, or give the program the right: setcap cap_net_raw+ep etiage"
        );
    }
    if reason.contains("No such device") {
        return format!("{reason}; `ip link` lists the interfaces of this machine");
    }
    reason
}
