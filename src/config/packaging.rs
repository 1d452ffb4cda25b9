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

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn each_shell_completes_every_flag() {
        let command = Config::command();
        let flags: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for shell in Shell::value_variants() {
            let text = String::from_utf8(completions(*shell)).unwrap();
            for flag in &flags {
                assert!(text.contains(flag), "{shell}: {flag}");
            }
        }
    }

    #[test]
    fn man_has_a_page_with_every_variable_and_one_for_each_task() {
        let folder = tempfile::tempdir().unwrap();
        man_pages(folder.path()).unwrap();
        let pages = [
            "-check",
            "-export",
            "-healthcheck",
            "-import",
            "-migrate",
            "-nodes",
            "-show-review-token",
            "-token",
            "",
        ]
        .map(|task| format!("chatroom-server{task}.1"));
        let mut made: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        made.sort();
        assert_eq!(made, pages);
        let page = std::fs::read_to_string(folder.path().join("chatroom-server.1")).unwrap();
        for arg in Config::command().get_arguments() {
            let name = arg.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(page.contains(name), "{name}");
        }
        assert!(
            !page.contains("completions"),
            "what only packages need is no task of a reader's"
        );
    }
}
