-- What follows from each record, as rows.sql has it for the embedded file: a group of records is one call of
-- `write_group`, and so one transaction and one way to the database and back. These functions belong to the connection that
-- writes, and are no part of the tables: servers of neighbouring versions bring each its own. `{node}` and `{epoch}` are
-- whose connection it is.
--
-- `greatest` ignores nulls, where the file's `max` does not.

-- What clients are told as written has to be on the disk, whatever a database is set to; who waits for replicas goes on to.
select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';

-- That this server lives, and that no other has taken its place: the first statement of whatever writes.
create function pg_temp.fence() returns void language plpgsql as $$
begin
    update node set expires_at = clock_timestamp() + interval '{lease} ms' where id = {node} and epoch = {epoch};
    if not found then
        raise exception 'another chatroom-server has taken this database' using errcode = 'object_in_use';
    end if;
end $$;

-- The same for a group of records. It gives what the group's numbers begin after; null if it is written already, as it was
-- sent before by a connection that broke.
create function pg_temp.begin_group(number bigint, now bigint) returns bigint language plpgsql as $$
begin
    update node
    set group_no = number, alive_at = now, expires_at = clock_timestamp() + interval '{lease} ms'
    where id = {node} and epoch = {epoch} and group_no < number;
    if not found then
        perform pg_temp.fence();
        return null;
    end if;
    -- Of those who have left, the latest 65,536 are remembered.
    delete from gone_member where id <= (select max(id) from gone_member) - 65536;
    return (select seq_base + (pg_current_xact_id()::text::bigint << 12) from cluster);
end $$;

-- A session whose own end was lost in a gap, and what is still open in it.
create function pg_temp.end_lost_session(lost uuid, moment bigint, reason text) returns void language plpgsql as $$
begin
    update connection
    set away_until = greatest(coalesce(disconnected_at, connected_at), moment),
        disconnected_at = coalesce(disconnected_at, greatest(connected_at, moment)),
        closed_by = coalesce(closed_by, reason)
    where session_id = lost and away_until is null;
    delete from owed_leave where member_id in (select id from member where session_id = lost);
    delete from member where session_id = lost;
    update participant set left_at = greatest(joined_at, moment), leave_reason = reason
    where session_id = lost and left_at is null;
    update link set closed_at = greatest(offered_at, moment), closed_by = reason
    where session_id = lost and closed_at is null;
    delete from live_link where session_id = lost;
    update session set ended_at = greatest(started_at, moment) where id = lost;
end $$;

-- Writes what follows from rows, one after another. `base` is what `begin_group` gave, and `written` how many entries of the
-- journal the group has so far; it gives how many it has then.
create function pg_temp.write_rows(base bigint, written integer, list json) returns integer language plpgsql as $$
declare
    r record;
begin
    for r in
        select * from json_to_recordset(list) as listed (
            kind text, at bigint, session uuid, participant uuid, member uuid, connection uuid, previous uuid, link uuid,
            peer uuid, peer_member uuid, client_key bytea, name text, connector bytea, stream bytea, reason text,
            until bigint, position bigint, members bigint, detail text, is_entry boolean)
    loop
        case r.kind

        -- Most who join were there before, and are not the most at once: then the session's row stays as it is.
        when 'joined' then
            update session
            set peak_participants = greatest(peak_participants, r.members),
                participant_count = participant_count
                    + case when exists (select from participant where id = r.participant) then 0 else 1 end
            where id = r.session
              and (peak_participants < r.members or not exists (select from participant where id = r.participant));
            insert into participant (id, session_id, username, joined_at)
            values (r.participant, r.session, r.name, r.at)
            on conflict (id) do update set left_at = null, leave_reason = null where participant.left_at is not null;
            insert into connection (session_id, participant_id, id, connected_at, opened_by)
            values (r.session, r.participant, r.connection, r.at, 'join');
            insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
            values (r.member, r.session, r.participant, r.connection, r.client_key, r.position, r.at);

        -- Whoever did not come back was last there before it was known, so the entry is later than that.
        when 'left' then
            update connection
            set away_until = greatest(coalesce(disconnected_at, connected_at), r.until),
                disconnected_at = coalesce(disconnected_at, greatest(connected_at, r.until)),
                closed_by = coalesce(closed_by, r.reason)
            where session_id = r.session and participant_id = r.participant and id = r.connection;
            update participant set left_at = greatest(joined_at, r.until), leave_reason = r.reason
            where id = r.participant;
            insert into gone_member (session_id, member_id) select session_id, id from member where id = r.member;
            delete from owed_leave where member_id = r.member;
            delete from member where id = r.member;

        when 'disconnected' then
            update connection
            set disconnected_at = greatest(connected_at, r.at), closed_by = coalesce(r.reason, 'disconnected')
            where session_id = r.session and participant_id = r.participant and id = r.connection;
            update member set away_since = r.at, away_until = r.until, stopped_by = r.reason where id = r.member;

        when 'reconnected' then
            update session set reconnect_count = reconnect_count + 1 where id = r.session;
            update participant set reconnect_count = reconnect_count + 1 where id = r.participant;
            update connection
            set away_until = greatest(coalesce(disconnected_at, connected_at), r.at),
                disconnected_at = coalesce(disconnected_at, greatest(connected_at, r.at)),
                closed_by = coalesce(closed_by, 'replaced')
            where session_id = r.session and participant_id = r.participant and id = r.previous;
            insert into connection (session_id, participant_id, id, connected_at, opened_by)
            values (r.session, r.participant, r.connection, r.at, 'reconnect');
            update member set connection_id = r.connection, away_since = null, away_until = null, stopped_by = null
            where id = r.member;
            delete from owed_leave where member_id = r.member;

        when 'link_offered' then
            insert into link (session_id, id, offerer_id, answerer_id, stream_type, offered_at)
            values (r.session, r.link, r.participant, r.peer, r.stream, r.at);
            insert into live_link (session_id, link_id, offerer_member, offerer_connector, answerer_member)
            values (r.session, r.link, r.member, r.connector, r.peer_member);

        when 'link_answered' then
            update link set answered_at = coalesce(answered_at, greatest(offered_at, r.at))
            where session_id = r.session and id = r.link;
            update live_link set answerer_connector = r.connector where session_id = r.session and link_id = r.link;

        when 'link_progress' then
            update link
            set offerer_candidates = (r.detail::json ->> 0)::bigint, answerer_candidates = (r.detail::json ->> 1)::bigint,
                renegotiations = (r.detail::json ->> 2)::bigint
            where session_id = r.session and id = r.link;

        when 'link_closed' then
            update link
            set offerer_candidates = (r.detail::json ->> 0)::bigint, answerer_candidates = (r.detail::json ->> 1)::bigint,
                renegotiations = (r.detail::json ->> 2)::bigint,
                closed_at = greatest(offered_at, r.at), closed_by = r.reason
            where session_id = r.session and id = r.link;
            delete from live_link where session_id = r.session and link_id = r.link;

        -- Of what an end says the last counts, but that it closes what it has says nothing; what says when the two were
        -- connected is the first, of either.
        when 'offerer_reported' then
            update link
            set offerer_state = r.reason, offerer_state_at = greatest(offered_at, r.at),
                offerer_path = coalesce(r.detail, offerer_path),
                connected_at = coalesce(connected_at, case when r.until is not null then greatest(offered_at, r.until) end)
            where session_id = r.session and id = r.link and (r.reason <> 'closed' or offerer_state is null);

        when 'answerer_reported' then
            update link
            set answerer_state = r.reason, answerer_state_at = greatest(offered_at, r.at),
                answerer_path = coalesce(r.detail, answerer_path),
                connected_at = coalesce(connected_at, case when r.until is not null then greatest(offered_at, r.until) end)
            where session_id = r.session and id = r.link and (r.reason <> 'closed' or answerer_state is null);

        when 'error' then
            update session set error_count = error_count + 1 where id = r.session;

        when 'session_started' then
            perform pg_temp.end_lost_session(id, r.at, r.reason) from session where room = r.name and ended_at is null;
            insert into session (id, room, started_at) values (r.session, r.name, r.at);

        -- Whoever did not come back left before it was known: the one whose leaving is recorded last may not be the one who
        -- left last. A session does not end before what somebody was told in it.
        when 'session_ended' then
            update session
            set ended_at = greatest(
                started_at,
                r.until,
                (select max(left_at) from participant where session_id = r.session),
                (
                    select max(at) from (
                        select at, kind from event where session_id = r.session order by seq desc limit 1000
                    ) as latest where kind <> 'left'
                ))
            where id = r.session;

        -- All of the session moves alike, so nothing in it gets longer or out of order.
        when 'calendar_moved' then
            update session set started_at = started_at + r.until where id = r.session;
            update participant set joined_at = joined_at + r.until, left_at = left_at + r.until
            where session_id = r.session;
            update connection
            set connected_at = connected_at + r.until, disconnected_at = disconnected_at + r.until,
                away_until = away_until + r.until
            where session_id = r.session;
            update member
            set joined_at = joined_at + r.until, away_since = away_since + r.until, away_until = away_until + r.until
            where session_id = r.session;
            update link
            set offered_at = offered_at + r.until, answered_at = answered_at + r.until, closed_at = closed_at + r.until,
                connected_at = connected_at + r.until, offerer_state_at = offerer_state_at + r.until,
                answerer_state_at = answerer_state_at + r.until
            where session_id = r.session;
            update event set at = at + r.until where session_id = r.session;

        -- Remembered once. A member that is not known (its own rows were lost in a gap) is owed nothing.
        when 'leave_owed' then
            insert into owed_leave (member_id, connector, leaver)
            select id, r.connector, r.peer_member from member where id = r.member
            on conflict (member_id, leaver, connector) do nothing;

        when 'overflowed' then
            update member set overflowed = true where id = r.member;

        -- Only listed.
        when 'gap', 'action' then
        end case;

        if r.is_entry then
            written := written + 1;
            insert into event (seq, at, session_id, participant_id, kind, detail)
            values (base + written, r.at, r.session, r.participant, r.kind, r.detail);
        end if;
    end loop;
    return written;
end $$;

-- Writes a group that is nothing but rows. It gives the number of its last entry, or null if it is written already.
create function pg_temp.write_group(number bigint, now bigint, list json) returns bigint language plpgsql as $$
declare
    base bigint := pg_temp.begin_group(number, now);
begin
    if base is null then
        return null;
    end if;
    return base + pg_temp.write_rows(base, 0, list);
end $$;
