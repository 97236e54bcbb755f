//! The console: lines in, answers out, one turn at a time.
//!
//! **Owns** the session and the reader. **May touch** standard output and standard error. **Order** made by `run` when everything
//! polls; given a turn by the control loop.

use super::input::{Input, Reader};
use super::session::{Reply, Scene, Session};

/// The console of a run.
pub struct Console {
    session: Session,
    reader: Option<Reader>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Console {
    /// Runs `--cmdline-file`, then reads lines if `--interactive`.
    ///
    /// # Errors
    /// A sentence, when the reader cannot be started.
    pub fn start(scene: &mut Scene<'_, '_>) -> Result<Console, String> {
        let mut console = Console { session: Session::default(), reader: None };
        if let Some(path) = &scene.plan.cmdline_file {
            let path = path.display().to_string();
            let reply = console.session.file(scene, &path);
            reply.say();
        }
        if scene.plan.interactive && !console.session.over {
            let reader = Reader::start(scene.ports()).map_err(|error| format!("cannot start the prompt: {error}"))?;
            console.reader = Some(reader);
        }
        Ok(console)
    }

    /// Answers a line, if one has come. Says whether to go on.
    pub fn turn(&mut self, scene: &mut Scene<'_, '_>) -> bool {
        let Some(reader) = &self.reader else { return !self.session.over };
        let Some(input) = reader.take() else { return true };
        let reply = match input {
            Input::Line { text, echo } => {
                if echo {
                    let _ = crate::print(&format!("{text}\n"));
                }
                self.session.line(scene, &text)
            }
            Input::End => {
                self.session.over = true;
                Reply::out("\n")
            }
        };
        reply.say();
        if !self.session.over {
            reader.answered();
        }
        !self.session.over
    }
}
