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
use etiage_api::{Access, Clock, Peer, Token, TrustedProxy};
use serde_json::{Value, json};
use support::{Answer, NOW, get, router, send, settings};
use time::Duration;

const OPERATOR: &str = "correct-horse-battery";
const VIEWER: &str = "only-looking-around-here";

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
    request.extensions_mut().insert(Peer(IpAddr::from(address)));
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

/// Both tokens and a proxy, with a clock that can be moved by seconds.
async fn guarded() -> (Router, Arc<AtomicI64>) {
    let mut settings = settings().await;
    settings.token = Some(Token::new(OPERATOR).unwrap());
    let addresses = ["192.0.2.1".to_owned(), "2001:db8::/32".to_owned()];
    let role = Some("X-Role");
    let proxy = TrustedProxy::new(&addresses, "X-User", role, vec!["alice".to_owned()]).unwrap();
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
async fn whoever_guesses_tokens_waits() {
    let (router, passed) = guarded().await;
    let guess = |address: [u8; 4], token: &str| {
        let value = format!("Bearer {token}");
        let request = ask("GET", "/api/v1/links", &[("authorization", value.as_str())], None);
        let (router, request) = (router.clone(), from(address, request));
        async move { send(&router, request).await }
    };
    for _ in 0..10 {
        let answer = guess([198, 51, 100, 7], "wrong-horse-battery").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = guess([198, 51, 100, 7], OPERATOR).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(guess([198, 51, 100, 8], OPERATOR).await.status, StatusCode::OK, "another address");
    passed.store(60, Ordering::Relaxed);
    assert_eq!(guess([198, 51, 100, 7], OPERATOR).await.status, StatusCode::OK);
    // Behind a proxy of ours it is its clients that are counted.
    for last in ["203.0.113.1", "203.0.113.2"] {
        for _ in 0..6 {
            let headers =
                [("authorization", "Bearer wrong-horse-battery"), ("x-forwarded-for", last)];
            let request = from([192, 0, 2, 1], ask("GET", "/api/v1/links", &headers, None));
            assert_eq!(send(&router, request).await.status, StatusCode::UNAUTHORIZED, "{last}");
        }
    }
}

#[tokio::test]
async fn a_proxys_word_counts_from_its_own_addresses_alone() {
    let (router, _) = guarded().await;
    let who = |address: [u8; 4], headers: &[(&str, &str)]| {
        let request = from(address, ask("GET", "/api/v1/session", headers, None));
        let router = router.clone();
        async move { send(&router, request).await.json() }
    };
    let proxy = [192, 0, 2, 1];
    for (address, headers, name, role) in [
        (proxy, &[("x-user", "alice")][..], json!("alice"), json!("operator")),
        (proxy, &[("x-user", "bob")], json!("bob"), json!("viewer")),
        (proxy, &[("x-user", "bob"), ("x-role", "operator")], json!("bob"), json!("operator")),
        (proxy, &[("x-user", "bob"), ("x-role", "king")], json!("bob"), json!("viewer")),
        (proxy, &[("x-user", "")], Value::Null, Value::Null),
        (proxy, &[("x-user", "bob"), ("x-user", "alice")], Value::Null, Value::Null),
        (proxy, &[], Value::Null, Value::Null),
        ([192, 0, 2, 2], &[("x-user", "alice")], Value::Null, Value::Null),
        ([127, 0, 0, 1], &[("x-user", "alice"), ("x-role", "operator")], Value::Null, Value::Null),
    ] {
        let found = who(address, headers).await;
        assert_eq!((&found["name"], &found["role"]), (&name, &role), "{address:?} {headers:?}");
    }
    let stranger = ask("GET", "/api/v1/links", &[("x-user", "alice")], None);
    let answer = send(&router, from([198, 51, 100, 7], stranger)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "a header from a stranger's address");
    // The cookie is for encrypted connections where the proxy says that it has one.
    let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-proto", "https")];
    for (address, secure) in [(proxy, true), ([198, 51, 100, 7], false)] {
        let request = ask("POST", "/api/v1/session", &headers, Some(json!({"token": OPERATOR})));
        let answer = send(&router, from(address, request)).await;
        assert_eq!(answer.header("set-cookie").contains("; Secure"), secure, "{address:?}");
    }
    for wrong in [vec![], vec!["nowhere".to_owned()], vec!["10.0.0.0/33".to_owned()]] {
        assert!(TrustedProxy::new(&wrong, "X-User", None, Vec::new()).is_err(), "{wrong:?}");
    }
    let own = ["10.0.0.1".to_owned()];
    assert!(TrustedProxy::new(&own, "X User", None, Vec::new()).is_err());
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
