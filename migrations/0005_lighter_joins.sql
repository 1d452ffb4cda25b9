-- Less to write for each join and leave: no index that only deletions need, and no row on a page of its own. What is read
-- together lies together: the connections and the links of a session.
--
-- A table that others refer to can only be made anew together with those: `drop table` would delete their rows.

create table member_anew (
    id             blob    not null primary key check (length(id) = 16),
    session_id     blob    not null references session (id) on delete cascade,
    -- Of that very session, and gone with it at the latest. Foreign keys of their own would cost every join and leave two
    -- indices more.
    participant_id blob    not null,
    connection_id  blob    not null,
    client_key     blob    not null check (length(client_key) = 32),
    position       integer not null,
    joined_at      integer not null,
    away_since     integer,
    away_until     integer,
    overflowed     integer not null default 0,
    stopped_by     text
) strict, without rowid;
insert into member_anew
select id, session_id, participant_id, connection_id, client_key, position, joined_at, away_since, away_until, overflowed,
       stopped_by
from member;

create table owed_leave_anew (
    id        integer primary key,
    member_id blob    not null references member_anew (id) on delete cascade,
    connector text    not null,
    leaver    blob    not null
) strict;
insert into owed_leave_anew select id, member_id, connector, leaver from owed_leave;

drop table owed_leave;
drop table member;
alter table member_anew rename to member;
alter table owed_leave_anew rename to owed_leave;
create index member_by_session on member (session_id, position);
create unique index owed_leave_once on owed_leave (member_id, leaver, connector);

create table connection_anew (
    session_id      blob    not null references session (id) on delete cascade,
    id              blob    not null check (length(id) = 16),
    -- Of that very session, as with members.
    participant_id  blob    not null,
    connected_at    integer not null,
    disconnected_at integer,
    opened_by       text    not null,
    closed_by       text,
    away_until      integer,
    primary key (session_id, id)
) strict, without rowid;
insert into connection_anew
select session_id, connection.id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until
from participant join connection on connection.participant_id = participant.id
order by session_id, connection.id;
drop table connection;
alter table connection_anew rename to connection;

create table link_anew (
    id                  blob    not null check (length(id) = 16),
    session_id          blob    not null references session (id) on delete cascade,
    offerer_id          blob    not null references participant (id) on delete cascade,
    answerer_id         blob    not null references participant (id) on delete cascade,
    stream_type         text    not null,
    offered_at          integer not null,
    answered_at         integer,
    offerer_candidates  integer not null default 0,
    answerer_candidates integer not null default 0,
    renegotiations      integer not null default 0,
    closed_at           integer,
    closed_by           text,
    primary key (session_id, id)
) strict, without rowid;
insert into link_anew
select id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at, offerer_candidates,
       answerer_candidates, renegotiations, closed_at, closed_by
from link
order by session_id, id;

create table live_link_anew (
    link_id            blob not null,
    session_id         blob not null references session (id) on delete cascade,
    offerer_member     blob not null,
    offerer_connector  text not null,
    answerer_member    blob not null,
    answerer_connector text,
    primary key (session_id, link_id),
    foreign key (session_id, link_id) references link_anew (session_id, id) on delete cascade
) strict, without rowid;
insert into live_link_anew
select link_id, session_id, offerer_member, offerer_connector, answerer_member, answerer_connector
from live_link;

drop table live_link;
drop table link;
alter table link_anew rename to link;
alter table live_link_anew rename to live_link;
create index link_by_ends on link (offerer_id, answerer_id);
create index link_by_answerer on link (answerer_id);

-- Who has left, in the order of leaving: rows are only added at one end and taken away at the other. (By session and
-- place, every leave wrote to a page of its room.)
create table gone_member_anew (
    id         integer primary key,
    session_id blob    not null references session (id) on delete cascade,
    member_id  blob    not null
) strict;
insert into gone_member_anew (session_id, member_id)
select session_id, member_id from gone_member order by session_id, place;
drop table gone_member;
alter table gone_member_anew rename to gone_member;

-- A start finds what is open through the sessions that are.
drop index participant_open;
