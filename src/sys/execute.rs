//! Becomes another program.

#![expect(
    unsafe_code,
    reason = "execve(2) and signal(2) have no safe form with an own environment"
)]

use std::ffi::{CStr, CString, NulError, c_char};
use std::io;
use std::ptr;

/// Arguments and environment in the form that the kernel takes, made beforehand so that
/// nothing but the system call stands between a clock reading and the new program.
#[derive(Debug)]
pub struct CommandLine {
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl CommandLine {
    /// Takes arguments, the first of them the program's own name, and variables.
    ///
    /// # Errors
    ///
    /// Where one of them holds a NUL byte.
    pub fn new(
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<CommandLine, NulError> {
        let variable = |(name, value): &(String, String)| CString::new(format!("{name}={value}"));
        Ok(CommandLine {
            arguments: arguments
                .iter()
                .map(|argument| CString::new(argument.as_str()))
                .collect::<Result<_, _>>()?,
            environment: environment.iter().map(variable).collect::<Result<_, _>>()?,
        })
    }
}

/// Replaces this program by the one at `path`, with every signal as a fresh process has it.
/// Returns only where the kernel refuses, with its reason. `before` runs last.
#[must_use]
pub fn execute(path: &CStr, line: &CommandLine, before: impl FnOnce()) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let arguments = pointers(&line.arguments);
    let environment = pointers(&line.environment);
    for signal in 1..32 {
        // Ignored signals outlive execve(2); Rust's start ignores SIGPIPE, `nohup` SIGHUP.
        // SAFETY: SIG_DFL is valid for every signal that may be changed; others are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    before();
    // SAFETY: `path` ends in NUL, both arrays end in a null pointer, and what they point to
    // is borrowed from `line` and lives past the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
