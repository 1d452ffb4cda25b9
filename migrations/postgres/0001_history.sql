-- The same tables as in the embedded file (migrations/), as of its version 11, and what PostgreSQL needs beside them.
--
-- Times are milliseconds UTC by the calendar of the server that writes, but for `expires_at`, which is the database's. What
-- clients word themselves and nobody compares, connectors and kinds of streams, is `bytea`: text takes no NUL. Everything
-- else is compared by its letters, whatever the database's language is. No foreign keys, as each would cost every row a look
-- and a lock: what hangs on a session is removed with it. Rows that are changed later leave room on their pages, so that a change
-- touches no index.

create table session (
    id                uuid   not null primary key,
    room              text   not null collate "C",
    started_at        bigint not null,
    ended_at          bigint,
    peak_participants bigint not null default 0,
    participant_count bigint not null default 0,
    reconnect_count   bigint not null default 0,
    error_count       bigint not null default 0
) with (fillfactor = 80);

-- A room has one open session at most.
create unique index session_open on session (room) where ended_at is null;
create index session_by_room on session (room, id);
-- Those that are open in the order of their start: they are few among all.
create index session_open_by_start on session (id) where ended_at is null;

-- One row per username of a session, however often they came back.
create table participant (
    id              uuid   not null primary key,
    session_id      uuid   not null,
    username        text   not null collate "C",
    joined_at       bigint not null,
    left_at         bigint,
    leave_reason    text   collate "C",
    reconnect_count bigint not null default 0
) with (fillfactor = 80);

create unique index participant_by_session on participant (session_id, username);
create index participant_by_username on participant (username, session_id);

-- One interval with a live socket. After it the member may be away until away_until (null while it still is).
create table connection (
    session_id      uuid   not null,
    participant_id  uuid   not null,
    id              uuid   not null,
    connected_at    bigint not null,
    disconnected_at bigint,
    opened_by       text   not null collate "C",
    closed_by       text   collate "C",
    away_until      bigint,
    primary key (session_id, participant_id, id)
) with (fillfactor = 80);

-- The append-only journal. seq is made of the transaction's number (see `cluster`), so it is never reused, and whatever is
-- committed later is above what could be read before.
create table event (
    seq            bigint not null primary key,
    at             bigint not null,
    session_id     uuid,
    participant_id uuid,
    kind           text   not null collate "C",
    -- JSON, but with texts that PostgreSQL's own types of it do not take.
    detail         text   collate "C"
);

create index event_by_session on event (session_id, seq) where session_id is not null;
create index event_without_session on event (at) where session_id is null;

-- One peer connection between two people.
create table link (
    session_id          uuid   not null,
    id                  uuid   not null,
    offerer_id          uuid   not null,
    answerer_id         uuid   not null,
    stream_type         bytea  not null,
    offered_at          bigint not null,
    answered_at         bigint,
    offerer_candidates  bigint not null default 0,
    answerer_candidates bigint not null default 0,
    renegotiations      bigint not null default 0,
    closed_at           bigint,
    closed_by           text   collate "C",
    offerer_state       text   collate "C",
    offerer_state_at    bigint,
    offerer_path        text   collate "C",
    answerer_state      text   collate "C",
    answerer_state_at   bigint,
    answerer_path       text   collate "C",
    connected_at        bigint,
    primary key (session_id, id)
) with (fillfactor = 70);

-- Of two, the latest first.
create index link_by_ends on link (offerer_id, answerer_id, id);
create index link_by_answerer on link (answerer_id, offerer_id);

-- Live state: what a restart needs to resume members. A row goes when its member leaves.
create table member (
    id             uuid    not null primary key,
    session_id     uuid    not null,
    participant_id uuid    not null,
    connection_id  uuid    not null,
    client_key     bytea   not null check (length(client_key) = 32),
    position       bigint  not null,
    joined_at      bigint  not null,
    away_since     bigint,
    away_until     bigint,
    overflowed     boolean not null default false,
    stopped_by     text    collate "C"
) with (fillfactor = 70);

create index member_by_session on member (session_id, position);

-- The two ends of a link that is open between members: whose connector is whose.
create table live_link (
    session_id         uuid  not null,
    link_id            uuid  not null,
    offerer_member     uuid  not null,
    offerer_connector  bytea not null,
    answerer_member    uuid  not null,
    answerer_connector bytea,
    primary key (session_id, link_id)
) with (fillfactor = 80);

-- The leaves that an away member has not been told of yet, in the order of their ids.
create table owed_leave (
    id        bigint not null generated always as identity primary key,
    member_id uuid   not null,
    connector bytea  not null,
    leaver    uuid   not null
);

create unique index owed_leave_once on owed_leave (member_id, leaver, connector);

-- Who has left an open session lately, in the order of leaving.
create table gone_member (
    id         bigint not null generated always as identity primary key,
    session_id uuid   not null,
    member_id  uuid   not null
);

-- What the review's cookies are signed with, beside the token; and which of them were signed out before they ended.
create table review_secret (
    id   smallint not null primary key check (id = 1),
    salt bytea    not null check (length(salt) = 32)
);
insert into review_secret (id, salt)
values (1, sha256(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')));

create table review_sign_out (
    id         uuid   not null primary key,
    -- When the cookie ends by itself: then the row says nothing any more.
    expires_at bigint not null
);

-- Links by which somebody reads one session or one room. The links themselves are kept nowhere, nor what they are signed
-- with.
create table review_link (
    id         uuid     not null primary key,
    -- What it opens: one of these. With its session it goes.
    session_id uuid,
    room       text     collate "C",
    -- For whom it is.
    name       text     not null collate "C",
    -- Both by the wall clock, as it is for others to see.
    made_at    bigint   not null,
    expires_at bigint   not null,
    -- Which key it is signed with, as far as one byte tells: links of an earlier review token are good for nothing. More of
    -- it would help to guess the token.
    key_mark   smallint not null check (key_mark between 0 and 255),
    check ((session_id is null) <> (room is null))
);

create index review_link_by_session on review_link (session_id) where session_id is not null;

-- What the list of sessions says of each that is over, so that it need not look at all its people and links every time. It
-- follows from the other tables: where a row is missing, or of another form, it is worked out anew. Nobody's name is in it.
create table session_glance (
    session_id uuid   not null primary key,
    -- How `glance` is written: another program may need another one.
    form       bigint not null,
    glance     text   not null collate "C"
);

-- Who writes. Its first statement of every transaction says that it lives, and which group of records this is, and finds
-- no row once another has taken its place: then nothing of it is written any more.
create table node (
    id         smallint    not null primary key check (id between 1 and 4095),
    -- Grows each time somebody takes the place.
    epoch      bigint      not null,
    -- 'stopped' if it stopped on purpose; else, if it does not live, it crashed.
    state      text        not null collate "C" check (state in ('active', 'stopped')),
    group_no   bigint      not null,
    -- When it was last known to live, by its own calendar, as everything in the history.
    alive_at   bigint      not null,
    -- Until when nobody else takes its place, by the database's clock.
    expires_at timestamptz not null
);

-- What is added to a transaction's number to make `seq`: more than nothing if the tables came from another server, whose
-- transactions had larger numbers.
create table cluster (
    id       smallint not null primary key check (id = 1),
    seq_base bigint   not null
);
insert into cluster (id, seq_base) values (1, 0);
