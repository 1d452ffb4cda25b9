import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';

const NAMES = ['Ann', 'Bo', 'Cy', 'Di', '小李', 'Émile'];

scenarios('handshake', {}, (open) => {
  for (let count = 2; count <= NAMES.length; count += 1) {
    test(`${count} members end with every pair connected once, offered by one side`, async (t) => {
      const classroom = open(t);
      const pages = await classroom.joined(...NAMES.slice(0, count));
      assertConnectedOnce(pages);
    });
  }

  test('six members who join in the same moment all find each other', async (t) => {
    const classroom = open(t);
    const pages = NAMES.map((name) => classroom.page(name));
    const acks = await Promise.all(pages.map((page) => page.join()));
    assert.ok(acks.every((ack) => ack.ok));
    for (const page of pages) await page.connectedWith(...pages.filter((other) => other !== page));
    assertConnectedOnce(pages);
  });

  test('a page that asks for no acknowledgement connects just the same', async (t) => {
    const classroom = open(t);
    const [ann] = await classroom.joined('Ann');
    const bo = classroom.page('Bo');
    await bo.joinSilently();
    await ann.until(() => ann.heardOf('getOffer').length === 1, 'getOffer');
    bo.memberId = ann.heardOf('getOffer')[0].memberId;
    await ann.connectedWith(bo);
    assertConnectedOnce([ann, bo]);
  });

  test('a newcomer is announced to the members in the order they joined, and is told nothing itself', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    assert.deepEqual(ann.heardOf('getOffer'), [{ memberId: bo.memberId, username: 'Bo' }, { memberId: cy.memberId, username: 'Cy' }]);
    assert.deepEqual(bo.heardOf('getOffer'), [{ memberId: cy.memberId, username: 'Cy' }]);
    assert.deepEqual(cy.heardOf('getOffer'), []);
    const offers = cy.heardOf('offer').map((offer) => offer.memberId);
    assert.deepEqual(new Set(offers), new Set([ann.memberId, bo.memberId]));
  });

  test('a second stream of a pair is a connection of its own', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    ann.peers.offer(bo.memberId, 'display');
    await ann.until(() => ann.peers.with(bo.memberId, 'display').remoteId, 'the answer for the display');
    assert.equal(bo.heardOf('offer').at(-1).streamType, 'display');
    assert.equal(bo.peers.with(ann.memberId, 'remoteDisplay').id, ann.peers.with(bo.memberId, 'display').remoteId);
    assert.ok(ann.peers.isConnected(bo.memberId));
  });

  test('the connection ends up on the transport that the client wants', async (t) => {
    const classroom = open(t);
    const [ann] = await classroom.joined('Ann');
    const wanted = classroom.transports.at(-1);
    await ann.until(() => ann.socket.io.engine.transport.name === wanted, `a connection by ${wanted}`);
    const [bo] = await classroom.joined('Bo');
    await ann.connectedWith(bo);
  });
});

/** @param {import('./lib/page.js').Page[]} pages */
function assertConnectedOnce(pages) {
  for (const one of pages) {
    assert.equal(one.peers.connectors.size, pages.length - 1, `connections of ${one.username}`);
    for (const other of pages) {
      if (one === other) continue;
      const [mine, theirs] = [one.peers.with(other.memberId), other.peers.with(one.memberId)];
      assert.deepEqual([mine.remoteId, mine.id], [theirs.id, theirs.remoteId]);
      assert.notEqual(mine.role, theirs.role);
    }
  }
}
