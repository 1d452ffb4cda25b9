// chatroom-server's own tables, made by its own migrations, and for each join and leave the same rows in them.

import { createHash, randomFillSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const MIGRATIONS = new URL("../../migrations/", import.meta.url);
/** How many of those who left are remembered. */
const REMEMBERED = 65_536;

/** An id that sorts by its time (UUIDv7), as the bytes that the tables keep. */
const orderedId = (now) => {
  const id = randomFillSync(Buffer.allocUnsafe(16));
  id.writeUIntBE(now, 0, 6);
  id[6] = (id[6] & 0x0f) | 0x70;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
};

const bytesOf = (uuid) => Buffer.from(uuid.replaceAll("-", ""), "hex");

export const prepare = (database) => {
  // PostgreSQL's are in a folder of their own.
  for (const name of readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")).sort()) {
    database.exec(readFileSync(new URL(name, MIGRATIONS), "utf8"));
  }
  const sql = (text) => database.prepare(text);
  const prepared = {
    start: sql("insert into session (id, room, started_at) values (?, ?, ?)"),
    end: sql("update session set ended_at = ? where id = ?"),
    count: sql("update session set peak_participants = ?, participant_count = participant_count + ? where id = ?"),
    appear: sql("insert into participant (id, session_id, username, joined_at) values (?, ?, ?, ?)"),
    comeBack: sql("update participant set left_at = null, leave_reason = null where id = ?"),
    go: sql("update participant set left_at = ?, leave_reason = 'left' where id = ?"),
    connect: sql(`insert into connection (session_id, participant_id, id, connected_at, opened_by)
                  values (?, ?, ?, ?, 'join')`),
    disconnect: sql(`update connection set away_until = ?, disconnected_at = ?, closed_by = 'left'
                     where session_id = ? and participant_id = ? and id = ?`),
    seat: sql(`insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
               values (?, ?, ?, ?, ?, ?, ?)`),
    unseat: sql("delete from member where id = ?"),
    remember: sql("insert into gone_member (session_id, member_id) values (?, ?)"),
    forget: sql(`delete from gone_member where id <= (select max(id) from gone_member) - ${REMEMBERED}`),
    event: sql("insert into event (at, session_id, participant_id, kind, detail) values (?, ?, ?, ?, ?)"),
    beat: sql("update heartbeat set at = ?, group_no = group_no + 1 where id = 1"),
  };
  return {
    started(room) {
      const now = Date.now();
      const session = { id: orderedId(now), people: new Map(), position: 0, peak: 0 };
      prepared.start.run(session.id, room, now);
      prepared.event.run(now, session.id, null, "session_started", null);
      return session;
    },
    joined(session, { id, memberId, username, members }) {
      const now = Date.now();
      let participant = session.people.get(username);
      const isNew = !participant;
      if (isNew) {
        participant = orderedId(now);
        session.people.set(username, participant);
        prepared.appear.run(participant, session.id, username, now);
      } else {
        prepared.comeBack.run(participant);
      }
      if (isNew || members > session.peak) {
        session.peak = Math.max(session.peak, members);
        prepared.count.run(session.peak, Number(isNew), session.id);
      }
      const [connection, member] = [orderedId(now), bytesOf(memberId)];
      const key = createHash("sha256").update(id).digest();
      prepared.connect.run(session.id, participant, connection, now);
      prepared.seat.run(member, session.id, participant, connection, key, session.position++, now);
      prepared.event.run(now, session.id, participant, "joined", `{"members":${members}}`);
      return { participant, connection, member };
    },
    left(session, { participant, connection, member }) {
      const now = Date.now();
      prepared.disconnect.run(now, now, session.id, participant, connection);
      prepared.go.run(now, participant);
      prepared.remember.run(session.id, member);
      prepared.unseat.run(member);
      prepared.event.run(now, session.id, participant, "left", '{"reason":"left"}');
    },
    ended(session) {
      const now = Date.now();
      prepared.end.run(now, session.id);
      prepared.event.run(now, session.id, null, "session_ended", null);
    },
    groupEnds() {
      prepared.forget.run();
      prepared.beat.run(Date.now());
    },
  };
};
