//! The server on its sockets: TLS, the proxy's own, slow clients, and streams that end with their session.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etiage_api::{
    Access, ApiState, BoundProxySocket, Certificates, Doors, ProxySocket, ProxyWords, Settings,
    Token, TrustedProxy, connect_pinned,
};
use support::settings;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

const TOKEN: &str = "correct-horse-battery";

async fn served(settings: Settings, proxy: Option<ProxySocket>) -> SocketAddr {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let doors = Doors { tcp, proxy };
    tokio::spawn(etiage_api::serve(doors, ApiState::start(settings), std::future::pending()));
    address
}

/// An answer, head and body, of a request that ends the connection.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    let request = format!("{request}Host: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // TLS may end without its own goodbye.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// A certificate of its own making for `localhost`, and its key.
fn make(folder: &Path) -> (PathBuf, PathBuf) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("tls.pem"), folder.join("tls.key"));
    fs::write(&certificate, own.cert.pem()).unwrap();
    fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    (certificate, key)
}

#[tokio::test]
async fn tls_is_spoken_with_the_newest_certificate_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = make(folder.path());
    let certificates = Certificates::load(&certificate, &key).unwrap();
    let mut settings = settings().await;
    settings.certificates = Some(certificates.clone());
    let address = served(settings, None).await;
    let connect = |certificate: PathBuf| async move {
        connect_pinned(TcpStream::connect(address).await.unwrap(), &certificate).await
    };
    let answer = ask(connect(certificate.clone()).await.unwrap(), "GET /api/v1/links HTTP/1.1\r\n");
    let answer = answer.await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");

    // Renewed: the one before is another's now.
    let before = folder.path().join("before.pem");
    fs::copy(&certificate, &before).unwrap();
    make(folder.path());
    certificates.refresh();
    assert!(connect(before).await.is_err());
    connect(certificate.clone()).await.unwrap();

    // Half a renewal, and a key that others can read: the one before goes on being served, and health says why.
    let good = folder.path().join("good.pem");
    fs::copy(&certificate, &good).unwrap();
    let health = "GET /api/v1/health HTTP/1.1\r\n";
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, other.cert.pem()).unwrap();
    certificates.refresh();
    let answer = ask(connect(good.clone()).await.unwrap(), health).await;
    assert!(answer.contains("cannot be used together"), "{answer}");
    make(folder.path());
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    certificates.refresh();
    let answer = ask(connect(good).await.unwrap(), health).await;
    assert!(answer.contains("chmod o-rwx"), "{answer}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    certificates.refresh();
    let answer = ask(connect(certificate).await.unwrap(), health).await;
    assert!(!answer.contains("certificate"), "{answer}");

    // Whoever does not speak TLS gets nothing.
    let plain = TcpStream::connect(address).await.unwrap();
    assert!(!ask(plain, health).await.contains("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_proxy_comes_through_its_own_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxy.sock");
    let own = fs::metadata(folder.path()).map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    // What a process that was killed has left is in nobody's way; what somebody listens on is.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let socket = BoundProxySocket::bind(&path, own.unwrap()).unwrap().open().unwrap();
    assert!(BoundProxySocket::bind(&path, 0).is_err());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let words = ProxyWords {
        user_header: "X-User",
        role_header: None,
        operators: vec!["alice".to_owned()],
    };
    let mut settings = settings().await;
    let proxy = Some(TrustedProxy::on_socket(words).unwrap());
    settings.access = Access { viewer_token: None, proxy };
    let address = served(settings, Some(socket)).await;
    let named = "GET /api/v1/session HTTP/1.1\r\nX-User: alice\r\nX-Forwarded-Proto: https\r\n";
    let answer = ask(UnixStream::connect(&path).await.unwrap(), named).await;
    assert!(answer.contains("\"name\":\"alice\",\"role\":\"operator\""), "{answer}");
    let answer = ask(TcpStream::connect(address).await.unwrap(), named).await;
    assert!(answer.contains("\"authenticated\":false"), "{answer}");
}

#[tokio::test]
async fn a_request_that_does_not_get_on_is_cut_and_an_idle_connection_is_not() {
    let address = served(settings().await, None).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let request = b"GET /api/v1/links HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(request).await.unwrap();
    let mut octets = vec![0; 4096];
    assert!(idle.read(&mut octets).await.unwrap() > 0);

    let begun = Instant::now();
    let mut body = TcpStream::connect(address).await.unwrap();
    let half = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{";
    body.write_all(half.as_bytes()).await.unwrap();
    let mut head = TcpStream::connect(address).await.unwrap();
    head.write_all(b"GET /api/v1/links HTTP/1.1\r\nHost: local").await.unwrap();
    for slow in [&mut head, &mut body] {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(60), slow.read_to_end(&mut rest));
        let _ = ended.await.expect("it is cut");
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    assert!(begun.elapsed() > Duration::from_secs(3), "a lost packet may come again");
    idle.write_all(request).await.unwrap();
    assert!(idle.read(&mut octets).await.unwrap() > 0, "it was of use");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let mut settings = settings().await;
    settings.token = Some(Token::new(TOKEN).unwrap());
    let address = served(settings, None).await;
    let body = format!("{{\"token\":\"{TOKEN}\"}}");
    let login = format!(
        "POST /api/v1/session HTTP/1.1\r\nOrigin: http://localhost\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(login.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, cookie) = answer.split_once("set-cookie: ").unwrap_or_else(|| panic!("{answer}"));
    let cookie = cookie.split(';').next().unwrap();

    let mut live = TcpStream::connect(address).await.unwrap();
    let watch = format!("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    live.write_all(watch.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut octets = [0; 4096];
    while !seen.contains("event: live") {
        let read = live.read(&mut octets).await.unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&octets[..read]));
    }
    let logout = format!(
        "DELETE /api/v1/session HTTP/1.1\r\nOrigin: http://localhost\r\nCookie: {cookie}\r\n"
    );
    let answer = ask(TcpStream::connect(address).await.unwrap(), &logout).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let ended = async {
        while !seen.ends_with("0\r\n\r\n") {
            let read = live.read(&mut octets).await.unwrap();
            assert!(read > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&octets[..read]));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the stream ends");
}
