//! No secret is printed, whatever goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use etiage_alerts::{
    Authorization, EmailTarget, Encryption, HttpTarget, Secret, Target, Transition,
};
use support::{Http, Smtp, event, receiver, settings, start, stats, until};

const PASSWORD: &str = "hunter2-password";
const TOKEN: &str = "hunter2-token";
const LOGIN: &str = "hunter2-login";
const KEY: &str = "hunter2-key-of-signatures";
const PATH: &str = "/services/T0/B0/hunter2-path";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server that fails, and says in its answer what it was sent.
async fn echo(text: &str) -> (Http, HttpTarget) {
    let server = Http::start().await;
    server.answer(&[(503, text), (503, text), (503, text)]);
    let target = HttpTarget::new(&format!("{}{PATH}", server.url)).unwrap();
    (server, target)
}

#[tokio::test]
async fn no_secret_is_in_the_log_in_errors_or_in_debug_output() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let (_basic, mut basic) = echo(&format!("wrong password {PASSWORD}")).await;
    let password = Secret::new(PASSWORD);
    basic.authorization = Some(Authorization::Basic { user: "noc".to_owned(), password });
    let (_bearer, mut bearer) = echo(&format!("wrong token {TOKEN}")).await;
    bearer.authorization = Some(Authorization::Bearer(Secret::new(TOKEN)));
    let (_chat, chat) = echo(&format!("POST {PATH} failed")).await;
    let away = HttpTarget::new(&format!("http://127.0.0.1:1{PATH}")).unwrap();
    let smtp = Smtp::start(&["450 4.7.1 hunter2-login is wrong"; 9]).await;
    let to = ["b@example.net".to_owned()];
    let mut email = EmailTarget::new("127.0.0.1".to_owned(), "a@example.net", &to).unwrap();
    email.port = smtp.port;
    email.encryption = Encryption::None;
    email.login = Some(("noc".to_owned(), Secret::new(LOGIN)));
    let secret = Some(Secret::new(KEY));
    let receivers = vec![
        receiver("am", Target::Alertmanager { http: basic, repeat: support::PATIENCE }),
        receiver("hook", Target::Webhook { http: bearer, secret }),
        receiver("chat", Target::Slack { http: chat, channel: None }),
        receiver("away", Target::Slack { http: away, channel: None }),
        receiver("mail", Target::Email(email)),
    ];
    let names: Vec<_> = receivers.iter().map(|receiver| receiver.name.clone()).collect();
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), receivers);
    let mut everything = format!("{settings:?}\n");
    let (delivery, mut logged) = start(settings);
    delivery.tell(Transition::Firing, &event("a"));
    for name in names {
        let logged = logged.recv().await.unwrap();
        assert_eq!(logged.outcome.name(), "failed");
        everything.push_str(&format!("{logged:?}\n"));
        until(&name, async || stats(&delivery, &name).last_error).await;
    }
    delivery.stop().await;
    everything.push_str(&format!("{delivery:?}\n{:?}\n", delivery.stats()));
    everything.push_str(&String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    assert!(everything.contains("wrong token …"), "{everything}");
    assert_eq!(everything.matches("cannot be told").count(), 5, "{everything}");
    assert!(!everything.contains("hunter2"), "{everything}");
}
