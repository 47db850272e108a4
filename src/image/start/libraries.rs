//! Shared libraries, searched as the loaders of glibc and musl search them.

use std::collections::HashSet;

use super::super::elf::ElfFacts;
use super::super::{Access, Kind, Lookup, NodeId, Tree, ldcache};
use super::{Command, Needed, Problem, Role, Start, X86_64, denied};

/// Where glibc looks when nothing else has it: its own directories, with those that Debian
/// and its kin, and Fedora and its kin, build into it.
const GLIBC_DIRECTORIES: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];
/// Where musl looks when `/etc/ld-musl-x86_64.path` is not there.
const MUSL_DIRECTORIES: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];
/// Directories below each of the others that glibc prefers on newer processors.
const GLIBC_HWCAPS: [&str; 3] =
    ["glibc-hwcaps/x86-64-v4", "glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2"];
/// Libraries that are musl's loader itself, whatever files there are.
const MUSL_OWN: [&str; 7] = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
/// More than any program has; a bound against images made to keep us busy.
const MOST_LIBRARIES: usize = 4096;

/// An object that has been loaded, and whose needs are looked at in turn.
struct Object<'a> {
    path: String,
    facts: &'a ElfFacts,
    /// Who asked for it, as a place in the list; the program itself for the first.
    parent: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Loader {
    Glibc,
    Musl,
}

/// Resolves the loader and all libraries of a program.
pub(super) fn resolve(
    start: &mut Start,
    tree: &Tree,
    command: Command<'_>,
    program: &str,
    facts: &ElfFacts,
) -> Result<(), Problem> {
    if facts.unread.is_some() {
        start.unknown = facts.unread.as_ref().map(|why| format!("`{program}`: {why}"));
        return Ok(());
    }
    let Some(interpreter) = &facts.interpreter else {
        return Ok(());
    };
    let loader_facts = loader(start, tree, command, program, interpreter)?;
    let kind = if interpreter.contains("ld-musl") { Loader::Musl } else { Loader::Glibc };

    let mut loaded: HashSet<String> = HashSet::new();
    loaded.extend(interpreter.rsplit('/').next().map(str::to_owned));
    loaded.extend(loader_facts.and_then(|facts| facts.soname.clone()));
    let mut objects = vec![Object { path: program.to_owned(), facts, parent: 0 }];
    let mut at = 0;
    while at < objects.len() && objects.len() < MOST_LIBRARIES {
        for name in &objects[at].facts.needed {
            if loaded.contains(name) || (kind == Loader::Musl && is_musl_itself(name)) {
                continue;
            }
            let Some((node, path, facts)) = search(tree, command, kind, &objects, at, name) else {
                return Err(Problem::LibraryMissing {
                    library: name.clone(),
                    needed_by: objects[at].path.clone(),
                    searched: directories(tree, command, kind, &objects, at),
                });
            };
            denied(tree, command, &path, Role::Library, Access::Read)?;
            loaded.insert(name.clone());
            loaded.extend(facts.soname.clone());
            start.files.push(Needed { role: Role::Library, path: path.clone(), node });
            if let Some(why) = &facts.unread {
                start.unknown.get_or_insert_with(|| format!("`{path}`: {why}"));
            }
            objects.push(Object { path, facts, parent: at });
        }
        at += 1;
    }
    Ok(())
}

fn loader<'a>(
    start: &mut Start,
    tree: &'a Tree,
    command: Command<'_>,
    program: &str,
    interpreter: &str,
) -> Result<Option<&'a ElfFacts>, Problem> {
    let Lookup::Found { node, path } = tree.lookup(interpreter, command.working_dir) else {
        return Err(Problem::LoaderMissing {
            program: program.to_owned(),
            loader: interpreter.to_owned(),
        });
    };
    denied(tree, command, interpreter, Role::Loader, Access::Execute)?;
    start.files.push(Needed { role: Role::Loader, path: path.clone(), node });
    match &tree.node(node).kind {
        Kind::Elf { facts, .. } if facts.machine == X86_64 => Ok(Some(facts)),
        Kind::Elf { facts, .. } => {
            Err(Problem::OtherMachine { path, machine: facts.machine, bits: facts.bits })
        }
        _ => Err(Problem::NoProgram { path, empty: false }),
    }
}

fn is_musl_itself(name: &str) -> bool {
    let Some((stem, _)) = name.strip_prefix("lib").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    MUSL_OWN.contains(&stem)
}

/// The first library of a name that is code for this machine, as the loader finds it.
fn search<'a>(
    tree: &'a Tree,
    command: Command<'_>,
    kind: Loader,
    objects: &[Object<'_>],
    at: usize,
    name: &str,
) -> Option<(NodeId, String, &'a ElfFacts)> {
    let here = |path: &str| library(tree, command, path);
    if name.contains('/') {
        return here(name);
    }
    let (first, cached, last) = places(tree, command, kind, objects, at);
    let within = |directory: &String| {
        let plain = || here(&format!("{directory}/{name}"));
        match kind {
            Loader::Musl => plain(),
            Loader::Glibc => GLIBC_HWCAPS
                .iter()
                .find_map(|level| here(&format!("{directory}/{level}/{name}")))
                .or_else(plain),
        }
    };
    first
        .iter()
        .find_map(within)
        .or_else(|| {
            cached.and_then(|cache| ldcache::paths(cache, name).find_map(|path| here(&path)))
        })
        .or_else(|| last.iter().find_map(within))
}

fn library<'a>(
    tree: &'a Tree,
    command: Command<'_>,
    path: &str,
) -> Option<(NodeId, String, &'a ElfFacts)> {
    let Lookup::Found { node, path } = tree.lookup(path, command.working_dir) else { return None };
    match &tree.node(node).kind {
        Kind::Elf { facts, .. } if facts.machine == X86_64 => Some((node, path, facts)),
        _ => None,
    }
}

/// Directories before the loader's cache, the cache, and directories after it.
fn places<'a>(
    tree: &'a Tree,
    command: Command<'_>,
    kind: Loader,
    objects: &[Object<'_>],
    at: usize,
) -> (Vec<String>, Option<&'a [u8]>, Vec<String>) {
    let environment = command.library_path.unwrap_or_default();
    let environment =
        environment.split([':', ';']).filter(|part| !part.is_empty()).map(str::to_owned);
    let mut first = Vec::new();
    match kind {
        Loader::Glibc => {
            // RPATH counts only where there is no RUNPATH, and is inherited; RUNPATH is not.
            if objects[at].facts.runpath.is_empty() {
                first.extend(inherited(objects, at, |facts| {
                    if facts.runpath.is_empty() { facts.rpath.as_slice() } else { &[] }
                }));
            }
            first.extend(environment);
            first.extend(expanded(&objects[at], &objects[at].facts.runpath));
            let last = GLIBC_DIRECTORIES.map(str::to_owned).to_vec();
            (first, tree.content("/etc/ld.so.cache"), last)
        }
        Loader::Musl => {
            first.extend(environment);
            first.extend(inherited(objects, at, |facts| {
                if facts.runpath.is_empty() { &facts.rpath } else { &facts.runpath }
            }));
            let own = tree.content("/etc/ld-musl-x86_64.path").map(String::from_utf8_lossy);
            let last = match &own {
                Some(text) => text
                    .split([':', '\n'])
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
                None => MUSL_DIRECTORIES.map(str::to_owned).to_vec(),
            };
            (first, None, last)
        }
    }
}

/// Where a library was searched, for the report.
fn directories(
    tree: &Tree,
    command: Command<'_>,
    kind: Loader,
    objects: &[Object<'_>],
    at: usize,
) -> Vec<String> {
    let (mut first, cached, last) = places(tree, command, kind, objects, at);
    if cached.is_some() {
        first.push("/etc/ld.so.cache".to_owned());
    }
    first.extend(
        last.into_iter()
            .filter(|directory| matches!(tree.lookup(directory, "/"), Lookup::Found { .. })),
    );
    first.dedup();
    first
}

fn inherited(
    objects: &[Object<'_>],
    at: usize,
    of: impl Fn(&ElfFacts) -> &[String],
) -> Vec<String> {
    let mut directories = Vec::new();
    let mut at = at;
    loop {
        let object = &objects[at];
        directories.extend(expanded(object, of(object.facts)));
        if at == object.parent {
            return directories;
        }
        at = object.parent;
    }
}

/// Search directories with the loader's own words replaced.
fn expanded(object: &Object<'_>, directories: &[String]) -> Vec<String> {
    let origin = object.path.rsplit_once('/').map_or("/", |(directory, _)| directory);
    directories
        .iter()
        .filter(|directory| !directory.is_empty())
        .map(|directory| {
            let mut text = directory.clone();
            for (word, value) in
                [("ORIGIN", origin), ("LIB", "lib/x86_64-linux-gnu"), ("PLATFORM", "x86_64")]
            {
                text = text
                    .replace(&format!("${{{word}}}"), value)
                    .replace(&format!("${word}"), value);
            }
            text
        })
        .collect()
}
