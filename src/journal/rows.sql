-- What follows from each record. A group of records is one insert into `record`, and so one transaction and one call of
-- SQLite, whatever it changes: each row's trigger writes what the record means. These triggers, and the views that they
-- are of, belong to the connection that writes, and are no part of the file.
--
-- SQLite starts every trigger of a view for every row, and only then asks whether it is meant. So `record` itself has
-- only those of what comes most often; the others are those of two views, to which triggers of `rows.rs` pass on what is
-- about a link, and the rest.
--
-- An entry of the journal is written last, as it refers to the session. Whatever ends does not end before it began,
-- however the clock was set.

create temp view lost_session as select null as session, null as at, null as reason;

-- A session whose own end was lost in a gap, and what is still open in it.
create temp trigger lost_session_ends instead of insert on lost_session begin
    update connection
    set away_until = max(coalesce(disconnected_at, connected_at), new.at),
        disconnected_at = coalesce(disconnected_at, max(connected_at, new.at)),
        closed_by = coalesce(closed_by, new.reason)
    where session_id = new.session and away_until is null;
    delete from member where session_id = new.session;
    update participant set left_at = max(joined_at, new.at), leave_reason = new.reason
    where session_id = new.session and left_at is null;
    update link set closed_at = max(offered_at, new.at), closed_by = new.reason
    where session_id = new.session and closed_at is null;
    delete from live_link where session_id = new.session;
    update session set ended_at = max(started_at, new.at) where id = new.session;
end;

create temp trigger session_started instead of insert on other_record when new.kind = 'session_started' begin
    insert into lost_session select id, new.at, new.reason from session where room = new.name and ended_at is null;
    insert into session (id, room, started_at) values (new.session, new.name, new.at);
    insert into event (seq, at, session_id, kind) values (new.seq, new.at, new.session, new.kind);
end;

-- Whoever did not come back left before it was known: the one whose leaving is recorded last may not be the one who left
-- last. A session does not end before what somebody was told in it.
create temp trigger session_ended instead of insert on other_record when new.kind = 'session_ended' begin
    update session
    set ended_at = max(
        started_at,
        new.until,
        coalesce((select max(left_at) from participant where session_id = new.session), started_at),
        coalesce((
            select max(at) from (
                select at, kind from event where session_id = new.session order by seq desc limit 1000
            ) as latest where kind <> 'left'
        ), started_at))
    where id = new.session;
    insert into event (seq, at, session_id, kind) values (new.seq, new.at, new.session, new.kind);
end;

-- Most who join were there before, and are not the most at once: then the session's row stays as it is.
create temp trigger joined instead of insert on record when new.kind = 'joined' begin
    update session
    set peak_participants = max(peak_participants, new.members),
        participant_count = participant_count + not exists (select 1 from participant where id = new.participant)
    where id = new.session
      and (peak_participants < new.members or not exists (select 1 from participant where id = new.participant));
    insert into participant (id, session_id, username, joined_at)
    values (new.participant, new.session, new.name, new.at)
    on conflict (id) do update set left_at = null, leave_reason = null where left_at is not null;
    insert into connection (session_id, participant_id, id, connected_at, opened_by)
    values (new.session, new.participant, new.connection, new.at, 'join');
    insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
    values (new.member, new.session, new.participant, new.connection, new.client_key, new.position, new.at);
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

-- Whoever did not come back was last there before it was known, so the entry is later than that.
create temp trigger member_left instead of insert on record when new.kind = 'left' begin
    update connection
    set away_until = max(coalesce(disconnected_at, connected_at), new.until),
        disconnected_at = coalesce(disconnected_at, max(connected_at, new.until)),
        closed_by = coalesce(closed_by, new.reason)
    where session_id = new.session and participant_id = new.participant and id = new.connection;
    update participant set left_at = max(joined_at, new.until), leave_reason = new.reason where id = new.participant;
    insert into gone_member (session_id, member_id) select session_id, id from member where id = new.member;
    delete from member where id = new.member;
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

create temp trigger disconnected instead of insert on other_record when new.kind = 'disconnected' begin
    update connection set disconnected_at = max(connected_at, new.at), closed_by = coalesce(new.reason, 'disconnected')
    where session_id = new.session and participant_id = new.participant and id = new.connection;
    update member set away_since = new.at, away_until = new.until, stopped_by = new.reason where id = new.member;
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

create temp trigger reconnected instead of insert on other_record when new.kind = 'reconnected' begin
    update session set reconnect_count = reconnect_count + 1 where id = new.session;
    update participant set reconnect_count = reconnect_count + 1 where id = new.participant;
    update connection
    set away_until = max(coalesce(disconnected_at, connected_at), new.at),
        disconnected_at = coalesce(disconnected_at, max(connected_at, new.at)),
        closed_by = coalesce(closed_by, 'replaced')
    where session_id = new.session and participant_id = new.participant and id = new.previous;
    insert into connection (session_id, participant_id, id, connected_at, opened_by)
    values (new.session, new.participant, new.connection, new.at, 'reconnect');
    update member set connection_id = new.connection, away_since = null, away_until = null, stopped_by = null
    where id = new.member;
    delete from owed_leave where member_id = new.member;
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

create temp trigger error instead of insert on other_record when new.kind = 'error' begin
    update session set error_count = error_count + 1 where id = new.session;
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

create temp trigger only_listed instead of insert on other_record when new.kind in ('gap', 'action') begin
    insert into event (seq, at, session_id, participant_id, kind, detail)
    values (new.seq, new.at, new.session, new.participant, new.kind, new.detail);
end;

-- All of the session moves alike, so nothing in it gets longer or out of order.
create temp trigger calendar_moved instead of insert on other_record when new.kind = 'calendar_moved' begin
    update session set started_at = started_at + new.until where id = new.session;
    update participant set joined_at = joined_at + new.until, left_at = left_at + new.until
    where session_id = new.session;
    update connection
    set connected_at = connected_at + new.until, disconnected_at = disconnected_at + new.until,
        away_until = away_until + new.until
    where session_id = new.session;
    update member
    set joined_at = joined_at + new.until, away_since = away_since + new.until, away_until = away_until + new.until
    where session_id = new.session;
    update link
    set offered_at = offered_at + new.until, answered_at = answered_at + new.until, closed_at = closed_at + new.until,
        connected_at = connected_at + new.until, offerer_state_at = offerer_state_at + new.until,
        answerer_state_at = answerer_state_at + new.until
    where session_id = new.session;
    update event set at = at + new.until where session_id = new.session;
end;

create temp trigger link_offered instead of insert on link_record when new.kind = 'link_offered' begin
    insert into link (session_id, id, offerer_id, answerer_id, stream_type, offered_at)
    values (new.session, new.link, new.participant, new.peer, new.stream, new.at);
    insert into live_link (session_id, link_id, offerer_member, offerer_connector, answerer_member)
    values (new.session, new.link, new.member, new.name, new.peer_member);
end;

create temp trigger link_answered instead of insert on link_record when new.kind = 'link_answered' begin
    update link set answered_at = coalesce(answered_at, max(offered_at, new.at))
    where session_id = new.session and id = new.link;
    update live_link set answerer_connector = new.name where session_id = new.session and link_id = new.link;
end;

create temp trigger link_progress instead of insert on link_record when new.kind = 'link_progress' begin
    update link
    set offerer_candidates = new.detail ->> 0, answerer_candidates = new.detail ->> 1, renegotiations = new.detail ->> 2
    where session_id = new.session and id = new.link;
end;

create temp trigger link_closed instead of insert on link_record when new.kind = 'link_closed' begin
    update link
    set offerer_candidates = new.detail ->> 0, answerer_candidates = new.detail ->> 1, renegotiations = new.detail ->> 2,
        closed_at = max(offered_at, new.at), closed_by = new.reason
    where session_id = new.session and id = new.link;
    delete from live_link where session_id = new.session and link_id = new.link;
end;

-- Of what an end says the last counts, but that it closes what it has says nothing; what says when the two were connected
-- is the first, of either.
create temp trigger offerer_reported instead of insert on link_record when new.kind = 'offerer_reported' begin
    update link
    set offerer_state = new.reason, offerer_state_at = max(offered_at, new.at),
        offerer_path = coalesce(new.detail, offerer_path),
        connected_at = coalesce(connected_at, max(offered_at, new.until))
    where session_id = new.session and id = new.link and (new.reason <> 'closed' or offerer_state is null);
end;

create temp trigger answerer_reported instead of insert on link_record when new.kind = 'answerer_reported' begin
    update link
    set answerer_state = new.reason, answerer_state_at = max(offered_at, new.at),
        answerer_path = coalesce(new.detail, answerer_path),
        connected_at = coalesce(connected_at, max(offered_at, new.until))
    where session_id = new.session and id = new.link and (new.reason <> 'closed' or answerer_state is null);
end;

-- Remembered once. A member that is not known (its own rows were lost in a gap) is owed nothing.
create temp trigger leave_owed instead of insert on other_record when new.kind = 'leave_owed' begin
    insert into owed_leave (member_id, connector, leaver)
    select id, new.name, new.peer_member from member where id = new.member
    on conflict (member_id, leaver, connector) do nothing;
end;

create temp trigger overflowed instead of insert on other_record when new.kind = 'overflowed' begin
    update member set overflowed = true where id = new.member;
end;

-- The last row of each group: that the server lives, and which group this is. Of those who have left, the latest 65,536
-- are remembered.
create temp trigger group_ends instead of insert on record when new.kind = 'group' begin
    delete from gone_member where id <= (select max(id) from gone_member) - 65536;
    update heartbeat set at = new.at, group_no = new.seq where id = 1;
end;
