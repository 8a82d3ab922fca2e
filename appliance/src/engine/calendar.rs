//! Days of the calendar, from their numbers in DuckDB and Arrow.

use duckdb::arrow::array::{Array, ArrayRef, AsArray as _};
use duckdb::arrow::compute::cast;
use duckdb::arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};

/// Year, month and day of a day counted from 1970-01-01; nothing for the two infinite ones (H. Hinnant's
/// `civil_from_days`: years that begin in March, in eras of 400).
pub(super) fn date_of(day: i64) -> Option<(i64, i64, i64)> {
    if day.unsigned_abs() >= INFINITE {
        return None;
    }
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    // Within an era numbers are small, and dividing them is quick.
    let of_era = u32::try_from(day.rem_euclid(146_097)).ok()?;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Some((i64::from(year) + era * 400 + i64::from(month <= 2), i64::from(month), i64::from(day)))
}

/// A date as a number such as 20260115. A record may say of it what it likes.
pub(super) fn number((year, month, day): (i64, i64, i64)) -> i32 {
    let number = year.clamp(0, 99_999) * 10_000 + month.clamp(0, 99) * 100 + day.clamp(0, 99);
    i32::try_from(number).expect("99,999 years have nine digits")
}

/// The numbers of the days that most records are about, looked up: to divide a million times takes longer.
pub(super) struct Numbers(Vec<i32>);

impl Numbers {
    /// 1900-01-01 and 2100-12-31, counted from 1970-01-01.
    const KNOWN: std::ops::RangeInclusive<i32> = -25_567..=47_846;

    pub fn new() -> Self {
        Self(Self::KNOWN.filter_map(|day| date_of(i64::from(day))).map(number).collect())
    }

    /// Of a day counted from 1970-01-01; nothing for the two infinite ones.
    pub fn of(&self, day: i32) -> Option<i32> {
        let known = usize::try_from(i64::from(day) - i64::from(*Self::KNOWN.start())).ok();
        match known.and_then(|at| self.0.get(at)) {
            Some(number) => Some(*number),
            None => date_of(i64::from(day)).map(number),
        }
    }
}

/// The day that stands for no end.
const INFINITE: u64 = i32::MAX.unsigned_abs() as u64;

/// The days of a column of dates or moments, counted from 1970-01-01; nothing for a column of anything else.
pub(super) fn days(values: &dyn Array) -> Option<Vec<Option<i64>>> {
    if let Some(days) = values.as_primitive_opt::<Date32Type>() {
        return Some(days.iter().map(|day| day.map(i64::from)).collect());
    }
    let DataType::Timestamp(unit, _) = values.data_type() else { return None };
    let per_day: i64 = match unit {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => 86_400_000_000_000,
    };
    let moments: ArrayRef = cast(values, &DataType::Int64).ok()?;
    let moments = moments.as_primitive::<Int64Type>().iter();
    let day = |moment: i64| {
        // The least and the greatest moments have no end.
        if moment.unsigned_abs() >= i64::MAX.unsigned_abs() { i64::MAX } else { moment.div_euclid(per_day) }
    };
    Some(moments.map(|moment| moment.map(day)).collect())
}

#[cfg(test)]
mod tests {
    use duckdb::arrow::array::{Date32Array, TimestampMicrosecondArray};
    use time::{Date, Month};

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let epoch = Date::from_calendar_date(1970, Month::January, 1).unwrap();
        for year in [-9_999, -1, 0, 1, 1_582, 1_900, 1_970, 2_000, 2_024, 2_100, 9_999] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (7, 31), (12, 31)] {
                let date = Date::from_calendar_date(year, Month::try_from(month).unwrap(), day).unwrap();
                let expected = Some((i64::from(year), i64::from(month), i64::from(day)));
                assert_eq!(date_of((date - epoch).whole_days()), expected, "{date}");
            }
        }
        assert_eq!(date_of(19_782), Some((2024, 2, 29)));
        assert_eq!((date_of(i64::from(i32::MAX)), date_of(-i64::from(i32::MAX))), (None, None));
    }

    #[test]
    fn a_number_that_is_looked_up_is_that_of_the_date() {
        let numbers = Numbers::new();
        for day in (-900_000..3_000_000).chain([i32::MIN + 2, i32::MAX - 1]) {
            assert_eq!(numbers.of(day), date_of(i64::from(day)).map(number), "{day}");
        }
        assert_eq!(
            [-25_567, 20_468, 47_846].map(|day| numbers.of(day)),
            [19_000_101, 20_260_115, 21_001_231].map(Some)
        );
        assert_eq!((numbers.of(i32::MAX), numbers.of(-i32::MAX)), (None, None));
    }

    #[test]
    fn moments_are_of_their_day_and_some_have_no_end() {
        let moments =
            TimestampMicrosecondArray::from(vec![Some(-1), Some(0), None, Some(i64::MAX), Some(-i64::MAX)]);
        let infinite = Some(i64::MAX);
        assert_eq!(days(&moments), Some(vec![Some(-1), Some(0), None, infinite, infinite]));
        assert_eq!(days(&Date32Array::from(vec![Some(7), None])), Some(vec![Some(7), None]));
    }
}
