import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Proxy } from './lib/proxy.js';
import { Server } from './lib/server.js';
import { until } from './lib/wait.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

describe('python-socketio', { timeout: 120_000, concurrency: 2 }, () => {
  const server = new Server();
  before(() => server.start());
  after(() => server.close());

  for (const kind of ['asyncio', 'sync']) {
    for (const transports of ['polling', 'websocket', 'polling,websocket']) {
      test(`${kind} by ${transports}: two negotiate, one drops and resumes, and leaves`, async (t) => {
        const network = new Proxy(server.port);
        t.after(() => network.close());
        const url = await network.open();
        const pair = spawn(here('python/.venv/bin/python'), [here('python/pair.py'), url, server.url, transports, kind]);
        let errors = '';
        pair.stderr.setEncoding('utf8').on('data', (text) => {
          errors += text;
        });
        let isCut = false;
        pair.stdout.once('data', async () => {
          isCut = true;
          network.isDown = true;
          network.cut();
          // One that polls may have had nothing to lose in this moment.
          await until(() => network.refused > 0, 'the client notices');
          network.isDown = false;
        });
        t.after(() => pair.kill());
        const [code] = await once(pair, 'close');
        assert.equal(code, 0, errors);
        assert.ok(isCut);
      });
    }
  }
});
