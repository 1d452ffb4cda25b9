import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { anySeed } from './lib/random.js';
import { runLoad } from './lib/run-load.js';
import { Server } from './lib/server.js';

describe('load', { timeout: 90_000 }, () => {
  const server = new Server({ RESUME_GRACE: '3s' });
  before(() => server.start());
  after(() => server.close());

  test('the history accounts for every join, leave, disconnect and reconnect', async (t) => {
    const seed = anySeed();
    t.diagnostic(`SEED=${seed}`);
    const { url, token, secrets } = server;
    const { sent, received, differences, counts } = await runLoad({ url, token, secrets, rooms: 8, members: 4, seconds: 5, seed });
    t.diagnostic(`${sent} events sent, ${received} received: ${JSON.stringify(counts)}`);
    assert.deepEqual(differences, []);
    for (const kind of ['joined', 'left', 'disconnected', 'reconnected']) assert.ok(counts[kind] > 0, `no ${kind} at all`);
  });
});
