//! Questions that ask the same at the same time: worked on once, answered to all.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::access::Role;
use crate::problem::ApiError;

/// Largest answer that is kept for others: far above what the bounds on points and groups allow.
const MAX_ANSWER: usize = 256 << 20;

/// What makes questions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    path: String,
    /// By name; several values of one name stay in their order.
    pairs: Vec<(String, String)>,
    role: Role,
}

impl Question {
    /// What a request asks; nothing where its answer is a file, which is sent as it comes.
    pub(crate) fn of(request: &Request, role: Role) -> Option<Self> {
        if request.method() != Method::GET || !wants_json(request.headers()) {
            return None;
        }
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        let Query(mut pairs) = pairs.ok()?;
        if pairs.iter().any(|(name, value)| name == "format" && value != "json") {
            return None;
        }
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        Some(Self { path: request.uri().path().to_owned(), pairs, role })
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    accepted.peek().is_none()
        || accepted.any(|accept| {
            let accept = accept.to_str().unwrap_or_default();
            accept.contains("application/json") || accept.contains("*/*")
        })
}

/// An answer that can be given several times.
#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        match to_bytes(body, MAX_ANSWER).await {
            Ok(body) => Self { status: parts.status, headers: parts.headers, body },
            Err(error) => {
                // A problem's body is a few hundred octets that are there already.
                let (parts, body) = ApiError::Internal(error.into()).into_response().into_parts();
                let body = to_bytes(body, MAX_ANSWER).await.unwrap_or_default();
                Self { status: parts.status, headers: parts.headers, body }
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

type Flight = Shared<BoxFuture<'static, Answer>>;
type UnderWay = HashMap<Question, (u64, WeakShared<BoxFuture<'static, Answer>>)>;

/// Questions under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under_way: Arc<Mutex<UnderWay>>,
    number: AtomicU64,
    joined: AtomicU64,
}

impl Flights {
    /// The answer to a question: that of one like it which is under way, else `make`'s. It is worked on while
    /// anybody waits for it, whoever asked first.
    pub(crate) async fn join(
        &self,
        question: Question,
        make: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        self.flight(question, make).await.into_response()
    }

    fn flight(
        &self,
        question: Question,
        make: impl Future<Output = Response> + Send + 'static,
    ) -> Flight {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let own = under_way.get(&question).and_then(|(_, flight)| flight.upgrade());
        // One that has just ended is of the past.
        if let Some(flight) = own.filter(|flight| flight.peek().is_none()) {
            self.joined.fetch_add(1, Ordering::Relaxed);
            return flight;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let under = self.under_way.clone();
        let ended = Ended { under_way: under, question: question.clone(), number };
        let flight = async move {
            let _ended = ended;
            Answer::of(make.await).await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.insert(question, (number, weak));
        }
        flight
    }

    /// How many questions were answered with another's answer.
    pub(crate) fn joined(&self) -> u64 {
        self.joined.load(Ordering::Relaxed)
    }
}

/// Takes a question out of those under way, when it is answered or nobody waits for it any more.
struct Ended {
    under_way: Arc<Mutex<UnderWay>>,
    question: Question,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&self.question).is_some_and(|(number, _)| *number == self.number) {
            under_way.remove(&self.question);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Poll;

    use crate::questions::tests::poll;
    use tokio::sync::Notify;

    use super::*;

    fn question(uri: &str, accept: Option<&str>) -> Option<Question> {
        let mut request = Request::get(uri);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        Question::of(&request.body(Body::empty()).unwrap(), Role::Viewer)
    }

    #[test]
    fn what_makes_questions_the_same() {
        let same = question("/volumes?step=60&link=a&link=b", None).unwrap();
        for uri in ["/volumes?link=a&step=60&link=b", "/volumes?link=%61&link=b&step=60"] {
            assert_eq!(question(uri, Some("application/json")).unwrap(), same, "{uri}");
        }
        for uri in ["/volumes?link=b&link=a&step=60", "/totals?step=60&link=a&link=b", "/volumes"] {
            assert_ne!(question(uri, None).unwrap(), same, "{uri}");
        }
        assert_eq!(question("/volumes?format=csv", None), None);
        assert_eq!(question("/volumes", Some("text/csv")), None);
    }

    #[tokio::test]
    async fn one_works_and_all_are_answered_also_when_the_first_goes_away() {
        let flights = Flights::default();
        let (made, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (made, go) = (made.clone(), go.clone());
            let make = async move {
                made.fetch_add(1, Ordering::Relaxed);
                go.notified().await;
                (StatusCode::CREATED, [("x-own", "1")], "answer").into_response()
            };
            Box::pin(flights.join(question("/volumes", None).unwrap(), make))
        };
        let (mut first, mut second, mut third) = (ask(), ask(), ask());
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(poll(waiting).is_pending());
        }
        drop(first);
        go.notify_one();
        for waiting in [&mut second, &mut third] {
            let Poll::Ready(answer) = poll(waiting) else { panic!("it is there") };
            assert_eq!(answer.status(), StatusCode::CREATED);
            assert_eq!(answer.headers()["x-own"], "1");
            assert_eq!(to_bytes(answer.into_body(), 99).await.unwrap(), "answer");
        }
        assert_eq!((made.load(Ordering::Relaxed), flights.joined()), (1, 2));
        assert!(flights.under_way.lock().unwrap().is_empty());
        // What is asked afterwards is worked on anew; what nobody waits for is dropped.
        let mut again = ask();
        assert!(poll(&mut again).is_pending());
        assert_eq!(made.load(Ordering::Relaxed), 2);
        drop(again);
        assert!(flights.under_way.lock().unwrap().is_empty());
    }
}
