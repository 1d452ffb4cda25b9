import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { Server } from './lib/server.js';
import { until, within } from './lib/wait.js';

const PAGE = 'https://class.example';
const POLLING = '/socket.io/?EIO=4&transport=polling';

/** The handshake of a WebSocket, as RFC 6455 has it. */
const HANDSHAKE = {
  host: 'localhost',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('what the server says to those it cannot serve', { timeout: 60_000 }, () => {
  const [open, listed] = [new Server(), new Server({ ALLOWED_ORIGINS: PAGE })];
  before(() => Promise.all([open.start(), listed.start()]));
  after(() => Promise.all([open.close(), listed.close()]));

  test('an Engine.IO error has a number for its code, and the words of the protocol', async () => {
    const cases = [
      ['GET', 'EIO=4&transport=pigeon', 0, 'Transport unknown'],
      ['GET', 'EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA', 1, 'Session ID unknown'],
      ['POST', 'EIO=4&transport=polling', 2, 'Bad handshake method'],
      ['GET', 'EIO=3&transport=polling', 5, 'Unsupported protocol version'],
    ];
    for (const [method, query, code, message] of cases) {
      const answer = await ask(open, `/socket.io/?${query}`, { method });
      assert.deepEqual([answer.statusCode, answer.headers['content-type'], JSON.parse(answer.body)], [400, 'application/json', { code, message }], query);
    }
  });

  test('what asks for no real WebSocket is told what is missing, and a session goes on', async () => {
    const { sid } = JSON.parse((await ask(open, POLLING)).body.slice(1));
    const cases = [
      ['Upgrade: websocket', { upgrade: null, connection: null, 'sec-websocket-version': null }],
      ['Upgrade: websocket', { upgrade: 'h2c' }],
      ['Connection: Upgrade', { connection: null }],
      ['Connection: Upgrade', { connection: 'keep-alive' }],
      ['Sec-WebSocket-Version: 13', { 'sec-websocket-version': '12' }],
      ['a valid Sec-WebSocket-Key', { 'sec-websocket-key': null }],
      ['a valid Sec-WebSocket-Key', { 'sec-websocket-key': 'dGhlIGtleQ==' }],
      ['a valid Sec-WebSocket-Key', { 'sec-websocket-key': 'the sample nonce 1234==' }],
      ['HTTP/1.1', {}, '1.0'],
    ];
    for (const session of ['', `&sid=${sid}`]) {
      for (const [missing, headers, version] of cases) {
        const answer = await handshake(open, session, headers, version);
        assert.match(answer, /^HTTP\/1\.[01] 400 .*\r\nsec-websocket-version: 13\r\n/is, missing);
        assert.ok(answer.includes(`: ${missing} is missing. `), `${answer} instead of ${missing}`);
      }
    }
    assert.equal((await ask(open, `${POLLING}&sid=${sid}`, { method: 'POST', headers: { 'content-length': 2 }, body: '40' })).body, 'ok');
    assert.match(await handshake(open, ''), /^HTTP\/1\.1 101 /);
  });

  test('a host name that is not allowed is named', async () => {
    const answer = await ask(open, '/api/v1/rooms', { headers: { host: 'other.example:80' } });
    const { code, detail } = JSON.parse(answer.body);
    assert.equal(code, 'hostNotAllowed');
    assert.match(detail, /"other\.example:80"/);
  });

  test('pages of a list of origins may connect withCredentials, and no others are told that they may', async () => {
    const [path, headers] = [POLLING, { origin: PAGE }];
    const answer = await ask(listed, path, { headers });
    assert.deepEqual(allowed(answer), [200, PAGE, 'true']);
    const preflight = { ...headers, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-mine' };
    const before = await ask(listed, path, { method: 'OPTIONS', headers: preflight });
    assert.deepEqual([...allowed(before), before.headers['access-control-allow-headers']], [200, PAGE, 'true', 'x-mine']);
    const stranger = await ask(listed, path, { headers: { origin: 'https://other.example' } });
    assert.deepEqual([stranger.statusCode, stranger.headers['access-control-allow-origin']], [403, undefined]);
    assert.deepEqual(allowed(await ask(open, path, { headers })), [200, '*', undefined]);
  });

  test('the log says what a page withCredentials does wrong where every origin may connect', async () => {
    const headers = { origin: PAGE, 'sec-fetch-mode': 'cors', cookie: 'a=b' };
    const poll = (site) => ask(open, POLLING, { headers: { ...headers, 'sec-fetch-site': site } });
    await poll('same-origin');
    assert.doesNotMatch(open.output, /withCredentials/);
    await poll('cross-site');
    await poll('same-site');
    await until(() => open.output.includes('withCredentials'), 'a line of the log');
    assert.equal(open.output.match(/.*withCredentials.*class\.example/g).length, 1);
  });

  test('the log names clients of the old protocol, once a minute', async () => {
    const lines = () => listed.output.match(/.*EIO=3.*/g) ?? [];
    for (const transport of ['polling', 'websocket', 'polling']) await ask(listed, `/socket.io/?EIO=3&transport=${transport}`, { headers: { origin: PAGE } });
    await until(() => lines().length > 0, 'a line of the log');
    assert.deepEqual(lines().map((line) => /socket\.io-client 2.*class\.example/.test(line)), [true]);
  });

  test('a connection that is kept says for how long, and is kept for that long', async () => {
    const kept = connect(open.port, 'localhost', () => kept.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'));
    const started = performance.now();
    const [answer] = await once(kept, 'data');
    const seconds = Number(/keep-alive: timeout=(\d+)\r\n/.exec(String(answer))[1]);
    assert.equal((await ask(open, '/livez')).headers['keep-alive'], undefined, 'of one that its client closes');
    await within(once(kept, 'close'), 'the end of the connection', seconds * 1000 + 20_000);
    assert.ok(performance.now() - started > seconds * 1000 - 100);
  });
});

const allowed = ({ statusCode, headers }) => [statusCode, headers['access-control-allow-origin'], headers['access-control-allow-credentials']];

/** With headers that `fetch` does not let pass. */
function ask(server, path, options = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(`${server.url}${path}`, { ...options, headers: { connection: 'close', ...options.headers } });
    asked.on('error', reject);
    asked.on('response', async (answer) => {
      let body = '';
      for await (const piece of answer.setEncoding('utf8')) body += piece;
      resolve({ statusCode: answer.statusCode, headers: answer.headers, body });
    });
    asked.end(options.body);
  });
}

/** The answer to a handshake that has these headers (or, if null, has them not) instead. */
async function handshake(server, session, headers = {}, version = '1.1') {
  const lines = Object.entries({ ...HANDSHAKE, ...headers }).flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}\r\n`));
  const socket = connect(server.port, 'localhost');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => (answer += text));
  socket.write(`GET /socket.io/?EIO=4&transport=websocket${session} HTTP/${version}\r\n${lines.join('')}\r\n`);
  await until(() => / 101 .*\r\n\r\n|\r\n\r\n.+\n$/s.test(answer), 'the answer to a handshake');
  socket.destroy();
  return answer;
}
