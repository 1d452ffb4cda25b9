import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { describe, test } from 'node:test';

import { Page } from './lib/page.js';
import { REVERSE_PROXIES, ReverseProxy } from './lib/reverse-proxy.js';
import { Server } from './lib/server.js';
import { pause, until } from './lib/wait.js';

// Named so that it is among the first to start: it takes longest, and waits most of the time.

/** How long nothing is sent, in milliseconds: longer than any timeout of the proxies would allow a silent connection. */
const IDLE = 100_000;

/** How long a page may take to be back, on a busy machine. */
const PATIENCE = 60_000;

/** How soon a page hears that it can have no WebSocket: long before its client gives up by itself, after 20 s. */
const SOON = 15_000;

/** As the document has the server, but that it trusts one address of this machine, and not all: the others are its clients'. */
const SETTINGS = { BASE_PATH: '/signal', ALLOWED_HOSTS: 'class.example', TRUSTED_PROXIES: '127.0.0.1,::1' };

/** A name that a proxy might spoil in a path. */
const ROOM = 'class 1/2 100%';

/** How many handshakes an address has at once at the least that it may have of them. */
const HANDSHAKES = 30;

// All at once: each of them waits most of the time.
describe('behind a reverse proxy, as docs/proxies.md has it', { timeout: 170_000, concurrency: true }, () => {
  for (const kind of REVERSE_PROXIES) {
    test(kind, async (t) => {
      const server = new Server({ ...SETTINGS, RESUME_GRACE: '60s' });
      t.after(() => server.close());
      await server.start();
      const proxy = await ReverseProxy.before(kind, server.port);
      t.after(() => proxy.close());
      await proxy.start();

      const review = await ask(`${proxy.url}/signal/review?token=${server.token}`);
      assert.match(String(review.headers['set-cookie']), /; Secure/);
      const events = await ask(`${proxy.url}/signal/api/v1/events`, { headers: { authorization: `Bearer ${server.token}` } });
      t.after(() => events.destroy());
      let told = '';
      events.setEncoding('utf8').on('data', (text) => (told += text)).on('error', () => {});

      const pages = ['polling', 'websocket', 'polling,websocket'].map((transports, index) => page(server, proxy, ['Ann', 'Bo', 'Cy'][index], transports.split(',')));
      t.after(() => pages.forEach((one) => one.close()));
      for (const one of pages) assert.equal((await one.join()).ok, true);
      const memberIds = pages.map(({ memberId }) => memberId);
      await until(() => told.includes('"joined"') || told.includes('event: joined'), `the stream tells of a join: ${told}`);
      const members = await ask(`${proxy.url}/signal/api/v1/rooms/${encodeURIComponent(ROOM)}`, { headers: { authorization: `Bearer ${server.token}` } });
      assert.equal(members.statusCode, 200, 'the name of a room arrives as it is');
      await until(() => pages[2].socket.io.engine.transport.name === 'websocket', 'the upgrade');
      await exchange(pages, 'x'.repeat(990_000));

      await pause(IDLE);
      for (const one of pages) assert.deepEqual(one.ends, [], `${one.username} was cut off`);
      assert.equal(events.closed, false, 'the stream goes on');
      await exchange(pages, 'after a long silence');

      proxy.reload();
      await exchangeAtLast(pages, 'after a reload');
      await proxy.stop();
      await proxy.start();
      await exchangeAtLast(pages, 'after a restart');
      await server.kill();
      await server.start();
      await exchangeAtLast(pages, 'after a kill of the server');
      for (const { resumes } of pages) assert.ok(resumes.length > 1 && resumes.every(({ resumed }) => resumed), JSON.stringify(resumes));
      assert.deepEqual(pages.map(({ memberId }) => memberId), memberIds);
      pages.forEach((one) => one.close());

      await server.stop();
      server.settings = { ...server.settings, HANDSHAKES_PER_ADDRESS: '1' };
      await server.start();
      const handshake = async (localAddress) => {
        const { statusCode } = await ask(`${proxy.url}/signal/socket.io/?EIO=4&transport=polling`, { agent: ReverseProxy.agent(localAddress) });
        return statusCode;
      };
      const many = await Promise.all(Array.from({ length: 2 * HANDSHAKES }, () => handshake('127.0.0.2')));
      assert.ok(many.includes(429), 'an address has too many');
      for (let time = 0; time < 3; time += 1) assert.equal(await handshake('127.0.0.3'), 200, 'another address has not');

      await server.stop();
      server.settings = { ...server.settings, ALLOWED_HOSTS: '' };
      await server.start();
      const stranger = await ask(`${proxy.url}/signal/api/v1/rooms`);
      let refusal = '';
      for await (const text of stranger.setEncoding('utf8')) refusal += text;
      assert.match(refusal, /class\.example.*hostNotAllowed/s, 'the name that a client asked for arrives');
    });
  }

  test('nginx with a bare proxy_pass: WebSockets are refused soon, and pages that may poll do', async (t) => {
    const server = new Server(SETTINGS);
    t.after(() => server.close());
    await server.start();
    const bare = (configuration) => configuration.replace(/^ +proxy_(http|set|buffering|read|send).*\n/gm, '');
    const proxy = await ReverseProxy.before('nginx', server.port, bare);
    t.after(() => proxy.close());
    await proxy.start();

    const [ann, bo, cy] = [['websocket'], ['polling', 'websocket'], ['websocket', 'polling']].map((transports, index) => page(server, proxy, ['Ann', 'Bo', 'Cy'][index], transports));
    t.after(() => [ann, bo, cy].forEach((one) => one.close()));
    let refusal, upgradeError;
    ann.socket.on('connect_error', (error) => (refusal = error));
    bo.socket.io.engine.on('upgradeError', (error) => (upgradeError = error));
    await ann.until(() => refusal, 'an error', SOON);
    assert.match(refusal.description.message, /\b400\b/);
    for (const one of [bo, cy]) assert.equal((await one.join()).ok, true);
    await bo.until(() => upgradeError, 'the upgrade is given up', SOON);
    await exchange([bo, cy], 'x'.repeat(990_000));
    assert.deepEqual([bo, cy].map(({ ends, socket }) => [ends, socket.io.engine.transport.name]), Array(2).fill([[], 'polling']));
    assert.equal(ann.socket.connected, false);
  });
});

/** A page that is reached through the proxy, and does not negotiate by itself. */
function page(server, { url }, username, transports) {
  const client = { path: '/signal/socket.io/', agent: ReverseProxy.agent(), tryAllTransports: true };
  return new Page({ url, transports, roomname: ROOM, username, isPassive: true, secrets: server.secrets, client });
}

/** Each sends something to the next. @param {Page[]} pages @param {string} data */
async function exchange(pages, data) {
  for (const [index, one] of pages.entries()) {
    const other = pages[(index + 1) % pages.length];
    const connectorId = crypto.randomUUID();
    const answer = await one.ask('offer', { connectorId, offer: data, memberId: other.memberId, streamType: data.slice(0, 20) });
    assert.deepEqual(answer, { ok: true }, data.slice(0, 20));
    await other.until(() => other.heardOf('offer').some((heard) => heard.remoteConnectorId === connectorId && heard.offer === data), data.slice(0, 20));
  }
}

/** Tries until all are back who may have been cut off. */
async function exchangeAtLast(pages, data) {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const failed = await exchange(pages, data).then(() => null, (error) => error);
    if (!failed) return;
    if (performance.now() > deadline) throw failed;
    await pause(200);
  }
}

/** @param {string} url @returns {Promise<import('node:http').IncomingMessage>} */
async function ask(url, options = {}) {
  const asked = request(url, { agent: ReverseProxy.agent(), ...options });
  asked.end();
  const [answer] = await once(asked, 'response');
  return answer;
}
