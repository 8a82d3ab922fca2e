//! How far work on a bundle is, for who types a command: a bar on standard error, where that is a terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What a step of the work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Bytes.
    Bytes,
    /// Messages.
    Messages,
}

/// How often what is waited for moves.
const TICK: Duration = Duration::from_millis(100);

/// Something that is waited for while another process does it: a line on standard error, until it goes out of scope.
pub struct Waiting(Option<ProgressBar>);

/// Says that something is waited for, where standard error is a terminal.
pub fn waiting(words: &str) -> Waiting {
    Waiting(std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{spinner} {msg}, for {elapsed}");
        let style = style.expect("the template is a constant that indicatif takes");
        let spinner = ProgressBar::new_spinner().with_style(style).with_message(words.to_owned());
        spinner.enable_steady_tick(TICK);
        spinner
    }))
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(spinner) = &self.0 {
            spinner.finish_and_clear();
        }
    }
}

/// A bar, begun anew with each step; `counted` says in what a step is. Hears the step, how much of it is done, of how much.
pub fn bar<Step: Copy + PartialEq>(
    name: &str,
    counted: fn(Step) -> Counted,
) -> impl FnMut(Step, u64, u64) + use<Step> {
    let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0).with_message(name.to_owned()));
    let mut shown = None;
    move |step, done, total| {
        let Some(bar) = &bar else { return };
        if shown.replace(step) != Some(step) {
            let template = match counted(step) {
                Counted::Bytes => "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left",
                Counted::Messages => "{msg} {wide_bar} {pos} of {len} messages, {eta} left",
            };
            let style = ProgressStyle::with_template(template);
            bar.reset();
            bar.set_style(style.expect("the template is a constant that indicatif takes"));
        }
        bar.set_length(total);
        bar.set_position(done);
        if done == total {
            bar.finish_and_clear();
        }
    }
}
