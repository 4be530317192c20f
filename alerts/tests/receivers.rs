//! Each kind of receiver is spoken to as it wants to be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice)]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etiage_alerts::{
    Authorization, EmailTarget, Encryption, HttpTarget, Receiver, Secret, SyslogTarget, Target,
    Templates, Transition, Transport, test_route,
};
use support::{Http, Smtp, delivered, event, over, receiver, settings, start, until};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};

/// A firing and a resolved of one event are told.
async fn tell_a_life(receiver: Receiver) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let name = receiver.name.clone();
    let (delivery, mut logged) = start(settings(directory.path(), vec![receiver]));
    delivery.tell(Transition::Firing, &event("7"));
    delivered(&delivery, &name, 1).await;
    delivery.tell(Transition::Resolved, &over("7"));
    delivered(&delivery, &name, 2).await;
    delivery.stop().await;
    for transition in [Transition::Firing, Transition::Resolved] {
        let logged = logged.try_recv().unwrap();
        assert_eq!((logged.event.as_str(), logged.transition), ("7", transition));
        assert_eq!((logged.route.as_str(), logged.outcome.name()), ("all", "delivered"));
        assert_eq!(logged.fingerprint, event("7").fingerprint("probe-1"));
    }
    assert!(logged.try_recv().is_err());
    directory
}

#[tokio::test]
async fn a_webhook_is_alertmanagers_and_signed() {
    let server = Http::start().await;
    let key = b"0123456789abcdef0123456789abcdef";
    let secret = Some(Secret::new(format!("whsec_{}", STANDARD.encode(key))));
    let http = HttpTarget::new(&format!("{}/hook?team=noc", server.url)).unwrap();
    tell_a_life(receiver("hook", Target::Webhook { http, secret })).await;
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for (request, status) in requests.iter().zip(["firing", "resolved"]) {
        assert_eq!(request.path, "/hook?team=noc");
        assert_eq!(request.header("content-type"), "application/json");
        let signed = [
            request.header("webhook-id").as_bytes(),
            b".",
            request.header("webhook-timestamp").as_bytes(),
            b".",
            &request.body,
        ];
        let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        let signature = STANDARD.decode(signature).unwrap();
        ring::hmac::verify(&key, &signed.concat(), &signature).unwrap();
        let body = request.json();
        assert_eq!(body["version"], "4");
        assert_eq!(body["status"], status);
        assert_eq!(body["receiver"], "hook");
        assert_eq!(body["truncatedAlerts"], 0);
        assert_eq!(body["externalURL"], "https://etiage.example.net/event?v=1&id=7");
        let alerts = body["alerts"].as_array().unwrap();
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0]["status"], status);
        assert_eq!(alerts[0]["labels"], body["commonLabels"]);
        assert_eq!(alerts[0]["labels"]["event"], "7");
        assert_eq!(alerts[0]["labels"]["kind"], "shutdown");
        assert_eq!(alerts[0]["startsAt"], "2012-01-19T18:50:00Z");
        assert_eq!(alerts[0]["fingerprint"], event("7").fingerprint("probe-1"));
        assert_eq!(body["etiage"]["transition"], status);
        assert_eq!(body["etiage"]["event"]["parts"][0]["name"], "example.com");
    }
    let ends = |at: usize| requests[at].json()["alerts"][0]["endsAt"].clone();
    assert_eq!(ends(0), "0001-01-01T00:00:00Z");
    assert_eq!(ends(1), "2012-01-19T20:00:00Z");
    assert_eq!(requests[0].json()["groupKey"], requests[1].json()["groupKey"]);
    assert_ne!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
}

#[tokio::test]
async fn http_servers_are_told_who_we_are() {
    for (authorization, header) in [
        (
            Authorization::Basic { user: "noc".to_owned(), password: Secret::new("hunter2") },
            "Basic bm9jOmh1bnRlcjI=",
        ),
        (Authorization::Bearer(Secret::new("t0ken")), "Bearer t0ken"),
    ] {
        let server = Http::start().await;
        let mut http = HttpTarget::new(&server.url).unwrap();
        http.authorization = Some(authorization);
        tell_a_life(receiver("hook", Target::Webhook { http, secret: None })).await;
        assert_eq!(server.requests()[0].header("authorization"), header);
        assert!(!server.requests()[0].headers.contains_key("webhook-signature"));
    }
}

#[tokio::test]
async fn a_chat_gets_title_link_and_colour() {
    let server = Http::start().await;
    let http = HttpTarget::new(&format!("{}/services/T0/B0/XYZ", server.url)).unwrap();
    let target = Target::Slack { http, channel: Some("#noc".to_owned()) };
    let templates = Templates::new(
        Some("{{ transition }} <{{ subject }}>"),
        Some("{{ parts[:1]|map(attribute='name')|join }}"),
    );
    let receiver = Receiver { templates: templates.unwrap(), ..receiver("chat", target) };
    tell_a_life(receiver).await;
    let bodies: Vec<_> = server.requests().iter().map(support::Request::json).collect();
    assert_eq!(bodies[0]["channel"], "#noc");
    assert_eq!(bodies[0]["text"], "firing &lt;fall 7&gt;");
    let attachment = &bodies[0]["attachments"][0];
    assert_eq!(attachment["title_link"], "https://etiage.example.net/event?v=1&id=7");
    assert_eq!(
        (&attachment["color"], &attachment["text"]),
        (&"warning".into(), &"example.com".into())
    );
    assert_eq!(bodies[1]["attachments"][0]["color"], "good");
}

/// Facility, severity, MSGID, structured data and text of a message: RFC 5424, section 6, read without any
/// of the crate's code.
fn parse(message: &str) -> (u32, u32, String, Vec<(String, String)>, String) {
    let (priority, rest) = message.strip_prefix('<').unwrap().split_once('>').unwrap();
    let priority: u32 = priority.parse().unwrap();
    let fields: Vec<&str> = rest.splitn(7, ' ').collect();
    assert_eq!(fields[0], "1", "version");
    time::OffsetDateTime::parse(fields[1], &time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!((fields[2], fields[3]), ("probe-1", "etiage"));
    assert_eq!(fields[4], std::process::id().to_string());
    let data = fields[6].strip_prefix("[etiage@32473").unwrap();
    let mut parameters = Vec::new();
    let mut rest = data;
    while let Some(parameter) = rest.strip_prefix(' ') {
        let (name, value) = parameter.split_once("=\"").unwrap();
        let (mut text, mut characters) = (String::new(), value.char_indices());
        let end = loop {
            match characters.next().unwrap() {
                (_, '\\') => text.push(characters.next().unwrap().1),
                (at, '"') => break at,
                (_, other) => text.push(other),
            }
        };
        parameters.push((name.to_owned(), text));
        rest = &value[end + 1..];
    }
    let text = rest.strip_prefix("] ").unwrap();
    (priority / 8, priority % 8, fields[5].to_owned(), parameters, text.to_owned())
}

fn check_syslog(messages: &[String]) {
    let [firing, resolved] = messages else { panic!("{} messages", messages.len()) };
    let (facility, severity, id, parameters, text) = parse(firing);
    assert_eq!((facility, severity, id.as_str(), text.as_str()), (16, 4, "firing", "fall 7"));
    let value = |name: &str| {
        let found = parameters.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {parameters:?}")).1.as_str()
    };
    assert_eq!((value("event"), value("kind"), value("direction")), ("7", "shutdown", "in"));
    assert_eq!((value("links"), value("depth_percent")), ("transit-1,ix-1", "20.5"));
    assert_eq!(value("url"), "https://etiage.example.net/event?v=1&id=7");
    assert_eq!(value("fingerprint"), event("7").fingerprint("probe-1"));
    let (_, severity, id, parameters, text) = parse(resolved);
    assert_eq!((severity, id.as_str(), text.as_str()), (5, "resolved", "Over: fall 7"));
    assert!(parameters.contains(&("ended".to_owned(), "2012-01-19T20:00:00Z".to_owned())));
}

fn syslog(address: String, transport: Transport) -> Receiver {
    receiver("log", Target::Syslog(SyslogTarget { address, transport, facility: 16 }))
}

#[tokio::test]
async fn syslog_comes_by_datagram() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tell_a_life(syslog(address, Transport::Udp)).await;
    let mut messages = Vec::new();
    for _ in 0..2 {
        let mut octets = [0; 4096];
        let length = server.recv(&mut octets).await.unwrap();
        messages.push(String::from_utf8(octets[..length].to_vec()).unwrap());
    }
    check_syslog(&messages);
}

#[tokio::test]
async fn a_datagram_to_nobody_is_sent_again() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    let directory = tempfile::tempdir().unwrap();
    let log = syslog(address.to_string(), Transport::Udp);
    let (delivery, _logged) = start(settings(directory.path(), vec![log]));
    delivery.tell(Transition::Firing, &event("7"));
    until("a failure", async || (support::stats(&delivery, "log").failed_tries > 0).then_some(()))
        .await;
    let server = UdpSocket::bind(address).await.unwrap();
    let mut octets = [0; 4096];
    let length = server.recv(&mut octets).await.unwrap();
    assert!(str::from_utf8(&octets[..length]).unwrap().ends_with("] fall 7"));
    delivery.stop().await;
}

#[tokio::test]
async fn syslog_comes_by_stream_counted_by_octets() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let reading = tokio::spawn(async move {
        let mut messages = Vec::new();
        while messages.len() < 2 {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            while !text.is_empty() {
                let (length, rest) = text.split_once(' ').unwrap();
                let (message, rest) = rest.split_at(length.parse().unwrap());
                messages.push(message.to_owned());
                text = rest.to_owned();
            }
        }
        messages
    });
    tell_a_life(syslog(address, Transport::Tcp)).await;
    check_syslog(&reading.await.unwrap());
}

fn email(port: u16) -> EmailTarget {
    let to = ["noc@example.net".to_owned(), "Duty <duty@example.net>".to_owned()];
    let mut target =
        EmailTarget::new("127.0.0.1".to_owned(), "Etiage <etiage@example.net>", &to).unwrap();
    target.port = port;
    target.encryption = Encryption::None;
    target
}

#[tokio::test]
async fn a_mail_comes_with_its_thread() {
    let server = Smtp::start(&[]).await;
    let mut target = email(server.port);
    target.login = Some(("etiage".to_owned(), Secret::new("hunter2")));
    tell_a_life(receiver("mail", Target::Email(target))).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].from.contains("<etiage@example.net>"), "{:?}", mails[0]);
    assert_eq!(mails[0].to.len(), 2);
    let login = STANDARD.decode(mails[0].login.as_ref().unwrap()).unwrap();
    assert_eq!(login, b"\0etiage\0hunter2");
    let header = |mail: &support::Mail, name: &str| {
        let start = format!("{name}: ");
        mail.text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    assert_eq!(header(&mails[0], "Subject").as_deref(), Some("fall 7"));
    assert_eq!(header(&mails[1], "Subject").as_deref(), Some("Over: fall 7"));
    assert!(mails[0].text.contains("https://etiage.example.net/event?v="), "{}", mails[0].text);
    let id = header(&mails[0], "Message-ID").unwrap();
    assert!(id.starts_with(&format!("<{}", event("7").fingerprint("probe-1"))), "{id}");
    assert_eq!(header(&mails[0], "In-Reply-To"), None);
    assert_eq!(header(&mails[1], "In-Reply-To").as_deref(), Some(id.as_str()));
    assert!(header(&mails[0], "Date").is_some());
}

#[tokio::test]
async fn a_mail_server_may_want_it_later_or_not_at_all() {
    let server = Smtp::start(&["450 4.2.1 greylisted", "450 4.2.1 greylisted"]).await;
    let directory = tempfile::tempdir().unwrap();
    let mail = receiver("mail", Target::Email(email(server.port)));
    let (delivery, _logged) = start(settings(directory.path(), vec![mail]));
    delivery.tell(Transition::Firing, &event("7"));
    let stats = delivered(&delivery, "mail", 1).await;
    assert!(stats.failed_tries > 0 && stats.last_error.is_none(), "{stats:?}");
    delivery.stop().await;

    let server = Smtp::start(&["550 5.1.1 no such user"]).await;
    let directory = tempfile::tempdir().unwrap();
    let mail = receiver("mail", Target::Email(email(server.port)));
    let (delivery, mut logged) = start(settings(directory.path(), vec![mail]));
    delivery.tell(Transition::Firing, &event("7"));
    let logged = logged.recv().await.unwrap();
    assert_eq!(logged.outcome.name(), "refused");
    assert!(logged.error.contains("no such user"), "{}", logged.error);
    let stats = support::stats(&delivery, "mail");
    assert_eq!((stats.refused, stats.waiting), (1, 0));
    delivery.stop().await;
}

#[tokio::test]
async fn a_route_is_tried_with_a_sample() {
    let server = Http::start().await;
    let refuses = Http::start().await;
    refuses.answer(&[(404, "no_team")]);
    let directory = tempfile::tempdir().unwrap();
    let receivers =
        vec![support::webhook("good", &server.url), support::webhook("bad", &refuses.url)];
    let settings = settings(directory.path(), receivers);
    let tested = test_route(&settings, &settings.routes[0]).await;
    assert_eq!(tested.len(), 2);
    assert_eq!(tested[0].answer.as_deref(), Ok("200 OK; to its end, 200 OK"));
    assert_eq!(tested[1].answer.as_ref().unwrap_err(), "it answered 404 Not Found: no_team");
    let statuses: Vec<_> =
        server.requests().iter().map(|request| request.json()["status"].clone()).collect();
    assert_eq!(statuses, ["firing", "resolved"], "nothing stays open");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "past the outboxes");
}
