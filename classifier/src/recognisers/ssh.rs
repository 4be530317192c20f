//! Secure Shell's identification string (RFC 4253, section 4.2).

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match text::start_any(view.payload, &[b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-"]) {
        Start::Whole => Answer::Match(Finding::certain(Protocol::Ssh, Evidence::HANDSHAKE)),
        start => text::not_yet(start, view),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    #[test]
    fn either_side_may_speak_first() {
        assert_eq!(
            Flow::tcp(22).server(ask, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").settled(),
            Some(Protocol::Ssh)
        );
        truncations(ask, || Flow::tcp(2222), b"SSH-1.99-x\r\n", |length| length >= 9);
    }

    #[test]
    fn a_part_is_waited_for_and_another_version_is_not() {
        assert_eq!(Flow::tcp(22).server(ask, b"SSH-2"), Said::Unsure);
        assert_eq!(Flow::tcp(22).server(ask, b"SSH-9.0-x"), Said::No);
        assert_eq!(Flow::tcp(22).midway().server(ask, b"SSH-2"), Said::No);
    }
}
