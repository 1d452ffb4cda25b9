import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Middlebox, SPOILERS } from './lib/middlebox.js';
import { Classroom } from './lib/scenarios.js';
import { Server } from './lib/server.js';
import { pause, until } from './lib/wait.js';

/** How long the server holds a WebSocket whose client does not move to it, and a little more, in milliseconds. */
const HELD = 12_000;
/** How many polls a second are too many: Node answers one that waits for an upgrade after 100 ms. */
const MANY_POLLS = 15;

/** Behind which of them even a WebSocket from the start carries nothing. @type {import('./lib/middlebox.js').Kind[]} */
const NO_WEBSOCKETS = ['cuts after the handshake', 'swallows frames'];
/** How long a client waits for the first word, if it is not to wait for 20 s as it does by itself, in milliseconds. */
const GIVES_UP = 2_000;

/** The upgrade to a WebSocket by the client's default transports, through networks that spoil it. */
describe('upgrade', { concurrency: true }, () => {
  const server = new Server();
  before(() => server.start());
  after(() => server.close());

  for (const kind of SPOILERS) {
    test(`behind a network that ${kind}, a page goes on polling and loses nothing`, async (t) => {
      const classroom = new Classroom(t, server, ['polling', 'websocket']);
      const box = classroom.closing(new Middlebox(server.port, kind));
      const bo = classroom.page('Bo');
      assert.ok((await bo.join()).ok);
      const ann = classroom.page('Ann', { url: await box.open() });
      assert.ok((await ann.join()).ok);
      await ann.connectedWith(bo);

      await until(() => box.seenWebSockets > 0, 'an upgrade is tried');
      const polls = box.polls;
      await pause(1_000);
      assert.ok(box.polls - polls < MANY_POLLS, `${box.polls - polls} polls in a second`);
      await until(() => box.webSockets.size === 0, 'the WebSocket is given up', HELD);

      const { remoteId, memberId } = bo.peers.with(ann.memberId);
      for (const candidate of ['one', 'two', 'three']) {
        await bo.ask('icecandidate', { remoteConnectorId: remoteId, memberId, candidate });
      }
      const heard = () => ann.heardOf('icecandidate').map((one) => one.candidate).slice(-3);
      await ann.until(() => heard().at(-1) === 'three', 'what Bo says');
      assert.deepEqual(heard(), ['one', 'two', 'three']);
      assert.deepEqual(ann.ends, [], 'the session stays');
      assert.equal(ann.socket.io.engine.transport.name, 'polling');
      assert.equal(box.seenWebSockets, 1, 'one try');
    });
  }

  for (const kind of [...SPOILERS, 'is slow']) {
    for (const transports of [['polling'], ['websocket'], ['websocket', 'polling']]) {
      const isIn = transports[0] === 'polling' || !NO_WEBSOCKETS.includes(kind);
      test(`behind a network that ${kind}, a page by ${transports} ${isIn ? 'gets in' : 'has an error, and gets in elsewhere'}`, async (t) => {
        const classroom = new Classroom(t, server, ['polling']);
        const box = classroom.closing(new Middlebox(server.port, kind));
        const client = { tryAllTransports: true, ...(!isIn && { timeout: GIVES_UP }) };
        const ann = classroom.page('Ann', { url: await box.open(), transports, client });
        const [bo] = await classroom.joined('Bo');
        if (!isIn) {
          let error;
          ann.socket.on('connect_error', (told) => (error ??= told));
          await ann.until(() => error, 'an error');
          assert.equal(error.message, 'timeout');
          assert.equal(ann.socket.connected, false);
          // None of which there is in a WebSocket from the start.
          box.kind = 'cuts at the answer to the probe';
        }
        assert.ok((await ann.join()).ok);
        await ann.connectedWith(bo);
        assert.equal(ann.socket.io.engine.transport.name, transports[0]);
        assert.equal(box.seenWebSockets === 0, transports[0] === 'polling');
        if (isIn) assert.deepEqual(ann.ends, []);
      });
    }
  }

  test('over a slow network messages go on during the upgrade, which succeeds', async (t) => {
    const classroom = new Classroom(t, server, ['polling', 'websocket']);
    const box = classroom.closing(new Middlebox(server.port, 'is slow'));
    const bo = classroom.page('Bo');
    assert.ok((await bo.join()).ok);
    const ann = classroom.page('Ann', { url: await box.open() });
    /** @type {string[]} */
    const steps = [];
    ann.socket.io.engine.on('upgrade', () => steps.push('moved'));
    ann.socket.on('connect', () => steps.push('connected'));
    assert.ok((await ann.join()).ok);
    await ann.connectedWith(bo);
    const numbers = Array.from({ length: 80 }, (_, number) => number);
    const { remoteId, memberId } = bo.peers.with(ann.memberId);
    for (const number of numbers) {
      await bo.ask('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { spoken: number } });
      await pause(20);
    }
    await ann.until(() => ann.heardOf('icecandidate').at(-1).candidate.spoken === numbers.at(-1), 'the last');
    await ann.until(() => steps.length > 1, 'it moves');
    assert.deepEqual(steps, ['connected', 'moved'], 'it could speak before it moved');
    const heard = ann.heardOf('icecandidate').map(({ candidate }) => candidate.spoken);
    assert.deepEqual(heard.filter((number) => number !== undefined), numbers);
    assert.deepEqual(ann.ends, []);
  });
});
