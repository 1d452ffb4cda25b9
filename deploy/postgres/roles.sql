-- Two roles for a history in PostgreSQL, and its schema: who may change the tables, and who only writes and reads their
-- rows, as the server does from day to day. Once, as who may make roles, in the history's own database:
--
--   createdb --encoding=UTF8 --template=template0 chatroom
--   psql --dbname=chatroom --set=ON_ERROR_STOP=1 --single-transaction --file=roles.sql
--   psql --dbname=chatroom --command='\password chatroom_owner' --command='\password chatroom_server'
--
-- Then, and after each upgrade, `chatroom-server migrate` as chatroom_owner; `chatroom-server import` is the owner's as well.
-- The server itself runs as chatroom_server. Another schema than DATABASE_SCHEMA's default, or other names: change them here.

create role chatroom_owner login;
create role chatroom_server login;

create schema chatroom authorization chatroom_owner;
grant usage on schema chatroom to chatroom_server;
-- Of the tables that there will be, too. No `truncate`, no `references`, nothing of anybody else's.
alter default privileges for role chatroom_owner in schema chatroom
    grant select, insert, update, delete on tables to chatroom_server;

-- The functions that a connection writes with are its own, and temporary.
do $$
begin
    execute format('grant connect, temporary on database %I to chatroom_owner, chatroom_server', current_database());
end $$;
