//! All that is wrong with what variables say, at once. Clap ends at the first of them.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, Command};

use super::dotenv::Variables;

/// The sentence of each variable, in the environment or the file, whose value `command` does not take, where that is more
/// than the one of `first`. What was typed on the command line wins over variables, and is right here.
pub(super) fn together(command: &Command, first: &clap::Error, args: &[OsString], file: &Variables) -> Option<String> {
    if !matches!(first.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let bare = command.clone().mut_args(|arg| arg.env(Resettable::Reset));
    let typed = bare.clone().try_get_matches_from(args).ok()?;
    let is_open = |arg: &&Arg| typed.value_source(arg.get_id().as_str()) != Some(ValueSource::CommandLine);
    let sentences: Vec<_> = command
        .get_arguments()
        .filter(is_open)
        .filter_map(|arg| sentence(bare.clone(), arg, file))
        .collect();
    (sentences.len() > 1).then(|| sentences.join("\n"))
}

/// How much of what was typed is repeated, in characters.
const MOST_REPEATED: usize = 200;

/// The same, with only the beginning of what is too long to be read.
pub(super) fn clipped(mut error: clap::Error) -> clap::Error {
    for kind in [
        ContextKind::InvalidValue,
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
    ] {
        let Some(ContextValue::String(text)) = error.get(kind) else {
            continue;
        };
        if let Some((end, _)) = text.char_indices().nth(MOST_REPEATED) {
            let beginning = format!("{}…", &text[..end]);
            error.insert(kind, ContextValue::String(beginning));
        }
    }
    error
}

/// What is wrong with the value of one setting's variable.
fn sentence(bare: Command, arg: &Arg, file: &Variables) -> Option<String> {
    let name = arg.get_env()?;
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    let value = value.or_else(|| file.get(name.to_str()?).map(OsString::from))?;
    let mut flag = OsString::from(format!("--{}=", arg.get_long()?));
    flag.push(value);
    let program = OsString::from(bare.get_name());
    let refused = clipped(bare.try_get_matches_from([program, flag]).err()?).to_string();
    let (sentence, _) = refused.split_once("\n\n")?;
    Some(sentence.trim_start_matches("error: ").to_owned())
}
