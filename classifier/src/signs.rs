//! What a flow shows of itself that no recogniser knew.

/// What a flow's own octets say where no recogniser knew them: it must not contradict what is known of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signs {
    /// The recognisers that had not said no.
    pub(crate) candidates: u64,
    /// Neither side began with anything that is fixed.
    pub(crate) hidden: bool,
    /// It began like BitTorrent's encrypted handshake.
    pub(crate) handshake: bool,
}

impl Signs {
    /// Of a flow whose payload nobody looked at.
    pub(crate) const NOTHING_SEEN: Self =
        Self { candidates: u64::MAX, hidden: true, handshake: false };
}
