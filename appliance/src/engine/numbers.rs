//! Histogram, mean and spread of a result's numeric columns.
//!
//! A person stands once in a column: with the mean of their finite values. So each is in one bin, and weighs the same
//! however many rows they have. What must stay true: both bounds are shared by at least the question's crowd, so that
//! no single person's value is one; NaN and infinities count nowhere.

use duckdb::Connection;

use super::bounds;
use super::database::{Fault, one, rows};
use super::wire::Number;

/// Measures the column at a position; nothing where fewer than two crowds have values.
pub(super) fn measure(database: &Connection, at: usize, crowd: u64) -> Result<Option<Number>, Fault> {
    let persons: u64 = one(database, &format!("SELECT count(m{at})::BIGINT FROM people"), |row| row.get(0))?;
    if persons < 2 * crowd.max(1) {
        return Ok(None);
    }
    let end = |order: &str| -> Result<f64, Fault> {
        let sql = format!(
            "SELECT m{at} FROM people WHERE m{at} IS NOT NULL ORDER BY m{at} {order} LIMIT 1 OFFSET {}",
            crowd.saturating_sub(1)
        );
        one(database, &sql, |row| row.get(0))
    };
    let (low, high) = (end("ASC")?, end("DESC")?);
    let Some(lattice) = Lattice::over(low, high) else { return Ok(None) };
    let sql = format!(
        "SELECT least(greatest(floor((m{at} - {from:?}) / {width:?}), 0), {last})::BIGINT AS bin, count(*)::BIGINT, \
         sum(least(greatest(m{at}, {low:?}), {high:?})), \
         sum((least(greatest(m{at}, {low:?}), {high:?}) - {middle:?}) ** 2) \
         FROM people WHERE m{at} IS NOT NULL GROUP BY bin",
        from = lattice.from,
        width = lattice.width,
        last = lattice.bins - 1,
        middle = low.midpoint(high),
    );
    let parts: Vec<(usize, u64, f64, f64)> =
        rows(database, &sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut bins = vec![0; lattice.bins];
    let (mut sum, mut squares) = (0.0, 0.0);
    for (bin, persons, of_values, of_squares) in parts {
        if let Some(count) = bins.get_mut(bin) {
            *count += persons;
        }
        sum += of_values;
        squares += of_squares;
    }
    #[expect(clippy::cast_precision_loss, reason = "persons are far fewer than 2^53")]
    let weight = persons as f64;
    let mean = sum / weight;
    let spread = (squares / weight - (mean - low.midpoint(high)).powi(2)).max(0.0).sqrt();
    let finite = mean.is_finite() && spread.is_finite();
    let Lattice { from, width, .. } = lattice;
    Ok(finite.then_some(Number { column: at, low, high, from, width, bins, mean, spread }))
}

/// Bins of one width, which is 1, 2 or 5 times a power of ten, with ends at its multiples.
#[derive(Debug, PartialEq)]
struct Lattice {
    from: f64,
    width: f64,
    bins: usize,
}

impl Lattice {
    /// The narrowest that covers `low..=high` with at most [`bounds::BINS`] bins.
    fn over(low: f64, high: f64) -> Option<Self> {
        let range = (high - low).max(low.abs().max(high.abs()) * 1e-9).max(1e-9);
        let mut width = 10_f64.powi(ceiling((range / f64::from(bounds::BINS)).log10()) - 1);
        for step in [2.0, 2.5, 2.0].into_iter().cycle().take(9) {
            let from = (low / width).floor();
            let bins = (high / width).floor() - from + 1.0;
            if bins <= f64::from(bounds::BINS) {
                let from = from * width;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to BINS")]
                return (from.is_finite() && bins >= 1.0).then_some(Self {
                    from,
                    width,
                    bins: bins as usize,
                });
            }
            width *= step;
        }
        None
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a power of ten of a finite number")]
fn ceiling(number: f64) -> i32 {
    number.ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_end_at_round_numbers_and_cover_the_range() {
        assert_eq!(Lattice::over(1926.0, 2005.0), Some(Lattice { from: 1925.0, width: 5.0, bins: 17 }));
        assert_eq!(Lattice::over(0.0, 19.0).map(|lattice| lattice.bins), Some(20));
        assert_eq!(Lattice::over(7.0, 7.0).map(|lattice| lattice.bins), Some(1));
        for (low, high) in
            [(-3.2, 11.7), (0.0, 1e300), (-1e-12, 1e-12), (5.0, 5.000_001), (1e15, 1e15 + 40.0)]
        {
            let lattice = Lattice::over(low, high).expect("finite");
            let bins = u32::try_from(lattice.bins).unwrap();
            let to = lattice.from + lattice.width * f64::from(bins);
            assert!(lattice.from <= low && to >= high && bins <= bounds::BINS, "{low} {high} {lattice:?}");
        }
    }
}
