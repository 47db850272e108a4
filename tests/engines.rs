//! What the local engine exports is the image that a file of it is. Where no engine answers,
//! the trials are reported as ignored, with the reason.
#![expect(clippy::disallowed_methods, reason = "talks to the engine's own program")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use scf_conform::contract::Contract;
use scf_conform::image::{Image, load};
use scf_conform::oci::Reference;
use scf_conform::source::{self, Local};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = |name: &str, run: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(name.to_owned(), move || match no_engine() {
            Some(why) => Ok(Completion::ignored_with(why)),
            None => run().map(|()| Completion::Completed),
        })
    };
    let trials = vec![
        trial("an_image_of_the_engine_is_read", image_is_read),
        trial("an_image_that_is_not_there_is_told", absent_is_told),
        Trial::test("no_engine_is_told", engine_is_missing),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why nothing can be asked of an engine here.
fn no_engine() -> Option<String> {
    let mut docker = Command::new("docker");
    let asked = docker.args(["version", "--format", "{{.Server.Version}}"]).output();
    match asked {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("no docker engine answers".to_owned()),
        Err(error) => Some(format!("docker cannot be started: {error}")),
    }
}

/// An image in the engine, removed in the end.
struct Imported(String);

impl Imported {
    fn new(layer: &[u8]) -> Result<Imported, Failed> {
        let name = format!("scf-conform-test-{}:v1", std::process::id());
        let mut docker = Command::new("docker")
            .args(["import", "--change", "CMD [\"/app\"]", "-", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let imported = Imported(name);
        docker.stdin.take().ok_or("no pipe")?.write_all(layer)?;
        if docker.wait()?.success() { Ok(imported) } else { Err("docker import failed".into()) }
    }
}

impl Drop for Imported {
    fn drop(&mut self) {
        // What is not removed is in nobody's way: its name is this process's own.
        let _ = Command::new("docker").args(["rmi", &self.0]).stdout(Stdio::null()).status();
    }
}

fn read(reference: &str, docker_host: Option<String>) -> Result<Image, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let local = Local { scratch: dir.path().to_owned(), docker_host };
    let reference =
        Reference::parse(reference, |_: &Path| false).map_err(|error| error.to_string())?;
    let blobs = source::open(&reference, &local).map_err(|error| error.to_string())?;
    load(&reference, blobs.as_ref(), &Contract::scf().platform, &mut |_, _| {})
        .map_err(|error| error.to_string())
}

fn host() -> Option<String> {
    std::env::var("DOCKER_HOST").ok()
}

fn image_is_read() -> Result<(), Failed> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o751);
    header.set_size(3);
    layer.append_data(&mut header, "app", &b"abc"[..])?;
    let imported = Imported::new(&layer.into_inner()?)?;
    for reference in [imported.0.clone(), format!("docker-daemon:{}", imported.0)] {
        let image = read(&reference, host())?;
        let files: Vec<String> = image.tree.walk().map(|(path, _)| path).collect();
        if files != ["/", "/app"] || image.config.cmd != ["/app"] || !image.is_whole() {
            return Err(format!("{reference}: {files:?} {:?}", image.config).into());
        }
    }
    Ok(())
}

fn absent_is_told() -> Result<(), Failed> {
    told("scf-conform/absent:v1", host(), "it has no such image; `docker pull")?;
    told("docker-daemon:scf-conform/absent:v1", host(), "it has no such image")
}

fn engine_is_missing() -> Result<(), Failed> {
    told("name:v1", Some("unix:///absent".to_owned()), "no engine listens there")?;
    told("name:v1", Some("ssh://host".to_owned()), "only unix://, tcp:// and http://")?;
    told("docker-daemon:a?b", None, "no image has `?` in its name")
}

fn told(reference: &str, host: Option<String>, expected: &str) -> Result<(), Failed> {
    match read(reference, host) {
        Err(error) if error.contains(expected) && error.contains(reference) => Ok(()),
        Err(error) => Err(format!("{error}\nwanted: {expected}").into()),
        Ok(_) => Err(format!("{reference} is there").into()),
    }
}
