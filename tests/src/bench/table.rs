//! The one table, as text and as JSON.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::samples::Samples;

/// What a row shows beside its median.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The figure that 95 of 100 do not exceed.
    P95,
    /// The figure that 99 of 100 do not exceed.
    P99,
    /// The least and the greatest.
    Range,
}

/// What DESIGN §9 asks of a row.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// The median is below.
    Median(f64),
    /// The 95th percentile is below.
    P95(f64),
    /// The ratio to the alternative is at most.
    Ratio(f64),
}

/// One thing measured.
#[derive(Debug, Clone)]
pub struct Row {
    name: String,
    samples: Samples,
    beside: Beside,
    unit: &'static str,
    target: Option<Target>,
    /// The median of what a user would take instead.
    alternative: Option<f64>,
}

impl Row {
    /// A row without a target.
    pub fn new(name: impl Into<String>, unit: &'static str, beside: Beside, samples: Samples) -> Self {
        Self { name: name.into(), samples, beside, unit, target: None, alternative: None }
    }

    /// The same with a target.
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// The same beside what a user would take instead.
    pub fn alternative(mut self, median: f64) -> Self {
        self.alternative = Some(median);
        self
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.samples.median() / self.alternative?)
    }

    /// The target in words, and whether it is met; `None` where it cannot be said.
    fn verdict(&self) -> Option<(String, Option<bool>)> {
        Some(match self.target? {
            Target::Median(below) => {
                (format!("p50 < {}", number(below)), Some(self.samples.median() < below))
            }
            Target::P95(below) => (format!("p95 < {}", number(below)), Some(self.samples.p95() < below)),
            Target::Ratio(most) => {
                (format!("<= {} x", number(most)), self.ratio().map(|ratio| ratio <= most))
            }
        })
    }

    fn cells(&self) -> [String; 7] {
        let samples = &self.samples;
        let beside = match self.beside {
            _ if samples.count() == 1 => String::new(),
            Beside::P95 => format!("p95 {}", number(samples.p95())),
            Beside::P99 => format!("p99 {}", number(samples.p99())),
            Beside::Range => format!("{} - {}", number(samples.least()), number(samples.greatest())),
        };
        let (target, met) = self.verdict().unwrap_or_default();
        let met = met.map_or("", |met| if met { "met" } else { "MISSED" });
        [
            self.name.clone(),
            number(samples.median()),
            beside,
            self.unit.to_owned(),
            target,
            met.to_owned(),
            self.ratio().map_or_else(String::new, |ratio| format!("{} x", number(ratio))),
        ]
    }

    fn json(&self) -> Value {
        let (target, met) = self.verdict().unzip();
        json!({
            "name": self.name,
            "unit": self.unit,
            "samples": self.samples.count(),
            "median": self.samples.median(),
            "p95": self.samples.p95(),
            "least": self.samples.least(),
            "greatest": self.samples.greatest(),
            "target": target,
            "met": met.flatten(),
            "alternative_median": self.alternative,
            "ratio": self.ratio(),
        })
    }
}

/// All that was measured, and on what.
#[derive(Debug)]
pub struct Report {
    persons: u64,
    cores: usize,
    profile: String,
    load_before: String,
    load_after: String,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report of a run that begins now.
    pub fn new(persons: u64) -> Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().and_then(|folder| folder.file_name()).context("no folder")?;
        Ok(Self {
            persons,
            cores: std::thread::available_parallelism()?.get(),
            profile: folder.to_string_lossy().into_owned(),
            load_before: load(),
            load_after: String::new(),
            rows: Vec::new(),
        })
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Notes how busy the machine is at the end.
    pub fn finish(&mut self) {
        self.load_after = load();
    }

    /// The table.
    pub fn text(&self) -> String {
        let titles = ["what", "median", "spread", "unit", "target", "", "ratio"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(titles).chain(self.rows.iter().map(Row::cells)).collect();
        let wide = |at: usize| lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(wide);
        let mut text = format!(
            "FLIP Edge on {} cores, profile {}, large Trust of {} persons; load average {} before, {} after\n\n",
            self.cores,
            self.profile,
            grouped(&self.persons.to_string()),
            self.load_before,
            self.load_after
        );
        for (at, cells) in lines.iter().enumerate() {
            let [name, median, beside, unit, target, met, ratio] = cells;
            let line = format!(
                "{name:<w0$}  {median:>w1$}  {beside:<w2$}  {unit:<w3$}  {target:<w4$}  {met:<w5$}  {ratio:>w6$}",
                w0 = widths[0],
                w1 = widths[1],
                w2 = widths[2],
                w3 = widths[3],
                w4 = widths[4],
                w5 = widths[5],
                w6 = widths[6],
            );
            let _ = writeln!(text, "{}", line.trim_end());
            if at == 0 {
                let _ = writeln!(text, "{}", "-".repeat(widths.iter().sum::<usize>() + 12));
            }
        }
        text
    }

    /// The numbers.
    pub fn json(&self) -> Value {
        json!({
            "cores": self.cores,
            "profile": self.profile,
            "persons": self.persons,
            "load_before": self.load_before,
            "load_after": self.load_after,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

/// The load averages of 1, 5 and 15 minutes.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split_whitespace().take(3).collect();
    if averages.is_empty() { "unknown".to_owned() } else { averages.join(" ") }
}

/// Three digits or so; thousands apart.
fn number(figure: f64) -> String {
    let decimals = match figure.abs() {
        _ if figure.fract() == 0.0 => 0,
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    grouped(&format!("{figure:.decimals$}"))
}

/// Digits with a gap before every third from the point or the end.
pub fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let gap = |at: usize| (at > 0 && (whole.len() - at).is_multiple_of(3)).then_some(' ');
    let digits = whole.chars().enumerate().flat_map(|(at, digit)| gap(at).into_iter().chain([digit]));
    digits.chain(fraction.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(samples: &[f64]) -> Row {
        Row::new("query", "ms", Beside::P95, Samples::new(samples.to_vec()))
    }

    #[test]
    fn numbers_have_three_digits_or_so() {
        let shown = [0.0, 3.0, 0.123, 1.2, 41.86, 123.4, 1_234.5, 1_234_567.8].map(number);
        assert_eq!(shown, ["0", "3", "0.12", "1.20", "41.9", "123", "1 234", "1 234 568"]);
    }

    #[test]
    fn a_row_says_whether_its_target_is_met() {
        let verdict = |row: Row| row.verdict().unwrap();
        assert_eq!(verdict(row(&[40.0]).target(Target::Median(50.0))), ("p50 < 50".to_owned(), Some(true)));
        assert_eq!(
            verdict(row(&[1.0, 60.0]).target(Target::P95(50.0))),
            ("p95 < 50".to_owned(), Some(false))
        );
        let compared = row(&[3.0]).target(Target::Ratio(1.2));
        assert_eq!(verdict(compared.clone()), ("<= 1.20 x".to_owned(), None));
        assert_eq!(verdict(compared.alternative(2.0)).1, Some(false));
    }

    #[test]
    fn columns_of_the_table_line_up() {
        let mut report = Report::new(1_000).unwrap();
        report.add(row(&[1.0, 2.0]).target(Target::Median(50.0)));
        report.add(Row::new("size", "MB", Beside::Range, Samples::new(vec![1_234.0])));
        let text = report.text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let unit = lines[0].find("unit").unwrap();
        assert_eq!(&lines[2][unit..unit + 2], "ms", "{text}");
        assert_eq!(&lines[3][unit..unit + 2], "MB", "{text}");
    }
}
