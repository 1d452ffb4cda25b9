-- What one page shows of a crowd is read without the crowd: a person's connections lie together within the session, as the
-- newest person's do at its end, where most are written; and who answered whom is found without reading all links of
-- either.

create table connection_anew (
    session_id      blob    not null references session (id) on delete cascade,
    -- Of that very session. A foreign key of its own would cost every join and leave an index more.
    participant_id  blob    not null,
    id              blob    not null check (length(id) = 16),
    connected_at    integer not null,
    disconnected_at integer,
    opened_by       text    not null,
    closed_by       text,
    away_until      integer,
    primary key (session_id, participant_id, id)
) strict, without rowid;
insert into connection_anew
select session_id, participant_id, id, connected_at, disconnected_at, opened_by, closed_by, away_until
from connection
order by session_id, participant_id, id;
drop table connection;
alter table connection_anew rename to connection;

drop index link_by_answerer;
create index link_by_answerer on link (answerer_id, offerer_id);
