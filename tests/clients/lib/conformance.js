import { randomUUID } from 'node:crypto';
import { request } from 'node:http';

import { Engine } from './engine.js';
import { until, within } from './wait.js';

/** What may be sent in one chunk, as both servers say at the handshake. */
export const MAX_PAYLOAD = 1_000_000;

/** How often something is tried that depends on which of two comes first. */
const TRIES = 5;

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAA';
/** What both are to say of their pings. */
export const HEARTBEAT = { pingInterval: 25_000, pingTimeout: 20_000 };

const PLACEHOLDER = '{"_placeholder":true,"num":0}';

/**
 * The sentences of https://github.com/socketio/engine.io-protocol (4) and …/socket.io-protocol (5) that a server can keep or
 * break, section by section: what each wants, how it is tried, and what is seen of a server that keeps it. What is told
 * of clients alone has no place here.
 *
 * @type {Record<string, [string, (engine: Engine) => Promise<any>, any][]>}
 */
export const SENTENCES = {
  'Engine.IO, query parameters': [
    ['an unknown transport is answered by 400', async (engine) => refusal(await engine.http('EIO=4&transport=abc')), [400, 0, 'Transport unknown']],
    ['a missing transport is answered by 400', async (engine) => refusal(await engine.http('EIO=4')), [400, 0, 'Transport unknown']],
    ['a missing EIO is answered by 400', async (engine) => refusal(await engine.http('transport=polling')), [400, 5, 'Unsupported protocol version']],
    ['an old EIO is answered by 400', async (engine) => refusal(await engine.http('EIO=3&transport=polling')), [400, 5, 'Unsupported protocol version']],
    ['a strange EIO is answered by 400', async (engine) => refusal(await engine.http('EIO=abc&transport=polling')), [400, 5, 'Unsupported protocol version']],
    ['a poll without transport is answered by 400', async (engine) => {
      await engine.startPolling();
      return (await engine.http(`EIO=4&sid=${engine.sid}`)).status;
    }, 400],
    ['a poll without EIO is answered by 400', async (engine) => {
      await engine.startPolling();
      await engine.post('40');
      return (await engine.http(`transport=polling&sid=${engine.sid}`)).status;
    }, 400],
    ['a WebSocket without EIO is closed', (engine) => opened(engine, 'transport=websocket'), false],
    ['a WebSocket with an old EIO is closed', (engine) => opened(engine, 'EIO=3&transport=websocket'), false],
    ['a WebSocket without transport is closed', (engine) => opened(engine, 'EIO=4'), false],
  ],
  'Engine.IO, headers': [
    ['a body without a Content-Type is text', async (engine) => {
      await engine.startPolling();
      return engine.post(Buffer.from('40'));
    }, 'ok'],
    ['a body of bytes is no payload of this version', async (engine) => {
      await engine.startPolling();
      return engine.post('40', { headers: { 'content-type': 'application/octet-stream' } });
    }, 400],
  ],
  'Engine.IO, sending data': [
    ['a POST for an unknown session is answered by 400', async (engine) => {
      return refusal(await engine.http(`EIO=4&transport=polling&sid=${UNKNOWN}`, { method: 'POST', body: '40' }));
    }, [400, 1, 'Session ID unknown']],
    ['a POST is answered by 200 and ok', async (engine) => {
      await engine.startPolling();
      return engine.post('40');
    }, 'ok'],
    ['a second POST at once is answered by 400, and the session ends', async (engine) => {
      await engine.startPolling();
      const first = await halfPosted(engine);
      const second = await engine.post('40');
      first.destroy();
      return [second, await engine.poll()];
    }, [400, 400]],
  ],
  'Engine.IO, receiving data': [
    ['a poll for an unknown session is answered by 400', async (engine) => {
      return refusal(await engine.http(`EIO=4&transport=polling&sid=${UNKNOWN}`));
    }, [400, 1, 'Session ID unknown']],
    ['a poll waits until there is something to be told', async (engine) => {
      await drained(engine);
      const waiting = engine.poll();
      await engine.post('4211["conformance"]');
      let heard = await waiting;
      while (!String(heard).includes('4311[')) heard = await engine.poll();
      return heard.includes('4311[');
    }, true],
    ['a second poll at once is answered by 400, and the session ends', async (engine) => {
      await drained(engine);
      const both = await Promise.all([engine.poll(), engine.poll()]);
      return [both.includes(400), await engine.poll()];
    }, [true, 400]],
    ['a session has GET and POST alone', async (engine) => {
      await engine.startPolling();
      return (await engine.http(`EIO=4&transport=polling&sid=${engine.sid}`, { method: 'PUT', body: '4' })).status;
    }, 400],
  ],
  'Engine.IO, WebSocket': [
    ['each packet is a frame of its own', async (engine) => {
      await engine.connected();
      for (const id of [1, 2]) engine.socket.send(`42${id}["conformance"]`);
      for (const id of [1, 2]) await engine.hears(`43${id}[`);
      return engine.packets.some((packet) => String(packet).includes('\x1e'));
    }, false],
    ['a second WebSocket of a session that has one is closed, and the first stays', async (engine) => {
      await engine.connected();
      const { sid } = JSON.parse((await engine.hears('0')).slice(1));
      return [await opened(new Engine(engine.url), `EIO=4&transport=websocket&sid=${sid}`), await outcome(engine)];
    }, [false, 'stays']],
    ['a second WebSocket of a session that has moved is closed, and the first stays', async (engine) => {
      await engine.startPolling();
      await engine.upgrade();
      engine.socket.send('40');
      await engine.hears('40');
      return [await opened(new Engine(engine.url), `EIO=4&transport=websocket&sid=${engine.sid}`), await outcome(engine)];
    }, [false, 'stays']],
    ['a WebSocket for an unknown session is closed', (engine) => opened(engine, `EIO=4&transport=websocket&sid=${UNKNOWN}`), false],
  ],
  'Engine.IO, handshake': [
    ['it is a GET', async (engine) => refusal(await engine.http('EIO=4&transport=polling', { method: 'POST', body: '4' })), [400, 2, 'Bad handshake method']],
    ['it is an open packet with sid, upgrades, pingInterval, pingTimeout and maxPayload', async (engine) => {
      const type = await engine.startPolling();
      const { sid, ...rest } = engine.open;
      return [type, typeof sid, rest];
    }, ['0', 'string', { upgrades: ['websocket'], ...HEARTBEAT, maxPayload: MAX_PAYLOAD }]],
    ['by WebSocket it is the same, and offers no upgrade', async (engine) => {
      await engine.shaken('websocket');
      const { sid, ...rest } = JSON.parse(engine.packets.find((packet) => packet.startsWith('0')).slice(1));
      return [typeof sid, rest];
    }, ['string', { upgrades: [], ...HEARTBEAT, maxPayload: MAX_PAYLOAD }]],
  ],
  'Engine.IO, upgrade': [
    ['a probe is answered by a probe, and messages go by WebSocket after the upgrade', async (engine) => {
      await engine.startPolling();
      await engine.upgrade();
      engine.socket.send('40');
      return (await engine.hears('40')).slice(0, 8);
    }, '40{"sid"'],
    ['a poll that waits is answered by a noop', async (engine) => {
      await drained(engine);
      const waiting = answerBesidePings(engine);
      await engine.startWebSocket(`EIO=4&transport=websocket&sid=${engine.sid}`);
      engine.socket.send('2probe');
      return within(waiting, 'the answer');
    }, '6'],
    ['no message is lost that was sent before it', async (engine) => {
      await drained(engine);
      await engine.post('4212["conformance"]');
      await engine.upgrade();
      return (await engine.hears('4312[')).slice(0, 5);
    }, '4312['],
    ['a poll after it is answered by 400', async (engine) => {
      await engine.startPolling();
      await engine.upgrade();
      engine.socket.send('40');
      await engine.hears('40');
      return engine.poll();
    }, 400],
  ],
  'Engine.IO, packets': [
    ['a poll that waits is answered by a noop when the session is closed', async (engine) => {
      // It may come too late to wait.
      for (let time = 0; time < TRIES; time += 1) {
        await drained(engine);
        const waiting = answerBesidePings(engine);
        await engine.post('1');
        const answer = await within(waiting, 'the answer');
        if (answer !== 400) return answer;
      }
      return 400;
    }, '6'],
    ...byBoth('a close packet ends the session', async (engine) => {
      await engine.send('1');
      return outcome(engine);
    }, 'ends'),
  ],
  'Engine.IO, packet encoding': [
    ['packets of one body are separated by 0x1e, both ways', async (engine) => {
      await engine.startPolling();
      await engine.post('40');
      let heard = '';
      while (!heard.includes('40{')) heard += `${await engine.poll()}\x1e`;
      await engine.post('421["conformance"]\x1e422["conformance"]');
      while (!heard.includes('432[')) heard += `${await engine.poll()}\x1e`;
      return heard.split('\x1e').filter(Boolean).every((packet) => /^(2$|40\{|42\[|43[12]\[)[^\x1e]*$/.test(packet));
    }, true],
    ['what is malformed in a body ends the session, whatever stands before it', async (engine) => {
      await engine.connected('polling');
      await engine.send('421["conformance"]\x1eabc');
      return outcome(engine);
    }, 'ends'],
    ['bytes in a body are base64 after a b', async (engine) => {
      await engine.connected('polling');
      await engine.send(`451-13["conformance",${PLACEHOLDER}]\x1ebAQIDBA==`);
      return (await engine.hears('4313[')).slice(0, 5);
    }, '4313['],
    ['bytes in a frame are as they are', async (engine) => {
      await engine.connected();
      await engine.send(`451-13["conformance",${PLACEHOLDER}]`);
      await engine.send(Buffer.from([1, 2, 3, 4]));
      return (await engine.hears('4313[')).slice(0, 5);
    }, '4313['],
    ...byBoth('text is UTF-8', async (engine) => {
      await engine.send(joining('14', 'é课😀'));
      return JSON.parse((await engine.hears('4314[')).slice(4))[0].members[0].username;
    }, 'é课😀'),
    ...byBoth('a chunk of maxPayload is taken', async (engine) => {
      await joined(engine);
      await engine.send(sized(MAX_PAYLOAD));
      return (await engine.hears('4315[')).slice(0, 5);
    }, '4315['),
    ...byBoth('a chunk of more than maxPayload is not', async (engine) => {
      await joined(engine);
      await engine.send(sized(MAX_PAYLOAD + 1));
      await engine.isHeard();
      return engine.packets.some((packet) => packet.startsWith('4315['));
    }, false),
  ],
  'Socket.IO, connection to a namespace': [
    ...byBoth('a CONNECT is answered by a CONNECT with the session ID', async (engine) => {
      const { sid, ...rest } = JSON.parse((await engine.hears('40')).slice(2));
      return [typeof sid, rest];
    }, ['string', {}]),
    ['the session ID is not the transport’s', async (engine) => {
      await engine.connected();
      const [open, connect] = [JSON.parse((await engine.hears('0')).slice(1)), JSON.parse((await engine.hears('40')).slice(2))];
      return connect.sid === open.sid;
    }, false],
    ['a CONNECT may have a payload', async (engine) => (await answerTo(engine, '40{"token":"123"}')).slice(0, 8), '40{"sid"'],
    ...['40[', '40[]', '40"x"', '40{'].map((packet) => [`a CONNECT with a payload that is no object, ${packet}, ends the session`, (engine) => first(engine, packet), 'ends']),
    ...byBoth('a namespace that is not there is answered by a CONNECT_ERROR, and the session goes on', async (engine) => {
      await engine.send('40/abc,');
      return [await engine.hears('44/abc,'), await outcome(engine)];
    }, ['44/abc,{"message":"Invalid namespace"}', 'stays']),
    ...['41', '42["conformance"]', '431[]', '44{"message":"x"}'].map((packet) => [`${packet} before a CONNECT ends the session`, (engine) => first(engine, packet), 'ends']),
  ],
  'Socket.IO, acknowledgement': [
    ...['0', '12', '4294967296'].flatMap((id) => byBoth(`an event with the id ${id} is acknowledged by an array and that id`, async (engine) => {
      await engine.send(`42${id}["conformance"]`);
      const start = `43${id}`;
      return Array.isArray(JSON.parse((await engine.hears(`${start}[`)).slice(start.length)));
    }, true)),
    ['one without an id is not', async (engine) => {
      await engine.connected();
      await engine.send('42["conformance"]');
      await engine.isHeard();
      return engine.packets.filter((packet) => packet.startsWith('43')).length;
    }, 1],
  ],
  'Socket.IO, disconnection from a namespace': [
    ...byBoth('a DISCONNECT is not answered, and leaves the transport for another CONNECT', async (engine) => {
      const before = engine.packets.length;
      await engine.send('41');
      // Node is not done with it at once.
      await engine.turn();
      await engine.send('40');
      const after = () => engine.packets.slice(before).filter((packet) => packet !== '2');
      await until(() => engine.isClosed || after().length > 0, 'an answer');
      return after()[0]?.slice(0, 3);
    }, '40{'),
  ],
};

/** As above, of what takes its time: of servers that ping every second. @type {typeof SENTENCES} */
export const HEARTBEAT_SENTENCES = {
  'Engine.IO, heartbeat': [
    ...byBoth('pings come, and a client that answers stays', async (engine) => {
      await until(() => engine.isClosed || engine.packets.filter((packet) => packet === '2').length > 3, 'pings');
      return engine.isClosed;
    }, false),
    ['a ping comes after pingInterval', async (engine) => {
      await engine.shaken('websocket');
      return (await pingAfter(engine, 1)) > 500;
    }, true],
    ['another ping comes after pingInterval', async (engine) => {
      await engine.shaken('websocket');
      await pingAfter(engine, 1);
      return (await pingAfter(engine, 2)) > 500;
    }, true],
    ...['polling', 'websocket'].map((transport) => [`who answers no ping is closed, by ${transport}`, async (engine) => {
      engine.answersPings = false;
      await engine.connected(transport);
      return engine.ends();
    }, true]),
  ],
};

/** Packets that the texts have no place for. What they say of one of them, that it ends the session, is taken for all. */
const MALFORMED = [
  '', '7', '9x', 'abc', 'hello', '\x1e', '0', '0{}', '1x', '2', '2x', '5', '6', 'b!!!', 'bAQID', '4', '4a', '47', '48["x"]', '49',
  '40', '40[', '40"x"', '41x', '42', '42[]', '42{}', '42null', '42"x"', '42[', '42[{}]', '42[1]', '42abc', '42["conformance"]x',
  '42["connect"]', '42["disconnect"]', '42["newListener"]', '421.5["x"]', '42-1["x"]', '42/abc', '42/abc,["x"]',
  '43', '431', '431{}', '43["x"]', '43x[]', '44', '44{"message":"x"}', '45["x"]', '45-["x"]', '450-["x"]', '451-["a"',
  `451-["a",${PLACEHOLDER}]`, '451-["a",{"_placeholder":true,"num":7}]', `4599999999-["a",${PLACEHOLDER}]`, `461-1[${PLACEHOLDER}]`,
];
/** But for those that have no consequence. */
const OF_NO_CONSEQUENCE = ['3', '3x', '431[]', '42999999999999999999999["conformance"]'];

const after = (packet) => async (engine) => {
  await engine.send(packet);
  return outcome(engine);
};
SENTENCES['packets that have no place'] = [
  ...MALFORMED.flatMap((packet) => byBoth(endsBy(packet), after(packet), 'ends')),
  ...OF_NO_CONSEQUENCE.flatMap((packet) => byBoth(`${JSON.stringify(packet)} changes nothing`, after(packet), 'stays')),
];

/** @param {string} packet one that has no place */
export function endsBy(packet) {
  return `${JSON.stringify(packet)} ends the session`;
}

/** A sentence that is tried once by each transport, connected to the namespace. */
function byBoth(sentence, act, seen) {
  return ['polling', 'websocket'].map((transport) => [`${sentence}, by ${transport}`, async (engine) => act(await engine.connected(transport)), seen]);
}

/** Whether a session ends, now or soon: what was sent next may be answered before. @param {Engine} engine */
async function outcome(engine) {
  for (let time = 0; time < TRIES; time += 1) {
    if (!(await engine.isHeard())) return 'ends';
  }
  return 'stays';
}

/** Whether a WebSocket carries anything. @param {Engine} engine @param {string} query */
async function opened(engine, query) {
  await engine.startWebSocket(query);
  await until(() => engine.isClosed || engine.packets.length > 0, 'the end of a WebSocket').catch(() => {});
  const isOpen = !engine.isClosed || engine.packets.length > 0;
  engine.close();
  return isOpen;
}

/** What becomes of a session whose first packet is that. @param {Engine} engine @param {string} packet */
async function first(engine, packet) {
  return (await answerTo(engine, packet)) === 'closed' ? 'ends' : outcome(engine);
}

/** What a first packet is answered by, if it is taken for a CONNECT. @param {Engine} engine @param {string} packet */
async function answerTo(engine, packet) {
  await engine.shaken('websocket');
  await engine.send(packet);
  return engine.hears('40');
}

/** A session that polls, is connected, and has nothing more to hear but pings. @param {Engine} engine */
async function drained(engine) {
  await engine.startPolling();
  await engine.post('40');
  await until(async () => String(await engine.poll()).includes('40{'), 'the namespace');
}

/** What the next poll brings that is no ping. @param {Engine} engine */
async function answerBesidePings(engine) {
  for (;;) {
    const heard = await engine.poll();
    if (heard !== '2') return heard;
  }
}

/** A request that the server has begun to read, and that is not at its end. @param {Engine} engine */
async function halfPosted({ url, sid }) {
  const half = request(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', headers: { expect: '100-continue' } });
  half.on('error', () => {});
  half.flushHeaders();
  await within(new Promise((resolve) => half.once('continue', resolve)), 'the server reads');
  half.write('4');
  return half;
}

/** How long it takes from now until so many pings have come. @param {Engine} engine @param {number} count */
async function pingAfter(engine, count) {
  const started = performance.now();
  await until(() => engine.packets.filter((packet) => packet === '2').length >= count, 'a ping');
  return performance.now() - started;
}

function joining(id, username) {
  return `42${id}["join",${JSON.stringify({ id: randomUUID(), username, roomname: randomUUID() })}]`;
}

/** @param {Engine} engine */
async function joined(engine) {
  await engine.send(joining('16', 'Ann'));
  await engine.hears('4316[');
}

/** An event of so many bytes. @param {number} size */
function sized(size) {
  const [start, end] = ['4215["conformance","', '"]'];
  return `${start}${'x'.repeat(size - start.length - end.length)}${end}`;
}

function refusal({ status, body }) {
  const { code, message } = JSON.parse(body);
  return [status, code, message];
}
