//! What the server refused in a session, by kind.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Deserialize;

use super::json::from_json;
use super::{Error, History};
use crate::model::id::SessionId;
use crate::model::vocabulary::ErrorKind;
use crate::sql::query;

/// The most entries of the journal that are looked at.
const EXAMINED: i64 = 10_000;

/// Messages that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The client's event; nothing of what was only counted.
    pub event: Option<String>,
    /// Why, as far as the word is known.
    pub code: Option<ErrorKind>,
    /// How many.
    pub count: i64,
}

impl History {
    /// What was refused in a session, as far as its first entries tell, the most first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn refusals(&self, session: SessionId) -> Result<Vec<Refusal>, Error> {
        // Only put together there, as texts: PostgreSQL looks into no JSON that has a NUL anywhere. It counts those that are
        // alike, as a page that sends the same in a loop has the same ten thousand times, which SQLite would sort for.
        let details = query!(
            &self.reader,
            fetch_one scalar,
            sqlite: r#"
            select '[' || coalesce(string_agg('[' || coalesce(detail, 'null') || ',1]', ','), '') || ']' as "details!: String"
            from (select kind, detail from event where session_id = ?1 order by seq limit ?2) as own
            where kind = 'error'
            "#,
            postgres: r#"
            select '[' || coalesce(string_agg('[' || coalesce(detail, 'null') || ',' || times || ']', ','), '') || ']'
                as "details!: String"
            from (
                select detail, count(*) as times
                from (select kind, detail from event where session_id = $1 order by seq limit $2) as own
                where kind = 'error'
                group by detail
            ) as alike
            "#,
            session.0,
            EXAMINED
        )?;
        Ok(counted(from_json(&details)?))
    }
}

/// What an entry of the journal says of what was refused.
#[derive(Default, Deserialize)]
struct Detail {
    event: Option<String>,
    code: Option<String>,
    count: Option<i64>,
}

/// Of each detail, and how many entries have it.
fn counted(details: Vec<(Option<Detail>, i64)>) -> Vec<Refusal> {
    let mut counts: HashMap<(Option<String>, Option<String>), i64> = HashMap::new();
    for (detail, times) in details {
        let Detail { event, code, count } = detail.unwrap_or_default();
        let counted = counts.entry((event, code)).or_default();
        *counted = counted.saturating_add(count.unwrap_or(1).saturating_mul(times));
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|(one, few), (other, more)| (Reverse(few), one).cmp(&(Reverse(more), other)));
    let refusal = |((event, code), count): ((_, Option<String>), _)| Refusal {
        event,
        code: code.as_deref().and_then(ErrorKind::parse),
        count,
    };
    counts.into_iter().map(refusal).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::fixture::Fixture;
    use crate::model::vocabulary::EventKind;

    #[tokio::test]
    async fn refusals_are_counted_by_event_and_reason() {
        for fixture in Fixture::both().await {
            let session = fixture.session("r", 0, Some(100)).await;
            for detail in [
                json!({"event": "join", "code": "repeat"}),
                json!({"event": "offer", "code": "unknownMember"}),
                json!({"event": "of\u{0}fer", "code": "invalid"}),
                json!({"event": "join", "code": "repeat", "count": 3}),
                json!({"event": "join", "code": "repeat", "count": 3}),
                json!({"code": "rateLimited", "count": 2}),
            ] {
                fixture.event(session, None, 1, EventKind::Error, Some(detail)).await;
            }
            fixture.event(session, None, 2, EventKind::SessionEnded, None).await;
            let found = fixture.history().await.refusals(SessionId(session)).await.unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|refusal| (refusal.event.as_deref(), refusal.code, refusal.count))
                .collect();
            assert_eq!(
                found,
                [
                    (Some("join"), Some(ErrorKind::Repeat), 7),
                    (None, Some(ErrorKind::RateLimited), 2),
                    (Some("of\u{0}fer"), Some(ErrorKind::Invalid), 1),
                    (Some("offer"), Some(ErrorKind::UnknownMember), 1),
                ]
            );
        }
    }
}
