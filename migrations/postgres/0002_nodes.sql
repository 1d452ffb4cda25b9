-- Several servers on one history: which of them drives which room.

-- How the other nodes reach it; null if it does not want any beside it.
alter table node add column address text collate "C";
-- A code of its CLUSTER_SECRET, which does not tell it: nodes with different ones cannot be beside each other.
alter table node add column secret_fingerprint bytea;

-- Rooms that somebody drives. A row is made when its first member comes, and goes after its session; while a room has an open
-- session in a history of several nodes, it has a row.
create table room (
    name          text     not null primary key collate "C",
    node          smallint not null,
    -- The node's, when it took the room: it is a dead node's room if that has another one now.
    epoch         bigint   not null,
    -- What another node, or an earlier run of this one, has left open in it is not closed yet.
    is_recovering boolean  not null default false
);

create index room_by_node on room (node);
create index room_recovering on room (node) where is_recovering;

-- The sessions whose loose ends the connection that asks is about to close.
create view recovering as
    select session.id
    from room join session on session.room = room.name
    where room.is_recovering and room.node = current_setting('chatroom.node', true)::smallint and session.ended_at is null;
