//! What programs really print.

use super::*;
use crate::evidence::{LogLine, Stream};

#[track_caller]
fn check(text: &str, kind: Kind, subject: &str) {
    let code = if kind == Kind::Command { 127 } else { 1 };
    let clue = find(&logs(text), Some(code)).unwrap_or_else(|| panic!("nothing in {text}"));
    assert_eq!((clue.kind, clue.subject.as_deref().unwrap_or("")), (kind, subject), "{text}");
}

fn logs(text: &str) -> Logs {
    let line = |text: &str| LogLine {
        at: std::time::Duration::ZERO,
        stream: Stream::Stderr,
        text: text.to_owned(),
    };
    Logs { lines: text.split('\n').map(line).collect(), ..Logs::default() }
}

#[test]
fn the_kernels_refusals_are_read_in_every_language() {
    check("PermissionError: [Errno 13] Permission denied: '/app/x'", Kind::Denied, "/app/x");
    check("Error: EACCES: permission denied, open '/app/x'", Kind::Denied, "/app/x");
    check("open /app/x: permission denied", Kind::Denied, "/app/x");
    check("Permission denied @ rb_sysopen - /app/x (Errno::EACCES)", Kind::Denied, "/app/x");
    check(
        "Exception in thread \"main\" java.nio.file.AccessDeniedException: /app/x",
        Kind::Denied,
        "/app/x",
    );
    check("java.io.FileNotFoundException: /app/x (Permission denied)", Kind::Denied, "/app/x");
    check(
        "nginx: [emerg] open() \"/run/x\" failed (13: Permission denied)",
        Kind::Denied,
        "/run/x",
    );
    check("/bin/sh: 1: cannot create /app/x: Permission denied", Kind::Denied, "/app/x");
    check(
        "PHP Warning:  file_put_contents(/d/x): Failed to open stream: Permission denied in /app/a.php on line 3",
        Kind::Denied,
        "/d/x",
    );
    check(
        "Error: Os { code: 13, kind: PermissionDenied, message: \"Permission denied\" }",
        Kind::Denied,
        "",
    );
    check("mkdir: cannot create directory ‘/data’: Permission denied", Kind::Denied, "/data");
    check("mkdir() \"/var/x\" failed (30: Read-only file system)", Kind::ReadOnly, "/var/x");
    check("OSError: [Errno 30] Read-only file system: '/app/x'", Kind::ReadOnly, "/app/x");
    check("write /tmp/x: No space left on device (os error 28)", Kind::NoSpace, "/tmp/x");
    check("Error: ENOSPC: no space left on device, write", Kind::NoSpace, "");
    check("OSError: [Errno 24] Too many open files: '/app/x'", Kind::NoDescriptor, "/app/x");
    check("RuntimeError: can't start new thread", Kind::NoProcess, "");
    check("sh: 1: Cannot fork", Kind::NoProcess, "");
    check(
        "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory",
        Kind::NoProcess,
        "",
    );
    check("MemoryError", Kind::NoMemory, "");
    check(
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        Kind::NoMemory,
        "",
    );
    check("OSError: [Errno 98] Address already in use", Kind::InUse, "");
    check("listen tcp :80: bind: permission denied", Kind::PortDenied, "");
    check(
        "FileNotFoundError: [Errno 2] No such file or directory: 'conf/app.ini'",
        Kind::NotThere,
        "conf/app.ini",
    );
    check("cat: /app/x: No such file or directory", Kind::NotThere, "/app/x");
    check("cannot open settings.json: No such file or directory", Kind::NotThere, "settings.json");
}

#[test]
fn loaders_shells_and_modules_are_read() {
    check(
        "/app: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file",
        Kind::Library,
        "libpq.so.5",
    );
    check(
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
        Kind::Library,
        "libGL.so.1",
    );
    check(
        "Error loading shared library libssl.so.3: No such file or directory (needed by /app)",
        Kind::Library,
        "libssl.so.3",
    );
    check(
        "/app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app)",
        Kind::OldLibrary,
        "GLIBC_2.34",
    );
    check("/bin/sh: 1: gunicorn: not found", Kind::Command, "gunicorn");
    check("/start.sh: 3: exec: uvicorn: not found", Kind::Command, "uvicorn");
    check("/start.sh: line 3: node: command not found", Kind::Command, "node");
    check("bash: line 1: foo: command not found", Kind::Command, "foo");
    check("sh: foo: not found", Kind::Command, "foo");
    check("/usr/bin/env: ‘python3’: No such file or directory", Kind::Command, "python3");
    check("env: can't execute 'python3': No such file or directory", Kind::Command, "python3");
    check("[FATAL tini (7)] exec java failed: No such file or directory", Kind::Command, "java");
    check("/usr/bin/env: ‘python3\\r’: No such file or directory", Kind::CarriageReturn, "");
    check("env: can't execute 'python3\r': No such file or directory", Kind::CarriageReturn, "");
    check("/start.sh: line 2: $'\\r': command not found", Kind::CarriageReturn, "/start.sh");
    check("/start.sh: 2: /start.sh: server\r: not found", Kind::CarriageReturn, "/start.sh");
    check("/app/s.sh: 3: cd: can't cd to /app\r", Kind::CarriageReturn, "/app/s.sh");
    check(
        "bash: ./a.sh: /bin/bash^M: bad interpreter: No such file or directory",
        Kind::CarriageReturn,
        "",
    );
    check(
        "bash: ./a.sh: /usr/bin/pyth: bad interpreter: No such file or directory",
        Kind::Interpreter,
        "/usr/bin/pyth",
    );
    check("/bin/sh: 1: /app/server: Exec format error", Kind::Format, "/app/server");
    check("ModuleNotFoundError: No module named 'flask'", Kind::Module(Language::Python), "flask");
    check("/usr/bin/python3: No module named gunicorn", Kind::Module(Language::Python), "gunicorn");
    check(
        "ERROR:    Error loading ASGI app. Could not import module \"main\".",
        Kind::Module(Language::Python),
        "main",
    );
    check(
        "python3: can't open file '/app/app.py': [Errno 2] No such file or directory",
        Kind::Script,
        "/app/app.py",
    );
    check(
        "Error: Cannot find module 'express'\nRequire stack:\n- /app/index.js\n    at a (node:1:2) {\n  code: 'MODULE_NOT_FOUND',\n}\n\nNode.js v18",
        Kind::Module(Language::Node),
        "express",
    );
    check(
        "<internal:/usr/lib/ruby>:85:in `require': cannot load such file -- sinatra (LoadError)",
        Kind::Module(Language::Ruby),
        "sinatra",
    );
    check("Error: Unable to access jarfile /app/app.jar", Kind::Script, "/app/app.jar");
    check(
        "Error: Could not find or load main class com.example.Main\nCaused by: java.lang.ClassNotFoundException: com.example.Main",
        Kind::Class,
        "com.example.Main",
    );
    check(
        "panic: runtime error: invalid memory address or nil pointer dereference\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x18",
        Kind::Raised,
        "",
    );
}

#[test]
fn the_last_refusal_counts_and_frames_do_not() {
    let gunicorn = "[ERROR] Exception in worker process\nTraceback (most recent call last):\n  File \"/x.py\"\nModuleNotFoundError: No module named 'app'\n[INFO] Worker exiting (pid: 8)\n[ERROR] Shutting down: Master\n[ERROR] Reason: Worker failed to boot.";
    check(gunicorn, Kind::Module(Language::Python), "app");
    let chained = "psycopg2.OperationalError: connection to server at \"db\" failed: Connection refused\n\nThe above exception was the direct cause\n\nRuntimeError: no database";
    check(chained, Kind::Network, "");
    check("RuntimeError: no database", Kind::Raised, "");
    assert_eq!(find(&logs("listening on 0.0.0.0:9000\nuser: not found"), Some(1)), None);
}
