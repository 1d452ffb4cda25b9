//! Why there is no configuration, in one sentence.

use std::error::Error;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The most characters of a wrong value that are shown again.
const SHOWN_CHARS: usize = 80;

/// Flags whose value is never shown again, also where it is wrong.
const SECRETS: [&str; 2] = ["--review-token", "--turn-secret"];

/// Why the server does not start with what it was given.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// `--help` or `--version` was asked for: nothing is wrong.
    #[error("{0}")]
    Asked(clap::Error),
    /// Something is set to what it cannot be: one sentence that names it.
    #[error("{0}")]
    Invalid(String),
}

impl Refusal {
    /// Tells the user, and says how the process ends: 0 where help was asked for, 2 where something is wrong.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Asked(help) => {
                // A reader that went away (`--help | head -1`) is no reason to complain.
                let _ = help.print();
                ExitCode::SUCCESS
            }
            Self::Invalid(sentence) => {
                eprintln!("{sentence}");
                ExitCode::from(2)
            }
        }
    }

    /// What clap says of the flags as they were typed.
    pub(super) fn of_flag(error: clap::Error) -> Self {
        Self::of(error, str::to_owned)
    }

    /// What clap says of a flag that stands for a variable.
    pub(super) fn of_variable(error: clap::Error) -> Self {
        Self::of(error, |flag| {
            flag.trim_start_matches('-').replace('-', "_").to_uppercase()
        })
    }

    fn of(error: clap::Error, name: impl Fn(&str) -> String) -> Self {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Self::Asked(error);
        }
        Self::Invalid(sentence(&error, name))
    }
}

fn sentence(error: &clap::Error, name: impl Fn(&str) -> String) -> String {
    let argument = text(error, ContextKind::InvalidArg);
    // Clap shows a flag with its value's name: `--port <PORT>`, `--public-rooms[=<BOOL>]`.
    let flag = argument.split([' ', '[', '=']).next().unwrap_or_default();
    let value = text(error, ContextKind::InvalidValue);
    let name = name(flag);
    if error.kind() == ErrorKind::InvalidSubcommand {
        let given = text(error, ContextKind::InvalidSubcommand);
        return format!("There is no command \"{given}\". `chatroom-server --help` lists all.");
    }
    if error.kind() == ErrorKind::UnknownArgument {
        return unknown(flag, text(error, ContextKind::SuggestedArg));
    }
    if error.kind() == ErrorKind::ArgumentConflict {
        return format!("{name} may be given only once.");
    }
    if error.kind() == ErrorKind::InvalidUtf8 {
        return "One of the flags or variables is not valid UTF-8.".to_owned();
    }
    if let Some(rule) = error.source() {
        return format!("{name} {rule}{}.", but_not(flag, value));
    }
    if value.is_empty() && error.kind() == ErrorKind::InvalidValue {
        return format!("{name} needs a value: `chatroom-server --help` lists all flags.");
    }
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) {
        return format!("{name} must be {}{}.", valid.join(" or "), but_not(flag, value));
    }
    first_line(&error.to_string())
}

fn unknown(flag: &str, suggested: &str) -> String {
    let hint = match suggested.split([' ', '[', '=']).next().unwrap_or_default() {
        "" => String::new(),
        similar => format!(" Did you mean {similar}?"),
    };
    format!("There is no flag {flag:?}.{hint} `chatroom-server --help` lists all.")
}

/// The wrong value, unless it is a secret.
fn but_not(flag: &str, value: &str) -> String {
    if SECRETS.contains(&flag) {
        return String::new();
    }
    let shown: String = value.chars().take(SHOWN_CHARS).collect();
    let rest = if shown.len() < value.len() { "…" } else { "" };
    format!(", not {shown:?}{rest}")
}

fn text(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text,
        _ => "",
    }
}

fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
