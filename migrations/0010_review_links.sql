-- Links by which somebody reads one session or one room. The links themselves are kept nowhere, nor what they are signed
-- with.

create table review_link (
    id         blob    not null primary key check (length(id) = 16),
    -- What it opens: one of these. With its session it goes.
    session_id blob    references session (id) on delete cascade,
    room       text,
    -- For whom it is.
    name       text    not null,
    -- Both by the wall clock, as it is for others to see.
    made_at    integer not null,
    expires_at integer not null,
    -- Which key it is signed with, as far as one byte tells: links of an earlier review token are good for nothing. More of
    -- it would help to guess the token.
    key_mark   integer not null check (key_mark between 0 and 255),
    check ((session_id is null) <> (room is null))
) strict, without rowid;

create index review_link_by_session on review_link (session_id) where session_id is not null;
