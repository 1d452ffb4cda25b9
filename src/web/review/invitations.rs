//! Links by which a class joins, where that takes a token: one for everybody, or one for each person, to be printed.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use serde::{Deserialize, Deserializer};

use super::moment::moment;
use super::{PageResult, html};
use crate::join_token::{Grant, PageAddress, RoomPattern, link};
use crate::model::id::Username;
use crate::model::look::{self, Look};
use crate::model::secret::SharedSecret;
use crate::model::time::Timestamp;
use crate::qr::QrCode;
use crate::web::http::body;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::field;
use crate::web::http::query::{NoQuery, Query};

use crate::web::state::AppState;
use crate::words::{Html, SLOT, Words, message as m};

/// The most links of one page.
const MOST: usize = 300;

/// The width of a QR code in pixels: a phone reads it from paper at arm's length.
const QR_SIZE: u32 = 170;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// For how many hours links are good, if the reader does not say otherwise.
const USUAL_HOURS: u64 = 2;

#[derive(Template)]
#[template(path = "invite.html")]
struct InvitePage {
    words: &'static Words,
    /// Whether links can be made.
    has_secret: bool,
    /// Where the page is, as far as that can be known.
    page: String,
    usual_hours: u64,
    most_hours: u64,
}

#[derive(Template)]
#[template(path = "invitations.html")]
struct InvitationsPage {
    words: &'static Words,
    room: RoomPattern,
    expires_at: Timestamp,
    invitations: Vec<Invitation>,
}

struct Invitation {
    /// Whose it is, if it is not for everybody.
    name: Option<Username>,
    link: String,
    /// The same as a picture, unless it is too long for one.
    code: Option<QrCode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteForm {
    #[serde(deserialize_with = "room")]
    room: RoomPattern,
    #[serde(default, deserialize_with = "names")]
    names: Vec<Username>,
    #[serde(deserialize_with = "hours")]
    hours: Duration,
    #[serde(deserialize_with = "page")]
    page: PageAddress,
}

fn room<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoomPattern, D::Error> {
    field(deserializer, RoomPattern::parse)
}

fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PageAddress, D::Error> {
    field(deserializer, PageAddress::parse)
}

fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let most = most_hours();
    field(deserializer, |raw| {
        let hours = raw.trim().parse().ok().filter(|hours| (1..=most).contains(hours));
        let good_for = hours
            .and_then(|hours: u64| u32::try_from(hours).ok())
            .map(|hours| HOUR * hours);
        good_for.ok_or_else(|| format!("must be a whole number from 1 to {most}"))
    })
}

/// One name a line; those that are there twice are one.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Username>, D::Error> {
    field(deserializer, |raw| {
        let mut names: Vec<(usize, Username)> = Vec::new();
        let lines = raw.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (number, line) in lines {
            let name = Username::parse(line);
            let name = name.map_err(|problem| format!("must be one name a line, and line {} {problem}", number + 1))?;
            if names.iter().any(|(_, known)| *known == name) {
                continue;
            }
            names.push((number + 1, name));
            if names.len() > MOST {
                return Err(format!("must be at most {MOST} names"));
            }
        }
        tell_apart(&names)?;
        Ok(names.into_iter().map(|(_, name)| name).collect::<Vec<_>>())
    })
}

/// Refuses names of which a room would take only one, or none. Each is with its line.
fn tell_apart(names: &[(usize, Username)]) -> Result<(), String> {
    let mut looks: Vec<Look> = Vec::new();
    for (line, name) in names {
        look::check(name).map_err(|problem| format!("must be one name a line, and line {line} {problem}"))?;
        let look = Look::of(name);
        if let Some(at) = looks.iter().position(|known| known.resembles(&look)) {
            let (first, alike) = &names[at];
            return Err(format!(
                "must be names that people tell apart: a room takes only one of {alike} (line {first}) and {name} (line {line})"
            ));
        }
        looks.push(look);
    }
    Ok(())
}

fn most_hours() -> u64 {
    Grant::LONGEST.as_secs() / HOUR.as_secs()
}

/// `GET /review/invite`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<NoQuery>, Error>,
    request: Request,
) -> PageResult {
    query?;
    let origin = app.access.origin((&request).into());
    // Where the review has an address of its own, that of the pages is not known.
    let origin = origin.filter(|_| !app.settings.has_review_apart);
    let base = app.settings.base_path.as_str();
    html(&InvitePage {
        words,
        has_secret: app.settings.join_secret.is_some(),
        page: origin.map(|origin| format!("{origin}{base}/")).unwrap_or_default(),
        usual_hours: USUAL_HOURS,
        most_hours: most_hours(),
    })
}

/// `POST /review/invite`. It changes nothing: a token is kept nowhere but in its link.
pub(crate) async fn make(State(app): State<Arc<AppState>>, Reader(words): Reader, request: Request) -> PageResult {
    let secret = app.settings.join_secret.as_ref().ok_or(Error::NoSuchPath)?;
    let form: InviteForm = body::form(request.into_body()).await?;
    let rooms = app.settings.entry_rules.rooms();
    if !rooms.meet(&form.room) {
        return Err(Error::BadBody {
            field: "room".to_owned(),
            reason: format!("must be one that ALLOWED_ROOMS lists: {rooms}"),
        }
        .into());
    }
    let expires_at = Timestamp(app.wall_now().0 + form.hours.as_millis() as i64);
    let names = if form.names.is_empty() {
        vec![None]
    } else {
        form.names.into_iter().map(Some).collect()
    };
    let grant = |name| Grant {
        room: form.room.clone(),
        name,
        expires_at,
    };
    let invitations = names.into_iter().map(grant);
    let invitations = invitations.map(|grant| Invitation::of(grant, &form.page, secret));
    html(&InvitationsPage {
        words,
        invitations: invitations.collect::<Result<_, _>>()?,
        room: form.room,
        expires_at,
    })
}

impl Invitation {
    fn of(grant: Grant, page: &PageAddress, secret: &SharedSecret) -> Result<Self, Error> {
        let token = grant.token(secret).map_err(|error| {
            tracing::error!(%error, "a token to join could not be made");
            Error::Internal
        })?;
        let link = link(page, &grant, &token);
        Ok(Self {
            name: grant.name,
            code: QrCode::of(&link),
            link,
        })
    }
}

impl InvitePage {
    /// How links come to be needed.
    fn no_secret(&self) -> Html {
        self.words
            .around(m::InviteNeedsSecret { setting: SLOT }, &Html::code("JOIN_SECRET"))
    }
}

impl InvitationsPage {
    fn title(&self) -> String {
        let room = &self.words.isolated(self.room.as_str());
        self.words.say(m::InvitationsFor { room })
    }

    fn good_until(&self) -> Html {
        let moment = Html::element(&moment(self.words, self.expires_at));
        self.words.around(m::InvitationsUntil { moment: SLOT }, &moment)
    }

    /// As lines that other programs take: a name, a tab, the link.
    fn as_text(&self) -> String {
        let line = |one: &Invitation| {
            let name = one.name.as_ref().map(|name| format!("{name}\t"));
            format!("{}{}\n", name.unwrap_or_default(), one.link)
        };
        self.invitations.iter().map(line).collect()
    }
}
