//! The two streams: results go to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write};

use annotate_snippets::Renderer;
use anstream::ColorChoice;
use colored::Colorize as _;
use scf_conform::report::printable;

use super::exit::Exit;

/// Decides on colours for both streams. Styles are always written; a stream that shall have
/// none takes them out, each by its own terminal, `NO_COLOR` and the like.
pub(super) fn colours(choice: ColorChoice) {
    colored::control::set_override(true);
    choice.write_global();
}

/// Says why nothing, or not everything, could be done; the second line says what to do.
pub(super) fn error(message: &str, help: Option<&str>) {
    let mut out = anstream::stderr().lock();
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(out, "{} {}", "error:".red().bold(), printable(message));
    if let Some(help) = help {
        let _ = writeln!(out, "  {} {}", "help:".cyan().bold(), printable(help));
    }
}

/// Says what is worth knowing.
pub(super) fn note(message: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{} {}", "note:".bold(), printable(message));
}

/// Writes one line to stderr, as it is but for what would act on a terminal.
pub(super) fn aside(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", printable(line));
}

/// The same, dimmed.
pub(super) fn dimmed(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", printable(line).dimmed());
}

/// Prints an error that quotes a file.
pub(super) fn quoted(render: impl FnOnce(&Renderer) -> String) {
    let _ = writeln!(anstream::stderr().lock(), "{}", render(&Renderer::styled()));
}

/// The columns of stdout; `None` where it is no terminal.
pub(super) fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(stdout).map(|(width, _)| width.0.into())
}

/// Whether results are read by somebody at a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Stdout, whose reader may leave early: that is no error, and ends nothing.
#[derive(Debug, Default)]
pub(super) struct Results {
    gone: bool,
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.forgiving(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.forgiving((), |out| out.flush())
    }
}

impl Results {
    fn forgiving<T>(
        &mut self,
        whole: T,
        act: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.gone {
            return Ok(whole);
        }
        match act(&mut io::stdout().lock()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(whole)
            }
            other => other,
        }
    }
}

/// Prints a text whole. Where that cannot be done, it is told, and the exit is the worse one.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    match Results::default().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(error) => {
            self::error(&format!("write to stdout: {error}"), None);
            exit.max(Exit::NotChecked)
        }
    }
}

/// Writes results through `write`, with the colours that stdout shall have, all at once.
pub(super) fn results(
    results: &mut Results,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes =
        anstream::AutoStream::new(Vec::new(), anstream::AutoStream::choice(&io::stdout()));
    write(&mut bytes)?;
    results.write_all(&bytes.into_inner())?;
    results.flush()
}
