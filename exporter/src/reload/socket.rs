//! The control socket: `parshall reload` asks here, and hears what came of it.
//!
//! **Owns** a Unix socket of the probe's own user (mode 0600), its thread, and the client. **May touch** nothing else.
//! **Order** opened when the run begins, gone with it. A line `reload` is answered by one JSON object; anything else by nothing.

use super::{Asker, Report};
use crate::Ending;
use crate::reload_report::ANSWER;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a client may take to say its line.
const PATIENCE: Duration = Duration::from_secs(5);

/// The socket of a run; gone when dropped.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Listens at `path`; `None` where its folder is not there.
    ///
    /// # Errors
    /// Another probe listens there, or the system refuses.
    pub fn open(path: &Path, asker: Asker) -> Result<Option<ControlSocket>, String> {
        let fail = |cause: &dyn std::fmt::Display| {
            format!("cannot listen on {} (--control): {cause}; name another path, or off", path.display())
        };
        if !path.parent().is_some_and(Path::is_dir) {
            tracing::debug!("no control socket: the folder of {} is not there", path.display());
            return Ok(None);
        }
        if UnixStream::connect(path).is_ok() {
            return Err(fail(&"another probe listens there"));
        }
        // What a probe left behind that was killed.
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(|error| fail(&error))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|error| fail(&error))?;
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let thread = std::thread::Builder::new().name("parshall-ctl".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away is its own affair.
                let _ = stream.and_then(|stream| serve(stream, &asker));
            }
        });
        let thread = Some(thread.map_err(|error| fail(&error))?);
        Ok(Some(ControlSocket { path: path.to_owned(), over, thread }))
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if UnixStream::connect(&self.path).is_ok()
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, asker: &Asker) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(64)).read_line(&mut line)?;
    if line != "reload\n" {
        return Ok(());
    }
    writeln!(stream, "{}", asker.ask().json())
}

/// `parshall reload`: exit status 0 when the configuration is good, 2 when it is not, 1 when no probe answers.
#[must_use]
pub fn ask(path: Option<&Path>) -> Ending {
    let Some(path) = path else {
        eprintln!("parshall: --control is off, so there is no probe to ask; name its socket, or send it SIGHUP");
        return Ending::BadConfiguration;
    };
    match talk(path) {
        Ok(report) if report.good() => crate::print(&report.text()),
        Ok(report) => {
            eprint!("parshall: {}", report.text());
            Ending::BadConfiguration
        }
        Err(error) => {
            let remedy = "start it with --control and the same path, as the same user, or send it SIGHUP";
            eprintln!("parshall: no probe answers at {}: {error}; {remedy}", path.display());
            Ending::Failed
        }
    }
}

fn talk(path: &Path) -> io::Result<Report> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER + PATIENCE))?;
    stream.write_all(b"reload\n")?;
    let mut text = String::new();
    stream.take(1 << 20).read_to_string(&mut text)?;
    let value = serde_json::from_str(&text).map_err(io::Error::other)?;
    Report::from_json(&value).ok_or_else(|| io::Error::other("it answered something else than a report"))
}
