use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chatroom_server::config::{Config, Task};
use chatroom_server::join_token::{Grant, PageAddress, link};
use chatroom_server::journal::{self, Database};
use chatroom_server::model::time::Timestamp;
use chatroom_server::net::Listeners;
use chatroom_server::signaling::wall_clock;
use chatroom_server::{check, config, export, healthcheck, import, logging, review_token, server, signals, tls};
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long work that cannot be interrupted (a file being read) may still hold up the end.
const LEFTOVERS: Duration = Duration::from_millis(200);

/// The exit code where settings are wrong.
const WRONG_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let (config, oddities) = Config::load().unwrap_or_else(|error| error.exit());
    let log = logging::start(&config);
    for oddity in oddities {
        tracing::warn!("{oddity}");
    }
    let ended = run(config);
    drop(log);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", sentence(&error));
            exit_code(&error)
        }
    }
}

/// That of clap for what settings are to blame for: a service manager need not try again.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<check::WrongSettings>() || error.is::<tls::PairError>() {
        return ExitCode::from(WRONG_SETTINGS);
    }
    if let Some(Interrupted { by, .. }) = error.downcast_ref() {
        return ExitCode::from(u8::try_from(by.exit_code()).unwrap_or(u8::MAX));
    }
    ExitCode::FAILURE
}

/// What went wrong and why, each cause once: some errors' own words end with it.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |told, cause| {
        let cause = cause.to_string();
        if told.ends_with(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}

fn run(config: Config) -> anyhow::Result<()> {
    match &config.task {
        None => serve(config),
        Some(Task::Check) => look_through(&config),
        Some(Task::Completions { shell }) => print(&config::completions(*shell)),
        Some(Task::Healthcheck) => ask(&config),
        Some(Task::Man { folder }) => {
            config::man_pages(folder).with_context(|| format!("The pages cannot be written into {}", folder.display()))
        }
        Some(Task::Import { file }) => import(&config, file),
        Some(Task::Migrate) => migrate(&config),
        Some(Task::Nodes) => list_nodes(&config),
        Some(Task::Export { file }) => save(&config, file),
        Some(Task::ShowReviewToken { new }) => print_review_token(&config, *new),
        Some(Task::Token {
            room,
            name,
            good_for,
            link,
        }) => {
            let grant = Grant {
                room: room.clone(),
                name: name.clone(),
                expires_at: until(*good_for),
            };
            print_token(&config, &grant, link.as_ref())
        }
    }
}

/// The settings are right, or there would be none, but for what they name: files and addresses.
fn look_through(config: &Config) -> anyhow::Result<()> {
    let runtime = runtime()?;
    runtime.block_on(check::settings(config))?;
    println!("The settings are right.");
    let database = config.database();
    let work = async { Ok(check::database(&database).await?) };
    let found = runtime.block_on(unless_stopped(work, "nothing was changed"))?;
    println!("{database}: {found}");
    Ok(())
}

fn import(config: &Config, file: &Path) -> anyhow::Result<()> {
    let Database::Postgres(server) = config.database() else {
        return Err(
            check::WrongSettings::of("Set DATABASE_URL to the database of PostgreSQL that takes the file").into(),
        );
    };
    let work = async { Ok(import::import(file, &server).await?) };
    let how_on = "the same command goes on where it was";
    let imported = runtime()?.block_on(unless_stopped(work, how_on))?;
    println!("{server} has all of {}: {imported}.", file.display());
    Ok(())
}

/// A signal came before the end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {what_now}")]
struct Interrupted {
    by: signals::Stop,
    what_now: &'static str,
}

/// Does what takes its time, unless a signal ends it.
async fn unless_stopped<T>(work: impl Future<Output = anyhow::Result<T>>, what_now: &'static str) -> anyhow::Result<T> {
    let stop = signals::stop().context("Signals cannot be handled")?;
    tokio::select! {
        done = work => done,
        by = stop => Err(Interrupted { by, what_now }.into()),
    }
}

fn migrate(config: &Config) -> anyhow::Result<()> {
    let database = config.database();
    let work = async { Ok(journal::bring_up_to_date(&database).await?) };
    let how_on = "what was done stays done, and the next start, or the same command, does the rest";
    runtime()?.block_on(unless_stopped(work, how_on))?;
    println!("{database}: the tables are up to date.");
    Ok(())
}

fn list_nodes(config: &Config) -> anyhow::Result<()> {
    let Database::Postgres(server) = config.database() else {
        return Err(check::WrongSettings::of("Set DATABASE_URL to the database of PostgreSQL that they share").into());
    };
    let work = async { Ok(journal::list_nodes(&server).await?) };
    let nodes = runtime()?.block_on(unless_stopped(work, "nothing was changed"))?;
    let lines: String = nodes.iter().map(|node| format!("{node}\n")).collect();
    print(lines.as_bytes())
}

fn print_review_token(config: &Config, renew: bool) -> anyhow::Result<()> {
    let Database::Postgres(server) = config.database() else {
        return Err(check::WrongSettings::of(
            "The review's token of a file is beside it (.review-token): remove that for another one. Set DATABASE_URL for that of a database of PostgreSQL",
        )
        .into());
    };
    let work = async { Ok(journal::review_salt(&server, renew).await?) };
    let salt = runtime()?.block_on(unless_stopped(work, "nothing was changed"))?;
    print(format!("{}\n", review_token::made_of(&salt).as_str()).as_bytes())
}

fn ask(config: &Config) -> anyhow::Result<()> {
    runtime()?.block_on(healthcheck::ask(config))?;
    println!("The server is ready.");
    Ok(())
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    io::stdout().write_all(text).context("Standard output is closed")
}

fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("The async runtime cannot start")
}

fn save(config: &Config, file: &Path) -> anyhow::Result<()> {
    let database = config.database();
    let work = async { Ok(export::export(&database, file).await?) };
    let exported = runtime()?.block_on(unless_stopped(work, "there is no file"))?;
    println!("{} holds {exported}.", file.display());
    Ok(())
}

/// When what is good for so long from now on ends.
fn until(good_for: Duration) -> Timestamp {
    Timestamp(wall_clock().0 + good_for.as_millis() as i64)
}

/// Nothing but the token or its link, so that it can be piped.
fn print_token(config: &Config, grant: &Grant, page: Option<&PageAddress>) -> anyhow::Result<()> {
    let secret = config.join_secret.as_ref();
    let secret = secret.context("Set JOIN_SECRET to what the server has: tokens are signed with it")?;
    let rooms = &config.allowed_rooms;
    anyhow::ensure!(
        rooms.meet(&grant.room),
        "Nobody could join with this token: --room must be one that ALLOWED_ROOMS lists: {rooms}"
    );
    let token = grant.token(secret).context("The token cannot be made")?;
    println!(
        "{}",
        page.map_or_else(|| token.clone(), |page| link(page, grant, &token))
    );
    Ok(())
}

fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let stop = signals::stop().context("Signals cannot be handled")?;
        let listeners = Listeners::bind(&config.host, config.port).await?;
        server::run(config, listeners, stop).await
    });
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}
