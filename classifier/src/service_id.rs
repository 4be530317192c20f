//! Which service a flow is of, in two octets.

/// A service's place in the rules; [`ServiceId::NONE`] for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

impl ServiceId {
    /// No service is known.
    pub const NONE: Self = Self(0);
    /// What the flow is for shows in its shape; whose it is does not show.
    pub const UNATTRIBUTED: Self = Self(u16::MAX);
}
