//! Failures for the person who must act: what was asked, what came back, what to do.
//!
//! **Owns** the one error type of this room. **May touch** nothing. Traffic never makes one.

use std::fmt;

/// Something that DPDK, its configuration or the host refused. Prints as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpdkError {
    usage: bool,
    asked: String,
    came_back: String,
    remedy: String,
}

impl DpdkError {
    /// What was asked for cannot be had as asked: the user changes the command line.
    pub(crate) fn usage(
        asked: impl Into<String>,
        came_back: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> DpdkError {
        DpdkError { usage: true, ..DpdkError::runtime(asked, came_back, remedy) }
    }

    /// The host or the device refused: somebody provides what is missing.
    pub(crate) fn runtime(asked: impl Into<String>, back: impl fmt::Display, remedy: impl Into<String>) -> DpdkError {
        DpdkError { usage: false, asked: asked.into(), came_back: back.to_string(), remedy: remedy.into() }
    }

    /// Whether the command line is at fault (exit status 2) and not the host (exit status 1).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.usage
    }
}

impl fmt::Display for DpdkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.asked, self.came_back, self.remedy)
    }
}

impl std::error::Error for DpdkError {}

#[cfg(test)]
mod tests {
    use super::DpdkError;

    #[test]
    fn an_error_is_one_sentence_of_question_answer_and_remedy() {
        let error = DpdkError::usage("8 RX queues of port 0 (--rxq 8)", "the device offers 4", "give --rxq 4");
        assert_eq!(error.to_string(), "8 RX queues of port 0 (--rxq 8): the device offers 4; give --rxq 4");
        assert!(error.is_usage());
    }
}
