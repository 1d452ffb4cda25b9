import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { test } from 'node:test';

import { Bystanders } from './lib/bystanders.js';
import { garbage } from './lib/garbage.js';
import { anySeed, seeded } from './lib/random.js';
import { RawClient } from './lib/raw.js';
import { scenarios } from './lib/scenarios.js';
import { pause, within } from './lib/wait.js';

const FRAMES = 300;

/** How many clients send garbage at the same time. */
const AT_ONCE = 10;

/** How long a client that sent garbage waits to see whether it is still served, in milliseconds. */
const STILL_SERVED_WITHIN = 300;

/** Requests that are not what the engine expects: method, path and query, headers, body. */
const REQUESTS = [
  ['GET', '/socket.io/'],
  ['GET', '/socket.io/?EIO=3&transport=polling'],
  ['GET', '/socket.io/?EIO=99999999999999999999&transport=polling'],
  ['GET', '/socket.io/?EIO=4&transport=carrier-pigeon'],
  ['GET', '/socket.io/?EIO=4&transport=polling&sid='],
  ['GET', '/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA'],
  ['GET', '/socket.io/?EIO=4&transport=websocket'],
  ['GET', '/socket.io/?EIO=4&transport=websocket', { upgrade: 'nonsense', 'sec-websocket-key': 'x' }],
  ['GET', `/socket.io/?EIO=4&transport=polling&sid=${'s'.repeat(8_000)}`],
  ['GET', '/socket.io/?EIO=4&transport=polling&EIO=4&transport=websocket&sid=%00%ff'],
  ['POST', '/socket.io/?EIO=4&transport=polling', {}, '40'],
  ['POST', '/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA', {}, '40'],
  ['POST', '/socket.io/?EIO=4&transport=websocket', {}, '40'],
  ['PUT', '/socket.io/?EIO=4&transport=polling', {}, '40'],
  ['DELETE', '/socket.io/?EIO=4&transport=polling'],
  ['OPTIONS', '/socket.io/?EIO=4&transport=polling', { origin: 'null' }],
  ['HEAD', '/socket.io/?EIO=4&transport=polling'],
  ['GET', '/socket.io'],
  ['GET', '/socket.io/..%2f..%2fetc/passwd'],
];

scenarios('garbage', {}, (open, server, transports) => {
  test(`${FRAMES} frames of garbage harm nobody else`, async (t) => {
    const seed = anySeed();
    t.diagnostic(`SEED=${seed}`);
    const classroom = open(t);
    const bystanders = await Bystanders.of(classroom);
    const waiting = garbage(FRAMES, seeded(seed));
    const send = async () => {
      while (waiting.length > 0) await sendGarbage(classroom, waiting.pop());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    await assertAlive(classroom);
    await bystanders.assertUndisturbed();
  });

  test('requests that no client makes are answered, and harm nobody else', async (t) => {
    const classroom = open(t);
    const bystanders = await Bystanders.of(classroom);
    for (const [method, path, headers, body] of REQUESTS) {
      const what = `${method} ${path.slice(0, 100)}`;
      const status = await within(statusOf(server.port, { method, path, headers }, body), what);
      assert.ok(status < 500, `${what}: ${status}`);
    }
    await assertAlive(classroom);
    await bystanders.assertUndisturbed();
  });

  test('who never connects to the namespace, or to another, joins nothing', async (t) => {
    const classroom = open(t);
    const bystanders = await Bystanders.of(classroom);
    for (const first of ['', '40/admin,']) {
      const raw = classroom.closing(await RawClient.openEngine(server, transports));
      if (first) raw.send(first);
      const { roomname } = classroom;
      raw.send(`421["join",${JSON.stringify({ id: randomUUID(), username: 'Nobody', roomname })}]`);
      await Promise.race([raw.until(() => raw.packets.some((packet) => packet.startsWith('44')), 'refusal').catch(() => {}), pause(STILL_SERVED_WITHIN)]);
      const names = (await server.rest.members(roomname)).map((one) => one.username);
      assert.ok(!names.includes('Nobody'));
    }
    await bystanders.assertUndisturbed();
  });
});

/**
 * Sends one frame on a fresh connection, then joins on it: when that is answered, or the connection is closed, the frame has been
 * dealt with. Some frames rightly leave a connection on which nothing is answered.
 *
 * @param {import('./lib/scenarios.js').Classroom} classroom
 * @param {string | Buffer} frame
 */
async function sendGarbage(classroom, frame) {
  const raw = await classroom.raw();
  raw.send(frame);
  const identity = { id: randomUUID(), username: 'Offender', roomname: `garbage ${randomUUID()}` };
  const answer = raw.ask('join', JSON.stringify(identity)).catch(() => null);
  await Promise.race([answer, pause(STILL_SERVED_WITHIN)]);
  raw.close();
}

/**
 * The status of the response to one request, made without the corrections that `fetch` makes.
 *
 * @param {number} port
 * @param {import('node:http').RequestOptions} options
 * @param {string} [body]
 * @returns {Promise<number>}
 */
function statusOf(port, options, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: 'localhost', port, ...options, agent: false });
    sent.on('error', reject).on('response', (response) => {
      resolve(response.statusCode);
      response.destroy();
    });
    sent.on('upgrade', (response, socket) => {
      resolve(response.statusCode);
      socket.destroy();
    });
    sent.end(body);
  });
}

/** New members can join and connect, as if nothing had happened. @param {import('./lib/scenarios.js').Classroom} classroom */
async function assertAlive(classroom) {
  assert.ok(classroom.server.isRunning(), classroom.server.output);
  const response = await fetch(`${classroom.server.url}/livez`);
  assert.equal(response.status, 200);
  const [ann, bo] = ['Ann', 'Bo'].map((username) => classroom.page(username, { roomname: `after ${classroom.roomname}` }));
  await ann.join();
  await bo.join();
  await ann.connectedWith(bo);
}
