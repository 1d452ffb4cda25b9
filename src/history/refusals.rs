//! What the server refused in a session, by kind.

use super::{Error, History};
use crate::model::id::SessionId;
use crate::model::vocabulary::ErrorKind;

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
        let rows = sqlx::query!(
            r#"
            select detail ->> 'event' as "event: String", detail ->> 'code' as "code: String",
                sum(coalesce(detail ->> 'count', 1)) as "count!: i64"
            from (select kind, detail from event where session_id = ?1 order by seq limit ?2) as own
            where kind = 'error'
            group by 1, 2
            order by 3 desc, 1, 2
            "#,
            session.0,
            EXAMINED
        )
        .fetch_all(self.file()?)
        .await?;
        let refusals = rows.into_iter().map(|row| Refusal {
            event: row.event,
            code: row.code.as_deref().and_then(ErrorKind::parse),
            count: row.count,
        });
        Ok(refusals.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::fixture::Fixture;
    use crate::model::vocabulary::EventKind;

    #[tokio::test]
    async fn refusals_are_counted_by_event_and_reason() {
        let fixture = Fixture::new().await;
        let session = fixture.session("r", 0, Some(100)).await;
        for detail in [
            json!({"event": "join", "code": "repeat"}),
            json!({"event": "offer", "code": "unknownMember"}),
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
                (Some("join"), Some(ErrorKind::Repeat), 4),
                (None, Some(ErrorKind::RateLimited), 2),
                (Some("offer"), Some(ErrorKind::UnknownMember), 1),
            ]
        );
    }
}
