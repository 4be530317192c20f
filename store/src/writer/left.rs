//! The last words about rows, when the program ends.

use super::WriterStats;

/// Rows that are neither in the spool nor in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rows} rows could be written neither to the spool nor to the database, and are lost: {spool}; {database}"
)]
pub struct LostRows {
    rows: u64,
    /// Why not to the spool.
    spool: String,
    /// Why not to the database.
    database: String,
}

/// Rows that the database does not have when the program ends.
#[derive(Debug, PartialEq, Eq)]
pub struct RowsLeft {
    /// On disk, for the next start.
    spooled: u64,
    /// Nowhere.
    lost: u64,
    /// Given up before, where there was no room.
    dropped: u64,
    database: String,
    spool: String,
}

impl RowsLeft {
    /// By the writer's last numbers, and whether its spool and the database had all in time.
    pub fn of(stats: &WriterStats, spooled: bool, written: bool) -> Self {
        let on_disk = stats.spool.map_or(0, |spool| spool.rows);
        let waiting = if written { 0 } else { stats.queued_rows };
        let (database, spool) = (stats.last_error.clone(), stats.spool_error.clone());
        let slow = match spooled {
            true => "it is too slow",
            false => "the spool is too slow",
        };
        Self {
            spooled: if written { 0 } else { on_disk },
            lost: waiting.saturating_sub(on_disk),
            dropped: stats.dropped_rows,
            database: database.unwrap_or_else(|| "it is too slow".to_owned()),
            spool: spool.unwrap_or_else(|| slow.to_owned()),
        }
    }

    /// Says it in the log.
    ///
    /// # Errors
    /// Rows are lost.
    pub fn tell(&self) -> Result<(), LostRows> {
        let Self { spooled, lost, dropped, database, spool } = self;
        if *dropped > 0 {
            tracing::warn!(
                "{dropped} rows were dropped since the start: there was no room for them, or their file has \
                 gone"
            );
        }
        if *spooled > 0 {
            tracing::warn!(
                "{spooled} rows stay in the spool, for the database does not take them ({database}): \
                 they are written when etiage is started again"
            );
        }
        if *lost > 0 {
            let (rows, spool, database) = (*lost, spool.clone(), database.clone());
            return Err(LostRows { rows, spool, database });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::spool::SpoolStats;

    use super::*;

    #[test]
    // Some of its fields are the store's own.
    #[allow(clippy::field_reassign_with_default)]
    fn what_stays_is_told_with_its_number() {
        let mut spool = SpoolStats::default();
        spool.rows = 30;
        let spool = Some(spool);
        let stats = WriterStats { queued_rows: 40, spool, ..WriterStats::default() };
        let left = |stats: &WriterStats, written| {
            let RowsLeft { spooled, lost, dropped, .. } = RowsLeft::of(stats, true, written);
            (spooled, lost, dropped)
        };
        assert_eq!(left(&stats, false), (30, 10, 0));
        assert_eq!(left(&stats, true), (0, 0, 0));
        let gone = WriterStats { spool: None, dropped_rows: 7, ..stats };
        assert_eq!(left(&gone, false), (0, 40, 7));
        assert!(RowsLeft::of(&gone, true, false).tell().is_err());
        assert!(RowsLeft::of(&gone, true, true).tell().is_ok());
    }
}
