//! A series by the minute where minutes are held, and by five before.

use etiage_detector::{BIN_SECS, Bin};
use etiage_store::{Error, SeriesFilter, Tier, TimeRange};
use time::{Duration, OffsetDateTime};

use crate::settings::Settings;

/// What is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Where the past begins.
    pub(crate) from: OffsetDateTime,
    /// From where on minutes are wanted.
    pub(crate) fine: OffsetDateTime,
    /// Where it ends.
    pub(crate) to: OffsetDateTime,
}

/// From where on there are minutes of a series: five whole ones. The end where there are none.
pub(crate) async fn cut(
    settings: &Settings,
    filter: &SeriesFilter,
    span: Span,
) -> Result<OffsetDateTime, Error> {
    let minutes = read(settings, filter, Tier::Minute, span.fine, span.to).await?;
    let first = minutes.iter().find(|bin| bin.octets.is_some()).map(|bin| bin.start);
    let whole = first.map(|start| (start + BIN_SECS - 1).div_euclid(BIN_SECS) * BIN_SECS);
    let whole = whole.and_then(|start| OffsetDateTime::from_unix_timestamp(start).ok());
    Ok(whole.unwrap_or(span.to).min(span.to))
}

/// By five minutes up to the cut, by the minute after.
pub(crate) async fn bins(
    settings: &Settings,
    filter: &SeriesFilter,
    span: Span,
    cut: OffsetDateTime,
) -> Result<(Vec<Bin>, Vec<Bin>), Error> {
    Ok((
        read(settings, filter, Tier::FiveMinutes, span.from, cut).await?,
        read(settings, filter, Tier::Minute, cut, span.to).await?,
    ))
}

async fn read(
    settings: &Settings,
    filter: &SeriesFilter,
    tier: Tier,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<Vec<Bin>, Error> {
    if from >= to {
        return Ok(Vec::new());
    }
    let links: Vec<String> = settings.links.iter().map(|link| link.name.clone()).collect();
    settings.store.series(tier, TimeRange { from, to }, filter, &links).await
}

/// The start of the five minutes that a moment is in.
pub(crate) fn whole(moment: OffsetDateTime) -> OffsetDateTime {
    moment - Duration::seconds(moment.unix_timestamp().rem_euclid(BIN_SECS))
}
