//! The glance of a session that is over, as it is kept beside the session: nothing of it changes any more, and to work it out
//! takes all people and links. Names are not in it, as they may be erased: people are kept by their ids.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::glance::{Glance, Unconnected, in_all};
use super::intervals::Interval;
use super::outages::Outage;
use super::people::Person;
use super::{Error, History};
use crate::model::glance::NewGlance;
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::sql::{damaged, ids, json, query};

/// How many sessions one search for those that have none looks at: so few that nobody's page waits for it.
const EXAMINED: i64 = 200;

/// How many of them it gives, so many that one transaction keeps them.
const PENDING: i64 = 20;

/// As [`NewGlance::FORM`] says: what is changed here needs another one there. Moments are in milliseconds after `since`, and
/// people are their places in `people`: it is read more often than written.
#[derive(Serialize, Deserialize)]
struct KeptGlance {
    /// In milliseconds UTC.
    since: i64,
    people: Vec<Uuid>,
    /// From when to when.
    present: Vec<[i64; 2]>,
    drops: Vec<i64>,
    losses: Vec<i64>,
    lost: Vec<usize>,
    away: Vec<usize>,
    outages: Vec<KeptOutage>,
    returns: Option<i64>,
    unconnected: Option<Vec<KeptUnconnected>>,
}

#[derive(Serialize, Deserialize)]
struct KeptOutage {
    at: i64,
    until: i64,
    by_server: bool,
    back_after_ms: Option<i64>,
    missing: Vec<usize>,
    goes_on: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptUnconnected {
    pair: [usize; 2],
    at: i64,
}

/// Sessions whose glances are not kept, of a piece of all sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingGlances {
    /// Those that are over, the newest first; not all of the piece, if they are many.
    pub sessions: Vec<SessionId>,
    /// Where the next piece begins; nothing behind the oldest session.
    pub next: Option<SessionId>,
}

struct PendingRow {
    id: SessionId,
    is_pending: bool,
}

struct GlanceRow {
    id: SessionId,
    glance: String,
}

struct NameRow {
    id: Uuid,
    username: String,
}

/// Whom a glance tells of, each once.
#[derive(Default)]
struct Places {
    people: Vec<Uuid>,
    of: HashMap<Uuid, usize>,
}

impl Places {
    fn of(&mut self, id: Uuid) -> usize {
        *self.of.entry(id).or_insert_with(|| {
            self.people.push(id);
            self.people.len() - 1
        })
    }
}

impl KeptGlance {
    fn of(glance: &Glance, people: &[Person]) -> Self {
        let ids: HashMap<&str, Uuid> = people
            .iter()
            .map(|person| (person.username.as_str(), person.id.0))
            .collect();
        let mut places = Places::default();
        let mut named = |names: &[String]| -> Vec<usize> {
            let known = names.iter().filter_map(|name| ids.get(name.as_str()));
            known.map(|id| places.of(*id)).collect()
        };
        let since = glance
            .present
            .iter()
            .map(|there| there.from.0)
            .min()
            .unwrap_or_default();
        let after = |moment: Timestamp| moment.0 - since;
        let all_after = |moments: &[Timestamp]| moments.iter().map(|moment| after(*moment)).collect();
        let (lost, away) = (named(&glance.lost), named(&glance.away));
        let outages = glance.outages.iter().map(|outage| KeptOutage {
            at: after(outage.at),
            until: after(outage.until),
            by_server: outage.by_server,
            back_after_ms: outage.back_after_ms,
            missing: named(&outage.missing),
            goes_on: outage.goes_on,
        });
        let outages = outages.collect();
        let unconnected = glance.unconnected.as_ref().map(|all| {
            let kept = all.iter().map(|unconnected| KeptUnconnected {
                pair: unconnected.pair.map(|id| places.of(id.0)),
                at: after(unconnected.at),
            });
            kept.collect()
        });
        Self {
            since,
            present: glance
                .present
                .iter()
                .map(|there| [there.from, there.to].map(after))
                .collect(),
            drops: all_after(&glance.drops),
            losses: all_after(&glance.losses),
            lost,
            away,
            outages,
            returns: glance.returns,
            unconnected,
            people: places.people,
        }
    }

    /// Whose names it needs.
    fn named(&self) -> impl Iterator<Item = Uuid> {
        let missing = self.outages.iter().flat_map(|outage| outage.missing.iter().copied());
        let named = self.lost.iter().chain(&self.away).copied().chain(missing);
        let named = named.chain(self.unconnected_by());
        named.filter_map(|place| self.people.get(place).copied())
    }

    /// Whom all pairs that never connected have in common.
    fn unconnected_by(&self) -> Vec<usize> {
        in_all(self.unconnected.iter().flatten().map(|of| of.pair))
    }

    fn glance(self, names: &HashMap<Uuid, String>) -> Result<Glance, Error> {
        let unconnected_by = self.unconnected_by();
        let Self { since, people, .. } = self;
        let id = |place: usize| {
            people
                .get(place)
                .copied()
                .ok_or_else(|| damaged("somebody of a glance is missing"))
        };
        let named = |places: &[usize]| -> Vec<String> {
            let ids = places.iter().filter_map(|place| people.get(*place));
            ids.filter_map(|id| names.get(id).cloned()).collect()
        };
        let moment = |after: i64| Timestamp(since + after);
        let moments = |all: Vec<i64>| all.into_iter().map(moment).collect();
        let outage = |kept: KeptOutage| Outage {
            at: moment(kept.at),
            until: moment(kept.until),
            by_server: kept.by_server,
            back_after_ms: kept.back_after_ms,
            missing: named(&kept.missing),
            goes_on: kept.goes_on,
        };
        let unconnected = |KeptUnconnected { pair: [one, other], at }: KeptUnconnected| -> Result<_, Error> {
            Ok(Unconnected {
                pair: [ParticipantId(id(one)?), ParticipantId(id(other)?)],
                at: moment(at),
            })
        };
        Ok(Glance {
            lost: named(&self.lost),
            away: named(&self.away),
            unconnected_by: named(&unconnected_by),
            present: self
                .present
                .into_iter()
                .map(|[from, to]| Interval::new(moment(from), moment(to)))
                .collect(),
            drops: moments(self.drops),
            losses: moments(self.losses),
            outages: self.outages.into_iter().map(outage).collect(),
            returns: self.returns,
            unconnected: self
                .unconnected
                .map(|all| all.into_iter().map(unconnected).collect())
                .transpose()?,
        })
    }
}

impl History {
    /// The next sessions of which no glance is kept, among those that began before a session, or among the newest.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn sessions_without_glance(&self, before: Option<SessionId>) -> Result<PendingGlances, Error> {
        let before = before.map_or(Uuid::max(), |id| id.0);
        let form = NewGlance::FORM;
        // Not `exists`: PostgreSQL 18 answers that by a hash of the whole table where it believes it to be small.
        let rows = query!(
            &self.reader,
            fetch_all as PendingRow,
            r#"
            select own.id as "id!: SessionId",
                own.ended_at is not null and (
                    select 1 from session_glance where session_glance.session_id = own.id and session_glance.form = $2
                ) is null as "is_pending!: bool"
            from (select id, ended_at from session where id < $1 order by id desc limit $3) as own
            order by own.id desc
            "#,
            before,
            form,
            EXAMINED
        )?;
        let is_last = i64::try_from(rows.len()) != Ok(EXAMINED);
        let most = usize::try_from(PENDING).unwrap_or(usize::MAX);
        let mut pending = PendingGlances::default();
        for row in &rows {
            if row.is_pending {
                pending.sessions.push(row.id);
            }
            if pending.sessions.len() == most {
                pending.next = Some(row.id);
                return Ok(pending);
            }
        }
        pending.next = rows.last().map(|row| row.id).filter(|_| !is_last);
        Ok(pending)
    }

    /// What is to be kept of these sessions, which are over.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn glances_to_keep(&self, sessions: &[SessionId], now: Timestamp) -> Result<Vec<NewGlance>, Error> {
        let worked_out = self.worked_out_glances(sessions.iter().copied(), now).await?;
        let new = worked_out.into_iter().map(|(session, (glance, people))| {
            let glance = json(&KeptGlance::of(&glance, &people))?;
            Ok(NewGlance { session, glance })
        });
        new.collect()
    }

    /// Those of the sessions' glances that are kept.
    pub(super) async fn kept_glances(&self, sessions: &str) -> Result<HashMap<SessionId, Glance>, Error> {
        let form = NewGlance::FORM;
        let rows = query!(
            &self.reader,
            fetch_all as GlanceRow,
            sqlite: r#"
            select session_id as "id: SessionId", glance from session_glance
            where session_id in (select unhex(value) from json_each(?1)) and form = ?2
            "#,
            postgres: r#"
            select session_id as "id: SessionId", glance from session_glance
            where session_id in (select json_array_elements_text($1::text::json)::uuid) and form = $2
            "#,
            sessions,
            form
        )?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let glance: KeptGlance = serde_json::from_str(&row.glance).map_err(damaged)?;
            kept.push((row.id, glance));
        }
        let names = self.names_of(kept.iter().flat_map(|(_, kept)| kept.named())).await?;
        let glances = kept.into_iter().map(|(id, kept)| Ok((id, kept.glance(&names)?)));
        glances.collect()
    }

    async fn names_of(&self, people: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>, Error> {
        let people = ids(people)?;
        if people == "[]" {
            return Ok(HashMap::new());
        }
        let rows = query!(
            &self.reader,
            fetch_all as NameRow,
            sqlite: r#"
            select id as "id: Uuid", username from participant
            where id in (select unhex(value) from json_each(?1))
            "#,
            postgres: r#"
            select id as "id: Uuid", username from participant
            where id in (select json_array_elements_text($1::text::json)::uuid)
            "#,
            people
        )?;
        Ok(rows.into_iter().map(|row| (row.id, row.username)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture, START_MS, on_either};
    use crate::model::vocabulary::LeaveReason;

    const NOW: Timestamp = Timestamp(START_MS + 2_000_000);

    /// A session in which three lost contact at once, of whom one did not come back.
    async fn class(fixture: &Fixture) -> SessionId {
        let session = fixture.session("r", 0, Some(1000)).await;
        let left = Some((1000, LeaveReason::Left));
        for name in ["Ann", "Bo"] {
            let dropped = [
                Connection::lost(0, 100, Some(110)),
                Connection::ended(110, 1000, LeaveReason::Left),
            ];
            fixture.person(session, name, left, &dropped).await;
        }
        let lost = [Connection::lost(0, 100, Some(115))];
        fixture
            .person(session, "Cy", Some((115, LeaveReason::Timeout)), &lost)
            .await;
        SessionId(session)
    }

    async fn keep(fixture: &Fixture, glances: &[NewGlance]) {
        for new in glances {
            on_either!(
                fixture.writer(),
                execute,
                "insert into session_glance (session_id, form, glance) values ($1, $2, $3)",
                new.session.0,
                NewGlance::FORM,
                &new.glance
            );
        }
    }

    #[tokio::test]
    async fn what_is_kept_says_the_same_and_is_not_worked_out_again() {
        for fixture in Fixture::both().await {
            let session = class(&fixture).await;
            let history = fixture.history().await;
            let worked_out = history.glances([session].into_iter(), NOW).await.unwrap();
            let glance = &worked_out[&session];
            assert_eq!(glance.outages[0].missing, ["Cy"]);
            assert!(glance.unconnected_by.is_empty(), "nobody is in all three pairs");
            assert_eq!(
                (glance.lost.len(), glance.present.len(), glance.unconnected_pairs()),
                (1, 5, 3)
            );

            let new = history.glances_to_keep(&[session], NOW).await.unwrap();
            assert!(!new[0].glance.contains("Cy"), "names can be erased, this cannot");
            keep(&fixture, &new).await;
            assert_eq!(history.glances([session].into_iter(), NOW).await.unwrap(), worked_out);

            // Only names are read.
            on_either!(fixture.writer(), execute, "delete from connection");
            assert_eq!(history.glances([session].into_iter(), NOW).await.unwrap(), worked_out);
            on_either!(
                fixture.writer(),
                execute,
                "update participant set username = 'erased-1' where username = 'Cy'"
            );
            let erased = &history.glances([session].into_iter(), NOW).await.unwrap()[&session];
            assert_eq!(
                (erased.lost.as_slice(), &erased.outages[0].missing),
                (&["erased-1".to_owned()][..], &erased.lost)
            );

            on_either!(fixture.writer(), execute, "update session_glance set form = 0");
            let anew = &history.glances([session].into_iter(), NOW).await.unwrap()[&session];
            assert!(anew.present.is_empty(), "what another version has kept is not read");
        }
    }

    #[tokio::test]
    async fn all_that_are_over_are_found_in_pieces() {
        for fixture in Fixture::both().await {
            let mut all = Vec::new();
            for at in 0..EXAMINED + 100 {
                let is_over = at % 10 != 0;
                let session = fixture.session(&format!("r{at}"), at, is_over.then_some(at)).await;
                all.extend(is_over.then_some(SessionId(session)));
            }
            let history = fixture.history().await;
            let (mut found, mut before, mut pieces) = (Vec::new(), None, 0);
            loop {
                let pending = history.sessions_without_glance(before).await.unwrap();
                assert!(i64::try_from(pending.sessions.len()).unwrap() <= PENDING);
                found.extend(pending.sessions);
                (before, pieces) = (pending.next, pieces + 1);
                if before.is_none() {
                    break;
                }
            }
            found.reverse();
            assert_eq!((found.len(), pieces), (270, 14));
            assert_eq!(found, all);

            let new = history.glances_to_keep(&all, NOW).await.unwrap();
            keep(&fixture, &new).await;
            let first = history.sessions_without_glance(None).await.unwrap();
            assert_eq!(first.sessions, []);
            let second = history.sessions_without_glance(first.next).await.unwrap();
            assert_eq!(second, PendingGlances::default());
        }
    }
}
