import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Server as NodeServer } from 'socket.io';

import { HEARTBEAT, HEARTBEAT_SENTENCES, SENTENCES, endsBy } from './lib/conformance.js';
import { Engine } from './lib/engine.js';
import { Server } from './lib/server.js';
import { PATIENCE, within } from './lib/wait.js';

/**
 * Where one of the two does not do what the texts say, what is seen of it instead, and why. What is no longer so is an error.
 *
 * @type {{of: 'node' | 'ours', seen: any, why: string, sentences: string[]}[]}
 */
const DIFFERENCES = [
  {
    of: 'node', seen: 500, why: 'it takes the method for a fault of its own',
    sentences: ['a session has GET and POST alone'],
  },
  {
    of: 'node', seen: 'stays', why: 'it does not look at packets that are the server’s, or of the other transport',
    sentences: [...['0', '0{}', '5', '6'].map(endsBy), 'a close packet ends the session, by websocket', `${endsBy('1x')}, by websocket`],
  },
  {
    of: 'node', seen: 'stays', why: 'it takes a number for a name, and nothing for an event without a name or the answer to nothing',
    sentences: ['42', '42[1]', '43', '431', '43["x"]'].map(endsBy),
  },
  {
    of: 'ours', seen: false, why: 'the first ping of the library comes at once',
    sentences: ['a ping comes after pingInterval'],
  },
  {
    of: 'ours', seen: true, why: 'the library names both alike, for which nobody is ever told a socket’s id',
    sentences: ['the session ID is not the transport’s'],
  },
  {
    of: 'ours', seen: 'ok', why: 'the library does not ask what a body says that it is',
    sentences: ['a body of bytes is no payload of this version'],
  },
  {
    of: 'ours', seen: 'stays', why: 'nobody reads what a CONNECT brings along, or repeats',
    sentences: [...['40[', '40[]', '40"x"', '40{'].map((packet) => `a CONNECT with a payload that is no object, ${packet}, ends the session`), ...['40', '40[', '40"x"'].map(endsBy)],
  },
  {
    of: 'ours', seen: 'stays', why: 'it is answered by an error that names what is wrong, and changes nothing else',
    sentences: ['42["conformance"]x', '42["connect"]', '42["disconnect"]', '42["newListener"]'].map(endsBy),
  },
  {
    of: 'ours', seen: 'stays', why: 'it is for nobody',
    sentences: ['42/abc', '42/abc,["x"]', '431{}', '450-["x"]'].map(endsBy),
  },
  {
    of: 'ours', seen: 'stays', why: 'the library answers a ping of a client as that of an upgrade',
    sentences: ['2', '2x'].map(endsBy),
  },
  {
    of: 'ours', seen: 'stays', why: 'there is nothing in it to be read',
    sentences: ['', '5', '6'].map((packet) => `${endsBy(packet)}, by polling`),
  },
];

/** Holds both servers to some sentences, at once. */
function conformance(title, sentences, { pingInterval, pingTimeout }) {
  describe(title, { concurrency: 16 }, () => {
    const http = createServer();
    const node = new NodeServer(http, { pingInterval, pingTimeout, upgradeTimeout: 3_000 });
    const ours = new Server({ PING_INTERVAL: `${pingInterval}ms`, PING_TIMEOUT: `${pingTimeout}ms` });
    const urls = {};
    before(async () => {
      node.on('connection', (socket) => {
        socket.on('conformance', (...args) => args.at(-1)?.call?.(null, { ok: true }));
        socket.on('join', ({ username }, answer) => answer({ ok: true, members: [{ username }] }));
      });
      await new Promise((resolve) => http.listen(0, resolve));
      // How long it waits for a last poll of a session that has ended: else for 30 s, and this process for it.
      node.engine.on('connection', ({ transport }) => (transport.closeTimeout = 1_000));
      await ours.start();
      Object.assign(urls, { node: `http://localhost:${http.address().port}`, ours: ours.url });
    });
    after(async () => {
      const closed = new Promise((resolve) => node.close(resolve));
      http.closeAllConnections();
      await closed;
      await ours.close();
    });

    for (const [section, cases] of Object.entries(sentences)) {
      for (const [sentence, act, wanted] of cases) {
        test(`${section}: ${sentence}`, async (t) => {
          const of = async (name) => {
            const engine = new Engine(urls[name]);
            t.after(() => engine.close());
            return within(act(engine), sentence, 2 * PATIENCE).catch((error) => error.message);
          };
          const [ofNode, ofOurs] = await Promise.all([of('node'), of('ours')]);
          const expected = (name) => difference(name, sentence)?.seen ?? wanted;
          assert.deepEqual({ ofNode, ofOurs }, { ofNode: expected('node'), ofOurs: expected('ours') });
        });
      }
    }
  });
}

/** Where one of the two is known not to keep a sentence. @param {'node' | 'ours'} name @param {string} sentence */
function difference(name, sentence) {
  const spelt = [sentence, sentence.replace(/, by (polling|websocket)$/, '')];
  return DIFFERENCES.find(({ of, sentences }) => of === name && sentences.some((one) => spelt.includes(one)));
}

describe('conformance', { timeout: 120_000, concurrency: true }, () => {
  conformance('texts', SENTENCES, HEARTBEAT);
  conformance('heartbeats', HEARTBEAT_SENTENCES, { pingInterval: 1_000, pingTimeout: 3_000 });

  test('every difference is one, and of a sentence', () => {
    const cases = Object.values({ ...SENTENCES, ...HEARTBEAT_SENTENCES }).flat();
    for (const { sentences, seen } of DIFFERENCES) {
      for (const sentence of sentences) {
        const of = cases.filter(([one]) => one === sentence || one.replace(/, by (polling|websocket)$/, '') === sentence);
        assert.ok(of.length > 0, `no sentence: ${sentence}`);
        for (const [, , wanted] of of) assert.notDeepEqual(seen, wanted, sentence);
      }
    }
  });
});
