// The least that says who was where from when until when, and who is there now: four tables, numbers for ids, and no
// index but the keys. Nothing in here finds a person's visits or a session's entries without reading all of them.

export const prepare = (database) => {
  database.exec(`
    create table session (id integer primary key, room text not null, started_at integer not null, ended_at integer) strict;
    create table visit (
      id integer primary key, session_id integer not null references session (id), username text not null,
      joined_at integer not null, left_at integer, leave_reason text
    ) strict;
    create table event (
      seq integer primary key, at integer not null, session_id integer not null, visit_id integer, kind text not null
    ) strict;
    create table member (visit_id integer primary key references visit (id), client_id text not null) strict;
  `);
  const prepared = {
    start: database.prepare("insert into session (room, started_at) values (?, ?)"),
    end: database.prepare("update session set ended_at = ? where id = ?"),
    join: database.prepare("insert into visit (session_id, username, joined_at) values (?, ?, ?)"),
    leave: database.prepare("update visit set left_at = ?, leave_reason = 'left' where id = ?"),
    seat: database.prepare("insert into member (visit_id, client_id) values (?, ?)"),
    unseat: database.prepare("delete from member where visit_id = ?"),
    event: database.prepare("insert into event (at, session_id, visit_id, kind) values (?, ?, ?, ?)"),
  };
  return {
    started(room) {
      const session = prepared.start.run(room, Date.now()).lastInsertRowid;
      prepared.event.run(Date.now(), session, null, "session_started");
      return session;
    },
    joined(session, { id, username }) {
      const now = Date.now();
      const visit = prepared.join.run(session, username, now).lastInsertRowid;
      prepared.seat.run(visit, id);
      prepared.event.run(now, session, visit, "joined");
      return visit;
    },
    left(session, visit) {
      const now = Date.now();
      prepared.leave.run(now, visit);
      prepared.unseat.run(visit);
      prepared.event.run(now, session, visit, "left");
    },
    ended(session) {
      prepared.end.run(Date.now(), session);
      prepared.event.run(Date.now(), session, null, "session_ended");
    },
  };
};
