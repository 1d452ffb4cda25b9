//! What outlasts a restart of the review's cookies: what they are signed with, and which of them were signed out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::node::begin;
use crate::model::time::Timestamp;
use crate::sql::{Connection, query};

/// What the review's cookies are told by.
#[derive(Clone, Default)]
pub struct ReviewSecrets {
    /// What they are signed with, beside the token.
    pub salt: Vec<u8>,
    /// Those that were signed out.
    pub signed_out: SignedOut,
}

/// Cookies that are good for nothing, each until it would have ended. Clones share them.
#[derive(Clone, Default)]
pub struct SignedOut(Arc<Mutex<HashMap<Uuid, Timestamp>>>);

impl SignedOut {
    /// Whether this one is.
    pub fn contains(&self, cookie: &Uuid) -> bool {
        self.cookies().contains_key(cookie)
    }

    /// This one is, too. Those that have ended by now are forgotten.
    pub fn add(&self, cookie: Uuid, until: Timestamp, now: Timestamp) {
        let mut cookies = self.cookies();
        cookies.retain(|_, until| *until > now);
        cookies.insert(cookie, until);
    }

    /// These are, too.
    pub fn extend(&self, cookies: impl IntoIterator<Item = (Uuid, Timestamp)>) {
        self.cookies().extend(cookies);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.cookies().len()
    }

    fn cookies(&self) -> MutexGuard<'_, HashMap<Uuid, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SignOut {
    id: Uuid,
    expires_at: i64,
}

pub(super) async fn load(connection: &mut Connection) -> sqlx::Result<ReviewSecrets> {
    let salt = query!(&mut *connection, fetch_one scalar, "select salt from review_secret where id = 1")?;
    let signed_out = SignedOut::default();
    signed_out.extend(sign_outs(connection).await?);
    Ok(ReviewSecrets { salt, signed_out })
}

/// The cookies that were signed out, each until it would have ended.
pub(super) async fn sign_outs(
    connection: &mut Connection,
) -> sqlx::Result<impl Iterator<Item = (Uuid, Timestamp)> + use<>> {
    let rows = query!(
        connection,
        fetch_all as SignOut,
        r#"select id as "id: Uuid", expires_at from review_sign_out"#
    )?;
    Ok(rows.into_iter().map(|row| (row.id, Timestamp(row.expires_at))))
}

/// Remembers a cookie until it would have ended, and forgets those that have.
pub(super) async fn sign_out(
    connection: &mut Connection,
    cookie: Uuid,
    expires_at: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    begin(connection).await?;
    query!(
        &mut *connection,
        execute,
        "delete from review_sign_out where expires_at <= $1",
        now.0
    )?;
    query!(
        &mut *connection,
        execute,
        "insert into review_sign_out (id, expires_at) values ($1, $2) on conflict (id) do nothing",
        cookie,
        expires_at.0
    )?;
    connection.run("commit").await
}
