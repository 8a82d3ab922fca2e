//! How far an ingest has come, for whoever waits for it.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Hears how far an ingest has come. Called a few times a second.
pub trait Progress {
    /// The ingest came so far.
    fn at(&mut self, step: &Step);
}

/// How far an ingest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub phase: Phase,
    /// To which table.
    pub table: &'static str,
    /// Rows of that table so far; a load knows them only at its end.
    pub rows: u64,
    /// Bytes done, of all files; every byte is checked and loaded, and a share of it is looked at again.
    pub bytes_done: u64,
    /// Bytes to do.
    pub bytes_total: u64,
}

/// The parts of an ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the files through for problems.
    Checking,
    /// Loading them into the new generation.
    Loading,
    /// Comparing references with the records that they name.
    Comparing,
    /// Looking at the quality of what was loaded.
    Looking,
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn at(&mut self, _: &Step) {}
}

/// A bar on standard error where that is a terminal, else a plain line per table.
#[derive(Debug)]
pub struct Bar {
    bar: Option<ProgressBar>,
    last: Option<(Phase, &'static str)>,
}

impl Bar {
    /// A bar or lines, as standard error allows.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3} % {eta:>4}");
            ProgressBar::new(0).with_style(style.expect("the template is a constant that indicatif takes"))
        });
        Self { bar, last: None }
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Bar {
    fn at(&mut self, step: &Step) {
        let doing = match step.phase {
            Phase::Checking => "checking",
            Phase::Loading => "loading",
            Phase::Comparing => "comparing references of",
            Phase::Looking => "looking at",
        };
        if let Some(bar) = &self.bar {
            bar.set_length(step.bytes_total);
            bar.set_position(step.bytes_done);
            bar.set_message(format!("{doing} {}", step.table));
            if step.bytes_done >= step.bytes_total {
                bar.finish_and_clear();
            }
        } else if self.last != Some((step.phase, step.table)) {
            self.last = Some((step.phase, step.table));
            // A closed standard error stops no ingest.
            writeln!(std::io::stderr(), "{doing} {}", step.table).ok();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar on standard error for the bytes of one file, where that is a terminal; cleared when dropped.
pub fn bytes(what: &str, total: u64) -> impl FnMut(u64) + use<> {
    let style = ProgressStyle::with_template("{msg:32} {wide_bar} {percent:>3} % {eta:>4}");
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = style.expect("the template is a constant that indicatif takes");
        ProgressBar::new(total).with_style(style).with_message(what.to_owned())
    });
    move |done| {
        if let Some(bar) = &bar {
            bar.set_position(done);
            if done >= total {
                bar.finish_and_clear();
            }
        }
    }
}

/// Adds up bytes over files and phases.
pub(super) struct Meter<'a> {
    progress: &'a mut dyn Progress,
    bytes_before: u64,
    bytes_shown: u64,
    bytes_total: u64,
}

impl<'a> Meter<'a> {
    pub fn new(progress: &'a mut dyn Progress, bytes_total: u64) -> Self {
        Self { progress, bytes_before: 0, bytes_shown: 0, bytes_total }
    }

    /// So many bytes of the present file are done.
    pub fn at(&mut self, phase: Phase, table: &'static str, rows: u64, bytes: u64) {
        // A second attempt at a file starts over; what was shown does not.
        self.bytes_shown = self.bytes_shown.max(self.bytes_before + bytes).min(self.bytes_total);
        let bytes_done = self.bytes_shown;
        self.progress.at(&Step { phase, table, rows, bytes_done, bytes_total: self.bytes_total });
    }

    /// Everything is done.
    pub fn end(&mut self, table: &'static str) {
        self.bytes_before = self.bytes_total;
        self.at(Phase::Looking, table, 0, 0);
    }

    /// The present file of so many bytes is done.
    pub fn finished(&mut self, phase: Phase, table: &'static str, rows: u64, bytes: u64) {
        self.bytes_before += bytes;
        self.at(phase, table, rows, 0);
    }
}
