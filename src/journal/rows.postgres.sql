-- What follows from each record, as rows.sql has it for the embedded file: a group of records is one call of
-- `write_group`, and so one transaction and one way to the database and back. These functions belong to the connection that
-- writes, and are no part of the tables: servers of neighbouring versions bring each its own. `{node}` and `{epoch}` are
-- whose connection it is.
--
-- Rows come as a list for each column, and are written in steps: those of a kind that touch different things by one statement.
-- All parts of a statement see what was there before it.
--
-- `greatest` ignores nulls, where the file's `max` does not.

-- What clients are told as written has to be on the disk, whatever a database is set to; who waits for replicas goes on to.
select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';

-- Which of the nodes this is.
select set_config('chatroom.node', '{node}', false);

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

-- What follows from rows of a kind, of which no two touch the same.
create function pg_temp.write_step(
    step text, is_in_order boolean,
    ats bigint[], sessions uuid[], participants uuid[], members uuid[], connections uuid[], previous_ones uuid[], links uuid[],
    peers uuid[], peer_members uuid[], client_keys bytea[], names text[], connectors bytea[], streams bytea[], reasons text[],
    untils bigint[], positions bigint[], counts bigint[], details text[]
) returns void language plpgsql as $$
begin
    case step

    -- Most who join were there before, and are not the most at once: then the session's row stays as it is.
    when 'joined' then
        with r as materialized (
            select * from unnest(ats, sessions, participants, members, connections, client_keys, names, positions, counts)
                as r (at, session, participant, member, connection, client_key, name, position, members)
        ), grown as materialized (
            select r.session, max(r.members) as most,
                count(*) filter (where not exists (select from participant where id = r.participant)) as newcomers
            from r group by r.session
        ), counted as (
            update session
            set peak_participants = greatest(peak_participants, most), participant_count = participant_count + newcomers
            from grown
            where id = grown.session and (peak_participants < most or newcomers > 0)
        ), people as (
            insert into participant (id, session_id, username, joined_at)
            select r.participant, r.session, r.name, r.at from r
            on conflict (id) do update set left_at = null, leave_reason = null where participant.left_at is not null
        ), sockets as (
            insert into connection (session_id, participant_id, id, connected_at, opened_by)
            select r.session, r.participant, r.connection, r.at, 'join' from r
        )
        insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
        select r.member, r.session, r.participant, r.connection, r.client_key, r.position, r.at from r;

    -- Whoever did not come back was last there before it was known, so the entry is later than that.
    when 'left' then
        with r as materialized (
            select * from unnest(sessions, participants, members, connections, reasons, untils) with ordinality
                as r (session, participant, member, connection, reason, until, place)
        ), sockets as (
            update connection
            set away_until = greatest(coalesce(disconnected_at, connected_at), r.until),
                disconnected_at = coalesce(disconnected_at, greatest(connected_at, r.until)),
                closed_by = coalesce(closed_by, r.reason)
            from r
            where session_id = r.session and participant_id = r.participant and id = r.connection
        ), people as (
            update participant set left_at = greatest(joined_at, r.until), leave_reason = r.reason
            from r where id = r.participant
        ), owed as (
            delete from owed_leave using r where member_id = r.member
        ), gone as (
            delete from member using r where id = r.member returning session_id, id, r.place
        )
        insert into gone_member (session_id, member_id) select session_id, id from gone order by place;

    when 'disconnected' then
        with r as materialized (
            select * from unnest(ats, sessions, participants, members, connections, reasons, untils)
                as r (at, session, participant, member, connection, reason, until)
        ), sockets as (
            update connection
            set disconnected_at = greatest(connected_at, r.at), closed_by = coalesce(r.reason, 'disconnected')
            from r
            where session_id = r.session and participant_id = r.participant and id = r.connection
        )
        update member set away_since = r.at, away_until = r.until, stopped_by = r.reason from r where id = r.member;

    when 'reconnected' then
        with r as materialized (
            select * from unnest(ats, sessions, participants, members, connections, previous_ones)
                as r (at, session, participant, member, connection, previous)
        ), counted as (
            update session set reconnect_count = reconnect_count + returns
            from (select r.session, count(*) as returns from r group by r.session) as own
            where id = own.session
        ), people as (
            update participant set reconnect_count = reconnect_count + 1 from r where id = r.participant
        ), before as (
            update connection
            set away_until = greatest(coalesce(disconnected_at, connected_at), r.at),
                disconnected_at = coalesce(disconnected_at, greatest(connected_at, r.at)),
                closed_by = coalesce(closed_by, 'replaced')
            from r
            where session_id = r.session and participant_id = r.participant and id = r.previous
        ), sockets as (
            insert into connection (session_id, participant_id, id, connected_at, opened_by)
            select r.session, r.participant, r.connection, r.at, 'reconnect' from r
        ), owed as (
            delete from owed_leave using r where member_id = r.member
        )
        update member set connection_id = r.connection, away_since = null, away_until = null, stopped_by = null
        from r where id = r.member;

    when 'link_offered' then
        with r as materialized (
            select * from unnest(ats, sessions, participants, members, links, peers, peer_members, connectors, streams)
                as r (at, session, participant, member, link, peer, peer_member, connector, stream)
        ), offered as (
            insert into link (session_id, id, offerer_id, answerer_id, stream_type, offered_at)
            select r.session, r.link, r.participant, r.peer, r.stream, r.at from r
        )
        insert into live_link (session_id, link_id, offerer_member, offerer_connector, answerer_member)
        select r.session, r.link, r.member, r.connector, r.peer_member from r;

    when 'link_answered' then
        with r as materialized (
            select * from unnest(ats, sessions, links, connectors) as r (at, session, link, connector)
        ), answered as (
            update link set answered_at = coalesce(answered_at, greatest(offered_at, r.at))
            from r where session_id = r.session and id = r.link
        )
        update live_link set answerer_connector = r.connector from r where session_id = r.session and link_id = r.link;

    when 'link_progress' then
        update link
        set offerer_candidates = (r.detail::json ->> 0)::bigint, answerer_candidates = (r.detail::json ->> 1)::bigint,
            renegotiations = (r.detail::json ->> 2)::bigint
        from unnest(sessions, links, details) as r (session, link, detail)
        where session_id = r.session and id = r.link;

    when 'link_closed' then
        with r as materialized (
            select * from unnest(ats, sessions, links, reasons, details) as r (at, session, link, reason, detail)
        ), closed as (
            update link
            set offerer_candidates = (r.detail::json ->> 0)::bigint, answerer_candidates = (r.detail::json ->> 1)::bigint,
                renegotiations = (r.detail::json ->> 2)::bigint,
                closed_at = greatest(offered_at, r.at), closed_by = r.reason
            from r where session_id = r.session and id = r.link
        )
        delete from live_link using r where session_id = r.session and link_id = r.link;

    -- Of what an end says the last counts, but that it closes what it has says nothing; what says when the two were
    -- connected is the first, of either.
    when 'offerer_reported' then
        update link
        set offerer_state = r.reason, offerer_state_at = greatest(offered_at, r.at),
            offerer_path = coalesce(r.detail, offerer_path),
            connected_at = coalesce(connected_at, case when r.until is not null then greatest(offered_at, r.until) end)
        from unnest(ats, sessions, links, reasons, untils, details) as r (at, session, link, reason, until, detail)
        where session_id = r.session and id = r.link and (r.reason <> 'closed' or offerer_state is null);

    when 'answerer_reported' then
        update link
        set answerer_state = r.reason, answerer_state_at = greatest(offered_at, r.at),
            answerer_path = coalesce(r.detail, answerer_path),
            connected_at = coalesce(connected_at, case when r.until is not null then greatest(offered_at, r.until) end)
        from unnest(ats, sessions, links, reasons, untils, details) as r (at, session, link, reason, until, detail)
        where session_id = r.session and id = r.link and (r.reason <> 'closed' or answerer_state is null);

    when 'error' then
        update session set error_count = error_count + errors
        from (select of, count(*) as errors from unnest(sessions) as of group by of) as own
        where id = of;

    when 'session_started' then
        -- One whose own end was lost in a gap: what else is written of it may come before or after. Each room is looked up by
        -- itself: joined, all open sessions were read for each.
        if not is_in_order
            and exists (
                select from unnest(names) as own (name)
                cross join lateral (select from session where room = own.name and ended_at is null offset 0) as open
            )
        then
            raise exception 'a session has not ended' using errcode = 'CR001';
        end if;
        perform pg_temp.end_lost_session(open.id, r.at, r.reason)
        from unnest(ats, names, reasons) as r (at, name, reason)
        cross join lateral (select id from session where room = r.name and ended_at is null offset 0) as open;
        insert into session (id, room, started_at)
        select r.session, r.name, r.at from unnest(ats, sessions, names) as r (at, session, name);

    -- Whoever did not come back left before it was known: the one whose leaving is recorded last may not be the one who
    -- left last. A session does not end before what somebody was told in it; its own entry is there already.
    when 'session_ended' then
        update session
        set ended_at = greatest(
            started_at,
            r.until,
            (select max(left_at) from participant where session_id = r.session),
            (
                select max(at) from (
                    select at, kind from event where session_id = r.session order by seq desc limit 1001
                ) as latest where kind not in ('left', 'session_ended')
            ))
        from unnest(sessions, untils) as r (session, until)
        where id = r.session;

    -- All of the session moves alike, so nothing in it gets longer or out of order.
    when 'calendar_moved' then
        update session set started_at = started_at + untils[1] where id = sessions[1];
        update participant set joined_at = joined_at + untils[1], left_at = left_at + untils[1]
        where session_id = sessions[1];
        update connection
        set connected_at = connected_at + untils[1], disconnected_at = disconnected_at + untils[1],
            away_until = away_until + untils[1]
        where session_id = sessions[1];
        update member
        set joined_at = joined_at + untils[1], away_since = away_since + untils[1], away_until = away_until + untils[1]
        where session_id = sessions[1];
        update link
        set offered_at = offered_at + untils[1], answered_at = answered_at + untils[1], closed_at = closed_at + untils[1],
            connected_at = connected_at + untils[1], offerer_state_at = offerer_state_at + untils[1],
            answerer_state_at = answerer_state_at + untils[1]
        where session_id = sessions[1];
        update event set at = at + untils[1] where session_id = sessions[1];

    -- Remembered once. A member that is not known (its own rows were lost in a gap) is owed nothing.
    when 'leave_owed' then
        insert into owed_leave (member_id, connector, leaver)
        select own.id, r.connector, r.peer_member
        from unnest(members, connectors, peer_members) with ordinality as r (member, connector, peer_member, place)
        cross join lateral (select id from member where member.id = r.member offset 0) as own
        order by r.place
        on conflict (member_id, leaver, connector) do nothing;

    when 'overflowed' then
        update member set overflowed = true where id = any (members);
    end case;
end $$;

-- Entries of the journal: those from one place to another of a group, whose numbers are their places after `base`.
create function pg_temp.write_entries(
    base bigint, ats bigint[], sessions uuid[], participants uuid[], kinds text[], details text[], first integer, last integer
) returns void language sql as $$
    insert into event (seq, at, session_id, participant_id, kind, detail)
    select base + first - 1 + place, at, session, participant, kind, detail
    from unnest(ats[first:last], sessions[first:last], participants[first:last], kinds[first:last], details[first:last])
        with ordinality as r (at, session, participant, kind, detail, place)
$$;

-- Writes rows in steps. `base` is what the numbers of their entries begin after; it gives that of the last.
create function pg_temp.write_rows(
    base bigint, is_in_order boolean, steps text[], last_rows integer[], last_entries integer[],
    entry_ats bigint[], entry_sessions uuid[], entry_participants uuid[], entry_kinds text[], entry_details text[],
    ats bigint[], sessions uuid[], participants uuid[], members uuid[], connections uuid[], previous_ones uuid[], links uuid[],
    peers uuid[], peer_members uuid[], client_keys bytea[], names text[], connectors bytea[], streams bytea[], reasons text[],
    untils bigint[], positions bigint[], counts bigint[], details text[]
) returns bigint language plpgsql as $$
declare
    written integer := 0;
    a integer := 1;
    b integer;
begin
    for step in 1 .. cardinality(steps) loop
        if last_entries[step] > written then
            perform pg_temp.write_entries(base, entry_ats, entry_sessions, entry_participants, entry_kinds, entry_details,
                written + 1, last_entries[step]);
            written := last_entries[step];
        end if;
        b := last_rows[step];
        perform pg_temp.write_step(steps[step], is_in_order, ats[a:b], sessions[a:b], participants[a:b], members[a:b],
            connections[a:b], previous_ones[a:b], links[a:b], peers[a:b], peer_members[a:b], client_keys[a:b], names[a:b],
            connectors[a:b], streams[a:b], reasons[a:b], untils[a:b], positions[a:b], counts[a:b], details[a:b]);
        a := b + 1;
    end loop;
    if cardinality(entry_ats) > written then
        perform pg_temp.write_entries(base, entry_ats, entry_sessions, entry_participants, entry_kinds, entry_details,
            written + 1, cardinality(entry_ats));
    end if;
    return base + cardinality(entry_ats);
end $$;
