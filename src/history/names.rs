//! Searching names: of people over all rooms, and of rooms.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::json::from_json;
use super::page::{Page, Slice};
use super::person::COUNTED;
use super::{Error, History};
use crate::model::text::fold;
use crate::sql::query;

/// The most names that one page of a search looks at. The next page goes on from there, however few were found.
const EXAMINED: i64 = 2_000;

/// A name that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownName {
    /// The name.
    pub username: String,
    /// In how many sessions, at most [`COUNTED`].
    pub sessions: i64,
}

/// A name as it is searched: without accents, and whatever its case and form (`Ángel` and `ANGEL` are one, and so are
/// `Søren` and `soren`).
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let plain: String = name.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let mut typed = String::with_capacity(plain.len());
    for c in fold(&plain).chars() {
        match typed_as(c) {
            Some(letters) => typed.push_str(letters),
            None => typed.push(c),
        }
    }
    typed
}

/// What somebody types whose keyboard has no such letter, or no such apostrophe. Unicode takes none of these apart.
fn typed_as(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        'ŧ' => "t",
        '‘' | '’' | 'ʼ' => "'",
        _ => return None,
    })
}

/// A page of those names that hold a text, whatever its case and accents; `None` holds all. `examined` is how many were asked for: if
/// there are as many, the next page goes on behind them, however few were found.
pub(super) fn names_page(
    known: Vec<String>,
    examined: i64,
    wanted: Option<&str>,
    limit: usize,
) -> Slice<String, String> {
    let is_cut = i64::try_from(known.len()) == Ok(examined);
    let last_examined = known.last().filter(|_| is_cut).cloned();
    let wanted = wanted.map(folded);
    let passes = |name: &String| wanted.as_ref().is_none_or(|wanted| folded(name).contains(wanted));
    let found = known.into_iter().filter(passes).take(limit + 1).collect();
    let Slice { rows, next } = Slice::cut(found, limit, String::clone);
    Slice {
        rows,
        next: next.or(last_examined),
    }
}

impl History {
    /// The names that hold a text, whatever its case and accents, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn names_with(&self, text: &str, page: &Page<String>) -> Result<Slice<KnownName, String>, Error> {
        let after = page.after.as_deref().unwrap_or_default();
        let known = self.usernames(after, EXAMINED).await?;
        let found = names_page(known, EXAMINED, Some(text), page.limit);
        Ok(Slice {
            rows: self.count_sessions(&found.rows).await?,
            next: found.next,
        })
    }

    /// The index is asked for the next name each time, and not for the sessions between. They are read as one value, as a
    /// row for each would cost a search most of its time.
    async fn usernames(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let names = query!(
            &self.reader,
            fetch_one scalar,
            sqlite: r#"
            with recursive known (username) as (
                select min(username) from participant where username > ?1
                union all
                select (select min(participant.username) from participant where participant.username > known.username)
                from known where known.username is not null
                limit ?2
            )
            select json_group_array(username) as "usernames!: String" from known where username is not null
            "#,
            postgres: r#"
            with recursive known (username) as (
                (select username from participant where username > $1 order by username limit 1)
                union all
                select (
                    select participant.username from participant where participant.username > known.username
                    order by participant.username limit 1
                )
                from known where known.username is not null
            )
            select coalesce(json_agg(username), '[]')::text as "usernames!: String"
            from (select username from known where username is not null limit $2) as own
            "#,
            after,
            limit
        )?;
        from_json(&names)
    }

    /// The named, in the order given.
    async fn count_sessions(&self, names: &[String]) -> Result<Vec<KnownName>, Error> {
        let names = serde_json::Value::from(names).to_string();
        let counted = query!(
            &self.reader,
            fetch_all as KnownName,
            sqlite: r#"
            select cast(wanted.value as text) as "username!: String", (
                select count(*)
                from (
                    select 1 from participant indexed by participant_by_username
                    where participant.username = wanted.value
                    limit ?2
                ) as own
            ) as "sessions!: i64"
            from json_each(?1) as wanted
            order by wanted.key
            "#,
            postgres: r#"
            select wanted.username as "username!", (
                select count(*)
                from (select 1 from participant where participant.username = wanted.username limit $2) as own
            ) as "sessions!: i64"
            from json_array_elements_text($1::text::json) with ordinality as wanted (username, place)
            order by wanted.place
            "#,
            names,
            COUNTED
        )?;
        Ok(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::{Connection, Fixture};
    use crate::model::vocabulary::LeaveReason;

    #[tokio::test]
    async fn a_name_is_found_by_any_part_with_its_sessions() {
        for fixture in Fixture::both().await {
            for (start, names) in [(0, ["Ann", "Joanna", "Bo"]), (1000, ["Ann", "Änne", "李"])] {
                let session = fixture.session("a", start, Some(start + 500)).await;
                for name in names {
                    let there = [Connection::ended(start, start + 500, LeaveReason::Left)];
                    fixture
                        .person(session, name, Some((start + 500, LeaveReason::Left)), &there)
                        .await;
                }
            }
            let history = fixture.history().await;
            let find = async |text: &str, limit: usize, after: Option<&str>| {
                let page = Page {
                    limit,
                    after: after.map(str::to_owned),
                };
                let found = history.names_with(text, &page).await.unwrap();
                let rows = found.rows.into_iter().map(|name| (name.username, name.sessions));
                (rows.collect::<Vec<_>>(), found.next)
            };
            let names = |names: &[(&str, i64)]| -> Vec<_> {
                let owned = names.iter().map(|(name, sessions)| ((*name).to_owned(), *sessions));
                owned.collect()
            };
            assert_eq!(
                find("ANN", 9, None).await,
                (names(&[("Ann", 2), ("Joanna", 1), ("Änne", 1)]), None)
            );
            assert_eq!(find("änne", 9, None).await, (names(&[("Änne", 1)]), None));
            assert_eq!(find("ANNE", 9, None).await, (names(&[("Änne", 1)]), None));
            assert_eq!(find("%", 9, None).await, (names(&[]), None));
            assert_eq!(find("n", 1, None).await, (names(&[("Ann", 2)]), Some("Ann".to_owned())));
            assert_eq!(
                find("n", 2, Some("Ann")).await,
                (names(&[("Joanna", 1), ("Änne", 1)]), None)
            );
            assert_eq!(find("", 9, None).await.0.len(), 5);
        }
    }

    #[test]
    fn names_are_one_whatever_their_accents_case_and_form() {
        for (name, plain) in [
            ("Ángel", "angel"),
            ("A\u{301}NGEL", "angel"),
            ("Łukasz Żak", "lukasz zak"),
            ("Søren Ægir", "soren aegir"),
            ("O’Brien", "o'brien"),
            ("Weiß", "weiss"),
            ("Ｂｏ", "bo"),
            ("Ё", "е"),
            ("李", "李"),
        ] {
            assert_eq!(folded(name), plain);
        }
    }
}
