//! What the kernel and the dynamic loader will do with a command, from the merged tree alone.
//!
//! [`Start::of`] follows a command as `execve` does: through `PATH`, `#!` lines and `env`, to
//! an ELF file, its loader and its libraries. It stops at the first thing that cannot work.

mod libraries;
mod script;
mod suggest;
mod told;

use super::{Access, Denied, Kind, Lookup, NodeId, Tree, User};

pub use suggest::{Suggestion, suggest};
pub use told::Told;

/// `e_machine` of x86-64.
const X86_64: u16 = 62;
/// The kernel follows a `#!` line to another script only so often.
const NESTED_SCRIPTS: usize = 5;

/// The command and what it runs in.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Command line; the first element is what is run.
    pub argv: &'a [String],
    /// The value of `PATH`.
    pub path: &'a str,
    /// The value of `LD_LIBRARY_PATH`, where it is set.
    pub library_path: Option<&'a str>,
    /// Absolute.
    pub working_dir: &'a str,
    /// As whom.
    pub user: &'a User,
}

/// The files that a start needs, and what stands in its way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// In the order in which they are opened.
    pub files: Vec<Needed>,
    /// The first thing that cannot work; `None` where all resolves.
    pub problem: Option<Problem>,
    /// What could not be followed, where something could not: never the image's fault.
    pub unknown: Option<String>,
}

/// A file that a start needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Needed {
    /// What for.
    pub role: Role,
    /// Canonical.
    pub path: String,
    /// The file.
    pub node: NodeId,
}

/// What a file is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is what the command line names.
    Command,
    /// A `#!` line names it.
    Interpreter,
    /// An ELF header names it.
    Loader,
    /// It is a shared library.
    Library,
}

/// What stands in the way of a start.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// No directory of `PATH` has it.
    NotInPath {
        /// As the command line names it.
        name: String,
        /// The value of `PATH`.
        path: String,
    },
    /// There is no such file.
    Missing {
        /// As the command line names it.
        name: String,
        /// The first component that is not there.
        component: String,
    },
    /// It is no regular file.
    NotAFile {
        /// Canonical.
        path: String,
    },
    /// A component refuses the image's user.
    Denied {
        /// What for.
        role: Role,
        /// As it was asked for.
        path: String,
        /// Which component refuses, what, and to whom it belongs.
        denied: Denied,
    },
    /// The `#!` line ends in a carriage return.
    CarriageReturn {
        /// The script.
        script: String,
        /// The line as written, without its end.
        line: String,
    },
    /// A byte order mark stands before the `#!`.
    ByteOrderMark {
        /// The script.
        script: String,
    },
    /// The `#!` line names a file that is not there, or nothing at all.
    InterpreterMissing {
        /// The script.
        script: String,
        /// As the line names it.
        interpreter: String,
    },
    /// The ELF header names a loader that is not there.
    LoaderMissing {
        /// The program.
        program: String,
        /// As the header names it.
        loader: String,
    },
    /// A shared library is in none of the places that the loader searches.
    LibraryMissing {
        /// The library's name.
        library: String,
        /// Who needs it.
        needed_by: String,
        /// Where it was searched, in order.
        searched: Vec<String>,
    },
    /// Neither an ELF file nor a script.
    NoProgram {
        /// Canonical.
        path: String,
        /// Whether the file is empty.
        empty: bool,
    },
    /// Code for another machine.
    OtherMachine {
        /// Canonical.
        path: String,
        /// `e_machine`.
        machine: u16,
        /// 32 or 64.
        bits: u8,
    },
}

impl Start {
    /// Follows a command.
    #[must_use]
    pub fn of(tree: &Tree, command: Command<'_>) -> Start {
        let mut start = Start::default();
        let found = match command.argv.first() {
            Some(name) => find(tree, command, name, Role::Command),
            None => return start,
        };
        let result = found.and_then(|path| start.follow(tree, command, path));
        start.problem = result.err();
        start
    }

    /// Whether a file that the start needs lies at or below a canonical directory.
    pub fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = &'a Needed> + 'a {
        self.files.iter().filter(move |needed| is_below(&needed.path, directory))
    }

    fn follow(&mut self, tree: &Tree, command: Command<'_>, path: String) -> Result<(), Problem> {
        let mut path = path;
        let mut role = Role::Command;
        for _ in 0..=NESTED_SCRIPTS {
            let (node, canonical) = executable(tree, command, &path, role)?;
            self.files.push(Needed { role, path: canonical.clone(), node });
            match &tree.node(node).kind {
                Kind::Script { line, .. } => {
                    // The interpreter reads the script itself.
                    denied(tree, command, &canonical, role, Access::Read)?;
                    path = self.interpreter(tree, command, &canonical, line)?;
                    role = Role::Interpreter;
                }
                Kind::Elf { facts, .. } if facts.machine == X86_64 => {
                    return libraries::resolve(self, tree, command, &canonical, facts);
                }
                Kind::Elf { facts, .. } => {
                    return Err(Problem::OtherMachine {
                        path: canonical,
                        machine: facts.machine,
                        bits: facts.bits,
                    });
                }
                Kind::File { size } => {
                    return Err(Problem::NoProgram { path: canonical, empty: *size == 0 });
                }
                Kind::Directory | Kind::Symlink { .. } | Kind::Special => {
                    return Err(Problem::NotAFile { path: canonical });
                }
            }
        }
        self.unknown =
            Some(format!("`{path}` is a script whose interpreter is a script, and so on"));
        Ok(())
    }

    /// The path of the program that runs a script, through `env` where the line goes through it.
    fn interpreter(
        &mut self,
        tree: &Tree,
        command: Command<'_>,
        script: &str,
        line: &[u8],
    ) -> Result<String, Problem> {
        let parsed = script::parse(script, line)?;
        let missing = |interpreter: &str| Problem::InterpreterMissing {
            script: script.to_owned(),
            interpreter: interpreter.to_owned(),
        };
        if !matches!(tree.lookup(&parsed.interpreter, command.working_dir), Lookup::Found { .. }) {
            return Err(missing(&parsed.interpreter));
        }
        let Some(program) = parsed.through_env() else {
            return Ok(parsed.interpreter);
        };
        let (node, path) = executable(tree, command, &parsed.interpreter, Role::Interpreter)?;
        self.files.push(Needed { role: Role::Interpreter, path, node });
        find(tree, command, &program, Role::Interpreter).map_err(|problem| match problem {
            Problem::NotInPath { .. } | Problem::Missing { .. } => missing(&program),
            other => other,
        })
    }
}

/// Whether a canonical path is a directory or lies below it.
#[must_use]
pub fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path of what a name runs: itself where it has a slash, else the first file in `PATH`
/// that somebody may execute.
fn find(tree: &Tree, command: Command<'_>, name: &str, role: Role) -> Result<String, Problem> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let mut refused = None;
    for directory in command.path.split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        match executable(tree, command, &path, role) {
            Ok(_) => return Ok(path),
            // As the C library's search does: what may not be executed is passed over, and
            // remembered in case nothing better comes.
            Err(problem @ Problem::Denied { .. }) => {
                refused.get_or_insert(problem);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| Problem::NotInPath {
        name: name.to_owned(),
        path: command.path.to_owned(),
    }))
}

/// The regular file at a path, if the user may execute it.
fn executable(
    tree: &Tree,
    command: Command<'_>,
    path: &str,
    role: Role,
) -> Result<(NodeId, String), Problem> {
    match tree.lookup(path, command.working_dir) {
        Lookup::Found { node, path: canonical } => match tree.node(node).kind {
            Kind::File { .. } | Kind::Elf { .. } | Kind::Script { .. } => {
                denied(tree, command, path, role, Access::Execute)?;
                Ok((node, canonical))
            }
            _ => Err(Problem::NotAFile { path: canonical }),
        },
        Lookup::Missing(component) | Lookup::NotDirectory(component) | Lookup::Loop(component) => {
            // Where a directory on the way may not be passed, the file is as good as absent,
            // but that is not what has to be mended.
            denied_on_the_way(tree, command, path, role)?;
            Err(Problem::Missing { name: path.to_owned(), component })
        }
    }
}

fn denied(
    tree: &Tree,
    command: Command<'_>,
    path: &str,
    role: Role,
    access: Access,
) -> Result<(), Problem> {
    match tree.access(path, command.working_dir, command.user, access) {
        Err(denied @ Denied::Refused { .. }) => {
            Err(Problem::Denied { role, path: path.to_owned(), denied })
        }
        _ => Ok(()),
    }
}

fn denied_on_the_way(
    tree: &Tree,
    command: Command<'_>,
    path: &str,
    role: Role,
) -> Result<(), Problem> {
    denied(tree, command, path, role, Access::Execute)
}
