//! Syslog: RFC 5424 messages, a datagram each (RFC 5426) or counted by octets on a stream (RFC 6587).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use etiage_detector::Severity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, lookup_host};

use super::SendError;
use crate::Transition;
use crate::event::{kind_name, severity_name};
use crate::message::Message;
use crate::receiver::{SyslogTarget, Transport};
use crate::template::{moment, shorten};

/// What every receiver should take (RFC 5426, section 3.2).
const MAX_DATAGRAM: usize = 2_048;
/// How long it is listened for somebody who says that there is no such port, or that the stream is broken.
const OBJECTION: Duration = Duration::from_millis(250);
/// The private enterprise number that RFC 5612 has set aside for those who have none.
const ENTERPRISE: u32 = 32_473;

#[derive(Debug)]
pub(super) struct Syslog(SyslogTarget);

impl Syslog {
    pub(super) const fn new(target: SyslogTarget) -> Self {
        Self(target)
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let mut text = line(message, self.0.facility);
        let sent = match self.0.transport {
            Transport::Udp => {
                shorten(&mut text, MAX_DATAGRAM);
                self.datagram(text.as_bytes()).await
            }
            Transport::Tcp => self.stream(&text).await,
        };
        sent.map_err(|error| SendError::again(error.to_string()))
    }

    async fn datagram(&self, octets: &[u8]) -> std::io::Result<String> {
        let mut result = Err(std::io::Error::other("the name has no address"));
        for address in lookup_host(&self.0.address).await? {
            result = datagram_to(address, octets).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }

    async fn stream(&self, text: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.0.address).await?;
        stream.write_all(format!("{} {text}", text.len()).as_bytes()).await?;
        stream.shutdown().await?;
        // Syslog has no answers; but whoever closes the stream in order has read it.
        let mut rest = [0; 64];
        match tokio::time::timeout(OBJECTION, stream.read(&mut rest)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Ok("sent".to_owned()),
        }
    }
}

async fn datagram_to(address: SocketAddr, octets: &[u8]) -> std::io::Result<String> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    // Connected: what the network says of the datagram comes back as an error.
    socket.connect(address).await?;
    socket.send(octets).await?;
    let mut objection = [0; 1];
    match tokio::time::timeout(OBJECTION, socket.recv(&mut objection)).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok("sent; a datagram is never acknowledged".to_owned()),
    }
}

/// A message, RFC 5424, section 6.
fn line(message: &Message, facility: u8) -> String {
    let Message { event, transition, fingerprint, words, .. } = message;
    let level: u8 = match (transition, event.severity) {
        (Transition::Resolved, _) => 5,
        (_, Severity::Critical) => 2,
        (_, Severity::Warning) => 4,
        (_, Severity::Info) => 6,
    };
    let mut data = format!("[etiage@{ENTERPRISE}");
    for (name, value) in [
        ("event", event.id.as_str()),
        ("fingerprint", fingerprint),
        ("transition", transition.name()),
        ("kind", kind_name(event.kind)),
        ("severity", severity_name(event.severity)),
        ("direction", &event.direction),
        ("onset", &moment(event.onset)),
        ("ended", &event.ended.map(moment).unwrap_or_default()),
        ("depth_percent", &format!("{:.1}", event.depth_percent)),
        ("lost_octets", &format!("{:.0}", event.lost_octets)),
        ("links", &event.links.join(",")),
        ("url", message.link.as_deref().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            data.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
    }
    data.push(']');
    // A text that is not ASCII begins with the octets that say that it is UTF-8.
    let mark = if words.title.is_ascii() { "" } else { "\u{feff}" };
    format!(
        "<{}>1 {} {} etiage {} {transition} {data} {mark}{}",
        u32::from(facility) * 8 + u32::from(level),
        moment(message.now),
        name(&message.probe),
        std::process::id(),
        words.title,
    )
}

/// A name that fits its field: printable ASCII without spaces.
fn name(text: &str) -> String {
    let name: String = text.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A value of structured data: RFC 5424, section 6.3.3.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageContext;
    use crate::{Event, Templates};

    #[test]
    fn a_line_is_one_whatever_is_in_it() {
        let templates = Templates::new(Some("{{ subject }}"), None).unwrap();
        let context =
            MessageContext { probe: "p 1", public_url: None, receiver: "r", templates: &templates };
        let event = Event {
            id: "a]\"\\\n".to_owned(),
            subject: "é\nx".to_owned(),
            severity: Severity::Critical,
            ..Event::sample(1_326_996_600)
        };
        let message = context.message(Transition::Firing, event, (1, 1), 1_326_999_600);
        let line = line(&message, 3);
        let (head, rest) = line.split_once(" [").unwrap();
        let process = std::process::id();
        assert_eq!(head, format!("<26>1 2012-01-19T19:00:00Z p1 etiage {process} firing"));
        assert!(rest.starts_with("etiage@32473 event=\"a\\]\\\"\\\\ \" "), "{rest}");
        assert!(rest.ends_with("] \u{feff}é x"), "{rest}");
        assert!(!line.contains('\n'));
    }
}
