//! Every option is a flag, and every flag an option.

use clap::CommandFactory as _;

use super::*;
use crate::cli::layer::{IMAGES, OPTIONS, Takes};

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_option_is_a_flag_and_every_flag_an_option() {
    let mut command = Arguments::command();
    command.build();
    let check = command.find_subcommand("check").expect("the command");
    let mut flags: Vec<&str> = check.get_arguments().filter_map(clap::Arg::get_long).collect();
    flags.retain(|flag| !["help", "config", "version"].contains(flag));
    flags.sort_unstable();
    let mut options: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    options.retain(|option| *option != IMAGES);
    options.sort_unstable();
    assert_eq!(flags, options);
}

#[test]
fn every_flag_reaches_the_layer() {
    for option in OPTIONS.iter().filter(|option| option.name != IMAGES) {
        let flag = format!("--{}", option.name);
        let text = match option.name {
            "type" => "event",
            "fail-on" => "error",
            "color" => "never",
            _ => "x",
        };
        let mut words = vec!["scf-conform", "check", &flag];
        words.extend((option.takes != Takes::Switch).then_some(text));
        let arguments = Arguments::try_parse_from(words).expect("good arguments");
        let Command::Check(check) = &arguments.command else { panic!("{arguments:?}") };
        let layer = check.options.layer(arguments.color.as_ref());
        assert_eq!(layer.of(option.name).len(), 1, "{flag}");
    }
}
