//! Where packets come from: sources, decoding, link mapping and direction, the flow table.
//!
//! Nothing here reads a clock or waits: time comes in with the packets (see [`Timestamp`]).
//! Nothing here panics on data: every length is checked, every table is bounded, and what cannot be
//! decoded is a result of its own that is counted like any other.

mod address;
mod cursor;
pub mod decode;
pub mod flow;
mod link;
mod mac;
mod packet;
mod places;
mod plausible;
mod prefetch;
pub mod source;
mod time;

pub use cursor::Cursor;
pub use decode::{Content, Decoded, FlowPacket, LinkLayer, Outer, decode, decode_plain};
pub use link::{
    Direction, InterfaceIndex, LinkIndex, LinkMap, LinkRule, Placement, private_prefixes,
};
pub use mac::{BadMacAddress, MacAddress};
pub use packet::{Packet, PerSide, Side, TcpHeader, Transport};
pub use places::Places;
pub use plausible::{Note, StreamClock, WallClock};
pub use time::Timestamp;
