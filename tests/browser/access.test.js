import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { io } from 'socket.io-client';

import { Server } from '../clients/lib/server.js';
import { Reader, launch } from './lib/reader.js';

let folder;
let browser;
/** @type {Server} */
let server;
/** Where the review is. */
let review;
/** @type {Reader} */
let reader;
/** @type {import('playwright-core').Page} */
let page;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatroom-page-'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>An exercise</title><link rel="icon" href="data:,">');
  server = new Server({ STATIC_DIR: folder, REVIEW_LISTEN: '0', SESSION_LINGER: '0s' });
  await server.start();
  [, review] = server.output.match(/Review a class at +(http:\/\/localhost:\d+)/);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  reader = await Reader.of(browser);
  ({ page } = reader);
  assert.notEqual(review, server.url);
  await reader.signIn({ url: review, token: server.token });
});

afterEach(() => reader.close());

const isLocked = () => page.getByRole('heading', { name: 'The review is locked' }).isVisible();

test('who signs out is out, and so is whoever has the cookie', async () => {
  // What is locked is a 401, which a browser complains of.
  reader.forgiven = /401/;
  const kept = await reader.context.cookies(review);
  assert.equal(kept.length, 1);
  assert.deepEqual([kept[0].name, kept[0].httpOnly, kept[0].sameSite], [`chatroom_review_${new URL(review).port}`, true, 'Strict']);
  await page.goto(`${review}/review/rooms`);
  await reader.accessible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${review}/review`);
  assert.ok(await isLocked());
  assert.deepEqual(await reader.context.cookies(review), []);
  await reader.context.addCookies(kept);
  await page.goto(`${review}/review/rooms`);
  assert.ok(await isLocked());

  await reader.signIn({ url: review, token: server.token });
  assert.ok(!(await isLocked()));
});

test('signing out needs no script', async () => {
  const plain = await Reader.of(browser, { javaScriptEnabled: false });
  plain.forgiven = /401/;
  await plain.signIn({ url: review, token: server.token });
  await plain.page.getByRole('button', { name: 'Sign out' }).click();
  await plain.page.getByRole('heading', { name: 'The review is locked' }).waitFor();
  await plain.close();
});

test('a script in the exercise page, on another port of the same host, gets nothing', async () => {
  // Whatever the browser says of what it does not hand over.
  reader.forgiven = /./;
  const socket = io(server.url, { transports: ['websocket'], forceNew: true });
  await socket.timeout(5000).emitWithAck('join', { id: crypto.randomUUID(), username: 'Ann', roomname: 'lesson' });
  await socket.timeout(5000).emitWithAck('leave');
  socket.disconnect();
  await page.goto(server.url);
  const got = await page.evaluate(async (origin) => {
    const ask = (path, options) => fetch(origin + path, { credentials: 'include', ...options })
      .then((answer) => answer.text().then((text) => text || answer.type), () => 'refused');
    const load = (tag, field, path) => new Promise((resolve) => {
      const element = document.createElement(tag);
      element.onload = () => resolve(`${tag} loads`);
      element.onerror = () => resolve('refused');
      element[field] = origin + path;
      document.body.append(element);
    });
    const erase = { method: 'POST', body: JSON.stringify({ username: 'Ann' }) };
    return [
      await ask('/api/v1/sessions'),
      await ask('/review'),
      await ask('/api/v1/participants/erase', { ...erase, headers: { 'content-type': 'application/json' } }),
      await ask('/api/v1/participants/erase', { ...erase, mode: 'no-cors' }),
      await ask('/review/sign-out', { method: 'POST', mode: 'no-cors' }),
      await ask('/api/v1/sessions', { mode: 'no-cors' }),
      await load('script', 'src', '/api/v1/sessions'),
      await load('img', 'src', '/review/icon.svg'),
      typeof new EventSource(`${origin}/api/v1/events`, { withCredentials: true }),
    ];
  }, review);
  assert.deepEqual(got, [...Array(8).fill('refused'), 'object']);
  const headers = { authorization: `Bearer ${server.token}` };
  const { data } = await (await fetch(`${review}/api/v1/sessions?username=Ann`, { headers })).json();
  assert.deepEqual(data.map(({ room, status }) => [room, status]), [['lesson', 'ended']]);

  // The review is still open, for the reader; a window that the page opens is no way in either.
  const [opened] = await Promise.all([
    reader.context.waitForEvent('page'),
    page.evaluate((origin) => {
      globalThis.opened = open(`${origin}/review`);
    }, review),
  ]);
  await opened.getByRole('heading', { name: 'Sessions' }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.opened.closed || globalThis.opened.document?.title), true);
  await opened.close();
});
