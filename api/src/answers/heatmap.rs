//! Hours of the week.

use etiage_store::{Heatmap, HourOfWeek};
use serde::Serialize;
use utoipa::ToSchema;

use crate::timestamps::format_time;

/// How much flows at which hour of which day of the week.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeekHours {
    /// Start of the range, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(format = DateTime)]
    to: String,
    /// By whose clock.
    #[schema(example = "Europe/Paris")]
    zone: String,
    /// Towards our network.
    r#in: WeekRates,
    /// Out of our network.
    out: WeekRates,
}

/// Rates of a week's hours: seven rows, Monday's first, of 24 hours each. `null`: never watched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeekRates {
    /// The mean over all weeks of the range, in bit/s.
    mean_bps: Vec<Vec<Option<f64>>>,
    /// The highest mean of such an hour, in bit/s.
    max_bps: Vec<Vec<Option<f64>>>,
}

impl WeekHours {
    pub(crate) fn new(found: &Heatmap, zone: String) -> Self {
        Self {
            from: format_time(found.range.from),
            to: format_time(found.range.to),
            zone,
            r#in: WeekRates::new(&found.inwards),
            out: WeekRates::new(&found.outwards),
        }
    }
}

impl WeekRates {
    fn new(hours: &[HourOfWeek]) -> Self {
        let days = |of: fn(&HourOfWeek) -> Option<f64>| {
            hours.chunks(24).map(|day| day.iter().map(of).collect()).collect()
        };
        Self { mean_bps: days(|hour| hour.mean_bps), max_bps: days(|hour| hour.max_bps) }
    }
}
