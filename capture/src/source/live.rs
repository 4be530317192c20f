//! Live interfaces.

use std::time::Duration;

use pcap::{Active, Capture, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::savefile::words;
use super::{Frame, SourceError, frame};
use crate::decode::LinkLayer;

/// How to capture on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSettings {
    /// The interface's name.
    pub interface: String,
    /// Octets of each packet that are captured. Classification needs whole first packets.
    pub snap_octets: u32,
    /// Size of the kernel's ring.
    pub ring_octets: u32,
    /// Whether to see packets that are not for this host: on a mirror port, all of them are.
    pub promiscuous: bool,
}

/// An open interface.
pub struct LiveSource {
    capture: Capture<Active>,
    layer: LinkLayer,
    interface: String,
    last: LiveDrops,
}

/// What came, or did not come.
#[derive(Debug)]
pub enum Received<'a> {
    /// A frame.
    Frame(Frame<'a>),
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
        Ok(Self { capture, layer, interface, last: LiveDrops::default() })
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
            Ok(packet) => Ok(Received::Frame(frame(&packet))),
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

    /// Packets lost since the last call.
    ///
    /// # Errors
    /// The interface went away.
    pub fn drops(&mut self) -> Result<LiveDrops, SourceError> {
        let stats = self.capture.stats().map_err(|error| SourceError::Interface {
            interface: self.interface.clone(),
            reason: words(error),
        })?;
        let now = LiveDrops { kernel: stats.dropped, interface: stats.if_dropped };
        // The counters are 32 bits wide and wrap.
        let since = LiveDrops {
            kernel: now.kernel.wrapping_sub(self.last.kernel),
            interface: now.interface.wrapping_sub(self.last.interface),
        };
        self.last = now;
        Ok(since)
    }
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
