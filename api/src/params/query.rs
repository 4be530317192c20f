//! The parameters that the queries of the history share.

use etiage_aggregator::INTERVAL_SECS;
use etiage_store::{Dimension, Filter, MAX_BUCKETS, MAX_FLOW_RECORDS, MAX_GROUPS, TimeRange};
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;

use super::expression::with_expression;
use super::moment::{parse_moment, parse_step};
use super::pairs::Pairs;
use super::values::check;
use crate::settings::Settings;
use crate::timestamps::format_time;

/// Ten years, leap days included.
const MAX_RANGE: Duration = Duration::days(3_653);
/// How far ahead a range may start: clocks and time zones differ.
const MAX_AHEAD: Duration = Duration::days(1);
/// Most buckets where the client leaves the step to us: about a pixel or two each on a chart.
const GOOD_BUCKETS: u32 = 300;
/// The steps to choose from: those a person would choose.
const STEPS: [u32; 10] = [10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_419_200];

/// Which time.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeParams {
    /// Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
    /// with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// End of the range, exclusive, written like `from`. Absent: `now`.
    #[param(example = "now")]
    to: Option<String>,
}

impl RangeParams {
    pub(crate) fn take(pairs: &mut Pairs) -> Self {
        Self { from: pairs.one("from"), to: pairs.one("to") }
    }

    /// The range, or what is wrong with it noted.
    pub(crate) fn resolve(self, pairs: &mut Pairs, now: OffsetDateTime) -> Option<TimeRange> {
        let to = parse_moment(self.to.as_deref().unwrap_or("now"), now);
        let from = self.from.map_or_else(
            || Ok(to.as_ref().map_or(now, |to| to.saturating_sub(Duration::HOUR))),
            |from| parse_moment(&from, now),
        );
        // Both are looked at before either ends this, so that both errors are told.
        let (from, to) = (pairs.check("from", from), pairs.check("to", to));
        let (from, to) = (from?, to?);
        let wrong = if from > now.saturating_add(MAX_AHEAD) {
            format!("{} is in the future; now is {}", format_time(from), format_time(now))
        } else if from >= to {
            let (from, to) = (format_time(from), format_time(to));
            format!("the range must end after its start, but it is {from} to {to}")
        } else if to - from > MAX_RANGE {
            let days = (to - from).whole_days();
            format!("the range has {days} days; at most {} (10 years)", MAX_RANGE.whole_days())
        } else {
            return Some(TimeRange { from, to });
        };
        pairs.error("from", wrong);
        None
    }
}

/// As what.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handlers take by name")]
pub(crate) struct FormatParams {
    /// `json`; or a file with one row a group (and bucket), all groups: `csv`, `jsonl` (one object a line),
    /// `parquet`, `arrow`. `top` does not count there, and a step is to be given. Absent: as the Accept
    /// header has it (text/csv, application/jsonl, application/vnd.apache.parquet,
    /// application/vnd.apache.arrow.file), else `json`.
    #[param(example = "json")]
    format: Option<String>,
}

/// How many records.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct LimitParams {
    /// At most so many, the heaviest first. Absent: 100; in a file, all.
    #[param(example = 100, minimum = 1, maximum = 10000)]
    limit: Option<u32>,
}

impl LimitParams {
    /// What is asked for, or what is wrong with it noted.
    pub(crate) fn take(pairs: &mut Pairs) -> Option<u32> {
        let text = pairs.one("limit")?;
        let limit = text.parse().ok().filter(|limit| (1..=MAX_FLOW_RECORDS).contains(limit));
        let wrong = || format!("`{text}` is not a number from 1 to {MAX_FLOW_RECORDS}");
        pairs.check("limit", limit.ok_or_else(wrong))
    }
}

/// How fine.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StepParams {
    /// Length of a bucket: seconds, or a number with `s`, `m`, `h`, `d` or `w`; a multiple of 10 s.
    /// At most 2000 buckets. Where the history is kept only coarser than that, the answer's
    /// `step_seconds` is longer. Absent: the finest of 10s, 30s, 1m, 5m, 15m, 1h, 6h, 1d, 1w and 4w that
    /// gives at most 300 buckets.
    #[param(example = "5m")]
    step: Option<String>,
}

impl StepParams {
    pub(crate) fn take(pairs: &mut Pairs) -> Self {
        Self { step: pairs.one("step") }
    }

    /// Whether the client says it.
    pub(crate) const fn is_given(&self) -> bool {
        self.step.is_some()
    }

    /// The step in seconds, or what is wrong with it noted. Without a range only its form is checked.
    pub(crate) fn resolve(self, pairs: &mut Pairs, range: Option<&TimeRange>) -> Option<u32> {
        let fitting = |most: u32| {
            let fits =
                |step: &u32| range.is_none_or(|range| range.buckets(*step) <= u64::from(most));
            STEPS.into_iter().find(fits)
        };
        let Some(text) = self.step else { return fitting(GOOD_BUCKETS) };
        let step = pairs.check("step", parse_step(&text))?;
        if step == 0 || step % INTERVAL_SECS != 0 {
            pairs.error("step", format!("`{text}` is not a multiple of {INTERVAL_SECS} seconds"));
            return None;
        }
        let count = range.map_or(0, |range| range.buckets(step));
        if count > u64::from(MAX_BUCKETS) {
            let hint =
                fitting(MAX_BUCKETS).map_or(String::new(), |fits| format!(" such as {fits}"));
            let wrong = format!(
                "`{text}` gives {count} buckets, more than {MAX_BUCKETS}; use a larger step{hint}, or \
                 a shorter range"
            );
            pairs.error("step", wrong);
            return None;
        }
        Some(step)
    }
}

/// What to count apart.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupParams {
    /// Dimensions to group by, repeated or separated by commas: `link`, `direction`, `protocol`,
    /// `service`, `category`, `probe`, and `asn`, the remote autonomous system, which goes with link,
    /// direction and category only. Absent: everything together.
    #[param(example = json!(["category", "direction"]))]
    group_by: Option<Vec<String>>,
    /// How many groups, by octets over the whole range; the others are summed as one whose values are
    /// `other`. Absent: 100.
    #[param(example = 10, minimum = 1, maximum = 200)]
    top: Option<u32>,
}

/// Groups of an answer where the client does not say.
const DEFAULT_TOP: u32 = 100;

/// Dimensions and the number of groups, checked.
#[derive(Debug)]
pub(crate) struct Grouping {
    pub(crate) by: Vec<Dimension>,
    pub(crate) top: u32,
}

impl GroupParams {
    /// The raw values, `top` being checked to be a number from 1 to [`MAX_GROUPS`].
    pub(crate) fn take(pairs: &mut Pairs) -> Self {
        let group_by = Some(pairs.many("group_by"));
        let top = pairs.one("top").and_then(|text| {
            let top = text.parse().ok().filter(|top| (1..=MAX_GROUPS).contains(top));
            pairs.check(
                "top",
                top.ok_or_else(|| format!("`{text}` is not a number from 1 to {MAX_GROUPS}")),
            )
        });
        Self { group_by, top }
    }

    pub(crate) fn resolve(self, pairs: &mut Pairs) -> Grouping {
        let mut by = Vec::new();
        for word in self.group_by.unwrap_or_default() {
            match word.parse::<Dimension>() {
                Ok(dimension) if by.contains(&dimension) => {
                    pairs.error("group_by", format!("`{word}` is given more than once"));
                }
                Ok(dimension) => by.push(dimension),
                Err(_) => {
                    let known = Dimension::ALL.map(Dimension::name).join(", ");
                    pairs.error(
                        "group_by",
                        format!("`{word}` is not a dimension; there are {known}"),
                    );
                }
            }
        }
        Grouping { by, top: self.top.unwrap_or(DEFAULT_TOP) }
    }
}

/// What to count at all.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterParams {
    /// Only these links. Several values, repeated or separated by commas, are alternatives.
    #[param(example = json!(["transit-1"]))]
    link: Option<Vec<String>>,
    /// Only this direction: `in` (towards our network) or `out`.
    #[param(example = json!(["in"]))]
    direction: Option<Vec<String>>,
    /// Only these protocols.
    #[param(example = json!(["bittorrent"]))]
    protocol: Option<Vec<String>>,
    /// Only these services; `none` for traffic of no known service.
    #[param(example = json!(["1fichier"]))]
    service: Option<Vec<String>>,
    /// Only these categories.
    #[param(example = json!(["p2p"]))]
    category: Option<Vec<String>>,
    /// Only these probes.
    #[param(example = json!(["probe-1"]))]
    probe: Option<Vec<String>>,
    /// Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
    /// what was added up beyond an interval's largest. Not together with protocol, service or probe.
    #[param(example = json!(["64500"]))]
    asn: Option<Vec<String>>,
    /// Only what this filter lets through, in the language of docs/filters.md.
    #[param(example = "category in (p2p, direct-download) and not service = youtube")]
    filter: Option<String>,
}

impl FilterParams {
    pub(crate) fn take(pairs: &mut Pairs) -> Self {
        Self {
            filter: pairs.one("filter"),
            link: Some(pairs.many("link")),
            direction: Some(pairs.many("direction")),
            protocol: Some(pairs.many("protocol")),
            service: Some(pairs.many("service")),
            category: Some(pairs.many("category")),
            probe: Some(pairs.many("probe")),
            asn: Some(pairs.many("asn")),
        }
    }

    /// The filter; every value that is not known is noted.
    pub(crate) fn resolve(self, pairs: &mut Pairs, settings: &Settings) -> Filter {
        let mut filter = Filter::default();
        for (dimension, values) in [
            (Dimension::Link, self.link),
            (Dimension::Direction, self.direction),
            (Dimension::Protocol, self.protocol),
            (Dimension::Service, self.service),
            (Dimension::Category, self.category),
            (Dimension::Probe, self.probe),
            (Dimension::Asn, self.asn),
        ] {
            for value in values.unwrap_or_default() {
                match check(dimension, &value, settings) {
                    Ok(()) => filter.allow(dimension, value),
                    Err(detail) => pairs.error(dimension.name(), detail),
                }
            }
        }
        match self.filter.filter(|text| !text.trim().is_empty()) {
            Some(text) => with_expression(filter, &text, pairs, settings),
            None => filter,
        }
    }
}

/// Which round trips to look at.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoundTripParams {
    /// Only these links. Several values, repeated or separated by commas, are alternatives.
    #[param(example = json!(["transit-1"]))]
    link: Option<Vec<String>>,
    /// Only these categories.
    #[param(example = json!(["streaming"]))]
    category: Option<Vec<String>>,
}

impl RoundTripParams {
    pub(crate) fn take(pairs: &mut Pairs) -> Self {
        Self { link: Some(pairs.many("link")), category: Some(pairs.many("category")) }
    }

    /// The filter; every value that is not known is noted.
    pub(crate) fn resolve(self, pairs: &mut Pairs, settings: &Settings) -> Filter {
        let Self { link, category } = self;
        FilterParams { link, category, ..FilterParams::default() }.resolve(pairs, settings)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::problem::ApiError;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    fn pairs(query: &[(&str, &str)]) -> Pairs {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Pairs::new(query.iter().map(owned).collect())
    }

    fn resolve(query: &[(&str, &str)]) -> Result<(TimeRange, u32), String> {
        let mut pairs = pairs(query);
        let range = RangeParams::take(&mut pairs).resolve(&mut pairs, NOW);
        let step = StepParams::take(&mut pairs).resolve(&mut pairs, range.as_ref());
        pairs.finish().map_err(|error| error.to_string())?;
        Ok((range.unwrap(), step.unwrap()))
    }

    #[test]
    fn ranges_and_steps_have_defaults() {
        let (range, step) = resolve(&[]).unwrap();
        assert_eq!((range.from, range.to), (datetime!(2026-11-21 11:00:00 UTC), NOW));
        // 360 buckets of 10 s are more than 300.
        assert_eq!(step, 30);
        let (range, _) = resolve(&[("to", "2012-01-19T12:00:00Z")]).unwrap();
        assert_eq!(range.from, datetime!(2012-01-19 11:00:00 UTC));
    }

    #[test]
    fn the_step_follows_the_range() {
        for (from, step) in [
            ("now-50m", 10),
            ("now-2h", 30),
            ("now-5h", 60),
            ("now-26h", 900),
            ("now-24h", 300),
            ("now-7d", 3_600),
            ("now-30d", 21_600),
            ("now-200d", 86_400),
            ("now-52w", 604_800),
            ("now-520w", 2_419_200),
        ] {
            assert_eq!(resolve(&[("from", from)]).map(|(_, step)| step), Ok(step), "{from}");
        }
    }

    #[test]
    fn wrong_ranges_and_steps() {
        for (query, wrong) in [
            (&[("from", "now"), ("to", "now-1h")][..], "must end after its start"),
            (&[("from", "now"), ("to", "now")], "must end after its start"),
            (&[("from", "now-600w")], "4200 days; at most 3653"),
            (&[("from", "2030-01-01T00:00:00Z"), ("to", "2031-01-01T00:00:00Z")], "in the future"),
            (&[("from", "x"), ("to", "y")], "from: `x` is not a time"),
            (&[("from", "x"), ("to", "y")], "to: `y` is not a time"),
            (&[("from", "x"), ("step", "7")], "step: `7` is not a multiple of 10"),
            (&[("step", "0")], "`0` is not a multiple of 10"),
            (&[("step", "x")], "`x` is not a step"),
            (&[("from", "now-1w"), ("step", "5m")], "gives 2016 buckets, more than 2000"),
            (&[("from", "now-1w"), ("step", "5m")], "such as 900"),
            (&[("from", "now-1h"), ("from", "now-2h")], "given 2 times"),
        ] {
            let error = resolve(query).unwrap_err();
            assert!(error.contains(wrong), "{query:?}: {error}");
        }
    }

    #[test]
    fn groupings() {
        let mut good =
            pairs(&[("group_by", "category,direction"), ("group_by", "link"), ("top", "3")]);
        let params = GroupParams::take(&mut good);
        let grouping = params.resolve(&mut good);
        assert_eq!(grouping.by, [Dimension::Category, Dimension::Direction, Dimension::Link]);
        assert_eq!(grouping.top, 3);
        good.finish().unwrap();
        for (query, wrong) in [
            (("group_by", "colour"), "`colour` is not a dimension; there are link, direction"),
            (("group_by", "link,link"), "`link` is given more than once"),
            (("group_by", ""), "an empty value"),
            (("top", "0"), "`0` is not a number from 1 to 200"),
            (("top", "201"), "`201` is not"),
            (("top", "-1"), "`-1` is not"),
        ] {
            let mut pairs = pairs(&[query]);
            let params = GroupParams::take(&mut pairs);
            params.resolve(&mut pairs);
            let Err(ApiError::Parameters(errors)) = pairs.finish() else { panic!("{query:?}") };
            assert!(errors[0].detail.contains(wrong), "{query:?}: {errors:?}");
        }
    }

    proptest::proptest! {
        /// Whatever is written, the answer is a range within its bounds or an error that names it.
        #[test]
        fn any_text_is_a_range_or_an_error(
            from in "\\PC{0,30}|now-[0-9]{1,12}[smhdwx]|[0-9]{1,20}",
            to in "\\PC{0,30}|now-[0-9]{1,12}[smhdwx]|[0-9]{1,20}",
            step in "\\PC{0,10}|[0-9]{1,12}[smhdw]?",
        ) {
            let query = [("from", from.as_str()), ("to", to.as_str()), ("step", step.as_str())];
            match resolve(&query) {
                Ok((range, step)) => {
                    assert!(range.from < range.to && range.to - range.from <= MAX_RANGE);
                    assert!(range.from.unix_timestamp() >= 0);
                    assert!((1..=u64::from(MAX_BUCKETS)).contains(&range.buckets(step)));
                }
                Err(error) => assert!(!error.is_empty()),
            }
        }
    }
}
