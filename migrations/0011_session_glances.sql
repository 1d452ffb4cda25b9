-- What the list of sessions says of each that is over, so that it need not look at all its people and links every time. It
-- follows from the other tables: where a row is missing, or of another form, it is worked out anew. Nobody's name is in it.

create table session_glance (
    session_id blob    not null primary key references session (id) on delete cascade,
    -- How `glance` is written: another program may need another one.
    form       integer not null,
    glance     text    not null
) strict, without rowid;
