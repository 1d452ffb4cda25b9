//! What packages are made with: completions for shells, and pages for man.

use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Config;

/// What `shell` needs to complete the command.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Config::command(), "chatroom-server", &mut text);
    text
}

/// Writes the pages for man into a folder: `chatroom-server.1`, and one for each task.
///
/// # Errors
/// If they cannot be written.
pub fn man_pages(folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Config::command(), folder)
}
