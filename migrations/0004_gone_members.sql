-- Who has left an open session lately: what is still sent to them is dropped quietly, also after a restart. Places are
-- taken again in turn, so that a session keeps a bounded number.
create table gone_member (
    session_id blob    not null references session (id) on delete cascade,
    place      integer not null,
    member_id  blob    not null,
    primary key (session_id, place)
) strict, without rowid;
