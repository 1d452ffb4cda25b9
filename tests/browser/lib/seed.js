import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import initSqlJs from 'sql.js';

const MINUTE = 60_000;

/** Names that a page has to survive. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  `"><img src=x onerror='alert(2)'>`,
  '\u202Etxet desrever\u202C',
  '\u202E\u200B',
  'אבג דהו',
  '😀'.repeat(64),
  'a/b?c=d#e%2F',
  '..',
];

/**
 * Writes classes of the past into the database of a server that does not run, row by row as its journal would.
 *
 * @param {import('../../clients/lib/server.js').Server} server
 * @param {number} now
 */
export async function seed(server, now = Date.now()) {
  const db = new Rows();
  const hour = 60 * MINUTE;
  // By day wherever a test's reader is: no class is over somebody's midnight but the one that is meant to be.
  const yesterday = dayOf(now) - 24 * hour + 9 * hour;
  const ids = {
    lesson: lesson(db, yesterday - hour),
    chemistry: chemistry(db, yesterday),
    hostile: hostile(db, yesterday - 24 * hour),
    // Over midnight, where moments are longest to write: a table has to hold them at any width.
    long: long(db, dayOf(yesterday - 48 * hour) + 20 * hour),
    night: night(db),
    names: names(db, yesterday - 72 * hour),
  };
  for (let week = 1; week <= 60; week += 1) small(db, yesterday - week * 7 * 24 * hour);
  if (server.schema) await server.schema.fill(db.tables);
  else await db.writeTo(server.file);
  return ids;
}

/** When a day began, in UTC. */
const dayOf = (at) => at - (at % (24 * 60 * MINUTE));

/** What is to be written, by table. */
class Rows {
  /** @type {Map<string, Array<Record<string, unknown>>>} */
  tables = new Map();

  add(table, row) {
    const rows = this.tables.get(table) ?? [];
    rows.push(row);
    this.tables.set(table, rows);
  }

  addEvent(row) {
    this.add('event', { seq: (this.tables.get('event')?.length ?? 0) + 1, ...row });
  }

  async writeTo(file) {
    const SQL = await initSqlJs();
    const db = new SQL.Database(await readFile(file));
    for (const [table, rows] of this.tables) {
      const names = Object.keys(rows[0]);
      const marks = names.map(() => '?').join(', ');
      const insert = db.prepare(`insert into ${table} (${names.join(', ')}) values (${marks})`);
      for (const row of rows) insert.run(Object.values(row));
      insert.free();
    }
    await writeFile(file, db.export());
    db.close();
  }
}

/** Seven people, 52 minutes: Ann and Li dropped and came back, Bo and Cy never connected, Di did not come back. */
function chemistry(db, start) {
  const session = new Session(db, 'Chemie 101', start, 52);
  const ann = session.person('Ann', [[0, 18, 'disconnected', 18.1], [18.1, 52, 'left']]);
  const bo = session.person('Bo', [[0.4, 52, 'left']]);
  const cy = session.person('Cy', [[1, 52, 'left']]);
  const di = session.person('Di', [[1.5, 31, 'disconnected', 31.25]], 'timeout');
  const li = session.person('Li', [[2, 12, 'disconnected', 12.2], [12.2, 30, 'disconnected', 30.2], [30.2, 51.5, 'left']]);
  const mo = session.person('Mo', [[2.2, 20, 'left'], [35, 51, 'left']]);
  const ye = session.person('叶子', [[9, 50, 'left']]);
  session.event(7, 'error', bo, { code: 'unknownMember', event: 'offer', message: 'Nobody of that memberId was ever in this room.' });
  session.event(9.5, 'error', null, { code: 'repeat', event: 'join', message: 'A user of this name is already in the room.' });
  const all = [ann, bo, cy, di, li, mo, ye];
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) session.link(one, other, !(one === bo && other === cy));
  }
  return session.end();
}

/** Twelve people, 53 minutes: three late, five drops that came back, one that did not, three pairs that failed. */
function lesson(db, start) {
  const session = new Session(db, 'Year 9 maths', start, 53);
  const drop = (from, at, back) => [[from, at, 'disconnected', back], [back, 53, 'left']];
  const people = {
    Amara: session.person('Amara', [[0, 53, 'left']]),
    Bo: session.person('Bo', [[0.2, 52.6, 'left']]),
    Chidi: session.person('Chidi', [[0.4, 27, 'disconnected', 28]], 'timeout'),
    Dana: session.person('Dana', drop(0.5, 11, 11.1)),
    Elif: session.person('Elif', [[0.6, 52.8, 'left']]),
    Femi: session.person('Femi', drop(0.8, 33, 33.4)),
    Grace: session.person('Grace', [[1, 20, 'disconnected', 20.1], [20.1, 20.5, 'disconnected', 20.6], [20.6, 53, 'left']]),
    Hugo: session.person('Hugo', [[1.1, 52.9, 'left']]),
    Ines: session.person('Ines', [[1.3, 53, 'left']]),
    Jonas: session.person('Jonas', [[9, 53, 'left']]),
    Kim: session.person('Kim', drop(12, 40, 41.5)),
    Léa: session.person('Léa', [[15.5, 52.7, 'left']]),
  };
  const names = Object.keys(people);
  for (const [index, one] of names.entries()) {
    for (const other of names.slice(index + 1)) {
      const pair = `${one} ${other}`;
      const isAnswered = !['Bo Dana', 'Bo Jonas'].includes(pair);
      const state = pair === 'Elif Kim' ? 'failed' : 'connected';
      session.link(people[one], people[other], isAnswered, isAnswered ? state : undefined);
    }
  }
  for (const minute of [9.1, 9.3]) session.event(minute, 'error', null, { code: 'repeat', event: 'join', message: 'Someone in this room already has this name.' });
  session.event(30, 'error', people.Hugo, { code: 'unknownMember', event: 'offer', message: 'memberId: no such member was ever in this room.' });
  return session.end();
}

function hostile(db, start) {
  const session = new Session(db, '<b>Räume</b> & "more" \u202Ekcab', start, 20);
  const people = HOSTILE.map((name, index) => session.person(name, [[index, 20, 'left']]));
  session.link(people[0], people[2], false);
  session.link(people[1], people[3], true);
  return session.end();
}

/** Sixty people for eight hours, of whom the first two connected. */
function long(db, start) {
  const session = new Session(db, 'Project day', start, 480);
  const people = [];
  for (let index = 0; index < 60; index += 1) {
    const drop = 30 + ((index * 37) % 400);
    const id = session.person(`Student ${String(index + 1).padStart(2, '0')}`, [
      [index / 10, drop, 'disconnected', drop + 0.2],
      [drop + 0.2, 480 - (index % 7), 'left'],
    ]);
    people.push(id);
  }
  session.link(people[0], people[1], true);
  return session.end();
}

/** Names as long as they may be, without a space, and of few letters: five people, of whom two dropped and one was lost. */
export const LONG = ['Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunter', '欧阳上官司马诸葛'.repeat(8), 'W'.repeat(64)];

function names(db, start) {
  const session = new Session(db, 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz'.repeat(2), start, 90);
  const [one, two, three] = [
    session.person(LONG[0], [[0, 40, 'disconnected', 41]], 'timeout'),
    session.person(LONG[1], [[1, 30, 'disconnected', 33], [33, 90, 'left']]),
    session.person(LONG[2], [[60, 88, 'disconnected', 89]], 'timeout'),
  ];
  const [ann, late] = [session.person('Ann O', [[0, 90, 'left']]), session.person('Late', [[62, 70, 'left']])];
  session.event(86, 'error', three, { code: 'unknownMember', event: 'offer', message: 'Nobody of that memberId was ever in this room.' });
  session.link(one, two, false);
  session.link(two, three, true, 'failed');
  session.link(three, ann, true, 'connected');
  session.link(ann, late, true, 'connected');
  return session.end();
}

/** Three hours in which Berlin's clock is put back: at 3 it is 2 again. */
function night(db) {
  const session = new Session(db, 'Night', Date.UTC(2025, 9, 25, 21, 30), 240);
  session.person('Owl', [[0, 239.5, 'left']]);
  session.person('Bat', [[179.5, 210.25, 'disconnected', 210.5], [210.5, 239, 'left']]);
  return session.end();
}

function small(db, start) {
  const session = new Session(db, 'Consultation', start, 15);
  const [ann, bo] = [session.person('Ann', [[0, 15, 'left']]), session.person('Bo', [[1, 15, 'left']])];
  session.link(ann, bo, true);
  session.end();
}

/** One session on its way into the tables. Times are minutes after its start. */
class Session {
  constructor(db, room, start, minutes) {
    Object.assign(this, { db, room, start, minutes, id: uuid(start), events: [], people: 0, back: 0, errors: 0, came: new Map() });
    this.event(0, 'session_started', null, null);
  }

  /**
   * @param {string} username
   * @param {Array<[number, number, string, number?]>} connections from, to, why it closed, and until when its owner was away
   * @param {string} reason why they left in the end
   */
  person(username, connections, reason = 'left') {
    const id = uuid(this.at(connections[0][0]));
    const last = connections.at(-1);
    this.came.set(id, connections[0][0]);
    let member = false;
    let back = 0;
    const rows = [];
    for (const [from, to, why, until] of connections) {
      this.people += member ? 0 : 1;
      if (member) back += 1;
      this.event(from, member ? 'reconnected' : 'joined', id, member ? null : { members: this.people });
      member = why === 'disconnected';
      const how = member ? ['disconnected', { why: 'closed', until: this.at(until) }] : ['left', { reason: why }];
      this.event(to, ...[how[0], id, how[1]]);
      rows.push({
        session_id: this.id, id: uuid(this.at(from)), participant_id: id, connected_at: this.at(from),
        disconnected_at: this.at(to),
        opened_by: back > 0 ? 'reconnect' : 'join', closed_by: why, away_until: until === undefined ? this.at(to) : this.at(until),
      });
    }
    if (member) this.event(last[3], 'left', id, { reason });
    this.back += back;
    this.db.add('participant', {
      id, session_id: this.id, username, joined_at: this.at(connections[0][0]), left_at: this.at(last[3] ?? last[1]),
      leave_reason: reason, reconnect_count: back,
    });
    for (const row of rows) this.db.add('connection', row);
    return id;
  }

  event(minute, kind, participant, detail) {
    this.events.push({ at: this.at(minute), kind, participant, detail });
  }

  /** @param {'connected' | 'failed'} [state] what the offering end's page said of it */
  link(offerer, answerer, answered, state) {
    const offered = Math.max(this.came.get(offerer), this.came.get(answerer)) + 0.01;
    this.db.add('link', {
      offerer_state: state ?? null, offerer_state_at: state ? this.at(offered + 0.05) : null,
      connected_at: state === 'connected' ? this.at(offered + 0.05) : null,
      id: uuid(this.at(offered)), session_id: this.id, offerer_id: offerer, answerer_id: answerer, stream_type: 'user',
      offered_at: this.at(offered), answered_at: answered ? this.at(offered + 0.01) : null, offerer_candidates: 5,
      answerer_candidates: answered ? 4 : 0, closed_at: this.at(this.minutes), closed_by: 'left',
    });
  }

  /** Gives the session's id as the pages write it. */
  end() {
    this.event(this.minutes + 1, 'session_ended', null, null);
    this.events.sort((one, other) => one.at - other.at);
    for (const { at, kind, participant, detail } of this.events) {
      this.errors += kind === 'error' ? 1 : 0;
      const text = detail && JSON.stringify(detail);
      this.db.addEvent({ at, session_id: this.id, participant_id: participant, kind, detail: text });
    }
    const count = this.came.size;
    this.db.add('session', {
      id: this.id, room: this.room, started_at: this.start, ended_at: this.at(this.minutes), participant_count: count,
      peak_participants: count, reconnect_count: this.back, error_count: this.errors,
    });
    const hex = Buffer.from(this.id).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  at(minute) {
    return this.start + Math.round(minute * MINUTE);
  }
}

/** A UUIDv7 of a moment. */
function uuid(at) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return new Uint8Array(bytes);
}
