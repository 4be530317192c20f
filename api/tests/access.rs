//! Who may do what: tokens, sessions, proxies, roles, saved views; and the manual, which is for everybody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use etiage_api::{Access, Clock, Peer, ProxyWords, SECRET_HEADER, Token, TrustedProxy};
use serde_json::{Value, json};
use support::{Answer, NOW, get, router, send, settings};
use time::Duration;

const OPERATOR: &str = "correct-horse-battery";
const VIEWER: &str = "only-looking-around-here";
const PROXY: &str = "between-the-proxy-and-us";

/// A request as a page of our own makes it.
fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "etiage.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

fn from(address: [u8; 4], mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(Peer::plain(IpAddr::from(address)));
    request
}

async fn login(router: &Router, token: &str) -> Answer {
    let body = Some(json!({"token": token}));
    send(router, ask("POST", "/api/v1/session", &[("sec-fetch-site", "same-origin")], body)).await
}

/// The cookie of a login, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn words(user_header: &str) -> ProxyWords<'_> {
    ProxyWords { user_header, role_header: Some("X-Role"), operators: vec!["alice".to_owned()] }
}

/// Both tokens and a proxy, with a clock that can be moved by seconds.
async fn guarded() -> (Router, Arc<AtomicI64>) {
    let mut settings = settings().await;
    settings.token = Some(Token::new(OPERATOR).unwrap());
    let addresses = ["192.0.2.1".to_owned(), "2001:db8::/32".to_owned()];
    let secret = Token::new(PROXY).unwrap();
    let proxy = TrustedProxy::with_secret(&addresses, secret, words("X-User")).unwrap();
    let viewer_token = Some(Token::new(VIEWER).unwrap());
    settings.access = Access { viewer_token, proxy: Some(proxy) };
    let passed = Arc::new(AtomicI64::new(0));
    let seconds = passed.clone();
    settings.clock = Clock::of(move || NOW + Duration::seconds(seconds.load(Ordering::Relaxed)));
    (router(settings), passed)
}

#[tokio::test]
async fn a_token_becomes_a_session_that_ends() {
    let (router, passed) = guarded().await;
    let who = get(&router, "/api/v1/session").await.json();
    assert_eq!(who["authenticated"], false);
    assert_eq!((&who["required"], &who["methods"]), (&json!(true), &json!(["token", "proxy"])));

    for wrong in ["", "wrong", "correct-horse-batterx"] {
        let answer = login(&router, wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    let answer = login(&router, OPERATOR).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let set = answer.header("set-cookie");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains(OPERATOR));
    let who = answer.json();
    assert_eq!((&who["role"], &who["via"]), (&json!("operator"), &json!("session")));
    assert_eq!(who["expires"], "2026-11-22T00:00:00Z");
    let own = cookie(&answer);
    let links = |cookie: String| {
        let router = router.clone();
        async move {
            send(&router, ask("GET", "/api/v1/links", &[("cookie", &cookie)], None)).await.status
        }
    };
    assert_eq!(links(own.clone()).await, StatusCode::OK);
    assert_eq!(links(format!("{own}0")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(links("etiage_session=".to_owned()).await, StatusCode::UNAUTHORIZED);
    // Used after eleven hours it lasts on; unused for twelve it does not.
    passed.store(11 * 3_600, Ordering::Relaxed);
    assert_eq!(links(own.clone()).await, StatusCode::OK);
    passed.store(22 * 3_600, Ordering::Relaxed);
    assert_eq!(links(own.clone()).await, StatusCode::OK);
    passed.store(34 * 3_600, Ordering::Relaxed);
    assert_eq!(links(own).await, StatusCode::UNAUTHORIZED);

    let own = cookie(&login(&router, VIEWER).await);
    let headers = [("cookie", own.as_str()), ("sec-fetch-site", "same-origin")];
    let answer = send(&router, ask("DELETE", "/api/v1/session", &headers, None)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(links(own).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_right_token_never_waits_for_others_wrong_ones() {
    let (router, passed) = guarded().await;
    let guess = |address: [u8; 4], token: String, by_proxy: bool| {
        let value = format!("Bearer {token}");
        let mut headers = vec![("authorization", value.as_str())];
        if by_proxy {
            headers.extend([(SECRET_HEADER, PROXY), ("x-forwarded-for", "203.0.113.1")]);
        }
        let request = from(address, ask("GET", "/api/v1/links", &headers, None));
        let router = router.clone();
        async move { send(&router, request).await }
    };
    let (stranger, proxy) = ([198, 51, 100, 7], [192, 0, 2, 1]);
    for (address, by_proxy) in [(stranger, false), (proxy, true)] {
        for number in 0..2_000 {
            let answer = guess(address, format!("wrong-horse-battery-{number}"), by_proxy).await;
            match number {
                0..10 => assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{number}"),
                _ => assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{number}"),
            }
        }
        for token in [OPERATOR, VIEWER] {
            let answer = guess(address, token.to_owned(), by_proxy).await;
            assert_eq!(answer.status, StatusCode::OK, "{token} at {address:?}");
        }
    }
    let answer = guess(stranger, "wrong-horse-battery".to_owned(), false).await;
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    // So is the form, which has no address here at all.
    for number in 0..20 {
        login(&router, &format!("another-wrong-one-{number}")).await;
    }
    assert_eq!(login(&router, "another-wrong-one").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(login(&router, OPERATOR).await.status, StatusCode::OK);
    passed.store(60, Ordering::Relaxed);
    let answer = guess(stranger, "wrong-horse-battery".to_owned(), false).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "counted anew");
    // The same wrong one from everywhere is slowed as well.
    for number in 0..11 {
        let answer = guess([203, 0, 113, number], "wrong-all-over-again".to_owned(), false).await;
        let status = if number < 10 { 401 } else { 429 };
        assert_eq!(answer.status, status, "{number}");
    }
    let metrics = [("authorization", "Bearer correct-horse-battery")];
    let metrics = send(&router, ask("GET", "/metrics", &metrics, None)).await;
    assert!(metrics.text().contains("etiage_api_wrong_tokens_total 4034"), "{}", metrics.text());
}

#[tokio::test]
async fn a_proxys_word_counts_once_it_has_proven_itself() {
    let (router, _) = guarded().await;
    let who = |address: [u8; 4], headers: &[(&str, &str)]| {
        let request = from(address, ask("GET", "/api/v1/session", headers, None));
        let router = router.clone();
        async move { send(&router, request).await.json() }
    };
    let proxy = [192, 0, 2, 1];
    let secret = (SECRET_HEADER, PROXY);
    for (address, headers, name, role) in [
        (proxy, &[secret, ("x-user", "alice")][..], json!("alice"), json!("operator")),
        (proxy, &[secret, ("x-user", "bob")], json!("bob"), json!("viewer")),
        (
            proxy,
            &[secret, ("x-user", "bob"), ("x-role", "operator")],
            json!("bob"),
            json!("operator"),
        ),
        (proxy, &[secret, ("x-user", "bob"), ("x-role", "king")], json!("bob"), json!("viewer")),
        (proxy, &[secret, ("x-user", "")], Value::Null, Value::Null),
        (proxy, &[secret, ("x-user", "bob"), ("x-user", "alice")], Value::Null, Value::Null),
        (proxy, &[secret], Value::Null, Value::Null),
        // Other programs at the proxy's address do not have its secret.
        (proxy, &[("x-user", "alice")], Value::Null, Value::Null),
        (proxy, &[(SECRET_HEADER, VIEWER), ("x-user", "alice")], Value::Null, Value::Null),
        (proxy, &[secret, secret, ("x-user", "alice")], Value::Null, Value::Null),
        ([192, 0, 2, 2], &[secret, ("x-user", "alice")], Value::Null, Value::Null),
        (
            [127, 0, 0, 1],
            &[("x-user", "anybody"), ("x-role", "operator")],
            Value::Null,
            Value::Null,
        ),
    ] {
        let found = who(address, headers).await;
        assert_eq!((&found["name"], &found["role"]), (&name, &role), "{address:?} {headers:?}");
    }
    let stranger = ask("GET", "/api/v1/links", &[("x-user", "alice")], None);
    let answer = send(&router, from(proxy, stranger)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "no secret");
    // The cookie is for encrypted connections where the proxy says that it has one.
    let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-proto", "https"), secret];
    for (address, secure) in [(proxy, true), ([198, 51, 100, 7], false)] {
        let request = ask("POST", "/api/v1/session", &headers, Some(json!({"token": OPERATOR})));
        let answer = send(&router, from(address, request)).await;
        assert_eq!(answer.header("set-cookie").contains("; Secure"), secure, "{address:?}");
    }
    let secret = || Token::new(PROXY).unwrap();
    for wrong in ["nowhere", "10.0.0.0/33"] {
        let wrong = [wrong.to_owned()];
        assert!(TrustedProxy::with_secret(&wrong, secret(), words("X-User")).is_err(), "{wrong:?}");
    }
    assert!(TrustedProxy::with_secret(&[], secret(), words("X User")).is_err());
    assert!(TrustedProxy::on_socket(words("X User")).is_err());
}

#[tokio::test]
async fn the_proxys_socket_is_proof_enough_and_own_tls_makes_cookies_secure() {
    let mut settings = settings().await;
    settings.token = Some(Token::new(OPERATOR).unwrap());
    let proxy = Some(TrustedProxy::on_socket(words("X-User")).unwrap());
    settings.access = Access { viewer_token: None, proxy };
    let router = router(settings);
    let by = |peer: Peer, request: Request<Body>| {
        let (mut request, router) = (request, router.clone());
        request.extensions_mut().insert(peer);
        async move { send(&router, request).await }
    };
    let named =
        || ask("GET", "/api/v1/links", &[("x-user", "alice"), (SECRET_HEADER, PROXY)], None);
    let local = IpAddr::from([127, 0, 0, 1]);
    assert_eq!(by(Peer::proxy_socket(), named()).await.status, StatusCode::OK);
    assert_eq!(by(Peer::plain(local), named()).await.status, StatusCode::UNAUTHORIZED);
    let headers = [("sec-fetch-site", "same-origin")];
    let form = || ask("POST", "/api/v1/session", &headers, Some(json!({"token": OPERATOR})));
    for (peer, secure) in [(Peer::tls(local), true), (Peer::plain(local), false)] {
        let answer = by(peer, form()).await;
        assert_eq!(answer.header("set-cookie").contains("; Secure"), secure, "{peer:?}");
        let told = !answer.header("strict-transport-security").is_empty();
        assert_eq!(told, secure, "{peer:?}");
    }
}

#[tokio::test]
async fn views_are_saved_by_operators_from_the_pages_alone() {
    let (router, _) = guarded().await;
    let operator = cookie(&login(&router, OPERATOR).await);
    let viewer = cookie(&login(&router, VIEWER).await);
    let view = || {
        Some(json!({"name": " P2P d'hier \u{1f600} ", "url": "/explore?filter=category%20=%20p2p"}))
    };
    let save = |headers: Vec<(&'static str, String)>, body: Option<Value>| {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = ask("POST", "/api/v1/views", &headers, body);
        let router = router.clone();
        async move { send(&router, request).await }
    };
    let same = || ("sec-fetch-site", "same-origin".to_owned());
    for (headers, status) in [
        (vec![same()], StatusCode::UNAUTHORIZED),
        (vec![same(), ("cookie", viewer.clone())], StatusCode::FORBIDDEN),
        (vec![("cookie", operator.clone())], StatusCode::FORBIDDEN),
        (
            vec![("cookie", operator.clone()), ("sec-fetch-site", "cross-site".to_owned())],
            StatusCode::FORBIDDEN,
        ),
        (
            vec![("cookie", operator.clone()), ("origin", "http://evil.example".to_owned())],
            StatusCode::FORBIDDEN,
        ),
        (
            vec![("cookie", operator.clone()), ("origin", "http://etiage.example".to_owned())],
            StatusCode::CREATED,
        ),
        (vec![("authorization", format!("Bearer {VIEWER}"))], StatusCode::FORBIDDEN),
        (vec![("authorization", format!("Bearer {OPERATOR}"))], StatusCode::CREATED),
    ] {
        let answer = save(headers.clone(), view()).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
    }
    let own = || vec![same(), ("cookie", operator.clone())];
    for (body, parameter) in [
        (json!({"name": "", "url": "/x"}), "name"),
        (json!({"name": "a\nb", "url": "/x"}), "name"),
        (json!({"name": "x".repeat(101), "url": "/x"}), "name"),
        (json!({"name": "x", "url": "//evil.example/"}), "url"),
        (json!({"name": "x", "url": "/\\evil.example/"}), "url"),
        (json!({"name": "x", "url": "https://evil.example/"}), "url"),
        (json!({"name": "x", "url": "javascript:alert(1)"}), "url"),
        (json!({"name": "x", "url": format!("/{}", "x".repeat(4_000))}), "url"),
        (json!({"name": "x"}), "body"),
        (json!({"name": "x", "url": "/", "more": 1}), "body"),
        (json!([]), "body"),
    ] {
        let answer = save(own(), Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{body}");
    }
    assert_eq!(save(own(), None).await.json()["errors"][0]["parameter"], "body", "no JSON");

    let list = |who: String| {
        let router = router.clone();
        async move { send(&router, ask("GET", "/api/v1/views", &[("cookie", &who)], None)).await.json() }
    };
    let views = list(viewer.clone()).await;
    let found = views["views"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["name"], "P2P d'hier \u{1f600}");
    assert_eq!(
        (&found[0]["by"], &found[0]["at"]),
        (&json!("operator"), &json!("2026-11-21T12:00:00Z"))
    );
    let path = format!("/api/v1/views/{}", found[0]["id"].as_str().unwrap());
    let delete = |who: String, path: String| {
        let router = router.clone();
        let headers = [("cookie", who), ("sec-fetch-site", "same-origin".to_owned())];
        async move {
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            send(&router, ask("DELETE", &path, &headers, None)).await.status
        }
    };
    assert_eq!(delete(viewer.clone(), path.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(delete(operator.clone(), path.clone()).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(operator.clone(), path).await, StatusCode::NOT_FOUND);
    assert_eq!(
        delete(operator, "/api/v1/views/%27%20OR%201".to_owned()).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(list(viewer).await["views"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_tokens_everybody_here_is_an_operator_but_other_sites_are_not() {
    let router = router(settings().await);
    let who = get(&router, "/api/v1/session").await.json();
    assert_eq!(
        (&who["required"], &who["via"], &who["role"]),
        (&json!(false), &json!("open"), &json!("operator"))
    );
    let body = || Some(json!({"name": "x", "url": "?a=b"}));
    let answer = send(&router, ask("POST", "/api/v1/views", &[], body())).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    for header in
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
    {
        let answer = send(&router, ask("POST", "/api/v1/views", &[header], body())).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header:?}");
        let answer =
            send(&router, ask("POST", "/api/v1/session", &[header], Some(json!({"token": "x"}))))
                .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header:?}");
    }
}

#[tokio::test]
async fn the_manual_is_for_everybody() {
    let (router, _) = guarded().await;
    assert_eq!(get(&router, "/docs").await.header("location"), "docs/");
    for (path, text) in [
        ("/docs/", "<h1>Install</h1>"),
        ("/docs/filters", "<h1>Filters</h1>"),
        ("/docs/api", "<a href=\"planning\">planning</a>"),
    ] {
        let page = get(&router, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(page.text().contains(text), "{path}");
        assert!(page.header("content-security-policy").contains("style-src 'self';"), "{path}");
    }
    assert_eq!(
        get(&router, "/docs/style.css").await.header("content-type"),
        "text/css; charset=utf-8"
    );
    for path in [
        "/docs/nothing",
        "/docs/..%2Fetiage.toml",
        "/docs/images/gone.png",
        "/docs/images/..%2Fapi.md",
    ] {
        assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
