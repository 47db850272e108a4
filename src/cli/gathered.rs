//! Gathers what the command line, the environment and the file say, and tells what is wrong
//! in it where it was written.

use std::io;
use std::path::Path;

use super::environment::Environment;
use super::exit::Exit;
use super::file::{self, FILE, Mistake, Said};
use super::layer::{CONFIG_VARIABLE, IMAGES, Layer, OPTIONS, Origin, variable};
use super::settings::{Settings, Wrong};
use super::term;
use scf_conform::nearest::nearest;
use scf_conform::user_file;

/// The settings of a run.
pub(super) struct Gathered {
    pub(super) settings: Settings,
    /// What is worth a note on stderr.
    pub(super) notes: Vec<String>,
}

/// The file of options, if there is one.
struct OptionsFile {
    path: String,
    text: String,
}

/// Gathers the settings; what is wrong has been told when this returns an exit.
pub(super) fn gather(
    images: &[String],
    mut flags: Layer,
    config: Option<&String>,
    environment: &Environment,
) -> Result<Gathered, Exit> {
    let Environment { variables, .. } = environment;
    for image in images {
        flags.add(IMAGES, image, Origin::Flag);
    }
    let (from_variables, unknown) = Layer::from_environment(variables);
    let named = config.or(variables.get(CONFIG_VARIABLE));
    let file = options_file(named.filter(|path| !path.is_empty()))?;
    let Said { layer: from_file, waivers } = match &file {
        Some(OptionsFile { path, text }) => file::read(text).map_err(|mistake| {
            term::quoted(|renderer| file::render(&mistake, path, text, renderer));
            Exit::Usage
        })?,
        None => Said::default(),
    };
    let mut settings = Settings::new(&[&flags, &from_variables, &from_file], variables)
        .map_err(|wrong| told(wrong, file.as_ref()))?;
    settings.waivers = waivers;
    let notes = unknown.iter().map(|name| unknown_variable(name)).collect();
    Ok(Gathered { settings, notes })
}

fn told(wrong: Wrong, file: Option<&OptionsFile>) -> Exit {
    match (wrong.origin, file) {
        (Origin::File(span), Some(OptionsFile { path, text })) => {
            let mistake = Mistake { message: wrong.message, span, help: wrong.help };
            term::quoted(|renderer| file::render(&mistake, path, text, renderer));
        }
        _ => term::error(&wrong.message, wrong.help.as_deref()),
    }
    Exit::Usage
}

/// The file that is named, which has to be there, or the usual one, which need not.
fn options_file(named: Option<&String>) -> Result<Option<OptionsFile>, Exit> {
    let path = named.map_or(FILE, String::as_str);
    match user_file::text(Path::new(path)) {
        Ok(text) => Ok(Some(OptionsFile { path: path.to_owned(), text })),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            term::error(&format!("read `{path}`: {error}"), None);
            Err(Exit::Usage)
        }
    }
}

fn unknown_variable(name: &str) -> String {
    let known: Vec<String> = OPTIONS.iter().map(|option| variable(option.name)).collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("{name} sets no option; did you mean {meant}?"),
        None => format!("{name} sets no option"),
    }
}
