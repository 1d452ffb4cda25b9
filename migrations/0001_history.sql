-- What is kept of every class: sessions, people, their connections, the links between them, and the journal.
-- Times are integer milliseconds UTC. Ids are UUIDv7 in 16 bytes; a session's carries its start, so ids sort by start.

create table session (
    id                blob    not null primary key check (length(id) = 16),
    room              text    not null,
    started_at        integer not null,
    ended_at          integer,
    peak_participants integer not null default 0,
    participant_count integer not null default 0,
    reconnect_count   integer not null default 0,
    error_count       integer not null default 0
) strict, without rowid;

-- A room has one open session at most.
create unique index session_open on session (room) where ended_at is null;
create index session_by_room on session (room, id);

-- One row per username of a session, however often they came back.
create table participant (
    id              blob    not null primary key check (length(id) = 16),
    session_id      blob    not null references session (id) on delete cascade,
    username        text    not null,
    joined_at       integer not null,
    left_at         integer,
    leave_reason    text,
    reconnect_count integer not null default 0
) strict, without rowid;

create unique index participant_by_session on participant (session_id, username);
create index participant_open on participant (session_id) where left_at is null;
create index participant_by_username on participant (username, session_id);

-- One interval with a live socket. After it the member may be away until away_until (null while it still is).
create table connection (
    id              blob    not null primary key check (length(id) = 16),
    participant_id  blob    not null references participant (id) on delete cascade,
    connected_at    integer not null,
    disconnected_at integer,
    opened_by       text    not null,
    closed_by       text,
    away_until      integer
) strict, without rowid;

create index connection_by_participant on connection (participant_id, connected_at);
create index connection_open on connection (participant_id) where away_until is null;

-- The append-only journal. seq is never reused, even after rows are deleted.
-- participant_id refers to a participant of that very session, and goes with the session: a foreign key of its own
-- would cost every entry a second index, or every removal a look at all entries.
create table event (
    seq            integer primary key autoincrement,
    at             integer not null,
    session_id     blob    references session (id) on delete cascade,
    participant_id blob,
    kind           text    not null,
    detail         text
) strict;

create index event_by_session on event (session_id, seq) where session_id is not null;

-- One peer connection between two people.
create table link (
    id                  blob    not null primary key check (length(id) = 16),
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
    closed_by           text
) strict, without rowid;

create index link_by_session on link (session_id);
create index link_open on link (session_id) where closed_at is null;
create index link_by_offerer on link (offerer_id);
create index link_by_answerer on link (answerer_id);

-- Live state: what a restart needs to resume members. A row goes when its member leaves.
create table member (
    id             blob    not null primary key check (length(id) = 16),
    session_id     blob    not null references session (id) on delete cascade,
    participant_id blob    not null references participant (id) on delete cascade,
    connection_id  blob    not null references connection (id) on delete cascade,
    client_key     blob    not null check (length(client_key) = 32),
    position       integer not null,
    joined_at      integer not null,
    away_since     integer,
    away_until     integer,
    overflowed     integer not null default 0,
    stopped_by     text
) strict, without rowid;

create index member_by_session on member (session_id, position);
create index member_by_participant on member (participant_id);
create index member_by_connection on member (connection_id);

-- The two ends of a link that is open between members: whose connector is whose.
create table live_link (
    link_id            blob not null primary key references link (id) on delete cascade,
    session_id         blob not null references session (id) on delete cascade,
    offerer_member     blob not null,
    offerer_connector  text not null,
    answerer_member    blob not null,
    answerer_connector text
) strict, without rowid;

create index live_link_by_session on live_link (session_id);

-- The leaves that an away member has not been told of yet, in the order of their ids.
create table owed_leave (
    id        integer primary key,
    member_id blob    not null references member (id) on delete cascade,
    connector text    not null,
    leaver    blob    not null
) strict;

create unique index owed_leave_once on owed_leave (member_id, leaver, connector);

-- When the server was last known to live, how it stopped, and which group of records was committed last
-- (so that a group whose commit was never answered is not written twice).
create table heartbeat (
    id         integer primary key check (id = 1),
    at         integer not null,
    clean_stop integer not null default 0,
    group_no   integer not null default 0
) strict;

insert into heartbeat (id, at) values (1, 0);

-- So that a file of another program is never taken for ours ("ChRS").
pragma application_id = 1130910291;
