//! Scripts: what the applications at both ends do, step by step.
//!
//! **Owns** the steps. **May touch** nothing. **Order** written by scenarios, played by `world`.

use super::segment::Side;

/// One step. The next one begins when this one is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client opens; done when both ends are open.
    Open,
    /// Both ends open at the same time; done when both are open.
    OpenBoth,
    /// A side writes; done when the other application has read all of it.
    Write(Side, u64),
    /// A side writes; done at once.
    WriteOn(Side, u64),
    /// Nothing, for so many nanoseconds.
    Pause(u64),
    /// The application of a side stops (false) or starts (true) to read; done at once.
    Read(Side, bool),
    /// A side sends a keep-alive; done at once.
    KeepAlive(Side),
    /// A side closes; done when the other end has its FIN and everything is acknowledged.
    Close(Side),
    /// A side closes; done at once.
    CloseOn(Side),
    /// A side resets; done at once.
    Abort(Side),
    /// A side is switched off; done at once.
    Vanish(Side),
    /// A side sends a SYN of another life with this sequence number; done at once.
    StraySyn(Side, u32),
}

/// The client asks, the server answers, both close: the commonest session.
pub(crate) fn request_response(request: u64, response: u64, think: u64) -> Vec<Step> {
    use Side::{Client, Server};
    vec![
        Step::Open,
        Step::Write(Client, request),
        Step::Pause(think),
        Step::Write(Server, response),
        Step::Pause(think),
        Step::Close(Client),
        Step::Close(Server),
    ]
}
