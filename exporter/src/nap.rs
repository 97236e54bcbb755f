//! Waiting for work of other threads that nobody announces.
//!
//! **Owns** how long the next sleep is: short after there was work, so that little work is done at once; longer while there
//! is none, so that waiting costs next to nothing. **May touch** nothing else. **Order** taken when a look found nothing.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(1);

/// The next sleep.
#[derive(Debug)]
pub(crate) struct Nap(Duration);

impl Default for Nap {
    fn default() -> Nap {
        Nap(SHORTEST)
    }
}

impl Nap {
    /// Sleeps; the next sleep is twice as long, up to a millisecond.
    pub(crate) fn take(&mut self) {
        std::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(LONGEST);
    }

    /// There was work: the next sleep is short again.
    pub(crate) const fn end(&mut self) {
        self.0 = SHORTEST;
    }
}
