//! From the query of a URL to a query of the store, in two steps: raw values as they were sent, then
//! values that are known to be right. Whatever is wrong is reported all at once.

mod asking;
mod events;
mod expression;
mod history;
mod moment;
mod pairs;
mod planning;
mod query;
mod values;

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

pub(crate) use asking::{
    Back, CompareParams, ExplainParams, HistogramParams, StatisticsParams, flag,
};
pub(crate) use events::{BaselineParams, EventParams, OfParams, baseline_query, series_key};
pub(crate) use expression::{octets, place, read, utf16};
pub(crate) use history::History;
pub(crate) use moment::{parse_moment, parse_step};
pub(crate) use pairs::Pairs;
pub(crate) use planning::{ForecastParams, NetworkParams, ReportParams};
pub(crate) use query::{
    FilterParams, FormatParams, GroupParams, LimitParams, RangeParams, RoundTripParams, StepParams,
};
pub(crate) use values::words;

/// The parameters of a request, before anybody has looked at them.
pub(crate) struct RawPairs(pub(crate) Pairs);

impl<S: Send + Sync> FromRequestParts<S> for RawPairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // Any text is a list of pairs; what makes no sense becomes a name that nobody knows.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self(Pairs::new(pairs.map(|Query(pairs)| pairs).unwrap_or_default())))
    }
}
