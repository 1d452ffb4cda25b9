import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Middlebox, SPOILERS } from '../clients/lib/middlebox.js';
import { Server } from '../clients/lib/server.js';
import { until } from '../clients/lib/wait.js';
import { launch } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

// All in one browser at once: there is more to wait for than to do.
describe('the video room behind a network of a school', { timeout: 200_000, concurrency: true }, () => {
  const server = new Server({ STATIC_DIR: EXAMPLE, PUBLIC_ROOMS: 'true' });
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await launch();
    await server.start();
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  for (const kind of [...SPOILERS, 'is slow']) {
    test(`one that ${kind}: two meet, and one of them leaves`, async (t) => {
      const stage = new Stage(t, browser, server, { network: () => new Middlebox(server.port, kind) });
      const [ann, bo] = await stage.joined('Ann', 'Bo');
      for (const person of [ann, bo]) {
        await until(() => person.network.seenWebSockets > 0, `${person.username} tries an upgrade`);
        // The browser says that it failed. The page has nothing to say.
        person.forgiven = /WebSocket connection to/;
      }
      await stage.seeEachOther(ann, bo);
      await bo.press('Leave');
      await ann.sees();
      await stage.knows(bo, 'gone');
      assert.deepEqual([ann, bo].map(({ network }) => network.seenWebSockets), [1, 1], 'one session, and one try');
    });
  }
});
