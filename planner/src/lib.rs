//! What capacity planners ask of a link: the month's 95th percentile, what it costs, how it grew, when it is
//! full. docs/planning.md has the rules and formulas.
//!
//! Pure: watched 5-minute bins in, answers out; no clock, no I/O. Percentiles are taken over exact bins and
//! are never averaged. A bin that was not watched is missing and said to be, never 0.

mod bill;
mod bins;
mod forecast;
mod month;
mod percentile;
mod report;
mod trend;

pub use bill::{Bill, BilledBy, Money, MoneyError, Tariff};
pub use bins::{BIN_SECS, Bin, Bins};
pub use forecast::{
    Crossing, DayForecast, Forecast, ForecastSettings, Measure, MonthForecast, Outcome, forecast,
};
pub use month::{Month, MonthError};
pub use percentile::{nearest_rank, rank};
pub use report::{Change, Coverage, DirectionReport, Report, ReportInput, report};
pub use trend::Trend;
