//! `push`: check an image, and push it if it conforms.
//!
//! What is pushed is what was checked: an image of the engine is looked up once, and checked
//! and pushed by its id.

use std::ops::ControlFlow;

use clap::{Args, ValueHint};
use oci_spec::distribution::Reference as Name;
use scf_conform::contract::Contract;
use scf_conform::image::{Depth, load};
use scf_conform::oci::{Digest, Reference, Transport};
use scf_conform::push::engine::{self, Order, PushError};
use scf_conform::push::{self, Pushed};
use scf_conform::registry::login;
use scf_conform::report::text;
use scf_conform::run::{Cancel, Progress as _, Stage};
use scf_conform::source::{self, Local, SourceError, Step};

use super::args::Options;
use super::check::{self, usage};
use super::environment::Environment;
use super::exit::Exit;
use super::jobs::Wanted;
use super::progress::Live;
use super::settings::Settings;
use super::term;

/// Check an image, and push it if it conforms
///
/// An image of the local engine is pushed by the engine, any other straight to the registry,
/// both with docker's own credentials. An image that does not conform is not pushed at all.
/// The options are those of `check`.
#[derive(Debug, Args)]
#[command(after_help = PUSH_AFTER)]
pub(super) struct Push {
    /// The image, written as for `check`
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    pub(super) image: String,

    /// Where to: REGISTRY/NAME[:TAG] [default: IMAGE, which then names its registry]
    #[arg(value_name = "DEST")]
    pub(super) dest: Option<String>,

    #[command(flatten)]
    pub(super) options: Options,
}

const PUSH_AFTER: &str = "\
Examples:
  scf-conform push ccr.ccs.tencentyun.com/my/app:v1
  scf-conform push app:v1 ccr.ccs.tencentyun.com/my/app:v1
  scf-conform push oci:build/image ccr.ccs.tencentyun.com/my/app:v1

Exit codes:
  0 pushed · 1 does not conform, nothing was pushed · 2 usage, nothing was run
  3 could not check or push, safe to repeat · 130 interrupted";

/// Who pushes.
enum Way {
    /// The engine, which has the image under this name and id.
    Engine { name: String, id: Digest },
    /// This program.
    Straight,
}

/// Runs the command.
pub(super) fn run(arguments: &Push, environment: &Environment) -> Exit {
    let image = match Reference::parse(&arguments.image, std::path::Path::exists) {
        Ok(image) => image,
        Err(error) => return usage(&error.to_string(), Some("scf-conform push --help")),
    };
    let to = match destination(&image, arguments.dest.as_deref()) {
        Ok(to) => to,
        Err((message, help)) => return usage(&message, Some(&help)),
    };
    let images = std::slice::from_ref(&arguments.image);
    check::ready(images, &arguments.options, environment, |settings, jobs, cancel| {
        let way = match way(&image, settings) {
            Ok(way) => way,
            Err(error) => return not_pushed(&error),
        };
        let text = match &way {
            Way::Engine { id, .. } => format!("docker-daemon:{id}"),
            Way::Straight => arguments.image.clone(),
        };
        // Its name is judged as what it will be.
        let shown = match Reference::parse(&to.to_string(), |_| false) {
            Ok(name) => Wanted::named(&text, name),
            Err(_) => Wanted::new(&text),
        };
        let (exit, reports) = check::all(&[shown], settings, jobs, cancel);
        match exit {
            Exit::Conforms => {}
            Exit::DoesNotConform => {
                term::note("not pushed: the image does not conform");
                return exit;
            }
            other => return other,
        }
        let pushed = match &way {
            Way::Engine { name, id } => through_engine(name, *id, &to, settings, cancel),
            Way::Straight => {
                let read = reports.first().and_then(|report| report.image.as_ref());
                let checked = read.map_or("", |read| &read.digest);
                straight(&image, &to, checked, settings, &jobs.local(cancel), cancel)
            }
        };
        match pushed {
            Ok(digest) => pushed_to(&to, digest, settings),
            Err(exit) => exit,
        }
    })
}

/// Where to push: the destination that is named, or the image's own name.
fn destination(image: &Reference, dest: Option<&str>) -> Result<Name, (String, String)> {
    let text = match dest {
        Some(dest) => dest.strip_prefix("docker://").unwrap_or(dest).to_owned(),
        None => match &image.transport {
            Transport::Name(_) => image.to_string(),
            Transport::Registry(name) => name.to_string(),
            Transport::Daemon(text) => text.clone(),
            _ => {
                return Err((
                    format!(
                        "`{image}` has no name to be pushed under, and no destination is named"
                    ),
                    format!("scf-conform push {image} REGISTRY/NAME:TAG"),
                ));
            }
        },
    };
    if !names_a_registry(&text) {
        let last = text.rsplit('/').next().unwrap_or(&text);
        return Err((
            format!("`{text}` names no registry to push to"),
            format!("scf-conform push {image} ccr.ccs.tencentyun.com/NAMESPACE/{last}"),
        ));
    }
    let name: Name = text.parse().map_err(|error| {
        (format!("`{text}` is no destination: {error}"), "write REGISTRY/NAME:TAG".to_owned())
    })?;
    if name.digest().is_some() {
        return Err((
            format!("`{text}` is a digest, and images are pushed under a tag"),
            "write REGISTRY/NAME:TAG".to_owned(),
        ));
    }
    Ok(name)
}

/// Whether a name begins with a registry, as docker tells it from a user of its own: by a dot
/// or a port, or as `localhost`.
fn names_a_registry(text: &str) -> bool {
    let registry = text.split_once('/').map_or("", |(first, _)| first);
    registry == "localhost" || registry.contains(['.', ':'])
}

fn way(image: &Reference, settings: &Settings) -> Result<Way, PushError> {
    let (name, only) = match &image.transport {
        Transport::Name(_) => (image.to_string(), false),
        Transport::Daemon(name) => (name.clone(), true),
        _ => return Ok(Way::Straight),
    };
    match engine::id_of(&name, &settings.surroundings) {
        Ok(Some(id)) => Ok(Way::Engine { name, id }),
        Err(error) if only => Err(error),
        // The check says that it is not there, if it is nowhere else either.
        Ok(None) | Err(_) => Ok(Way::Straight),
    }
}

fn through_engine(
    name: &str,
    id: Digest,
    to: &Name,
    settings: &Settings,
    cancel: &Cancel,
) -> Result<Digest, Exit> {
    let live = Live::new(settings.detail);
    let shown = to.to_string();
    live.stage(&shown, Stage::Pushing { done: 0, of: 0 });
    let login = login(&settings.registry.logins, to.registry()).map_err(|why| {
        term::error(&format!("find docker's credentials for {}: {why}", to.registry()), None);
        Exit::NotChecked
    })?;
    let mut go_on = || {
        if cancel.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let order = Order { name, checked: id, to };
    let pushed = engine::push(&order, &settings.surroundings, &login, &mut go_on);
    live.done(&shown);
    pushed.map_err(|error| match error {
        PushError::Stopped(_) => {
            term::error("interrupted; nothing of it is tagged in the registry", None);
            Exit::Interrupted
        }
        error => not_pushed(&error),
    })
}

/// Pushes an image that is no engine's.
fn straight(
    image: &Reference,
    to: &Name,
    checked: &str,
    settings: &Settings,
    local: &Local,
    cancel: &Cancel,
) -> Result<Digest, Exit> {
    let live = Live::new(settings.detail);
    let shown = to.to_string();
    let pushed = read_and_push(image, to, checked, local, &|stage| live.stage(&shown, stage));
    live.done(&shown);
    pushed.map_err(|(message, hint)| {
        if cancel.cancelled() {
            term::error("interrupted; nothing of it is tagged in the registry", None);
            return Exit::Interrupted;
        }
        term::error(&message, hint.as_deref());
        Exit::NotChecked
    })
}

/// Reads an image once more and pushes it. An error comes with what to do about it.
fn read_and_push(
    image: &Reference,
    to: &Name,
    checked: &str,
    local: &Local,
    stage: &(dyn Fn(Stage) + Sync),
) -> Result<Digest, (String, Option<String>)> {
    let stopped = &local.registry.stopped;
    let mut telling = |step| {
        if let Step::Compressing { done, of } = step {
            stage(Stage::Compressing { done, of });
        }
        if stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let told = |error: SourceError| (error.to_string(), error.hint());
    let blobs = source::open(image, local, &mut telling).map_err(told)?;
    let platform = &Contract::scf().platform;
    let loaded = load(image, blobs.as_ref(), platform, Depth::Config, &mut |_, _| {})
        .map_err(|error| (error.to_string(), None))?;
    let is = loaded.identity();
    if is != checked {
        let message = format!(
            "push `{image}`: it is another image by now ({is}) than was checked ({checked})"
        );
        return Err((message, Some("run it again, so that what is pushed is checked".to_owned())));
    }
    let blobs = source::packed(&loaded, blobs, local, &mut telling).map_err(told)?;
    let mut done = 0;
    let mut told = |pushed| {
        if let Pushed::Blob { size, .. } = pushed {
            done += size;
        }
        stage(Stage::Pushing { done, of: loaded.stored_bytes().max(done) });
    };
    push::push(blobs.as_ref(), to, &local.registry, &mut told).map_err(|error| {
        let again = || "run it again: what the registry has already is not sent twice".to_owned();
        (format!("push to `{to}`: {error}"), Some(error.hint().unwrap_or_else(again)))
    })
}

fn not_pushed(error: &PushError) -> Exit {
    term::error(&error.to_string(), error.hint().as_deref());
    Exit::NotChecked
}

/// The last line. A document on stdout is not to be spoiled by it.
fn pushed_to(to: &Name, digest: Digest, settings: &Settings) -> Exit {
    let line = format!("pushed: {to}@{digest}\n");
    if settings.format.name != text::FORMAT.name {
        term::note(line.trim_end());
        return Exit::Conforms;
    }
    term::print(&line, Exit::Conforms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(image: &str, dest: Option<&str>) -> Result<String, String> {
        let image = Reference::parse(image, |_| false).expect("a reference");
        destination(&image, dest).map(|name| name.to_string()).map_err(|(message, _)| message)
    }

    #[test]
    fn the_destination_is_named_or_the_images_own() {
        let good = |image: &str, dest, expected: &str| {
            assert_eq!(to(image, dest).as_deref(), Ok(expected));
        };
        good("ccr.ccs.tencentyun.com/a/b:v1", None, "ccr.ccs.tencentyun.com/a/b:v1");
        good("docker-daemon:localhost:5000/b:v1", None, "localhost:5000/b:v1");
        good("docker://h.example/b:v1", None, "h.example/b:v1");
        good("oci:dir", Some("docker://h.example/b:v1"), "h.example/b:v1");
        good("app:v1", Some("h.example/b"), "h.example/b:latest");
        let bad = |image: &str, dest, expected: &str| {
            let message = to(image, dest).expect_err(image);
            assert!(message.contains(expected), "{message}, want {expected}");
        };
        bad("app:v1", None, "`app:v1` names no registry");
        bad("user/app:v1", None, "names no registry");
        bad("oci:dir", None, "has no name to be pushed under");
        bad("oci:dir", Some("app"), "`app` names no registry");
        bad("oci:dir", Some("h.example/A:v1"), "is no destination");
        let digest = format!("h.example/a@sha256:{}", "0".repeat(64));
        bad("oci:dir", Some(&digest), "pushed under a tag");
    }
}
