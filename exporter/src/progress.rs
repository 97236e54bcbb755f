//! A progress bar for `read`, on a terminal only.
//!
//! **Owns** the bar. **May touch** standard error. **Order** shown a few times a second by the thread that moves records.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parshall_engine::source::capture::Progress;

/// The bar.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    files: Vec<Progress>,
}

impl Bar {
    /// A bar over the bytes of all files; hidden when standard error is no terminal, or when messages are not wanted.
    #[must_use]
    pub fn new(files: &[Progress], quiet: bool) -> Bar {
        let total: Option<u64> = files.iter().map(Progress::bytes_total).sum();
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target);
        let layout = match total {
            Some(_) => "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {bytes} {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(layout) {
            bar.set_style(style);
        }
        Bar { bar, files: files.to_vec() }
    }

    /// Shows how far it has come.
    pub fn show(&self) {
        self.bar.set_position(self.files.iter().map(Progress::bytes_read).sum());
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
