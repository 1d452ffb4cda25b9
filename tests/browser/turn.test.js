import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Server } from '../clients/lib/server.js';
import { until } from '../clients/lib/wait.js';
import { launch } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

const COTURN = process.env.TURNSERVER ?? '/usr/bin/turnserver';

/** An address of this machine that browsers use: they leave loopback out. */
const ADDRESS =
  Object.values(networkInterfaces()).flat().find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';

/** A TURN server that is configured as the README says, and keeps to this machine. */
class Turn {
  async start() {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const [recipe] = readme.match(/^use-auth-secret\n[^`]*/m);
    this.secret = recipe.match(/^static-auth-secret=(.*)$/m)[1];
    this.directory = await mkdtemp(join(tmpdir(), 'chatroom-turn-'));
    this.port = await freePort();
    const here = [
      `listening-port=${this.port}`, `listening-ip=${ADDRESS}`, `relay-ip=${ADDRESS}`,
      'no-tls', 'no-dtls', 'no-cli', 'log-file=stdout', `pidfile=${join(this.directory, 'pid')}`, `userdb=${join(this.directory, 'db')}`,
    ];
    const configuration = join(this.directory, 'turnserver.conf');
    await writeFile(configuration, `${recipe}${here.join('\n')}\n`);
    this.process = spawn(COTURN, ['-c', configuration], { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    await until(() => answersAt(this.port), 'the TURN server answers', 30_000).catch((error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
  }

  async close() {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
    await rm(this.directory, { recursive: true });
  }
}

async function freePort() {
  const socket = createSocket('udp4').bind(0, ADDRESS);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** Whether a STUN binding request (RFC 8489) is answered within a moment. @param {number} port */
async function answersAt(port) {
  const request = Buffer.alloc(20);
  request.writeUInt16BE(0x0001, 0);
  request.writeUInt32BE(0x2112a442, 4);
  crypto.getRandomValues(request.subarray(8));
  const socket = createSocket('udp4');
  try {
    socket.send(request, port, ADDRESS);
    await once(socket, 'message', { signal: AbortSignal.timeout(250) });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

describe('a TURN server that is set up as the README says', { timeout: 200_000 }, () => {
  const turn = new Turn();
  const server = new Server();
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    await turn.start();
    server.settings = { STATIC_DIR: EXAMPLE, PUBLIC_ROOMS: 'true', ICE_SERVERS: `turn:${ADDRESS}:${turn.port}`, TURN_SECRET: turn.secret };
    server.secrets.add(turn.secret);
    await server.start();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server.close();
    await turn.close();
  });

  test('two people who have no other way see each other through it', async (t) => {
    const stage = new Stage(t, browser, server);
    const people = [await stage.person('Ann'), await stage.person('Bo')];
    for (const { page } of people) {
      await page.addInitScript(() => {
        globalThis.RTCPeerConnection = class extends RTCPeerConnection {
          /** @param {RTCConfiguration} configuration */
          constructor(configuration) {
            super({ ...configuration, iceTransportPolicy: 'relay' });
          }
        };
      });
    }
    for (const person of people) await person.join();
    await stage.seeEachOther(...people);
  });
});
