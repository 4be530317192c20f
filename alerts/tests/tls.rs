//! Encrypted ways: servers must be who they say they are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use etiage_alerts::{EmailTarget, Encryption, HttpTarget, Receiver, Target, Transition};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{Mail, delivered, event, receiver, settings, start};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A server's certificate that nobody but itself has signed, and a file that says to trust it.
fn certificate(folder: &Path) -> (TlsAcceptor, PathBuf) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let file = folder.join("server.pem");
    std::fs::write(&file, &certificate).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

/// Accepts, and talks to those who accept the certificate.
async fn serve<F: Future + Send + 'static>(
    acceptor: TlsAcceptor,
    talk: impl Fn(TlsStream<TcpStream>) -> F + Send + 'static,
) -> u16
where
    F::Output: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(talk(stream));
            }
        }
    });
    port
}

/// Tells a stranger, who is not told, and then somebody who is vouched for.
async fn told_only_when_known(stranger: Receiver, known: Receiver) {
    let directory = tempfile::tempdir().unwrap();
    let (delivery, mut logged) = start(settings(directory.path(), vec![stranger]));
    delivery.tell(Transition::Firing, &event("a"));
    let logged = logged.recv().await.unwrap();
    assert_eq!(logged.outcome.name(), "failed");
    assert!(logged.error.to_lowercase().contains("certificate"), "{}", logged.error);
    delivery.stop().await;
    drop(delivery);
    let (delivery, _logged) = start(settings(directory.path(), vec![known]));
    delivered(&delivery, "x", 1).await;
    delivery.stop().await;
}

#[tokio::test]
async fn a_web_server_must_be_vouched_for() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate(folder.path());
    let port = serve(acceptor, |stream| async move {
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let target = |ca_file| {
        let mut http = HttpTarget::new(&format!("https://127.0.0.1:{port}/")).unwrap();
        http.ca_file = ca_file;
        receiver("x", Target::Webhook { http, secret: None })
    };
    told_only_when_known(target(None), target(Some(file))).await;
}

#[tokio::test]
async fn a_mail_server_must_be_vouched_for() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate(folder.path());
    let mails: Arc<Mutex<Vec<Mail>>> = Arc::default();
    let taken = mails.clone();
    let port = serve(acceptor, move |stream| {
        support::talk(stream, taken.clone(), Arc::new(Mutex::new(VecDeque::new())))
    })
    .await;
    let target = |ca_file| {
        let to = ["b@example.net".to_owned()];
        let mut email = EmailTarget::new("127.0.0.1".to_owned(), "a@example.net", &to).unwrap();
        (email.port, email.encryption, email.ca_file) = (port, Encryption::Tls, ca_file);
        receiver("x", Target::Email(email))
    };
    told_only_when_known(target(None), target(Some(file))).await;
    assert_eq!(mails.lock().unwrap().len(), 1);
}

/// A mail server that encrypts when asked to, if it says that it can; what it was told in the clear.
async fn upgrading(acceptor: TlsAcceptor, can: bool, mails: Arc<Mutex<Vec<Mail>>>) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let words = heard.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 mail.example.net ESMTP\r\n").await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|octets| octets > 0) {
                let verb = line.trim().to_owned();
                words.lock().unwrap().push(std::mem::take(&mut line));
                let answer: &[u8] = match verb.split(' ').next() {
                    Some("EHLO") if can => b"250-mail.example.net\r\n250 STARTTLS\r\n",
                    Some("STARTTLS") => b"220 go on\r\n",
                    _ => b"250 Ok\r\n",
                };
                stream.write_all(answer).await.unwrap();
                if verb == "STARTTLS" {
                    if let Ok(stream) = acceptor.accept(stream.into_inner()).await {
                        let none = Arc::new(Mutex::new(VecDeque::new()));
                        tokio::spawn(support::talk_on(stream, mails.clone(), none));
                    }
                    break;
                }
            }
        }
    });
    (port, heard)
}

type Heard = Arc<Mutex<Vec<String>>>;

fn starttls(port: u16, ca_file: Option<PathBuf>) -> Receiver {
    let to = ["b@example.net".to_owned()];
    let mut email = EmailTarget::new("127.0.0.1".to_owned(), "a@example.net", &to).unwrap();
    (email.port, email.encryption, email.ca_file) = (port, Encryption::StartTls, ca_file);
    receiver("x", Target::Email(email))
}

#[tokio::test]
async fn mail_waits_until_the_connection_is_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate(folder.path());
    let mails: Arc<Mutex<Vec<Mail>>> = Arc::default();
    let (port, heard) = upgrading(acceptor, true, mails.clone()).await;
    told_only_when_known(starttls(port, None), starttls(port, Some(file))).await;
    assert_eq!(mails.lock().unwrap().len(), 1);
    let clear = heard.lock().unwrap().concat();
    assert!(clear.contains("STARTTLS") && !clear.contains("MAIL"), "{clear}");
}

#[tokio::test]
async fn mail_is_not_sent_in_the_clear_instead() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate(folder.path());
    let (port, heard) = upgrading(acceptor, false, Arc::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let only = vec![starttls(port, Some(file))];
    let (delivery, mut logged) = start(settings(directory.path(), only));
    delivery.tell(Transition::Firing, &event("a"));
    let logged = logged.recv().await.unwrap();
    assert_ne!(logged.outcome.name(), "delivered", "{}", logged.error);
    delivery.stop().await;
    assert!(!heard.lock().unwrap().concat().contains("MAIL"));
}
