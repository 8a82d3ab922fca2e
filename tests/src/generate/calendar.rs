//! Days as whole numbers, and how they are written.
//!
//! Deliberately absent: time zones and the present day. A generated population ends on a fixed day.

/// A day, counted from 1970-01-01 (proleptic Gregorian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a date. `month` counts from 1.
    pub const fn of(year: i64, month: i64, day: i64) -> Self {
        // Years start in March, so that the leap day is the last (Howard Hinnant, "chrono-compatible date algorithms").
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    /// Its year, its month from 1 and its day of the month.
    pub const fn date(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
    }

    /// The day so many days later.
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// Whole years from `self` to `later`, as ages are counted.
    pub const fn years_to(self, later: Self) -> i64 {
        (later.0 - self.0) * 400 / 146_097
    }

    /// Writes it as `2024-12-31`. Years of four digits only.
    pub fn write(self, out: &mut Vec<u8>) {
        let (year, month, day) = self.date();
        two_digits(year / 100, out);
        two_digits(year % 100, out);
        out.push(b'-');
        two_digits(month, out);
        out.push(b'-');
        two_digits(day, out);
    }
}

/// Writes a number below 100 in two digits.
pub fn two_digits(number: i64, out: &mut Vec<u8>) {
    out.push(b'0' + (number / 10 % 10).to_le_bytes()[0]);
    out.push(b'0' + (number % 10).to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_survives_the_way_there_and_back() {
        let (first, last) = (Day::of(1600, 1, 1), Day::of(2100, 12, 31));
        let mut previous = (1599, 12, 31);
        for day in first.0..=last.0 {
            let (year, month, of_month) = Day(day).date();
            assert_eq!(Day::of(year, month, of_month), Day(day));
            assert!((year, month, of_month) > previous);
            previous = (year, month, of_month);
        }
        assert_eq!(previous, (2100, 12, 31));
    }

    #[test]
    fn known_days_are_right() {
        assert_eq!(Day::of(1970, 1, 1), Day(0));
        assert_eq!(Day::of(2000, 3, 1), Day(11_017));
        let mut text = Vec::new();
        Day::of(2024, 2, 29).write(&mut text);
        assert_eq!(text, b"2024-02-29");
    }
}
