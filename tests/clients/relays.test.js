import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { Bystanders } from './lib/bystanders.js';
import { CANDIDATES } from './lib/peers.js';
import { scenarios } from './lib/scenarios.js';
import { until } from './lib/wait.js';

/** Values that a careless reading and writing of JSON would change. */
const OPAQUE = {
  null: null,
  'a number': 1.5e300,
  'numbers large and small': [9007199254740991, -0.5, 1e-7, 0],
  'a boolean': false,
  'an empty text': '',
  'an empty object': {},
  escapes: 'line\r\n\ttab "quotes" \\backslash\\ \u0000\u001f </script> \u2028\u2029',
  'text of the world': '视频会议 🎓👩‍🏫 ß é e\u0301 עברית \ud83d\ude00',
  'a lone surrogate': 'cut \ud83d here',
  'keys in their order': { z: 1, a: 2, 10: 3, 1: 4, ключ: 5, '': 6 },
  nested: { a: [{ b: [null, [[], {}]] }, 'c'], _placeholder: false },
};

scenarios('relays', {}, (open) => {
  for (const [what, value] of Object.entries(OPAQUE)) {
    test(`${what} passes unchanged through every opaque field`, async (t) => {
      const { ann, bo } = await passivePair(open(t));
      const expected = JSON.stringify(value);
      assert.deepEqual(await pass(ann, bo, 'offer', { connectorId: 'c', offer: value, streamType: 'user' }), {
        event: 'offer',
        payload: { remoteConnectorId: 'c', offer: value, memberId: ann.memberId, username: 'Ann', streamType: 'user' },
      });
      assert.equal(JSON.stringify(bo.heard.at(-1).payload.offer), expected);
      await pass(bo, ann, 'answer', { remoteConnectorId: 'c', connectorId: 'd', answer: value, streamType: 'user' });
      assert.equal(JSON.stringify(ann.heard.at(-1).payload.answer), expected);
      await pass(ann, bo, 'icecandidate', { remoteConnectorId: 'd', candidate: value });
      assert.equal(JSON.stringify(bo.heard.at(-1).payload.candidate), expected);
      await pass(ann, bo, 'reconnectWork', { type: 'x', data: value, connectorId: 'c' });
      assert.equal(JSON.stringify(bo.heard.at(-1).payload.data), expected);
    });
  }

  test('not even the way a value was written changes', async (t) => {
    const classroom = open(t);
    const { roomname } = classroom;
    const [ann, bo] = [await classroom.raw(), await classroom.raw()];
    const join = (username) => ({ id: randomUUID(), username, roomname });
    await ann.ask('join', JSON.stringify(join('Ann')));
    const { memberId } = await bo.ask('join', JSON.stringify(join('Bo')));
    const written = '{"b" : 1.0, "a":12345678901234567890123, "b":-0,"c":"\\u00e9\\/ \\ud83d", "d":1E+2 }';
    await ann.ask('offer', `{"offer":${written},"connectorId":"x","memberId":"${memberId}"}`);
    await until(() => bo.packets.some((packet) => packet.includes(written)), 'the offer as it was written');
  });

  test('every relay arrives in the words of its receiver', async (t) => {
    const { ann, bo } = await passivePair(open(t));
    await pass(ann, bo, 'offer', { connectorId: 'a', offer: 1, streamType: 'chalkboard' });
    assert.equal(bo.heard.at(-1).payload.streamType, 'chalkboard');
    await pass(bo, ann, 'answer', { remoteConnectorId: 'a', connectorId: 'b', answer: 2, streamType: 'chalkboard' });
    const { memberId } = bo;
    assert.deepEqual(ann.heard.at(-1).payload, { remoteConnectorId: 'b', connectorId: 'a', answer: 2, memberId });
    await pass(bo, ann, 'icecandidate', { remoteConnectorId: 'a', candidate: 3 });
    assert.deepEqual(ann.heard.at(-1), { event: 'icecandidate', payload: { connectorId: 'a', candidate: 3 } });
    await pass(bo, ann, 'reconnectWork', { type: 'offer', data: 4, connectorId: 'b' });
    const payload = { type: 'offer', data: 4, connectorId: 'a', memberId };
    assert.deepEqual(ann.heard.at(-1), { event: 'reconnect', payload });
  });

  test('what belongs to no connection of the two is refused and not passed on', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const before = bo.heard.length;
    const { memberId } = bo;
    const refusals = [
      await ann.ask('answer', { remoteConnectorId: 'x', connectorId: 'y', answer: 1, memberId }),
      await ann.ask('icecandidate', { remoteConnectorId: 'x', candidate: 1, memberId }),
      await ann.ask('reconnectWork', { type: 'offer', data: 1, connectorId: 'x', memberId }),
    ];
    const { id: connectorId } = ann.peers.with(memberId);
    for (const type of ['leave', 'getOffer']) {
      refusals.push(await ann.ask('reconnectWork', { type, data: 1, connectorId, memberId }));
    }
    for (const { ok, error } of refusals) assert.deepEqual([ok, error.type], [false, 'invalid']);
    assert.equal(bo.heard.length, before);
  });

  test('2,000 candidates each way at once arrive in order', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const numbers = Array.from({ length: 2_000 }, (_, number) => number);
    for (const numbered of numbers) {
      for (const [from, to] of [[ann, bo], [bo, ann]]) {
        const { remoteId, memberId } = from.peers.with(to.memberId);
        from.emit('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { numbered } });
      }
    }
    for (const page of [ann, bo]) {
      const heard = () => page.heardOf('icecandidate').slice(CANDIDATES);
      await page.until(() => heard().length >= numbers.length, 'the last candidate', 30_000);
      assert.deepEqual(heard().map(({ candidate }) => candidate.numbered), numbers);
    }
  });

  test('a description of 200 KB arrives byte for byte', async (t) => {
    const { ann, bo } = await passivePair(open(t));
    const line = 'a=x-note:声音 "quoted" \\ \u0007 🎧 é\r\n';
    const offer = { type: 'offer', sdp: line.repeat(Math.ceil(200_000 / Buffer.byteLength(line))), more: [null, 1.25, {}] };
    await pass(ann, bo, 'offer', { connectorId: 'a', offer, streamType: 'user' });
    assert.deepEqual(bo.heard.at(-1).payload.offer, offer);
    assert.ok(Buffer.byteLength(offer.sdp) >= 200_000);
  });

  test('relays before a join speak of no membership: it drops them, and only their callbacks are told', async (t) => {
    const classroom = open(t);
    const bo = classroom.page('Bo', { isPassive: true });
    await bo.join();
    const ann = classroom.page('Ann', { isPassive: true });
    await ann.connected();
    const early = Array.from({ length: 70 }, (_, number) => {
      return ann.ask('offer', { connectorId: 'x', memberId: bo.memberId, offer: number });
    });
    assert.equal((await ann.join()).ok, true);
    const acks = await Promise.all(early);
    assert.ok(acks.every(({ ok, error }) => ok === false && error.type === 'notJoined'), JSON.stringify(acks));
    // More than 64 are not even held, and that is an error.
    assert.equal(ann.heardOf('error').length, 6);
    await pass(ann, bo, 'offer', { connectorId: 'x', offer: 'after' });
    await bo.until(() => bo.heardOf('offer').length > 0, 'the offer');
    assert.deepEqual(bo.heardOf('offer').map(({ offer }) => offer), ['after']);
  });

  test('a message of over 1 MB cuts its sender off, who resumes by itself; nobody else notices', async (t) => {
    const classroom = open(t);
    const bystanders = await Bystanders.of(classroom);
    const [ann] = await classroom.joined('Ann');
    const [{ memberId }] = bystanders.pages;
    await ann.connectedWith(...bystanders.pages);
    for (let time = 1; time <= 2; time += 1) {
      ann.emit('offer', { connectorId: 'x', offer: 'x'.repeat(1_100_000), memberId, streamType: 'display' });
      const ack = await ann.resumed(time);
      assert.deepEqual([ack.ok, ack.resumed, ack.memberId], [true, true, ann.memberId]);
      assert.equal(ann.ends.length, time);
      assert.notEqual(ann.ends.at(-1), 'io server disconnect');
    }
    await bystanders.assertUndisturbed();
    assert.deepEqual(bystanders.pages.flatMap((page) => page.heardOf('leave')), []);
  });
});

/** Two members who take what they are told as it comes. @param {import('./lib/scenarios.js').Classroom} classroom */
async function passivePair(classroom) {
  const [ann, bo] = ['Ann', 'Bo'].map((username) => classroom.page(username, { isPassive: true }));
  await ann.join();
  await bo.join();
  await ann.until(() => ann.heard.length === 1, 'getOffer');
  return { ann, bo };
}

/**
 * Sends one relay, and gives what the receiver heard of it.
 *
 * @param {import('./lib/page.js').Page} from
 * @param {import('./lib/page.js').Page} to
 * @param {string} event
 * @param {object} fields
 */
async function pass(from, to, event, fields) {
  const before = to.heard.length;
  assert.deepEqual(await from.ask(event, { ...fields, memberId: to.memberId }), { ok: true });
  await to.until(() => to.heard.length > before, `the ${event}`);
  return to.heard.at(-1);
}
