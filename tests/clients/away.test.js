import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CANDIDATES } from './lib/peers.js';
import { scenarios } from './lib/scenarios.js';

/** Long enough for a slow machine to come back within it, short enough to wait for its end. */
const GRACE = 1_000;

scenarios('what waits for an away member', {}, (open) => {
  test('relays and the leave of a peer arrive when it resumes, in the order they happened', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    await classroom.away(ann);
    const before = ann.heard.length;

    await sendNumbered(bo, ann, [0, 1, 2, 3, 4]);
    await cy.leave();
    await sendNumbered(bo, ann, [5, 6, 7, 8, 9]);
    await ann.comeBack();
    await ann.renegotiatedWith(bo, 1);

    const waited = ann.heard.slice(before, before + 11).map(({ event, payload }) => {
      return event === 'icecandidate' ? payload.candidate.numbered : { event, ...payload };
    });
    const left = waited.splice(5, 1)[0];
    assert.deepEqual(waited, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual([left.event, left.memberId], ['leave', cy.memberId]);
    assert.equal(ann.peers.with(cy.memberId), undefined);
  });

  test('an offer made to it is answered when it resumes', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann);
    const display = bo.peers.offer(ann.memberId, 'display');
    await ann.comeBack();
    await bo.until(() => display.remoteId !== null && display.candidates.length === CANDIDATES, 'the answer');
    await ann.renegotiatedWith(bo, 1);
    assert.equal(ann.heardOf('offer').filter(({ streamType }) => streamType === 'display').length, 1);
  });

  test('an offer that is taken back by a leave is not heard of as if it stood', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann);
    bo.peers.offer(ann.memberId, 'display');
    await bo.leave();
    await ann.comeBack();
    await ann.until(() => ann.peers.connectors.size === 0, 'every connection with Bo is closed');
  });

  test('if one sends more than its share, it resumes all the same, and connects anew with that one only', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    await ann.connectedWith(bo, cy);
    const { memberId } = ann;
    const before = { bo: ann.peers.with(bo.memberId).id, cy: ann.peers.with(cy.memberId).id };
    await classroom.away(ann);
    await sendNumbered(bo, ann, Array.from({ length: 300 }, (_, number) => number));
    const ack = await ann.comeBack();
    assert.deepEqual([ack.ok, ack.resumed, ack.memberId], [true, true, memberId]);
    await ann.renegotiatedWith(cy, 1);
    await ann.until(() => ann.heardOf('leave').length === 1, 'the leave');
    assert.deepEqual(ann.heardOf('leave'), [{ connectorId: before.bo, memberId: bo.memberId }]);
    await ann.connectedWith(bo, cy);
    assert.equal(ann.peers.with(cy.memberId).id, before.cy);
    assert.deepEqual(bo.heardOf('leave').map((leave) => leave.memberId), [memberId]);
    assert.deepEqual(cy.heardOf('leave'), []);
  });
});

scenarios('the end of the grace', { RESUME_GRACE: `${GRACE}ms` }, (open) => {
  test('peers are told of the leave once, not before, and the name is free', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    await classroom.away(ann);
    assert.deepEqual([...bo.heardOf('leave'), ...cy.heardOf('leave')], []);
    for (const peer of [bo, cy]) {
      await peer.until(() => peer.heardOf('leave').length > 0, 'the leave');
      assert.deepEqual(peer.heardOf('leave').map((leave) => leave.memberId), [ann.memberId]);
      assert.equal(peer.peers.connectors.size, 1);
    }
    const [second] = await classroom.joined('Ann');
    await second.connectedWith(bo, cy);
  });

  test('who comes back after it starts anew', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const { memberId } = ann;
    await classroom.away(ann);
    await bo.until(() => bo.heardOf('leave').length === 1, 'the leave');
    const ack = await ann.comeBack();
    assert.deepEqual([ack.ok, ack.resumed], [true, false]);
    assert.notEqual(ack.memberId, memberId);
    assert.deepEqual(ann.heardOf('reconnect'), [{ type: 'leave' }]);
    await ann.connectedWith(bo);
  });
});

/**
 * Numbered candidates over the connection of two pages, until the server has taken the last.
 *
 * @param {import('./lib/page.js').Page} from
 * @param {import('./lib/page.js').Page} to
 * @param {number[]} numbers
 */
async function sendNumbered(from, to, numbers) {
  const { remoteId, memberId } = from.peers.with(to.memberId);
  const acks = numbers.map((numbered) => {
    return from.ask('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { numbered } });
  });
  assert.ok((await Promise.all(acks)).every((ack) => ack.ok));
}
