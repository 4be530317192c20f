//! A range in pieces, each read from the coarsest table that fits.

use std::fmt::Write;

use super::super::Filter;
use super::Plan;
use crate::{Error, Tier};

/// A range of time that one table answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    tier: Tier,
    from: u32,
    to: u32,
}

/// The condition for a range of time.
pub(in crate::queries) fn between(from: u32, to: u32) -> String {
    format!("(time >= toDateTime({from}, 'UTC') AND time < toDateTime({to}, 'UTC'))")
}

impl Plan {
    /// The table of a series' points.
    pub(in crate::queries) fn table(&self) -> String {
        self.family.table(self.tier)
    }

    /// The condition for the plan's span.
    pub(in crate::queries) fn time(&self) -> String {
        between(self.span.from, self.span.to)
    }

    /// The columns of all rows of the span, as a subquery: the middle from coarse tables, the ends from
    /// fine ones.
    pub(in crate::queries) fn rows(&self, columns: &str, filter: &Filter) -> Result<String, Error> {
        let condition = filter.condition()?;
        let mut sql = String::from("(");
        for (index, Piece { tier, from, to }) in self.pieces().into_iter().enumerate() {
            let union = if index > 0 { " UNION ALL " } else { "" };
            let (table, time) = (self.family.table(tier), between(from, to));
            // Writing to a string cannot fail.
            let _ = write!(sql, "{union}SELECT {columns} FROM {table} WHERE {time}{condition}");
        }
        sql.push(')');
        Ok(sql)
    }

    /// The span, cut where coarser tiers can take over.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let tiers: Vec<Tier> =
            self.family.tiers().iter().copied().filter(|tier| *tier >= self.tier).collect();
        cut(&tiers, self.span.from, self.span.to, &mut pieces);
        pieces
    }
}

/// Covers a range with the coarsest of the tiers as far as its intervals fit, its ends with finer ones.
fn cut(tiers: &[Tier], from: u32, to: u32, pieces: &mut Vec<Piece>) {
    let Some((tier, finer)) = tiers.split_last() else { return };
    if from >= to {
        return;
    }
    if finer.is_empty() {
        pieces.push(Piece { tier: *tier, from, to });
        return;
    }
    let first = from.div_ceil(tier.secs()).saturating_mul(tier.secs());
    let last = tier.floor(to);
    if first >= last {
        return cut(finer, from, to, pieces);
    }
    cut(finer, from, first, pieces);
    pieces.push(Piece { tier: *tier, from: first, to: last });
    cut(finer, last, to, pieces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_range_without_gap_or_overlap() {
        let day = 20_000 * 86_400;
        for (from, to, count) in [
            (day, day + 86_400, 1),
            (day + 10, day + 20, 1),
            (day - 10, day + 10, 1),
            (day + 50, day + 130, 3),
            (day + 3_590, day + 2 * 86_400 + 3_610, 5),
            (day + 50, day + 86_400 * 400 - 50, 9),
        ] {
            let mut pieces = Vec::new();
            cut(&Tier::ALL, from, to, &mut pieces);
            assert_eq!(pieces.len(), count, "{pieces:?}");
            assert_eq!(pieces.first().unwrap().from, from);
            assert_eq!(pieces.last().unwrap().to, to);
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].to, pair[1].from);
            }
            for piece in &pieces {
                assert!(piece.from < piece.to);
                assert_eq!(piece.from % piece.tier.secs(), 0);
                assert_eq!(piece.to % piece.tier.secs(), 0);
            }
        }
    }
}
