//! Why a page was refused.

use crate::model::act::CannotAct;
use crate::model::review_link::NewReviewLink;
use crate::web::http::error::{Doomed, Error};
use crate::web::http::review_link::LinkRefusal;
use crate::words::{Words, message as m};

/// The head of the page that says it.
pub(crate) fn problem_title(words: &Words, error: &Error) -> String {
    words.say(m::RefusedTitle {
        status: i64::from(error.status().as_u16()),
    })
}

/// Why.
pub(crate) fn problem(words: &Words, error: &Error) -> String {
    match error {
        // The part of an address that says which: nobody types it.
        Error::BadParameter { name: "id", .. } => words.say(m::BrokenAddress),
        Error::BadParameter { name, reason } => words.say(m::RefusedParameter { name, reason }),
        Error::MissingParameter(name) => words.say(m::RefusedMissingParameter { name }),
        Error::UnknownParameter { known, .. } => {
            let known = if known.is_empty() {
                words.say(m::NoParameters)
            } else {
                known.join(&words.say(m::WordSeparator))
            };
            words.say(m::RefusedUnknownParameter { known: &known })
        }
        Error::DuplicateParameter(_) => words.say(m::RefusedTwice),
        Error::BadQuery => words.say(m::RefusedQuery),
        Error::CrossOrigin => words.say(m::RefusedFromElsewhere),
        Error::NoSuchPath => words.say(m::NoSuchPath),
        Error::NoSuchSession => words.say(m::NoSuchSession),
        Error::Link(LinkRefusal::NotOurs) => words.say(m::LinkNotOurs),
        Error::Link(LinkRefusal::Ended) => words.say(m::LinkEnded),
        Error::Link(LinkRefusal::Revoked) => words.say(m::LinkRevoked),
        Error::Link(LinkRefusal::OpensOther) => words.say(m::LinkOpensOther),
        Error::NoSuchLink => words.say(m::NoSuchLink),
        Error::TooManyLinks => words.say(m::TooManyLinks {
            most: &words.number(i64::from(NewReviewLink::MOST)),
        }),
        Error::NoSuchRoom => words.say(m::NoSuchRoom),
        Error::CannotAct(CannotAct::NoSession) => words.say(m::RoomNotInUse),
        Error::CannotAct(CannotAct::NoSuchMember) => words.say(m::NotInRoom),
        Error::CannotAct(CannotAct::TooManyBarred) => words.say(m::TooManyBarred),
        Error::Live(Doomed::Session) => words.say(m::SessionGoesOn),
        Error::Live(Doomed::Person) => words.say(m::PersonGoesOn),
        Error::NotChanged => words.say(m::NotChanged),
        Error::HistoryAway => words.say(m::HistoryAway),
        Error::Internal => words.say(m::WentWrong),
        // What no page is refused by.
        Error::Unauthorized(_)
        | Error::Forbidden(_)
        | Error::TooManyCredentials(_)
        | Error::HostNotAllowed(_)
        | Error::OriginNotAllowed(_)
        | Error::MethodNotAllowed
        | Error::BodyTooLarge(_)
        | Error::BodyCut
        | Error::NotReady(_)
        | Error::TooManyStreams
        | Error::TooManyQuestions
        | Error::Busy
        | Error::BadBody { .. }
        | Error::NotJson => words.say(m::RefusedOtherwise {
            detail: &error.to_string(),
        }),
    }
}
