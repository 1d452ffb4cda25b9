-- Entries that belong to no session (what was refused before a join) are found by their time, to be removed or erased.
create index event_without_session on event (at) where session_id is null;
