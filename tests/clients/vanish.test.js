import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';

/** How soon a loss is noticed that the network tells of, in milliseconds: long before a ping would. */
const SOON = 5_000;

scenarios('a page that vanishes', { RESUME_GRACE: '1s' }, (open, server, transports) => {
  const polls = transports.at(-1) === 'polling';
  const ends = new Map([
    ['in order', { end: (socket) => socket.end(), left: polls ? 'closed' : 'timeout' }],
    ['by a reset', { end: (socket) => socket.resetAndDestroy(), left: 'timeout' }],
  ]);
  for (const [how, { end, left }] of ends) {
    test(`is away at once when its connection ends ${how}, and gone after its grace`, async (t) => {
      const classroom = open(t);
      const [ann, bo] = await classroom.joined('Ann', 'Bo');
      await classroom.settle();
      const start = performance.now();
      await ann.drop(end);
      await classroom.shows(ann, 'gone');
      assert.ok(performance.now() - start < SOON, `after ${performance.now() - start} ms`);
      const [session] = await server.rest.list('/sessions', { room: classroom.roomname });
      const events = await server.rest.list(`/sessions/${session.id}/events`);
      const told = events.filter(({ kind, username }) => kind === 'left' && username === 'Ann');
      assert.deepEqual(told.map(({ detail }) => detail.reason), [left]);
      assert.equal(bo.heardOf('leave').length, 1);
    });
  }

  test('that polls loses nothing of what was sent while nobody knew, in order and once', { skip: !polls }, async (t) => {
    const classroom = open(t);
    const { page: ann, proxy } = await classroom.throughProxy('Ann');
    const [bo] = await classroom.joined('Bo');
    await ann.connectedWith(bo);
    proxy.freeze();
    const { remoteId, memberId } = bo.peers.with(ann.memberId);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    for (const spoken of numbers) {
      const ack = await bo.ask('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { spoken } });
      assert.equal(ack.ok, true);
    }
    await classroom.shows(ann, 'present');
    ann.url = server.url;
    assert.equal((await ann.takeOver()).ack.resumed, true);
    await ann.renegotiatedWith(bo, 1);
    const heard = ann.heardOf('icecandidate').map(({ candidate }) => candidate.spoken);
    assert.deepEqual(heard.filter((spoken) => spoken !== undefined), numbers);
  });

  test('that is cut within a request that sends something was reset', { skip: !polls }, async (t) => {
    const classroom = open(t);
    const cy = { username: 'Cy', roomname: classroom.roomname };
    const { hostname, port } = new URL(server.url);
    const path = '/socket.io/?EIO=4&transport=polling';
    const { sid } = JSON.parse((await (await fetch(server.url + path)).text()).slice(1));
    const send = (body) => fetch(`${server.url}${path}&sid=${sid}`, { method: 'POST', body });
    await send('40');
    await send(`42${JSON.stringify(['join', { id: crypto.randomUUID(), ...cy }])}`);
    await classroom.shows(cy, 'present');
    const socket = connect(Number(port), hostname);
    socket.write(`POST ${path}&sid=${sid} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n`);
    // The server reads the body now.
    await once(socket, 'data');
    socket.resetAndDestroy();
    await classroom.shows(cy, 'gone');
    const [session] = await server.rest.list('/sessions', { room: classroom.roomname });
    const [lost] = await server.rest.list(`/sessions/${session.id}/events`, { kind: 'disconnected' });
    assert.equal(lost.detail.why, 'reset');
  });
});
