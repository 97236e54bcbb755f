//! Lines from a terminal or a pipe, on a thread of their own.
//!
//! **Owns** standard input, the history and the terminal's state. **May touch** the terminal. **Order** reads a line only when
//! the one before was answered, so that answers and prompts never mix.
//!
//! The thread may still wait for a line when the run ends; it ends with the process, and the terminal is put back as it was.

use super::commands::ROWS;
use super::grammar::completions;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::io::{BufRead, IsTerminal, Read, stdin};
use std::path::PathBuf;

/// What stands before the cursor.
const PROMPT: &str = "parshall> ";

/// No line of a pipe is longer. Unit: bytes.
const LONGEST: u64 = 64 << 10;

/// What was read.
pub(super) enum Input {
    /// A line; `echo`: it was not seen on a terminal.
    Line { text: String, echo: bool },
    /// There are no more.
    End,
}

/// The control side's end of the reader.
pub(super) struct Reader {
    lines: Receiver<Input>,
    more: Sender<()>,
    terminal: Option<Termios>,
}

impl Reader {
    /// Starts to read. `ports`: the ids to offer for completion.
    pub(super) fn start(ports: Vec<u16>) -> std::io::Result<Reader> {
        let (give, lines) = bounded(1);
        let (more, wanted) = bounded(1);
        let terminal = stdin().is_terminal().then(|| tcgetattr(stdin()).ok()).flatten();
        let edits = terminal.is_some() && std::io::stdout().is_terminal();
        std::thread::Builder::new()
            .name("parshall-prompt".to_owned())
            .spawn(move || if edits { from_terminal(&give, &wanted, ports) } else { from_pipe(&give, &wanted) })?;
        let _ = more.send(());
        Ok(Reader { lines, more, terminal })
    }

    /// A line that has come.
    pub(super) fn take(&self) -> Option<Input> {
        self.lines.try_recv().ok()
    }

    /// The last line was answered.
    pub(super) fn answered(&self) {
        let _ = self.more.try_send(());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            let _ = tcsetattr(stdin(), OptionalActions::Now, terminal);
        }
    }
}

fn from_pipe(give: &Sender<Input>, wanted: &Receiver<()>) {
    let mut input = stdin().lock();
    while wanted.recv().is_ok() {
        let _ = crate::print(PROMPT);
        let mut line = Vec::new();
        let read = (&mut input).take(LONGEST).read_until(b'\n', &mut line);
        let ended = !matches!(read, Ok(count) if count > 0);
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        if give.send(if ended { Input::End } else { Input::Line { text, echo: true } }).is_err() || ended {
            return;
        }
    }
}

fn from_terminal(give: &Sender<Input>, wanted: &Receiver<()>, ports: Vec<u16>) {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
    let Ok(mut editor) = Editor::<Assistant, FileHistory>::with_config(config) else {
        return from_pipe(give, wanted);
    };
    editor.set_helper(Some(Assistant { ports, files: FilenameCompleter::new() }));
    let history = history_file();
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    while wanted.recv().is_ok() {
        let input = loop {
            match editor.readline(PROMPT) {
                Ok(text) => break Input::Line { text, echo: false },
                Err(ReadlineError::Signal(_)) => {}
                Err(_) => break Input::End,
            }
        };
        if let Some(path) = &history {
            let _ = editor.save_history(path);
        }
        let ended = matches!(input, Input::End);
        if give.send(input).is_err() || ended {
            return;
        }
    }
}

/// `$XDG_STATE_HOME/parshall/history`, or the same under `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
    let folder = state.join("parshall");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completion for the editor.
struct Assistant {
    ports: Vec<u16>,
    files: FilenameCompleter,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = line.get(..at).unwrap_or(line);
        if line.trim_start().starts_with("load ") {
            return self.files.complete(line, at, context);
        }
        let (start, words) = completions(ROWS, line, &self.ports);
        let pair = |word: String| Pair { display: word.clone(), replacement: format!("{word} ") };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}
impl Highlighter for Assistant {}
impl Validator for Assistant {}
impl Helper for Assistant {}
