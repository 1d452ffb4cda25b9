import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { School } from './lib/school.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SEED = process.env.SEED ?? String(randomInt(2 ** 31));
/** Made-up requests for each operation; a minute in all. */
const EXAMPLES = '60';

const school = new School();
before(() => school.open());
after(() => school.close());

test(`schemathesis finds no disagreement (SEED=${SEED} makes the same requests again)`, async () => {
  const { server } = school;
  const document = join(server.directory, 'openapi.json');
  await writeFile(document, JSON.stringify(await school.read('/openapi.json')));
  await writeDictionaries();
  for (const file of ['schemathesis.toml', 'hooks.py']) await copyFile(join(HERE, file), join(server.directory, file));

  const run = spawn(
    join(HERE, '.venv/bin/schemathesis'),
    ['run', document, '--url', server.url, '--seed', SEED, '--max-examples', EXAMPLES],
    {
      cwd: server.directory,
      env: { ...process.env, REVIEW_TOKEN: server.token, CLIENT_ID: school.clientId },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const told = run.stdout.setEncoding('utf8').toArray();
  const [code] = await once(run, 'exit');
  const text = (await told).join('');
  assert.equal(code, 0, text);
  const operations = text.match(/Selected: (\d+)\/(\d+)\s+Tested: (\d+)/);
  assert.equal(new Set(operations.slice(1)).size, 1, text);
});

/** What there is to find, see schemathesis.toml. */
async function writeDictionaries() {
  const write = (name, values) => {
    assert.ok(values.every(Boolean), name);
    return writeFile(join(school.server.directory, `${name}.dict`), values.map((value) => `"${value}"\n`).join(''));
  };
  const live = (await school.read('/sessions?status=active')).data[0].id;
  await write('sessions', [...Object.values(school.ids), live]);
  const doomed = (await school.read('/sessions?room=Consultation')).data.map(({ id }) => id);
  await write('doomed', [...doomed, live]);

  const { chemistry } = school.ids;
  const links = await Promise.all(Array.from({ length: 8 }, (_, index) => school.share(chemistry, `Reader ${index}`)));
  await write('review-links', links.map(({ id }) => id));

  const lists = {
    attendance: `/sessions/${chemistry}/participants?`,
    attendants: '/rooms/Now/participants?',
    events: `/sessions/${chemistry}/events?`,
    links: `/sessions/${chemistry}/links?`,
    'review-links': '/review-links?',
    rooms: '/rooms?status=all&',
    sessions: '/sessions?',
  };
  for (const [name, path] of Object.entries(lists)) {
    await write(`cursors-of-${name}`, [(await school.read(`${path}limit=1`)).nextCursor]);
  }
}
