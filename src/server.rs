//! The parts put together, and the order in which they start and stop.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tracing::{error, info, warn};

use crate::addresses::{self, Addresses};
use crate::banner::{Banner, ToldToken};
use crate::cluster::{self, ClusterRooms};
use crate::config::{Config, ReviewToken, TlsMode};
use crate::glances;
use crate::held::{HeldLimits, MemoryBudget};
use crate::history::History;
use crate::join_token::EntryRules;
use crate::journal::{self, Database, Journal, Opened};
use crate::limit::Quota;
use crate::live_rooms::{AllRooms, OwnRooms};
use crate::logging;
use crate::metrics::{self, Figures};
use crate::net::{self, Admission, Capacity, InboundLimits, Listeners, PaceLimits};
use crate::qr::QrCode;
use crate::requests;
use crate::review_token::{Review, TokenSource, review_token};
use crate::room::Limits;
use crate::service_manager;
use crate::signaling::{self, Clock, HandshakeLimits, Heartbeat, Hub, Rates, RestoredRooms};
use crate::signals::Stop;
use crate::sql::Reader;
use crate::static_files::{ClientScript, StaticFiles, client_script_routes, with_static_files};
use crate::tls::Source;
use crate::web::{self, Feed, PageGuard, Readiness};

/// How long a client may take to send a request's body. Together with the head's in [`net::ConnectionTimeouts`] no request
/// is open for longer before it is handled.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// How many seconds' worth of handshakes an address may make at once: a whole school comes back at the same moment.
const HANDSHAKE_BURST: u32 = 30;

/// How long the clients' transports may take to close at the end. One that reads nothing is left to the process's end.
const TRANSPORTS_WITHIN: Duration = Duration::from_millis(1500);

/// For how long browsers ask for this host by https only, in seconds: 30 days.
const ONLY_HTTPS: &str = "max-age=2592000";

/// How long the whole stop may take: the 5 s that service managers and their users expect, less a margin for the
/// process's own end. What requests and transports leave of it is the journal's, to write what waits.
const STOP_WITHIN: Duration = Duration::from_millis(4600);

/// Runs the server until `shutdown`, then stops it in order: nothing more is accepted, the clients' transports close in
/// a way after which they reconnect by themselves, requests end, the journal is flushed.
///
/// # Errors
/// If a part cannot start, or the server cannot go on. The message is for the user.
pub async fn run(config: Config, listeners: Listeners, shutdown: impl Future<Output = Stop>) -> anyhow::Result<()> {
    tokio::pin!(shutdown);
    let review_listeners = match &config.review_listen {
        Some(listen) => Some(Listeners::bind_review(listen, &config.host).await?),
        None => None,
    };
    let metrics = match &config.metrics_listen {
        Some(listen) => Some((Listeners::bind_metrics(listen).await?, metrics::start()?)),
        None => None,
    };
    let cluster_listeners = match &config.cluster_listen {
        Some(listen) => Some(Listeners::bind_cluster(listen).await?),
        None => None,
    };
    let cluster_address = cluster_listeners
        .as_ref()
        .map(|at| cluster_address(&config, at))
        .transpose()?;
    warn_of_shared_origin(&config);
    let tls = Source::of(&config)?;
    let capacity = Capacity::new(
        config.limits.max_connections,
        config.limits.max_connections_per_address,
        net::descriptors::raise_limit(),
    );
    net::descriptors::make_room(capacity.over_all);
    let clock = Arc::new(Clock::start());
    let Opened {
        journal,
        removals,
        rooms,
        reader,
        review,
        last_alive,
        nodes,
    } = tokio::select! {
        opened = open_journal(&config, cluster_address.clone(), &clock) => opened?,
        // A large history of an earlier version takes minutes. What was begun is undone by the next start.
        stop = &mut shutdown => {
            info!(?stop, "stopped before the history was open");
            return Ok(());
        }
    };
    let replica = open_replica(&config).await?;
    let Review { token, source } = review_token(&config, &review.salt)?;
    let covered = tls
        .as_ref()
        .map(|tls| tls.covered_names(&config.allowed_hosts))
        .unwrap_or_default();
    let (certificates, keeper) = tls.map(Source::open).transpose()?.unzip();
    let listeners = listeners.with_tls(certificates.clone());
    let review_listeners = review_listeners.map(|review| review.with_tls(certificates.clone()));
    let addresses = |listeners: &Listeners, is_https, names: &[String]| Addresses {
        listening: listeners.addresses(),
        is_https,
        names: names.to_vec(),
    };
    let is_https = certificates.is_some();
    let own = addresses(&listeners, is_https, covered.for_clients());
    let reviewed_at = review_listeners.as_ref().unwrap_or(&listeners);
    let reviewed_at = addresses(reviewed_at, is_https, &covered.allowed);
    clock.catch_up(last_alive);
    let entry_rules = Arc::new(EntryRules::new(
        config.allowed_rooms.clone(),
        config.join_secret.as_ref(),
    ));
    let memory = MemoryBudget::new(held_limits(&config));
    let own_rooms = rooms.iter().map(|(_, there)| there.room.clone()).collect();
    let hub = Hub::new(
        journal.clone(),
        clock.clone(),
        limits(&config),
        RestoredRooms {
            rooms,
            grace: config.restart_grace,
        },
        memory.clone(),
        rates(&config),
        entry_rules.clone(),
    );
    let handshakes = HandshakeLimits {
        handshakes: Quota::per_second(config.limits.handshakes_per_address, HANDSHAKE_BURST),
        capacity,
        unjoined_per_address: net::admission::unless_off(config.limits.max_unjoined_per_address),
    };
    let (socket, io) = signaling::router(&hub, heartbeat(&config), handshakes, pace_limits(&config));
    let stopping = CancellationToken::new();
    let mut all_rooms = None;
    let shared_by = nodes.zip(config.cluster_secret.clone()).zip(cluster_listeners);
    if let Some((((nodes, secret), listeners), address)) = shared_by.zip(cluster_address) {
        let parts = cluster::Parts {
            hub: hub.clone(),
            clock: clock.clone(),
            journal: journal.clone(),
            nodes,
            secret,
            listeners,
            address,
            rooms: own_rooms,
            signed_out: review.signed_out.clone(),
        };
        all_rooms = Some(cluster::start(parts, &stopping)?);
    }
    let history = History::new(reader);
    let reviewed = replica.map_or_else(|| history.clone(), |replica| history.clone().read_from(replica));
    let calendar: glances::Calendar = Arc::new(move || clock.now().at);
    let services = web::Services {
        history: reviewed,
        live: match all_rooms.clone() {
            None => Arc::new(OwnRooms(hub.clone())),
            Some(rooms) => Arc::new(AllRooms(rooms)),
        },
        readiness: readiness(&journal, all_rooms.clone()),
        removals: removals.clone(),
        feed: Feed::new(journal.committed(), stopping.clone(), config.limits.max_streams),
        review,
        clock: calendar.clone(),
        wall_clock: Arc::new(signaling::wall_clock),
        for_others: for_others(&own),
    };
    let settings = web_settings(&config, &token, entry_rules);
    let (web, review) = match review_listeners {
        Some(listeners) => {
            let routers = web::split_routers(settings, services);
            (routers.public, Some((listeners, bounded(&config, routers.review))))
        }
        None => (web::router(settings, services), None),
    };
    let router = router(&config, web, socket);

    let interfaces = addresses::interfaces();
    tell(
        &Banner {
            addresses: &own,
            base_path: &config.base_path,
            review: &reviewed_at,
            metrics: metrics.as_ref().map(|(at, _)| addresses(at, false, &[])).as_ref(),
            interfaces: &interfaces,
            token: match &source {
                TokenSource::Set => ToldToken::Known,
                TokenSource::File(file) if config.qr => ToldToken::Kept(file),
                TokenSource::Database if config.qr => ToldToken::InDatabase,
                TokenSource::File(_) | TokenSource::Database => ToldToken::Told(&token),
            },
            database: &config.database().to_string(),
            static_dir: config.static_dir.as_deref(),
        },
        config.qr,
    );
    // From here on a client may be told things: whatever ends this function has to pass the orderly stop below.
    let admission = Arc::new(Admission::new(config.trusted_proxies.clone(), capacity));
    let inbound = Arc::new(InboundLimits::new(
        memory,
        pace_limits(&config),
        signaling::MAX_MESSAGE,
        config.limits.reads_per_address,
    ));
    let until = stopping.clone();
    let metrics = metrics.map(|(listeners, exporter)| {
        tokio::spawn(stopping.clone().run_until_cancelled_owned(exporter.clone().keep_up()));
        let (hub, journal) = (hub.clone(), journal.clone());
        let all_rooms = all_rooms.clone();
        let figures = move || Figures {
            cluster: all_rooms.as_ref().map(ClusterRooms::figures),
            ..figures(&hub, &journal)
        };
        (listeners, metrics::router(exporter, figures))
    });
    if let Some(keeper) = keeper {
        tokio::spawn(stopping.clone().run_until_cancelled_owned(keeper.run()));
    }
    let keep_glances = glances::keep_up(history, removals, journal.committed(), calendar);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(keep_glances));
    let watched = journal.clone();
    let _alive = AbortOnDropHandle::new(tokio::spawn(service_manager::say_alive(move || {
        let journal = watched.clone();
        async move { journal.answers().await }
    })));
    let mut serving = tokio::spawn(async move {
        let parts = [Some((listeners, router)), review, metrics].into_iter().flatten();
        let serve =
            |(listeners, router)| net::serve(listeners, router, admission.clone(), inbound.clone(), until.clone());
        parts.map(serve).collect::<JoinSet<_>>().join_all().await;
    });
    service_manager::ready();
    let is_alone = all_rooms.is_none();
    let mut is_replaced = false;
    let ended = tokio::select! {
        stop = &mut shutdown => {
            info!(?stop, "stopping");
            None
        }
        () = journal.replaced(), if is_alone => {
            error!("another chatroom-server has taken this database, as this one had not answered: stopping");
            is_replaced = true;
            None
        }
        ended = &mut serving => Some(ended),
    };
    service_manager::stopping();
    let end = Instant::now() + STOP_WITHIN;
    if let (None, Some(rooms)) = (&ended, &all_rooms) {
        rooms.drain(&journal).await;
    }
    // First: who is cut by the end of a link is not away on their own account.
    hub.stop();
    stopping.cancel();
    let closing = tokio::time::timeout(TRANSPORTS_WITHIN, io.close());
    let served = match ended {
        Some(ended) => ended,
        // Closing the transports ends the long polls that `serving` waits for.
        None => tokio::join!(serving, closing).0,
    };
    hub.settle();
    let closed = journal.close(end.saturating_duration_since(Instant::now())).await;
    // It is why the rest was not written.
    anyhow::ensure!(
        !is_replaced,
        "Another chatroom-server has taken this database: only one may use it."
    );
    closed?;
    served.context("The server's network loop broke")?;
    info!("stopped");
    Ok(())
}

/// How other nodes reach this one, as far as can be told.
fn cluster_address(config: &Config, listeners: &Listeners) -> anyhow::Result<String> {
    if let Some(address) = &config.cluster_address {
        return Ok(address.as_str().to_owned());
    }
    let first = listeners.addresses().into_iter().find(|at| !at.ip().is_unspecified());
    let first = first.context(
        "CLUSTER_LISTEN is every address of this machine: say by which of them the others reach it, with CLUSTER_ADDRESS.",
    )?;
    Ok(first.to_string())
}

async fn open_journal(config: &Config, cluster_address: Option<String>, clock: &Arc<Clock>) -> anyhow::Result<Opened> {
    let clock = clock.clone();
    let usual = journal::Options::of(config.database());
    let options = journal::Options {
        // Who is told something must find it written at whatever node it comes back to.
        commit_timeout: match cluster_address {
            Some(_) => cluster::COMMITTED_WITHIN,
            None => usual.commit_timeout,
        },
        place: config.node_place(cluster_address),
        grace: config.restart_grace,
        min_free_disk: config.limits.min_free_disk as u64,
        retention: config.retention,
        capacity: config.journal_backlog,
        ..usual
    };
    Ok(Journal::open(options, move || clock.now().at).await?)
}

/// The replica of the history that pages read, if there is one.
async fn open_replica(config: &Config) -> anyhow::Result<Option<Reader>> {
    Ok(match config.database() {
        Database::Sqlite(_) => None,
        Database::Postgres(server) => journal::replica(&server).await?,
    })
}

fn rates(config: &Config) -> Rates {
    Rates {
        joins_per_socket: config.limits.joins_per_socket,
        joins_per_address: config.limits.joins_per_address,
        joins_per_room: config.limits.joins_per_room,
        rooms_per_address: config.limits.rooms_per_address,
        takeovers: config.limits.max_takeovers,
        relays_per_pair: config.limits.relays_per_pair,
        waiting_per_pair: config.limits.max_waiting_per_pair,
        refusals_per_socket: config.limits.refusals_per_socket,
        refusals_per_address: config.limits.refusals_per_address,
        refusals_per_room: config.limits.refusals_per_room,
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        capacity: config.max_room_members,
        people: config.limits.max_session_people,
        people_per_address: config.limits.max_session_people_per_address,
        grace: config.resume_grace,
        idle_timeout: config.session_linger,
    }
}

fn pace_limits(config: &Config) -> PaceLimits {
    PaceLimits {
        messages: config.limits.messages_per_socket,
        bytes: config.limits.bytes_per_socket,
    }
}

fn heartbeat(config: &Config) -> Heartbeat {
    Heartbeat {
        interval: config.ping_interval,
        timeout: config.ping_timeout,
    }
}

fn held_limits(config: &Config) -> HeldLimits {
    HeldLimits {
        in_all: config.limits.max_held_memory,
        per_address: config.limits.max_held_per_address,
    }
}

fn web_settings(config: &Config, token: &ReviewToken, entry_rules: Arc<EntryRules>) -> web::Settings {
    if config.turn_secret.is_some() && config.ice_servers.turn().is_empty() {
        warn!("TURN_SECRET is set, but ICE_SERVERS names no turn: or turns: server to use it with");
    }
    web::Settings {
        review_token: token.as_str().to_owned(),
        guesses_per_minute: config.limits.guesses_per_minute,
        trusted_proxies: config.trusted_proxies.clone(),
        entry_rules,
        join_secret: config.join_secret.clone(),
        has_review_apart: config.review_listen.is_some(),
        has_page: config.static_dir.is_some(),
        public_rooms: config.public_rooms,
        base_path: config.base_path.clone(),
        allowed_hosts: config.allowed_hosts.clone(),
        allowed_origins: config.allowed_origins.clone(),
        questions: web::QuestionLimits {
            at_once: config.limits.max_answers,
            of_address: config.limits.max_questions,
        },
        ice_servers: config.ice_servers.clone(),
        turn_secret: config.turn_secret.clone(),
        turn_ttl: config.turn_ttl,
        turn_credentials_per_member: config.limits.turn_credentials_per_member,
        scheme: match (&config.tls_cert, config.tls) {
            (Some(_), _) => web::Scheme::Https,
            (None, Some(TlsMode::SelfSigned)) => web::Scheme::SelfSigned,
            (None, None) => web::Scheme::Http,
        },
        is_review_elsewhere: config.review_listen.is_some(),
    }
}

/// How much there is of everything at this moment.
fn figures(hub: &Hub, journal: &Journal) -> Figures {
    let journal::Depth {
        waiting,
        dropped,
        disk_free,
    } = journal.depth();
    Figures {
        journal_depth: waiting,
        records_dropped: dropped,
        disk_free,
        log_lines_dropped: logging::lines_dropped() as u64,
        ..hub.figures()
    }
}

fn readiness(journal: &Journal, all_rooms: Option<ClusterRooms>) -> web::ReadinessProbe {
    let journal = journal.clone();
    Arc::new(move || match journal.status() {
        _ if all_rooms.as_ref().is_some_and(ClusterRooms::is_draining) => Readiness::Degraded {
            reason: DRAINING.to_owned(),
        },
        journal::Status::Ready => Readiness::Ready,
        journal::Status::LowDisk { free, only_membership } => Readiness::Degraded {
            reason: low_disk(free, only_membership),
        },
        journal::Status::Misplaced => Readiness::Degraded {
            reason: MISPLACED.to_owned(),
        },
        journal::Status::Vacant { reason } => Readiness::Degraded {
            reason: format!(
                "This server has no place among those that share the history, and waits for one: {reason}. Its rooms are at the others."
            ),
        },
        journal::Status::Degraded {
            reason,
            waiting,
            lasting,
        } => Readiness::Degraded {
            reason: format!(
                "The history is not being written: {reason} (for {} s; {waiting} records wait in memory). Signaling goes on.",
                lasting.as_secs()
            ),
        },
    })
}

const DRAINING: &str = "This server is about to stop, and hands its rooms to the others that share the history.";

const MISPLACED: &str = "The database was removed or replaced while the server runs. What is recorded now is lost when it stops, unless the file that was moved away is moved back. A restart begins with the file that is there. Signaling goes on.";

fn low_disk(free: u64, only_membership: bool) -> String {
    let mib = free / (1024 * 1024);
    let unrecorded = if only_membership {
        "Only who is there is recorded, no links and no refusals"
    } else {
        "Refusals are not recorded"
    };
    format!("The disk has only {mib} MiB left for the history (MIN_FREE_DISK). {unrecorded}. Signaling goes on.")
}

/// Everything the server answers: the socket for pages of allowed origins, REST, and the exercise page for the rest.
fn router(config: &Config, web: Router, socket: Router) -> Router {
    let script = client_script_routes(ClientScript {
        directory: config.client_script.clone(),
        static_dir: config.static_dir.clone(),
        cdn: config.client_script_cdn,
    });
    let guard = Arc::new(PageGuard::new(config.allowed_origins.clone()));
    let pages = from_fn_with_state(guard, web::allowed_pages_only);
    let socket = socket
        .merge(script)
        .layer(pages)
        .layer(web::socket_layer(&config.allowed_origins));
    let router = web.merge(socket);
    let start_page = web::welcome_page(web::Welcome {
        base: config.base_path.as_str().to_owned(),
        has_review: config.review_listen.is_none(),
        static_dir: config.static_dir.clone(),
    });
    let router = match &config.static_dir {
        None => router.merge(start_page),
        Some(directory) => with_static_files(
            router,
            &StaticFiles {
                directory: directory.clone(),
                spa_fallback: config.spa_fallback,
                start_page,
            },
        ),
    };
    bounded(config, router)
}

fn bounded(config: &Config, router: Router) -> Router {
    let router = router.layer(from_fn(requests::observe));
    let router = web::below(&config.base_path, router).layer(RequestBodyDeadlineLayer::new(BODY_WITHIN));
    // Whoever was shown one that nobody has vouched for must stay free to go back to http.
    if config.tls_cert.is_none() {
        return router;
    }
    let only_https = HeaderValue::from_static(ONLY_HTTPS);
    router.layer(SetResponseHeaderLayer::if_not_present(
        STRICT_TRANSPORT_SECURITY,
        only_https,
    ))
}

/// Only another origin is a border to the scripts of a page.
fn warn_of_shared_origin(config: &Config) {
    if config.static_dir.is_some() && config.review_listen.is_none() {
        warn!(
            "a script in a page of STATIC_DIR can do whatever the browser of a reviewer can who opens it: REVIEW_LISTEN gives the review a port of its own"
        );
    }
}

/// The addresses that others type, as the machine has them at that moment.
fn for_others(addresses: &Addresses) -> web::AddressBook {
    let addresses = addresses.clone();
    Arc::new(move || addresses.for_others(&addresses::interfaces()))
}

fn tell(banner: &Banner<'_>, has_qr: bool) {
    let mut out = io::stdout().lock();
    let mut text = banner.text();
    if has_qr {
        text += &picture(banner, out.is_terminal());
    }
    // A closed standard output (a service manager's) is no reason not to serve.
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        warn!("standard output is closed: where the review is could not be told");
    }
}

/// The address that others are to type, drawn for phones.
fn picture(banner: &Banner<'_>, has_colours: bool) -> String {
    let addresses = banner.addresses.for_others(banner.interfaces);
    let address = addresses.first().map(String::as_str).unwrap_or_default();
    let address = format!("{address}{}/", banner.base_path.as_str());
    let code = QrCode::of(&address).map(|code| code.lines(has_colours));
    format!("\n{}  {address}\n", code.unwrap_or_default())
}
