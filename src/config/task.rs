//! What the program does instead of serving.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use clap_complete::Shell;

use super::value::{duration, room_pattern, username};
use crate::join_token::{Grant, PageAddress, RoomPattern};
use crate::model::id::Username;

/// What to do instead of serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Say whether the settings are right and the database is whole, without serving; the server may go on meanwhile
    Check,
    /// Write everything that is kept into one new SQLite file; the server may go on meanwhile
    Export {
        /// The file to make; one that exists is left as it is
        file: PathBuf,
    },
    /// Take all of an SQLite file of chatroom-server, whose server is stopped, into the empty schema of PostgreSQL that
    /// DATABASE_URL and DATABASE_SCHEMA name; started again after an interruption, it goes on
    Import {
        /// The file, which stays as it is
        file: PathBuf,
    },
    /// Bring the tables of the database up to date without serving; a start does so too, as far as its role may
    Migrate,
    /// List the servers that share the history that DATABASE_URL names: which live, for how long their leases go on, and how
    /// many rooms each has
    Nodes,
    /// Ask the server that has these settings, by HOST and PORT, whether it is ready: the exit code is 0 if so, else 1
    Healthcheck,
    /// Print the token of the review that is made for the history that DATABASE_URL names, where REVIEW_TOKEN is not set
    ShowReviewToken {
        /// Make another one first: that ends all links and cookies of the review, once each server has started again
        #[arg(long)]
        new: bool,
    },
    /// Print a token by which people join, signed with JOIN_SECRET
    Token {
        /// The room, or rooms with * for any text: lesson-*
        #[arg(long, value_parser = room_pattern)]
        room: RoomPattern,
        /// The name that its holder joins under. Unset: any
        #[arg(long, value_parser = username)]
        name: Option<Username>,
        /// How long it is good, such as 2h or 30d
        #[arg(long = "for", default_value = "2h", value_parser = duration(Grant::SHORTEST..=Grant::LONGEST))]
        good_for: Duration,
        /// The address of your page: a link to it is printed instead, with the token behind the #
        #[arg(long, value_parser = PageAddress::parse)]
        link: Option<PageAddress>,
    },
    /// Print what a shell needs to complete this command
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the pages for man into a folder
    #[command(hide = true)]
    Man {
        /// The folder, which exists
        folder: PathBuf,
    },
}
