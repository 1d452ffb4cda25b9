//! The address that people type, for a wall: large, as a QR code, and without any token.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use serde::Deserialize;

use super::{PageResult, address, html};
use crate::qr::QrCode;
use crate::web::http::access::is_loopback;
use crate::web::http::cookies::own_authority;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::query::Query;
use crate::web::settings::Scheme;
use crate::web::state::AppState;
use crate::words::{Html, SLOT, Words, message as m};

/// The drawing, in units of its own: the code, and below it the address over all its width.
const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 114.0;
const PICTURE: f64 = 100.0;

/// The height of letters that fill their line but for its ends, and the most that there is room for.
const MOST_LETTERS: f64 = 9.0;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    words: &'static Words,
    address: String,
    /// None of an address that is too long for any.
    code: Option<QrCode>,
    note: Option<Html>,
    /// Whether it is for those who look at the wall, too.
    is_note_for_all: bool,
    choices: Vec<Choice>,
}

impl ProjectPage {
    /// How large the address is written: letters of one width are three fifths as wide as high.
    fn letters(&self) -> f64 {
        let fitting = WIDTH / (0.62 * self.address.chars().count() as f64);
        fitting.min(MOST_LETTERS)
    }
}

/// One of several addresses.
struct Choice {
    address: String,
    href: String,
    is_shown: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectQuery {
    /// Which of the addresses is shown.
    address: Option<String>,
}

/// `GET /review/project`
pub(crate) async fn show(State(app): State<Arc<AppState>>, Reader(words): Reader, request: Request) -> PageResult {
    let Query(ProjectQuery { address }) = Query::parse(request.uri().query().unwrap_or_default())?;
    let all = addresses(&app, &request);
    let shown = match address {
        None => all.first().cloned().unwrap_or_default(),
        Some(wanted) if all.contains(&wanted) => wanted,
        Some(_) => {
            return Err(Error::BadParameter {
                name: "address",
                reason: "must be an address of this server".to_owned(),
            }
            .into());
        }
    };
    let is_own = (app.for_others)()
        .iter()
        .any(|origin| shown.starts_with(origin.as_str()));
    let note = Note::of(&shown, is_own.then_some(app.settings.scheme));
    let choice = |address: String| Choice {
        href: address::page("/review/project", &[("address", &address)]),
        is_shown: address == shown,
        address,
    };
    html(&ProjectPage {
        words,
        code: QrCode::of(&shown),
        note: note.map(|note| note.told(words)),
        is_note_for_all: note == Some(Note::BrowserWarns),
        choices: all.into_iter().map(choice).collect(),
        address: shown,
    })
}

/// Where others find what they connect to. If the reader has come by a name or address of the network, others may, too.
fn addresses(app: &AppState, request: &Request) -> Vec<String> {
    let mut origins = (app.for_others)();
    let own = own_authority(request.uri(), request.headers()).and_then(|own| own.parse::<Authority>().ok());
    if let Some(own) = own.filter(|own| !app.settings.is_review_elsewhere && !is_loopback(own)) {
        let scheme = if app.access.is_https(request.into()) {
            "https"
        } else {
            "http"
        };
        let own = format!("{scheme}://{own}");
        origins.retain(|origin| *origin != own);
        origins.insert(0, own);
    }
    let base = app.settings.base_path.as_str();
    origins.into_iter().map(|origin| format!("{origin}{base}/")).collect()
}

/// What stands in the way at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    OnlyThisMachine,
    NoCamera,
    BrowserWarns,
}

impl Note {
    /// Of an address; `own` is how the server itself speaks there, if it is one of its own.
    fn of(address: &str, own: Option<Scheme>) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let host = rest.split('/').next()?.parse().ok()?;
        match (scheme, own) {
            _ if is_loopback(&host) => Some(Self::OnlyThisMachine),
            ("http", _) => Some(Self::NoCamera),
            (_, Some(Scheme::SelfSigned)) => Some(Self::BrowserWarns),
            _ => None,
        }
    }

    fn told(self, words: &Words) -> Html {
        let setting = Html::code;
        match self {
            Self::OnlyThisMachine => words.around(m::OnlyThisMachine { setting: SLOT }, &setting("HOST=0.0.0.0,::")),
            Self::NoCamera => words.around(m::NoCameraWithoutHttps { setting: SLOT }, &setting("TLS=self-signed")),
            Self::BrowserWarns => Html::text(&words.say(m::BrowserWarns)),
        }
    }
}
