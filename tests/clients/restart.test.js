import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Classroom } from './lib/scenarios.js';
import { Server } from './lib/server.js';
import { TRANSPORTS } from './lib/transports.js';
import { until } from './lib/wait.js';

describe('stop and start', () => {
  for (const [name, transports] of TRANSPORTS) {
    describe(name, { timeout: 60_000 }, () => {
      const server = new Server();
      before(() => server.start());
      after(() => server.close());

      test('SIGTERM ends it in order, and the pages come back to the next start by themselves', async (t) => {
        const classroom = new Classroom(t, server, transports);
        const pages = await classroom.joined('Ann', 'Bo', 'Cy');
        await server.stop();
        for (const page of pages) {
          await page.until(() => page.ends.length > 0, 'the end of its connection');
          assert.notEqual(page.ends[0], 'io server disconnect');
        }
        await server.start();
        for (const page of pages) assert.equal((await page.resumed(1)).ok, true);
        for (const page of pages) await page.connectedWith(...pages.filter((other) => other !== page));
      });

      test('killed and started: all resume, nobody has left, and a newcomer meets everyone', async (t) => {
        const classroom = new Classroom(t, server, transports);
        const pages = await classroom.joined('Ann', 'Bo', 'Cy');
        const memberIds = pages.map((page) => page.memberId);
        // Relays do not wait for the disk: a connection of just now may not be known after a crash.
        await until(async () => (await answered(classroom)).length === 3, 'all connections are written');
        await server.kill();
        await server.start();
        for (const page of pages) assert.equal((await page.resumed(1)).resumed, true);
        assert.deepEqual(pages.map((page) => page.memberId), memberIds);
        const [di] = await classroom.joined('Di');
        await di.connectedWith(...pages);
        for (const [one, other] of [[0, 1], [0, 2], [1, 2]]) await pages[one].renegotiatedWith(pages[other], 1);
        assert.deepEqual(pages.flatMap((page) => page.heardOf('leave')), []);
        const sessions = await sessionsOf(classroom);
        assert.equal(sessions.length, 1);
        const events = await server.rest.list(`/sessions/${sessions[0].id}/events`, { kind: 'joined,left,reconnected' });
        assert.deepEqual(events.map(({ kind, username }) => `${kind} ${username}`).sort(), [
          'joined Ann', 'joined Bo', 'joined Cy', 'joined Di', 'reconnected Ann', 'reconnected Bo', 'reconnected Cy',
        ]);
      });

      test('SIGTERM ends it within the time also while clients are busy', async (t) => {
        const classroom = new Classroom(t, server, transports);
        const [ann, bo] = await classroom.joined('Ann', 'Bo');
        const { remoteId } = ann.peers.with(bo.memberId);
        const busy = setInterval(() => {
          for (let times = 0; times < 20; times += 1) {
            ann.emit('icecandidate', { remoteConnectorId: remoteId, memberId: bo.memberId, candidate: null });
          }
        }, 1);
        classroom.closing({ close: () => clearInterval(busy) });
        bo.isPassive = true;
        await bo.until(() => bo.heardOf('icecandidate').length > 200, 'the first candidates');
        await server.stop();
        clearInterval(busy);
        ann.socket.sendBuffer.length = 0;
        await server.start();
        assert.equal((await bo.resumed(1)).ok, true);
      });
    });
  }
});

/** @param {Classroom} classroom @returns {Promise<any[]>} */
function sessionsOf({ server, roomname }) {
  return server.rest.list('/sessions', { room: roomname });
}

/** The connections of a classroom that the history knows to be answered. @param {Classroom} classroom @returns {Promise<any[]>} */
async function answered(classroom) {
  const [{ id }] = await sessionsOf(classroom);
  const pairs = await classroom.server.rest.list(`/sessions/${id}/links`);
  return pairs.flatMap(({ links }) => links).filter(({ answeredAt }) => answeredAt !== null);
}
