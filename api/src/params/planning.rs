//! The parameters of planners' questions, and of networks' names.

use utoipa::IntoParams;

/// Which month of which link.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct ReportParams {
    /// A configured link.
    #[param(example = "transit-1")]
    link: String,
    /// As `2026-11`, by the clock of the link's contract (UTC unless configured). Absent: the running one.
    #[param(example = "2026-11")]
    month: Option<String>,
}

/// What of which link.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct ForecastParams {
    /// A configured link.
    #[param(example = "transit-1")]
    link: String,
    /// What a day's figure is: `p95`, the 95th percentile of its bins (the default), or `peak`.
    #[param(example = "p95")]
    measure: Option<String>,
    /// Which part of the capacity is looked for: from 0.01 to 10. Absent: 0.8.
    #[param(example = 0.8)]
    threshold: Option<f64>,
    /// Days ahead that are answered one by one, at most 730. Absent: 90.
    #[param(example = 90)]
    days: Option<u16>,
}

/// Which networks.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct NetworkParams {
    /// Numbers of autonomous systems, repeated or separated by commas.
    #[param(example = json!([64_500]))]
    asn: Vec<u32>,
}
