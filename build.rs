//! Compiles the server of the fixture images and the observer of the Docker engine's containers,
//! and lists the fixtures, so that an installed program can build images of them.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads sources, runs the compiler and writes what it made"
)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What those images run on, where the program itself is built for something else.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=fixtures/functions");
    println!("cargo::rerun-if-changed=fixtures/images");
    println!("cargo::rerun-if-changed=observer");
    println!("cargo::rerun-if-changed=src/engine/docker/listening.rs");
    for (source, name) in
        [("fixtures/functions/main.rs", "function"), ("observer/main.rs", "observer")]
    {
        let libraries = compile(&root.join(source), name, &out.join(name))?;
        let file = out.join(format!("{name}_libraries.rs"));
        fs::write(file, list(&libraries, "include_bytes!"))?;
    }
    fs::write(
        out.join("fixtures.rs"),
        list(&recipes(&root.join("fixtures/images"))?, "include_str!"),
    )?;
    Ok(())
}

/// Compiles a program that runs in images; gives the libraries that it needs beside it, which are
/// none where it could be linked statically.
fn compile(
    source: &Path,
    name: &str,
    program: &Path,
) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let own = env::var("TARGET")?;
    let native = own.starts_with("x86_64-") && own.contains("-linux-");
    let target = if native { own.as_str() } else { TARGET };
    let run = |linking: &[&str]| -> Result<(bool, String), Box<dyn Error>> {
        let mut rustc = Command::new(env::var("RUSTC")?);
        rustc.args(["--edition=2024", "--crate-name", name, "--target", target]);
        rustc.args(["-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols", "-Clto=fat"]);
        rustc.args(["-Ccodegen-units=1"]).args(linking).arg("-o").arg(program).arg(source);
        if let (true, Ok(linker)) = (native, env::var("RUSTC_LINKER")) {
            rustc.arg(format!("-Clinker={linker}"));
        }
        let output = rustc.output()?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (done, told) = run(&["-Ctarget-feature=+crt-static", "-Crelocation-model=static"])?;
    if done {
        return Ok(Vec::new());
    }
    // Some distributions ship no static C library: there the image carries the dynamic one.
    let (done, _) = run(&[])?;
    if !done {
        let hint = format!("it needs `rustup target add {target}` and a linker for it");
        return Err(format!("compile {} ({hint}): {told}", source.display()).into());
    }
    println!("cargo::warning=no static C library: the image of {name} carries the dynamic one");
    needed(program)
}

/// The loader and the libraries of a dynamic program, as the loader itself finds them.
fn needed(program: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let output = Command::new("ldd").arg(program).output()?;
    let text = String::from_utf8(output.stdout)?;
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(|path| (path.to_owned(), PathBuf::from(path))).collect())
}

/// The recipes by name.
fn recipes(folder: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut recipes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some(name), Some("yaml")) = (
            path.file_stem().and_then(|name| name.to_str()),
            path.extension().and_then(|e| e.to_str()),
        ) {
            recipes.push((name.to_owned(), path.clone()));
        }
    }
    recipes.sort();
    Ok(recipes)
}

/// A slice of names and contents, as Rust writes it.
fn list(files: &[(String, PathBuf)], include: &str) -> String {
    let mut text = String::from("&[\n");
    for (name, path) in files {
        let _ = writeln!(text, "    ({name:?}, {include}({:?})),", path.display().to_string());
    }
    text.push_str("]\n");
    text
}
