import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Server as NodeServer } from 'socket.io';
import WebSocket from 'ws';

import { Server } from './lib/server.js';
import { until, within } from './lib/wait.js';

/**
 * What Engine.IO 4 and Socket.IO 5 (https://socket.io/docs/v4/engine-io-protocol, …/socket-io-protocol) want of a server, of
 * ours and of Node's in one run. A test has what is seen of both: where they differ, `ours` stands beside it, and why.
 */
const HEARTBEAT = { interval: 1000, timeout: 1000 };

/** How long a server may take to end a session, in milliseconds. */
const SOON = 4_000;

/** The least that a client needs to speak to either by hand. */
class Engine {
  packets = [];
  isClosed = false;
  answersPings = true;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /** @param {string} [query] @param {RequestInit} [options] */
  async http(query, options) {
    const answer = await fetch(`${this.url}/socket.io/?${query}`, options);
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() };
  }

  async poll() {
    const { status, body } = await this.http(`EIO=4&transport=polling&sid=${this.sid}`);
    if (status !== 200) return status;
    if (body.split('\x1e').includes('2') && this.answersPings) await this.post('3');
    return body;
  }

  /** @param {string} body */
  async post(body, headers = {}) {
    const { status, body: answer } = await this.http(`EIO=4&transport=polling&sid=${this.sid}`, { method: 'POST', body, headers });
    return status === 200 ? answer : status;
  }

  async startPolling() {
    const { body } = await this.http('EIO=4&transport=polling');
    this.open = JSON.parse(body.slice(1));
    this.sid = this.open.sid;
    return body[0];
  }

  async startWebSocket(more = '') {
    this.socket = new WebSocket(`${this.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket${more}`);
    this.socket.on('message', (data, isBinary) => {
      this.packets.push(isBinary ? data : String(data));
      // Else every session would end soon, and nothing be seen by that.
      if (String(data) === '2' && this.answersPings) this.socket.send('3');
    });
    this.socket.on('close', () => (this.isClosed = true)).on('error', () => (this.isClosed = true));
    await until(() => this.socket.readyState !== WebSocket.CONNECTING, 'the WebSocket');
  }

  /** The first packet that begins so, without the pings that come in between. @param {string} start */
  hears(start) {
    const found = () => this.packets.find((packet) => typeof packet === 'string' && packet.startsWith(start));
    return until(() => found() ?? (this.isClosed && 'closed'), `a packet ${start}; there are ${this.packets}`);
  }

  /** Connected by WebSocket, and to the namespace. */
  async connected() {
    await this.startWebSocket();
    await this.hears('0');
    this.socket.send('40');
    await this.hears('40');
    return this;
  }

  /** Whether the server closes it, soon. */
  ends() {
    return until(() => this.isClosed, 'the end', SOON).then(() => true, () => false);
  }

  close() {
    this.socket?.terminate();
  }
}

/** Each: what the texts say, what is done, and what is seen then. */
const CASES = [
  ['the handshake is an open packet with sid, upgrades, pingInterval, pingTimeout and maxPayload', async (engine) => {
    const type = await engine.startPolling();
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = engine.open;
    return [type, typeof sid, upgrades, pingInterval, pingTimeout, maxPayload, Object.keys(engine.open).length];
  }, ['0', 'string', ['websocket'], HEARTBEAT.interval, HEARTBEAT.timeout, 1_000_000, 5]],
  ['by WebSocket it offers no upgrade', async (engine) => {
    await engine.startWebSocket();
    return JSON.parse((await engine.hears('0')).slice(1)).upgrades;
  }, []],
  ['an unknown transport is refused', async (engine) => refusal(await engine.http('EIO=4&transport=abc')), [400, 0, 'Transport unknown']],
  ['a missing transport is refused', async (engine) => refusal(await engine.http('EIO=4')), [400, 0, 'Transport unknown']],
  ['a missing EIO is refused', async (engine) => refusal(await engine.http('transport=polling')), [400, 5, 'Unsupported protocol version']],
  ['an old EIO is refused', async (engine) => refusal(await engine.http('EIO=3&transport=polling')), [400, 5, 'Unsupported protocol version']],
  ['a strange EIO is refused', async (engine) => refusal(await engine.http('EIO=abc&transport=polling')), [400, 5, 'Unsupported protocol version']],
  ['an unknown sid is refused', async (engine) => refusal(await engine.http('EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA')), [400, 1, 'Session ID unknown']],
  ['a handshake is a GET', async (engine) => refusal(await engine.http('EIO=4&transport=polling', { method: 'POST', body: '4' })), [400, 2, 'Bad handshake method']],
  ['a session has GET and POST alone', async (engine) => {
    await engine.startPolling();
    return (await engine.http(`EIO=4&transport=polling&sid=${engine.sid}`, { method: 'PUT', body: '4' })).status;
  }, 500, 400, 'it is the request that is wrong, and not the server'],
  ['a POST is answered by ok', async (engine) => {
    await engine.startPolling();
    return engine.post('40');
  }, 'ok'],
  ['packets of one answer are separated by 0x1e', async (engine) => {
    await engine.startPolling();
    await engine.post('40');
    let heard = '';
    while (!heard.includes('40{')) heard += `${await engine.poll()}\x1e`;
    await engine.post('421["conformance"]\x1e422["conformance"]');
    while (!heard.includes('432[')) heard += `${await engine.poll()}\x1e`;
    return heard.split('\x1e').filter(Boolean).every((packet) => /^(2$|40\{|42\[|43[12]\[)[^\x1e]*$/.test(packet));
  }, true],
  ['a second poll at once ends the session', async (engine) => {
    await engine.startPolling();
    await engine.post('40');
    await engine.poll();
    const both = await Promise.all([engine.poll(), engine.poll()]);
    return [both.includes(400), await engine.poll()];
  }, [true, 400]],
  ['a malformed packet ends a session that polls', async (engine) => {
    await engine.startPolling();
    await engine.post('abc');
    return engine.post('40');
  }, 400],
  ['a message of a text that is no Socket.IO packet ends it', async (engine) => {
    await engine.startWebSocket();
    await engine.hears('0');
    engine.socket.send('4abc');
    return engine.ends();
  }, true],
  ['a malformed packet ends a WebSocket', async (engine) => {
    await engine.startWebSocket();
    await engine.hears('0');
    engine.socket.send('abc');
    return engine.ends();
  }, true],
  ['a close packet ends a session that polls', async (engine) => {
    await engine.startPolling();
    await engine.post('1');
    return engine.poll();
  }, 400],
  ['a poll that waits is answered by a noop when the session is closed', async (engine) => {
    await engine.startPolling();
    await engine.post('40');
    await engine.poll();
    const waiting = (async () => {
      for (;;) {
        const heard = await engine.poll();
        if (!String(heard).startsWith('2')) return heard;
        await engine.post('3');
      }
    })();
    await engine.post('1');
    return within(waiting, 'the answer');
  }, '6'],
  ['a close packet ends a WebSocket', async (engine) => {
    await engine.startWebSocket();
    await engine.hears('0');
    engine.socket.send('1');
    return engine.ends();
  }, false, true, 'Node leaves it open until pings are not answered'],
  ['pings come, and a client that answers stays', async (engine) => {
    await engine.connected();
    await until(() => engine.isClosed || engine.packets.filter((packet) => packet === '2').length > 3, 'pings');
    return engine.isClosed;
  }, false],
  ['the first ping comes after pingInterval', async (engine) => {
    await engine.startWebSocket();
    await engine.hears('0');
    const started = performance.now();
    await engine.hears('2');
    return performance.now() - started > HEARTBEAT.interval / 2;
  }, true, false, 'the first ping of the library behind ours comes at once'],
  ['who answers no ping is closed', async (engine) => {
    engine.answersPings = false;
    await engine.connected();
    return engine.ends();
  }, true],
  ['an upgrade is a probe, its answer, and an upgrade packet; messages go by WebSocket then', async (engine) => {
    await engine.startPolling();
    await engine.startWebSocket(`&sid=${engine.sid}`);
    engine.socket.send('2probe');
    const probe = await engine.hears('3probe');
    engine.socket.send('5');
    engine.socket.send('40');
    return [probe, (await engine.hears('40')).slice(0, 8)];
  }, ['3probe', '40{"sid"']],
  ['a poll after the upgrade is refused', async (engine) => {
    await engine.startPolling();
    await engine.startWebSocket(`&sid=${engine.sid}`);
    engine.socket.send('2probe');
    await engine.hears('3probe');
    engine.socket.send('5');
    engine.socket.send('40');
    await engine.hears('40');
    return engine.poll();
  }, 400],
  ['a WebSocket for an unknown session is refused', async (engine) => {
    await engine.startWebSocket('&sid=AAAAAAAAAAAAAAAAAAAA');
    return engine.packets.length;
  }, 0],
  ['a connection to the namespace gets a sid that is not the transport’s', async (engine) => {
    await engine.connected();
    const [open, connect] = [JSON.parse((await engine.hears('0')).slice(1)), JSON.parse((await engine.hears('40')).slice(2))];
    return [typeof connect.sid, connect.sid === open.sid];
  }, ['string', false], ['string', true], 'the library behind ours names both alike, which is why nobody is ever told a socket’s id'],
  ['a namespace that is not there is refused, and the session goes on', async (engine) => {
    await engine.connected();
    engine.socket.send('40/abc,');
    return [await engine.hears('44/abc,'), engine.isClosed];
  }, ['44/abc,{"message":"Invalid namespace"}', false]],
  ['an event with an id is acknowledged by that id', async (engine) => {
    await engine.connected();
    engine.socket.send('4212["conformance"]');
    return (await engine.hears('4312[')).slice(0, 5);
  }, '4312['],
  ['an event with attachments is put together, and acknowledged', async (engine) => {
    await engine.connected();
    engine.socket.send('451-13["conformance",{"_placeholder":true,"num":0}]');
    engine.socket.send(Buffer.from([1, 2, 3]));
    return (await engine.hears('4313[')).slice(0, 5);
  }, '4313['],
  ['an event before the connect ends the session', async (engine) => {
    await engine.startWebSocket();
    await engine.hears('0');
    engine.socket.send('42["conformance"]');
    return engine.ends();
  }, true],
  ['a disconnect from the namespace leaves the transport', async (engine) => {
    await engine.connected();
    const heard = engine.packets.length;
    engine.socket.send('41');
    await until(() => engine.isClosed || engine.packets.slice(heard).includes('2'), 'a ping');
    return engine.isClosed;
  }, false],
  ...['42abc', '42{}', '42[', '42[{}]', '49', '43x[]'].map((packet) => [`${packet} is no packet, and ends the session`, (engine) => endsBy(engine, packet), true]),
  ['an event without a payload ends the session', (engine) => endsBy(engine, '42'), false, true, 'Node takes it for an event without a name'],
  ['a malformed event that says it has attachments ends the session', (engine) => endsBy(engine, '451-["a"'), true, false,
    'the library behind ours reads it when the attachments are there, for which it waits 10 s'],
];

describe('conformance', { timeout: 120_000, concurrency: 8 }, () => {
  const http = createServer();
  const node = new NodeServer(http, { pingInterval: HEARTBEAT.interval, pingTimeout: HEARTBEAT.timeout, connectTimeout: 10_000 });
  const server = new Server({ PING_INTERVAL: `${HEARTBEAT.interval}ms`, PING_TIMEOUT: `${HEARTBEAT.timeout}ms` });
  const urls = {};
  before(async () => {
    node.on('connection', (socket) => socket.on('conformance', (...args) => args.at(-1)?.({ ok: true })));
    await new Promise((resolve) => http.listen(0, resolve));
    await server.start();
    Object.assign(urls, { node: `http://localhost:${http.address().port}`, ours: server.url });
  });
  after(async () => {
    await new Promise((resolve) => node.close(resolve));
    await server.close();
  });

  for (const [what, act, theirs, ours, why] of CASES) {
    test(why ? `${what} (not so here: ${why})` : what, async (t) => {
      const seen = async (url) => {
        const engine = new Engine(url);
        t.after(() => engine.close());
        return within(act(engine), what);
      };
      const [ofNode, ofOurs] = await Promise.all([seen(urls.node), seen(urls.ours)].map((one) => one.catch((error) => error.message)));
      assert.deepEqual({ ofNode, ofOurs }, { ofNode: theirs, ofOurs: why ? ours : theirs });
    });
  }
});

async function endsBy(engine, packet) {
  await engine.connected();
  engine.socket.send(packet);
  return engine.ends();
}

function refusal({ status, body }) {
  const { code, message } = JSON.parse(body);
  return [status, code, message];
}
