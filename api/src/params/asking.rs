//! What else is wanted beside an answer: a comparison, figures, the statements.

use utoipa::IntoParams;

use super::moment::parse_step;
use super::pairs::Pairs;

/// Longest way back of a comparison: ten years.
const MAX_BACK: u32 = 3_653 * 86_400;

/// Compared with what.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct CompareParams {
    /// The same, earlier: `previous` for the time before that is as long, or how much earlier, as a number
    /// with `s`, `m`, `h`, `d` or `w`: a whole number of steps.
    #[param(example = "1w")]
    compare: Option<String>,
}

/// How much earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// By the range's own length.
    Previous,
    /// By so many seconds.
    Seconds(u32),
}

impl Back {
    /// In seconds; `length` is that of the range, and where a step is longer than what was asked for, whole
    /// steps are gone back.
    pub(crate) fn seconds(self, length: i64, step: u32) -> i64 {
        let back = match self {
            Self::Previous => length,
            Self::Seconds(seconds) => i64::from(seconds),
        };
        let step = i64::from(step.max(1));
        back.div_euclid(step) * step + if back.rem_euclid(step) == 0 { 0 } else { step }
    }
}

impl CompareParams {
    /// What is asked for, or what is wrong with it noted. `step` is what was asked for too, where there are steps.
    pub(crate) fn take(pairs: &mut Pairs, step: Option<u32>) -> Option<Back> {
        let text = pairs.one("compare")?;
        if text == "previous" {
            return Some(Back::Previous);
        }
        let form =
            || format!("`{text}` is neither `previous` nor a number with s, m, h, d or w (1w)");
        let back = pairs.check("compare", parse_step(&text).map_err(|_| form()))?;
        if back == 0 || back > MAX_BACK {
            pairs.error("compare", format!("`{text}` is not between 10s and ten years"));
            return None;
        }
        if let Some(step) = step.filter(|step| !back.is_multiple_of(*step)) {
            pairs.error("compare", format!("`{text}` is not a whole number of steps of {step} s"));
            return None;
        }
        Some(Back::Seconds(back))
    }
}

/// Whether the statements are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct ExplainParams {
    /// `sql`: instead of the answer, the statements that the database was asked for it, with what their
    /// parameters were bound to.
    #[param(example = "sql")]
    explain: Option<String>,
}

impl ExplainParams {
    pub(crate) fn take(pairs: &mut Pairs) -> bool {
        match pairs.one("explain").as_deref() {
            None => false,
            Some("sql") => true,
            Some(other) => {
                pairs.error("explain", format!("`{other}` cannot be explained; there is sql"));
                false
            }
        }
    }
}

/// Whether figures are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct StatisticsParams {
    /// `true`: with minimum, maximum, mean, latest and 95th percentile of each series, over exact bins and not
    /// over the points.
    #[param(example = true)]
    statistics: Option<bool>,
}

/// Whether histograms are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct HistogramParams {
    /// `true`: with the histograms themselves, in bins of half an octave.
    #[param(example = true)]
    histogram: Option<bool>,
}

/// A parameter that is `true` or `false`; absent, it is `false`.
pub(crate) fn flag(pairs: &mut Pairs, name: &'static str) -> bool {
    match pairs.one(name).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            pairs.error(name, format!("`{other}` is neither true nor false"));
            false
        }
    }
}
