//! What BitTorrent's messages tell of endpoints: compact lists and single addresses, learnt with
//! care.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::class::Protocol;
use crate::ports;
use crate::recogniser::View;

/// Endpoints learnt of one message at most: a tracker gives 50 to 200, and a flow to any of them
/// names itself mostly. What counts is that one message cannot fill the map.
const MAX_LEARNT: usize = 200;

/// Learns an endpoint as a peer of BitTorrent.
///
/// Trackers and the DHT hand out what anybody claimed, and lists have been poisoned with the
/// addresses of web servers: well-known ports and addresses that are no host's are not believed, and
/// others only as far as [`crate::Knowledge::peer`] has it.
pub(super) fn learn(view: &View<'_>, endpoint: SocketAddr) {
    if is_believable(endpoint) {
        view.knowledge.learn_peer(view.now, endpoint, Protocol::BitTorrent, view.word());
    }
}

/// Learns an endpoint that serves one call of WebTorrent, soon.
pub(super) fn expect(view: &View<'_>, endpoint: SocketAddr) {
    if is_believable(endpoint) && !ports::is_service(endpoint.port()) {
        let word = view.word();
        view.knowledge.expect_call(view.now, endpoint, Protocol::BitTorrent, word);
    }
}

fn is_believable(endpoint: SocketAddr) -> bool {
    let address = endpoint.ip();
    let host = match address {
        IpAddr::V4(v4) => !v4.is_broadcast(),
        IpAddr::V6(_) => true,
    };
    endpoint.port() >= 1024 && host && !address.is_unspecified() && !address.is_multicast()
}

/// Learns a list of IPv4 addresses and ports, 6 octets each (BEP 23), after `skip` octets of each
/// item: the DHT's nodes have their identifier there (BEP 5).
pub(super) fn learn_compact_v4(view: &View<'_>, list: &[u8], skip: usize) {
    for item in list.chunks_exact(skip + 6).take(MAX_LEARNT) {
        let Some(&[a, b, c, d, high, low]) = item.last_chunk::<6>() else { return };
        let port = u16::from_be_bytes([high, low]);
        learn(view, SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port));
    }
}

/// Learns a list of IPv6 addresses and ports, 18 octets each (BEP 7), after `skip` octets (BEP 32).
pub(super) fn learn_compact_v6(view: &View<'_>, list: &[u8], skip: usize) {
    for item in list.chunks_exact(skip + 18).take(MAX_LEARNT) {
        let Some((address, port)) = item
            .last_chunk::<18>()
            .and_then(|item| Some((item.first_chunk::<16>()?, item.last_chunk::<2>()?)))
        else {
            return;
        };
        let port = u16::from_be_bytes(*port);
        learn(view, SocketAddr::new(Ipv6Addr::from(*address).into(), port));
    }
}
