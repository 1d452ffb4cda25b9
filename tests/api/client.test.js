import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import openapiTS, { astToString } from 'openapi-typescript';

import { School } from './lib/school.js';
import { allSessions, attended, clientOf, companions, erase, session, troubles } from './lib/script.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const school = new School();
let client;

before(async () => {
  await school.open();
  client = clientOf(school.server.url, school.server.token);
});
after(() => school.close());

test('a client made from the document compiles, and so does what is written for it', async () => {
  const types = await openapiTS(await school.read('/openapi.json'));
  await mkdir(`${HERE}/generated`, { recursive: true });
  await writeFile(`${HERE}/generated/api.ts`, astToString(types));
  const checked = promisify(execFile)(`${HERE}/node_modules/.bin/tsc`, ['--project', HERE]);
  await checked.catch(({ stdout }) => assert.fail(stdout));
});

test('a session is read, with who took part', async () => {
  const { chemistry } = school.ids;
  assert.equal(await session(client, chemistry), 'Chemie 101, ended: 7 people, 52 minutes');
  assert.deepEqual(await attended(client, chemistry, 90), ['Ann 100 %', 'Bo 99 %', 'Cy 98 %', 'Li 94 %']);
  assert.deepEqual(await troubles(client, chemistry), [
    'error Bo', 'error ', 'disconnected Li', 'disconnected Ann', 'disconnected Li', 'disconnected Di',
  ]);
  await assert.rejects(session(client, '00000000-0000-7000-8000-000000000000'), /sessionNotFound/);
});

test('a list is followed from cursor to cursor', async () => {
  const ids = await allSessions(client, 10);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, await allSessions(client, 200));
  assert.equal(ids.length, 67);
});

test('a name is taken out of everything, after a look at what that would change', async () => {
  assert.equal(await erase(client, 'Student 01', true), 1);
  assert.equal(await erase(client, 'Student 01', false), 1);
  assert.equal(await erase(client, 'Student 01', true), 0);
});

test('a client that comes back is told who is there, and nobody else is', async () => {
  assert.deepEqual(await companions(clientOf(school.server.url, school.clientId), 'Now'), ['Ann', 'Bo']);
  assert.deepEqual(await companions(clientOf(school.server.url, 'a guess'), 'Now'), []);
});
