//! What the commands share that boot one image to ask it by hand: `invoke` and `suite new`.

use clap::{Args, ValueHint};

use super::args::{FunctionArgs, value};
use super::environment::Environment;
use super::exit::Exit;
use super::gathered::{self, Gathered};
use super::layer::Layer;
use super::settings::Settings;
use super::term;

/// Their options.
#[derive(Debug, Args)]
pub(super) struct ByHand {
    /// Read options from this file [default: scf-conform.yaml, where there is one]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<String>,
    #[command(flatten)]
    function: FunctionArgs,
    /// Who boots the image [default: auto]
    #[arg(long, value_name = "ENGINE", help_heading = "The run")]
    engine: Option<String>,
    /// Where unpacked layers are kept [default: $XDG_CACHE_HOME/scf-conform]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "The run")]
    cache_dir: Option<String>,
}

impl ByHand {
    /// The settings; what is wrong has been told when this returns an exit.
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Exit> {
        let mut layer = Layer::default();
        self.function.add_to(&mut layer);
        value(&mut layer, "engine", &self.engine);
        value(&mut layer, "cache-dir", &self.cache_dir);
        value(&mut layer, "color", &environment.color);
        let Gathered { settings, notes } =
            gathered::gather(&[], layer, self.config.as_ref(), environment)?;
        term::colours(settings.color);
        for note in &notes {
            term::note(note);
        }
        Ok(settings)
    }
}
