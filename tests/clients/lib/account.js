/** What an actor's doings leave in the journal. */
const COUNTED = new Set(['joined', 'left', 'disconnected', 'reconnected']);

/** What belongs to a session, and to nobody in it. */
const OF_SESSION = new Set(['session_started', 'session_ended']);

/**
 * Holds the history of some rooms against what was done in them.
 *
 * @param {import('./rest.js').Rest} rest
 * @param {Map<string, import('./actor.js').Actor[]>} rooms everyone who was ever in them
 * @returns {Promise<{differences: string[], counts: Record<string, number>}>} no differences: nothing missing, nothing twice, all in order
 */
export async function account(rest, rooms) {
  const differences = [];
  const counts = {};
  const seen = new Set();
  for (const [roomname, actors] of rooms) {
    const events = await journal(rest, roomname);
    differences.push(...irregular(events, seen).map((what) => `${roomname}: ${what}`));
    for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
    const names = new Set(actors.map((actor) => actor.page.username));
    const strangers = events.filter(({ kind, username }) => !OF_SESSION.has(kind) && !names.has(username));
    if (strangers.length > 0) differences.push(`${roomname}: ${JSON.stringify(strangers)} of nobody who was there`);
    for (const { page, expected } of actors) {
      const own = events.filter((event) => event.username === page.username && COUNTED.has(event.kind)).map(kindOf);
      if (!matches(expected, own)) differences.push(`${roomname}, ${page.username}: did ${text(expected)}, history has ${own.join(' ')}`);
    }
  }
  return { differences, counts };
}

/** All events of a room, over all its sessions. @param {import('./rest.js').Rest} rest @param {string} room */
async function journal(rest, room) {
  const sessions = await rest.list('/sessions', { room, order: 'asc', limit: 2 });
  const events = [];
  for (const { id } of sessions) {
    events.push(...(await rest.list(`/sessions/${id}/events`, { limit: 50 })).map((event) => ({ ...event, of: id })));
  }
  return events;
}

/** What no journal may hold, whoever did what. @param {any[]} events @param {Set<number>} seen the numbers of all rooms' events */
function irregular(events, seen) {
  const found = [];
  let last = 0;
  for (const event of events) {
    const { seq, kind, of, sessionId } = event;
    if (seq <= last) found.push(`event ${seq} after ${last}`);
    if (seen.has(seq)) found.push(`event ${seq} twice`);
    if (sessionId !== of) found.push(`event ${seq} of another session`);
    if (!COUNTED.has(kind) && !OF_SESSION.has(kind)) found.push(`unexpected ${JSON.stringify(event)}`);
    seen.add(seq);
    last = seq;
  }
  return found;
}

/** @param {{kind: string, detail?: {reason?: string}}} event */
function kindOf({ kind, detail }) {
  return kind === 'left' ? `left:${detail?.reason}` : kind;
}

/** @param {import('./actor.js').Expected[]} expected @param {string[]} kinds */
function matches(expected, kinds) {
  let at = 0;
  for (const { kind, isOptional } of expected) {
    if (kind.split('|').includes(kinds[at])) at += 1;
    else if (!isOptional) return false;
  }
  return at === kinds.length;
}

/** @param {import('./actor.js').Expected[]} expected */
function text(expected) {
  return expected.map(({ kind, isOptional }) => (isOptional ? `(${kind})` : kind)).join(' ');
}
