import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Classroom } from './lib/scenarios.js';
import { Server } from './lib/server.js';
import { TRANSPORTS } from './lib/transports.js';

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

      test('SIGTERM ends it within the time also while clients are busy', async (t) => {
        const classroom = new Classroom(t, server, transports);
        const [ann, bo] = await classroom.joined('Ann', 'Bo');
        const busy = setInterval(() => {
          for (let times = 0; times < 20; times += 1) {
            ann.emit('icecandidate', { remoteConnectorId: 'x', memberId: bo.memberId, candidate: null });
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
