//! ClickHouse: schema, migrations, batch writer, typed queries, and the embedded engine's process.
//!
//! Nothing but this crate writes SQL. What users type reaches the database as bound parameters or as
//! enumerations, never as text of a statement.
//!
//! ```no_run
//! # async fn example(settings: etiage_store::Settings) -> Result<(), etiage_store::Error> {
//! use etiage_store::{Store, Writer, WriterSettings};
//!
//! let store = Store::open(&settings).await?;
//! let (writer, task) = Writer::spawn(store.clone(), WriterSettings::default());
//! # let batch = etiage_aggregator::Batch::default();
//! writer.try_send(batch).ok();
//! writer.close().await;
//! # drop(task); Ok(()) }
//! ```

pub mod backup;
mod damage;
mod durable;
pub mod embedded;
mod error;
pub mod filter;
mod flow_records;
mod ledger;
pub mod metadata;
mod migrate;
mod queries;
mod rows;
mod schema;
mod settings;
pub mod spool;
mod store;
mod tier;
mod transport;
mod upkeep;
mod writer;

pub use damage::{Counts as DamageCounts, Finding, Kind, Looking};
pub use error::{Error, OLDEST_SUPPORTED};
pub use flow_records::{FlowRecordStats, FlowRecords};
pub use queries::{
    AlertLogRow, Asked, CompareWindows, Counts, Dimension, EventNote, EventQuery, EventRow, Export,
    ExportQuery, Figures, Filter, FlowRecordQuery, FlowRecordRow, Format, Group, HOURS_OF_WEEK,
    Heatmap, HeatmapQuery, HourOfWeek, LinkBin, LinkObservation, LossPoint, Losses, MAX_BUCKETS,
    MAX_EVENTS, MAX_FLOW_RECORDS, MAX_GROUPS, MAX_PATH_VALUES, MAX_VIEWS, NewFlowRecord, OTHER,
    Parameter, PathQuery, Paths, ProbeReport, RoundTripAnswer, RoundTripHistograms, RoundTripQuery,
    SavedView, Series, SeriesFilter, Statistics, StatisticsQuery, TableSize, TimeRange,
    TotalsAnswer, TotalsQuery, TotalsRow, Trace, UnknownDimension, UnknownFormat, VolumeAnswer,
    VolumeQuery, WatchList, Watched, WatchedLink, WatchedVolume, Watermark,
};
pub use schema::schema;
pub use settings::Settings;
pub use store::{Size, Store};
pub use tier::{Keep, Retention, Tier};
pub use upkeep::Dropped;
pub use writer::{LostRows, RowsLeft, Writer, WriterHandle, WriterSettings, WriterStats};
