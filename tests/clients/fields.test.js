import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { Bystanders } from './lib/bystanders.js';
import { scenarios } from './lib/scenarios.js';
import { until } from './lib/wait.js';

const DEPTH = 10_000;

/** A field that must be right; one that may be anything, as it is passed on or not needed. */
const [NEEDED, FREE] = ['needed', 'free'];

/** Every event with a payload of named fields, and what is asked of each field. `leave` takes anything. */
const EVENTS = {
  join: { id: NEEDED, username: NEEDED, roomname: NEEDED },
  reconnect: { id: NEEDED, roomname: NEEDED, username: FREE },
  offer: { connectorId: NEEDED, offer: FREE, memberId: NEEDED, streamType: FREE },
  answer: { remoteConnectorId: NEEDED, connectorId: NEEDED, answer: FREE, memberId: NEEDED, streamType: FREE },
  icecandidate: { remoteConnectorId: NEEDED, memberId: NEEDED, candidate: FREE },
  reconnectWork: { type: NEEDED, data: FREE, connectorId: NEEDED, memberId: NEEDED },
  hangup: { connectorId: NEEDED, memberId: NEEDED },
  connectionState: { connectorId: NEEDED, memberId: NEEDED, state: NEEDED, path: FREE },
};

/** No field that is needed may be any of these. */
const WRONG = {
  missing: undefined,
  null: null,
  'a number': 7,
  'a boolean': true,
  'an object': { toString: 'x' },
  'an array': ['x'],
  'an empty text': '',
  'an endless text': 'x'.repeat(100_000),
};

/** What may stand in place of the whole payload. */
const WRONG_PAYLOADS = [[], [null], ['text'], [7], [[]], [{}], [[{}]], [{}, 'more']];

scenarios('fields', {}, (open) => {
  for (const [event, fields] of Object.entries(EVENTS)) {
    test(`${event}: every field missing, null, of a wrong type`, async (t) => {
      const { ann, valid, bystanders } = await offender(open(t), event);
      for (const [field, need] of Object.entries(fields)) {
        for (const [what, value] of Object.entries(WRONG)) {
          const ack = await ann.ask(event, { ...valid, [field]: value });
          assertAnswer(ack, need, `${event} with ${field} ${what}`);
        }
      }
      await assertUnharmed(ann, bystanders);
    });

    test(`${event}: something else instead of the payload`, async (t) => {
      const { ann, bystanders } = await offender(open(t), event);
      for (const args of WRONG_PAYLOADS) {
        const ack = await ann.ask(event, ...args);
        assertAnswer(ack, NEEDED, `${event} with ${JSON.stringify(args)}`);
        await ann.until(() => ann.heardOf('error').at(-1)?.event === event, 'the error as an event');
      }
      for (const args of WRONG_PAYLOADS) ann.emit(event, ...args);
      await ann.until(() => ann.heardOf('error').length >= 2 * WRONG_PAYLOADS.length, 'an error for each without ack');
      await assertUnharmed(ann, bystanders);
    });

    test(`${event}: every field ${DEPTH} levels deep`, async (t) => {
      const { classroom, valid, bystanders } = await offender(open(t), event);
      const deep = '['.repeat(DEPTH) + ']'.repeat(DEPTH);
      for (const [field, need] of Object.entries(fields)) {
        const raw = await classroom.raw();
        // What is sent before is held, and answered with the join.
        const own = { id: randomUUID(), username: field, roomname: `${classroom.roomname}, another` };
        if (!('roomname' in fields)) await raw.ask('join', JSON.stringify(own));
        const payload = JSON.stringify({ ...valid, [field]: null }).replace(`"${field}":null`, `"${field}":${deep}`);
        const ack = await raw.ask(event, payload);
        if (ack !== null && need === NEEDED) assertAnswer(ack, need, `${event} with a deep ${field}`);
        raw.close();
      }
      await bystanders.assertUndisturbed();
    });

    test(`${event}: every field binary`, async (t) => {
      const { ann, valid, bystanders } = await offender(open(t), event);
      for (const field of Object.keys(fields)) {
        await assertNoticed(ann, event, { ...valid, [field]: Buffer.from([0, 1, 2, 255]) });
      }
      await assertNoticed(ann, event, Buffer.alloc(1_000));
      await bystanders.assertUndisturbed();
    });
  }

  test('leave: anything is a leave', async (t) => {
    const { ann, bystanders } = await offender(open(t), 'leave');
    const entries = Object.values(WRONG).flatMap((value) => [value, { memberId: value, remoteConnectorId: value }]);
    for (const list of [...Object.values(WRONG), entries, Array(5_000).fill({ memberId: randomUUID() })]) {
      assert.deepEqual(await ann.ask('leave', list), { ok: true });
      assert.equal((await ann.join()).ok, true);
    }
    await assertUnharmed(ann, bystanders);
  });

  test('names of limits and oddities are refused or kept as they are', async (t) => {
    const { ann, valid, bystanders } = await offender(open(t), 'join');
    for (const username of ['   ', 'tab\there', 'x'.repeat(65), 'nul\u0000', '\u0085x\u009f']) {
      assertAnswer(await ann.ask('join', { ...valid, username }), NEEDED, `the name ${JSON.stringify(username)}`);
    }
    for (const roomname of ['\n', 'x'.repeat(129), 'a\u0007b']) {
      assertAnswer(await ann.ask('join', { ...valid, roomname }), NEEDED, `the room ${JSON.stringify(roomname)}`);
    }
    await assertUnharmed(ann, bystanders);
    for (const username of ['课'.repeat(64), '__proto__', 'null', "Robert'); drop table session;--", '<script>']) {
      const ack = await ann.ask('join', { ...valid, username, roomname: `${valid.roomname} ${randomUUID()}` });
      assert.deepEqual(ack.members?.map((one) => one.username), [username]);
    }
  });

  test('unknown events, and more arguments than wanted', async (t) => {
    const { ann, bystanders } = await offender(open(t), 'icecandidate');
    for (const event of ['nonsense', '', '__proto__', 'getOffer', 'x'.repeat(10_000), '离开']) {
      ann.emit(event, { memberId: ann.memberId });
      ann.emit(event);
    }
    ann.emit('error', { type: 'repeat' });
    await assertUnharmed(ann, bystanders);
  });
});

/**
 * A member who is about to misbehave, with an accomplice for what is addressed to somebody, and two bystanders in the same room.
 *
 * @param {import('./lib/scenarios.js').Classroom} classroom
 * @param {string} event
 */
async function offender(classroom, event) {
  const [ann, accomplice] = ['Ann', 'Accomplice'].map((username) => classroom.page(username, { isPassive: true }));
  await ann.join();
  await accomplice.join();
  const bystanders = await Bystanders.of(classroom);
  const { roomname } = classroom;
  const identity = { id: randomUUID(), username: randomUUID(), roomname };
  const ends = { connectorId: 'c', remoteConnectorId: 'd', memberId: accomplice.memberId, streamType: 'user' };
  const opaque = { offer: 'x', answer: 'x', candidate: 'x', data: 'x', type: 'x', state: 'connected', path: 'host' };
  const all = { ...identity, ...ends, ...opaque };
  const valid = Object.fromEntries(Object.keys(EVENTS[event] ?? {}).map((field) => [field, all[field]]));
  if ('id' in valid) valid.id = ann.id;
  return { classroom, ann, bystanders, valid };
}

/** @param {any} ack @param {string} need @param {string} what */
function assertAnswer(ack, need, what) {
  if (ack.ok === true && need === FREE) return;
  assert.equal(ack.ok, false, `${what}: ${JSON.stringify(ack)}`);
  assert.ok(['invalid', 'unknownMember'].includes(ack.error.type), `${what}: ${JSON.stringify(ack)}`);
  assert.ok(ack.error.message.length > 5, `${what}: ${JSON.stringify(ack)}`);
}

/** Binary is no part of the contract: it is refused aloud, or the sender is cut off, or what is free passes. @param {import('./lib/page.js').Page} page @param {string} event @param {any} payload */
async function assertNoticed(page, event, payload) {
  await page.connected();
  const ends = page.ends.length;
  let answer = null;
  page.ask(event, payload).then((ack) => { answer = ack; }, () => {});
  await until(() => answer !== null || page.ends.length > ends, `${event} with something binary is noticed`);
}

/** @param {import('./lib/page.js').Page} page @param {Bystanders} bystanders */
async function assertUnharmed(page, bystanders) {
  assert.equal((await page.ask('leave', [])).ok, true);
  assert.equal((await page.join()).ok, true);
  assert.deepEqual(page.ends, []);
  await bystanders.assertUndisturbed();
}
