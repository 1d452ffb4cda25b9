//! Removing a session and erasing a person: first what that would change, and then a button that does it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::moment::moment;
use super::{PageError, PageResult, address, html};
use crate::history::sessions::Session;
use crate::journal::Erased;
use crate::model::id::Username;
use crate::web::http::body::form;
use crate::web::http::error::{Doomed, Error};
use crate::web::http::language::Reader;
use crate::web::http::params::fields;
use crate::web::http::path::SessionPath;
use crate::web::http::query::{NoQuery, Query};
use crate::web::state::AppState;
use crate::words::{Html, SLOT, Words, message as m};

#[derive(Template)]
#[template(path = "remove-session.html")]
struct RemoveSessionPage {
    words: &'static Words,
    session: Session,
}

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage {
    words: &'static Words,
    username: Username,
    would_change: Erased,
}

/// A person, as a query and as a form name them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    #[serde(deserialize_with = "fields::username")]
    username: Username,
}

/// `GET /review/sessions/{id}/remove`
pub(crate) async fn show_session(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    id: Result<SessionPath, Error>,
    query: Result<Query<NoQuery>, Error>,
) -> PageResult {
    let SessionPath(id) = id?;
    query?;
    let session = app.session(id, app.now()).await?;
    if session.is_live() {
        return Err(Error::Live(Doomed::Session).into());
    }
    html(&RemoveSessionPage { words, session })
}

/// `POST /review/sessions/{id}/remove`
pub(crate) async fn remove_session(
    State(app): State<Arc<AppState>>,
    id: Result<SessionPath, Error>,
) -> Result<Response, PageError> {
    let SessionPath(id) = id?;
    app.remove_session(id).await?;
    Ok(see("/review".to_owned()))
}

/// `GET /review/erase`
pub(crate) async fn show_person(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    query: Result<Query<Person>, Error>,
) -> PageResult {
    let Query(Person { username }) = query?;
    let would_change = app.erase(username.clone(), true).await?;
    html(&ErasePage {
        words,
        username,
        would_change,
    })
}

/// `POST /review/erase`
pub(crate) async fn erase_person(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let Person { username } = form(request.into_body()).await?;
    let erased = app.erase(username, false).await?;
    let label = erased.replaced_by.as_deref();
    Ok(see(label.map_or_else(|| "/review".to_owned(), address::person)))
}

fn see(location: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

impl RemoveSessionPage {
    /// What goes.
    fn what(&self) -> Html {
        let at = Html::element(&moment(self.words, self.session.started_at));
        let people = self.session.unique_participants;
        self.words.around(m::RemovalTakes { people, moment: SLOT }, &at)
    }

    fn address(&self) -> String {
        format!("/review/sessions/{}", self.session.id)
    }
}

impl ErasePage {
    fn title(&self) -> String {
        let who = &self.words.isolated(self.username.as_str());
        self.words.say(m::EraseWho { who })
    }

    /// What loses the name.
    fn what(&self) -> String {
        let Erased {
            sessions,
            connections,
            links,
            events,
            ..
        } = self.would_change;
        if sessions == 0 {
            return self.words.say(m::NobodyToErase);
        }
        self.words.say(m::ErasureTakes {
            sessions,
            connections,
            links,
            events,
        })
    }
}
