import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { io } from 'socket.io-client';

import { Server } from './lib/server.js';

const CLIENT = fileURLToPath(new URL('node_modules/socket.io-client/dist', import.meta.url));

/**
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} settings
 */
async function started(t, settings) {
  const server = new Server(settings);
  t.after(() => server.close());
  await server.start();
  return server;
}

/**
 * @param {Server} server
 * @param {string} path
 */
async function preflight(server, path) {
  const headers = {
    origin: 'http://page.example',
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization,content-type',
  };
  return fetch(server.url + path, { method: 'OPTIONS', headers });
}

test('without a page, the start says what to do, and the client script comes from where it is said', async (t) => {
  const server = await started(t, { CLIENT_SCRIPT: CLIENT });
  const start = await fetch(server.url, { headers: { accept: 'text/html' } });
  assert.equal(start.status, 200);
  assert.match(await start.text(), /examples\/video-room/);
  for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']) {
    const script = await fetch(`${server.url}/socket.io/${name}`, { headers: { origin: 'http://page.example' } });
    assert.match(script.headers.get('content-type'), /javascript/);
    assert.equal(script.headers.get('access-control-allow-origin'), '*', 'a module of another origin may import it');
    assert.equal(await script.text(), await readFile(join(CLIENT, name), 'utf8'));
  }
});

test('the client script is looked for at its authors, unless that is turned off', async (t) => {
  for (const [settings, status] of [[{}, 307], [{ CLIENT_SCRIPT_CDN: 'false' }, 404]]) {
    const server = await started(t, settings);
    const answer = await fetch(`${server.url}/socket.io/socket.io.js`, { redirect: 'manual' });
    assert.equal(answer.status, status);
    const target = answer.headers.get('location');
    assert.equal(target, status === 307 ? 'https://cdn.socket.io/4.8.3/socket.io.js' : null);
  }
});

test('a preflight of a public route allows the headers that libraries add', async (t) => {
  const server = await started(t, {});
  for (const path of ['/checkUsername', '/api/v1/ice-servers', '/api/v1/recovery']) {
    const answer = await preflight(server, path);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*', path);
    const allowed = answer.headers.get('access-control-allow-headers').split(',');
    assert.ok(['authorization', 'content-type'].every((header) => allowed.includes(header)), `${path}: ${allowed}`);
  }
});

test('a rebuilt page is seen at once, and its own routes lead to it', async (t) => {
  const page = await mkdtemp(join(tmpdir(), 'chatroom-page-'));
  t.after(() => rm(page, { recursive: true, force: true }));
  await writeFile(join(page, 'index.html'), 'first');
  const server = await started(t, { STATIC_DIR: page });
  const first = await fetch(`${server.url}/room/lesson`, { headers: { accept: 'text/html' } });
  assert.equal(await first.text(), 'first');
  const again = { headers: { accept: 'text/html', 'if-none-match': first.headers.get('etag') } };
  assert.equal((await fetch(server.url, again)).status, 304);
  await writeFile(join(page, 'index.html'), 'second build');
  assert.equal(await (await fetch(server.url, again)).text(), 'second build');
});

test('behind a path of a proxy, a page joins below it', async (t) => {
  const server = await started(t, { BASE_PATH: '/signal' });
  const start = await (await fetch(`${server.url}/signal/`)).text();
  assert.match(start, /src="\/signal\/socket.io\/socket.io.js"/);
  assert.match(start, /io\({ path: "\/signal\/socket.io\/" }\)/);
  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    const socket = io(server.url, { path: '/signal/socket.io/', transports, forceNew: true });
    t.after(() => socket.disconnect());
    const answer = await socket.timeout(5_000).emitWithAck('join', {
      id: crypto.randomUUID(),
      username: transports.join(' then '),
      roomname: 'lesson',
    });
    assert.equal(answer.ok, true, JSON.stringify(answer));
  }
});
