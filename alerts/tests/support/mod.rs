//! Receivers for the tests to talk to: each remembers what it was sent.

// Each test file is a crate of its own that uses its part of this.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice)]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use etiage_alerts::{
    Delivery, Event, HttpTarget, Logged, Receiver, ReceiverStats, Route, Settings, Target,
    Templates,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Longest that anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is as it should be.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "it never came about: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn event(id: &str) -> Event {
    Event { id: id.to_owned(), subject: format!("fall {id}"), ..Event::sample(1_326_999_600) }
}

pub fn over(id: &str) -> Event {
    Event { ended: Some(1_327_003_200), ..event(id) }
}

pub fn receiver(name: &str, target: Target) -> Receiver {
    let templates = Templates::new(None, None).unwrap();
    Receiver { name: name.to_owned(), target, templates, timeout: PATIENCE }
}

pub fn webhook(name: &str, url: &str) -> Receiver {
    receiver(name, Target::Webhook { http: HttpTarget::new(url).unwrap(), secret: None })
}

/// All receivers are told of everything.
pub fn settings(directory: &Path, receivers: Vec<Receiver>) -> Settings {
    let names = receivers.iter().map(|receiver| receiver.name.clone()).collect();
    Settings {
        probe: "probe-1".to_owned(),
        public_url: Some("https://etiage.example.net".to_owned()),
        directory: directory.to_owned(),
        receivers,
        routes: vec![Route::everything("all", names)],
        give_up_after: Settings::GIVE_UP_AFTER,
    }
}

pub fn start(settings: Settings) -> (Delivery, mpsc::Receiver<Logged>) {
    let (log, logged) = mpsc::channel(1_000);
    (Delivery::start(settings, log).unwrap(), logged)
}

pub fn stats(delivery: &Delivery, name: &str) -> ReceiverStats {
    delivery.stats().into_iter().find(|stats| stats.name == name).unwrap()
}

/// Waits until a receiver has taken so many messages.
pub async fn delivered(delivery: &Delivery, name: &str, count: u64) -> ReceiverStats {
    until(&format!("{count} messages delivered to {name}"), async || {
        Some(stats(delivery, name)).filter(|stats| stats.delivered >= count)
    })
    .await
}

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }
}

/// An HTTP server that answers 200, or as it is told to.
#[derive(Clone)]
pub struct Http {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Http {
    pub async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn on(listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, requests: Arc::default(), answers: Arc::default() };
        let app = Router::new().fallback(take).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        server
    }

    /// The next answers; 200 after them.
    pub fn answer(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, text)| (*status, (*text).to_owned()));
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn take(
    State(server): State<Http>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let request = Request { path: uri.to_string(), headers, body: body.to_vec() };
    server.requests.lock().unwrap().push(request);
    let (status, text) = server.answers.lock().unwrap().pop_front().unwrap_or((200, String::new()));
    (StatusCode::from_u16(status).unwrap(), text)
}

/// A server that accepts and never answers.
pub struct Hanging {
    pub url: String,
    accepted: Arc<Mutex<Vec<tokio::net::TcpStream>>>,
}

impl Hanging {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted: Arc<Mutex<Vec<_>>> = Arc::default();
        let keep = accepted.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                keep.lock().unwrap().push(stream);
            }
        });
        Self { url, accepted }
    }

    pub fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }
}

/// A mail, as a mail server has taken it.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
    pub login: Option<String>,
}

/// A mail server: as much of RFC 5321 as is spoken to it.
pub struct Smtp {
    pub port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Smtp {
    /// `refusals` are answers to the next RCPT commands.
    pub async fn start(refusals: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails: Arc<Mutex<Vec<_>>> = Arc::default();
        let refusals = refusals.iter().map(|text| (*text).to_owned()).collect::<VecDeque<_>>();
        let (taken, refusals) = (mails.clone(), Arc::new(Mutex::new(refusals)));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, taken.clone(), refusals.clone()));
            }
        });
        Self { port, mails }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

/// Talks to a client, over whatever it comes.
pub async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mails: Arc<Mutex<Vec<Mail>>>,
    refusals: Arc<Mutex<VecDeque<String>>>,
) -> Option<()> {
    stream.write_all(b"220 mail.example.net ESMTP\r\n").await.ok()?;
    talk_on(stream, mails, refusals).await
}

/// The same without the greeting: after STARTTLS there is no second one (RFC 3207, 4.2).
pub async fn talk_on(
    stream: impl AsyncRead + AsyncWrite,
    mails: Arc<Mutex<Vec<Mail>>>,
    refusals: Arc<Mutex<VecDeque<String>>>,
) -> Option<()> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let mut mail = Mail::default();
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.example.net\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                mail.login = line.strip_prefix("AUTH PLAIN ").map(str::to_owned);
                "235 2.7.0 welcome".to_owned()
            }
            "MAIL" => {
                mail.from = line.clone();
                "250 2.1.0 Ok".to_owned()
            }
            "RCPT" => match refusals.lock().unwrap().pop_front() {
                Some(refusal) => refusal,
                None => {
                    mail.to.push(line.clone());
                    "250 2.1.5 Ok".to_owned()
                }
            },
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                while let Some(line) = lines.next_line().await.ok()? {
                    if line == "." {
                        break;
                    }
                    mail.text.push_str(&line);
                    mail.text.push('\n');
                }
                let next = Mail { login: mail.login.clone(), ..Mail::default() };
                mails.lock().unwrap().push(std::mem::replace(&mut mail, next));
                "250 2.0.0 Ok: queued as 1".to_owned()
            }
            "QUIT" => "221 2.0.0 Bye".to_owned(),
            _ => "250 Ok".to_owned(),
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}
