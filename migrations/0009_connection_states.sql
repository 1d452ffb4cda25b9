-- What the pages said of their ends of a link: the last word of each, when, and by which path; and when one first said that
-- it was connected. An end that said nothing has none.
alter table link add column offerer_state text;
alter table link add column offerer_state_at integer;
alter table link add column offerer_path text;
alter table link add column answerer_state text;
alter table link add column answerer_state_at integer;
alter table link add column answerer_path text;
alter table link add column connected_at integer;
