import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';

scenarios('membership', {}, (open) => {
  test('the acknowledgement of a join lists everyone in the order they joined', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const cy = classroom.page('Cy');
    const ack = await cy.join();
    const members = [ann, bo, cy].map(({ memberId, username }) => ({ memberId, username }));
    assert.deepEqual(ack, { ok: true, memberId: cy.memberId, sessionId: ack.sessionId, resumed: false, members });
    assert.equal(typeof ack.sessionId, 'string');
    const ids = [ann, bo, cy].flatMap((page) => [page.id, page.socket.id, page.socket.io.engine.id]);
    assert.ok(!members.some(({ memberId }) => ids.includes(memberId)), 'the address of a member is no secret of it');
  });

  test('joining twice on one socket changes nothing', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const ack = await bo.ask('join', bo.identity());
    assert.deepEqual([ack.ok, ack.memberId, ack.members.length], [true, bo.memberId, 2]);
    await barrier(bo, ann);
    assert.equal(ann.heardOf('getOffer').length, 1);
    assert.deepEqual(ann.heardOf('leave'), []);
  });

  /** @type {Record<string, (page: import('./lib/page.js').Page) => any[]>} */
  const leaves = {
    'its connections listed': (page) => [page.peers.remoteEnds()],
    'an empty list': () => [[]],
    'no list': () => [],
    'a list of nonsense': () => [[null, 7, 'x', [], {}, { memberId: 1, remoteConnectorId: {} }, { memberId: randomUUID() }]],
    'something else than a list': () => ['{"not": "a list"}'],
  };
  for (const [what, args] of Object.entries(leaves)) {
    test(`a leave with ${what} tells every peer once, of its own connector`, async (t) => {
      const [ann, bo, cy] = await open(t).joined('Ann', 'Bo', 'Cy');
      const ends = [bo, cy].map((peer) => peer.peers.with(ann.memberId).id);
      ann.hasJoined = false;
      assert.deepEqual(await ann.ask('leave', ...args(ann)), { ok: true });
      for (const [index, peer] of [bo, cy].entries()) {
        await peer.until(() => peer.heardOf('leave').length > 0, 'the leave');
        await barrier(index === 0 ? cy : bo, peer);
        assert.deepEqual(peer.heardOf('leave'), [{ connectorId: ends[index], memberId: ann.memberId }]);
        assert.equal(peer.peers.connectors.size, 1);
      }
    });
  }

  test('a leave without an acknowledgement is a leave', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    ann.emit('leave', ann.peers.remoteEnds());
    await bo.until(() => bo.peers.connectors.size === 0, 'the leave');
  });

  test('who has left may join again on the same socket, and is somebody new', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const { memberId } = ann;
    assert.equal((await ann.leave()).ok, true);
    const ack = await ann.join();
    assert.deepEqual([ack.ok, ack.resumed], [true, false]);
    assert.notEqual(ack.memberId, memberId);
    await ann.connectedWith(bo);
    assert.deepEqual(ann.ends, []);
  });

  test('who has left is not resumed', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    await ann.leave();
    const ack = await ann.ask('reconnect', ann.identity());
    ann.enter(ack);
    assert.deepEqual([ack.ok, ack.resumed], [true, false]);
    await ann.connectedWith(bo);
  });

  test('who joins another room leaves the first', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const other = `${classroom.roomname} next door`;
    const cy = classroom.page('Cy', { roomname: other });
    await cy.join();
    ann.roomname = other;
    ann.peers.clear();
    const { memberId } = ann;
    const ack = await ann.join();
    assert.deepEqual(ack.members.map((one) => one.username), ['Cy', 'Ann']);
    await ann.connectedWith(cy);
    await bo.until(() => bo.peers.connectors.size === 0, 'the leave');
    assert.deepEqual(bo.heardOf('leave').map((leave) => leave.memberId), [memberId]);
    assert.deepEqual((await classroom.server.rest.members(classroom.roomname)).map((one) => one.username), ['Bo']);
  });

  test('a page that reconnects to another room than its own joins there', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.settle();
    await ann.drop();
    ann.roomname = `${classroom.roomname} next door`;
    const ack = await ann.comeBack();
    assert.deepEqual([ack.ok, ack.resumed, ack.members.length], [true, false, 1]);
    assert.equal(bo.peers.connectors.size, 1);
  });

  test('rooms do not reach each other, whatever the ids', async (t) => {
    const classroom = open(t);
    const [ann] = await classroom.joined('Ann');
    const stranger = classroom.page('Ann', { roomname: `${classroom.roomname} ` + 'next door' });
    assert.equal((await stranger.join()).ok, true);
    const [connectorId, remoteConnectorId, { memberId }] = [randomUUID(), randomUUID(), ann];
    const refusals = [
      await stranger.ask('offer', { connectorId, offer: 'x', memberId, streamType: 'user' }),
      await stranger.ask('answer', { connectorId, remoteConnectorId, answer: 'x', memberId, streamType: 'user' }),
      await stranger.ask('icecandidate', { remoteConnectorId, memberId, candidate: 'x' }),
      await stranger.ask('reconnectWork', { type: 'offer', data: 'x', connectorId, memberId }),
    ];
    for (const { ok, error } of refusals) assert.deepEqual([ok, error.type], [false, 'unknownMember']);
    await stranger.ask('leave', [{ remoteConnectorId: connectorId, memberId }]);
    const [bo] = await classroom.joined('Bo');
    await ann.connectedWith(bo);
    assert.deepEqual(ann.heard.slice(0, 1), [{ event: 'getOffer', payload: { memberId: bo.memberId, username: 'Bo' } }]);
  });

  test('a message to who has just left is dropped without a word', async (t) => {
    const [ann, bo, cy] = await open(t).joined('Ann', 'Bo', 'Cy');
    await ann.leave();
    const ack = await bo.ask('icecandidate', { remoteConnectorId: 'x', memberId: ann.memberId, candidate: null });
    assert.deepEqual(ack, { ok: true });
    await barrier(cy, bo);
    assert.deepEqual(bo.heardOf('error'), []);
  });

  test('who has not joined can leave nothing, and is told so', async (t) => {
    const page = open(t).page('Ann');
    await page.connected();
    const { ok, error } = await page.ask('leave', []);
    assert.deepEqual([ok, error.type], [false, 'notJoined']);
  });
});

scenarios('capacity', { MAX_ROOM_MEMBERS: '2' }, (open) => {
  test('a full room refuses, also for who is away, and takes the next when one has left', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const cy = classroom.page('Cy');
    await assertFull(cy);
    await classroom.away(ann);
    await assertFull(cy);
    assert.equal((await ann.comeBack()).resumed, true);
    await bo.leave();
    assert.equal((await cy.join()).ok, true);
    await cy.connectedWith(ann);
  });

  /** @param {import('./lib/page.js').Page} page */
  async function assertFull(page) {
    const { ok, error } = await page.join();
    assert.deepEqual([ok, error.type], [false, 'roomFull']);
    await page.until(() => page.heardOf('error').at(-1)?.type === 'roomFull', 'the error');
  }
});

/** Returns when `to` has heard all that the server told it before this call. @param {import('./lib/page.js').Page} from @param {import('./lib/page.js').Page} to */
async function barrier(from, to) {
  const mark = randomUUID();
  const { remoteId, memberId } = from.peers.with(to.memberId);
  from.emit('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { mark } });
  await to.until(() => to.heardOf('icecandidate').some(({ candidate }) => candidate?.mark === mark), 'the barrier');
}
