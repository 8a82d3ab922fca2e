//! How far a pull has come, for whoever waits for it.

use std::io::{IsTerminal, Write};

use flip_web::plural;
use indicatif::{ProgressBar, ProgressStyle};

/// Hears how far a pull has come.
pub trait Progress {
    /// It begins: about so many rows, and so many tables are here from before.
    fn begin(&mut self, rows_estimated: u64, tables_kept: usize);
    /// So many rows of the table are here.
    fn at(&mut self, table: &'static str, rows: u64);
    /// The table is here.
    fn done(&mut self, table: &'static str, rows: u64);
    /// The table was here from before and still has so many rows.
    fn kept(&mut self, table: &'static str, rows: u64);
}

/// A bar on standard error where that is a terminal, else a plain line per table.
#[derive(Debug, Default)]
pub struct Bar {
    bar: Option<ProgressBar>,
    rows_before: u64,
}

impl Bar {
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // A closed standard error stops no pull.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}

impl Progress for Bar {
    fn begin(&mut self, rows_estimated: u64, tables_kept: usize) {
        self.bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:32} {wide_bar} {percent:>3} % {eta:>4}");
            ProgressBar::new(rows_estimated.max(1))
                .with_style(style.expect("the template is a constant that indicatif takes"))
        });
        if tables_kept > 0 {
            self.line(&format!(
                "an earlier pull was interrupted; going on with what it has not read ({} here)",
                plural(tables_kept as u64, "table", None)
            ));
        }
    }

    fn at(&mut self, table: &'static str, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("reading {table}"));
            bar.set_position(self.rows_before + rows);
        }
    }

    fn done(&mut self, table: &'static str, rows: u64) {
        self.rows_before += rows;
        self.line(&format!("{table}: {}", plural(rows, "row", None)));
    }

    fn kept(&mut self, table: &'static str, rows: u64) {
        self.rows_before += rows;
        self.line(&format!("{table}: {}, read before", plural(rows, "row", None)));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
