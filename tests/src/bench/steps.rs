//! What the bench is doing, told on standard error, and the wish to end it early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};

/// Tells of steps; lets none begin once the bench shall end.
#[derive(Debug, Clone)]
pub struct Steps {
    began: Instant,
    ended: Arc<AtomicBool>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { began: Instant::now(), ended: Arc::default() }
    }
}

impl Steps {
    /// A step begins.
    pub fn begin(&self, what: &str) -> Result<()> {
        self.go_on()?;
        eprintln!("[{:>5.1} s] {what}", self.began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Fails once the bench shall end; asked between any two measurements.
    pub fn go_on(&self) -> Result<()> {
        if self.ended.load(Ordering::Acquire) {
            bail!("ended early; everything it started and wrote is cleared away");
        }
        Ok(())
    }

    /// Ends the bench at the next measurement.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
