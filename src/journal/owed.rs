//! What away members are still to be told: the leaves of their peers, which must outlast a restart.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::id::{ConnectorId, MemberId};
use crate::room::record::PendingLeave;
use crate::sql::{ClientText, Connection, damaged, query};

/// Remembers a leave once. A member that is not known (its own rows were lost in a gap) is owed nothing.
pub(super) async fn add(connection: &mut Connection, member: MemberId, leave: &PendingLeave) -> sqlx::Result<()> {
    let connector = ClientText(leave.connector.as_str());
    query!(
        connection,
        execute,
        "insert into owed_leave (member_id, connector, leaver)
         select id, $1, $2 from member where id = $3
         on conflict (member_id, leaver, connector) do nothing",
        connector as _,
        leave.leaver.0,
        member.0
    )?;
    Ok(())
}

/// The members of a JSON list of hexadecimal ids have been told everything. (One that leaves takes its debts with it.)
pub(super) async fn settle(connection: &mut Connection, members: &str) -> sqlx::Result<()> {
    query!(
        connection,
        execute,
        sqlite: "delete from owed_leave where member_id in (select unhex(value) from jsonb_each(?))",
        postgres: "delete from owed_leave
                   where member_id in (select value::uuid from json_array_elements_text($1::text::json))",
        members
    )?;
    Ok(())
}

struct OwedLeave {
    member: Uuid,
    connector: ClientText<String>,
    leaver: Uuid,
}

/// What members are owed, each in order.
pub(super) async fn by_member(connection: &mut Connection) -> sqlx::Result<HashMap<MemberId, Vec<PendingLeave>>> {
    let rows = query!(
        connection,
        fetch_all as OwedLeave,
        sqlite: r#"select member_id as "member: Uuid", connector as "connector: _", leaver as "leaver: Uuid"
                   from owed_leave order by id"#,
        postgres: r#"select member_id as "member: Uuid", connector as "connector: _", leaver as "leaver: Uuid"
                     from owed_leave
                     where member_id in (
                         select member.id from recovering join member on member.session_id = recovering.id
                     )
                     order by owed_leave.id"#
    )?;
    let mut owed: HashMap<MemberId, Vec<PendingLeave>> = HashMap::new();
    for row in rows {
        let leave = PendingLeave {
            connector: ConnectorId::parse(&row.connector.0).map_err(damaged)?,
            leaver: MemberId(row.leaver),
        };
        owed.entry(MemberId(row.member)).or_default().push(leave);
    }
    Ok(owed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use crate::journal::{DatabaseFile, Journal, Opened, Options, Source};
    use crate::model::id::{
        ClientKey, ConnectionId, ConnectorId, MemberId, ParticipantId, RoomName, SessionId, Username,
    };
    use crate::model::time::Timestamp;
    use crate::model::vocabulary::LeaveReason;
    use crate::room::record::{Change, Joined, PendingLeave, Record};
    use uuid::Uuid;

    const ANN: MemberId = MemberId(Uuid::from_u128(1));
    const SESSION: SessionId = SessionId(Uuid::from_u128(100));

    async fn open(folder: &Path) -> Opened {
        let url = format!("sqlite://{}/test.db", folder.display());
        let options = Options::new(url.parse::<DatabaseFile>().unwrap());
        Journal::open(options, || Timestamp(5_000)).await.unwrap()
    }

    /// Writes these after what is there, and says what everybody is owed then, over a restart.
    async fn after(folder: &Path, changes: Vec<Change>) -> Vec<Vec<PendingLeave>> {
        let opened = open(folder).await;
        let record = |change| Record {
            at: Timestamp(4_000),
            session: Some(SESSION),
            change,
        };
        let _ = opened
            .journal
            .submit(Source::default(), changes.into_iter().map(record).collect(), None);
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
        let opened = open(folder).await;
        assert_eq!(*opened.journal.dropped().borrow(), 0);
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
        let live = opened.rooms.iter().flat_map(|(_, snapshot)| &snapshot.members);
        live.map(|member| member.owed.clone()).collect()
    }

    fn leave(leaver: u128) -> PendingLeave {
        PendingLeave {
            connector: ConnectorId::parse(&format!("a{leaver}")).unwrap(),
            leaver: MemberId(Uuid::from_u128(leaver)),
        }
    }

    fn owed(leaver: u128) -> Change {
        Change::LeaveOwed {
            member: ANN,
            leave: leave(leaver),
        }
    }

    fn ann_joined() -> Vec<Change> {
        let joined = Joined {
            participant: ParticipantId(Uuid::from_u128(2)),
            username: Username::parse("ann").unwrap(),
            member: ANN,
            key: ClientKey::parse("secret").unwrap(),
            connection: ConnectionId(Uuid::from_u128(3)),
            position: 0,
            members: 1,
        };
        let room = RoomName::parse("room").unwrap();
        vec![Change::SessionStarted { room }, Change::Joined(joined)]
    }

    #[tokio::test]
    async fn what_is_owed_is_kept_once_and_in_order_until_the_member_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = ann_joined();
        changes.extend([owed(9), owed(8), owed(9)]);
        assert_eq!(after(folder.path(), changes).await, [[leave(9), leave(8)]]);
        assert_eq!(after(folder.path(), vec![]).await, [[leave(9), leave(8)]]);
        let back = Change::Reconnected {
            participant: ParticipantId(Uuid::from_u128(2)),
            username: Username::parse("ann").unwrap(),
            member: ANN,
            connection: ConnectionId(Uuid::from_u128(4)),
            previous: ConnectionId(Uuid::from_u128(3)),
            took_over: false,
        };
        assert_eq!(after(folder.path(), vec![back, owed(7)]).await, [[leave(7)]]);
    }

    #[tokio::test]
    async fn a_snapshot_says_all_that_is_owed() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = ann_joined();
        changes.push(owed(9));
        after(folder.path(), changes).await;
        let mut opened = open(folder.path()).await;
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
        let mut snapshot = opened.rooms.remove(0).1;
        snapshot.members[0].owed = vec![leave(8), leave(7)];
        let owed = after(folder.path(), vec![Change::Snapshot(Box::new(snapshot))]).await;
        assert_eq!(owed, [[leave(8), leave(7)]]);
    }

    #[tokio::test]
    async fn nothing_is_owed_to_who_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = ann_joined();
        let left = Change::Left {
            participant: ParticipantId(Uuid::from_u128(2)),
            username: Username::parse("ann").unwrap(),
            member: ANN,
            open_connection: None,
            last_connection: ConnectionId(Uuid::from_u128(3)),
            reason: LeaveReason::Timeout,
            left_at: Timestamp(0),
        };
        changes.extend([owed(9), left, owed(8)]);
        assert!(after(folder.path(), changes).await.is_empty());
    }
}
