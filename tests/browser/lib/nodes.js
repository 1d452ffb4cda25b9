import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePort } from '../../clients/lib/reverse-proxy.js';
import { Server } from '../../clients/lib/server.js';
import { until } from '../../clients/lib/wait.js';

const HAPROXY = process.env.HAPROXY ?? '/usr/sbin/haproxy';

const run = promisify(execFile);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Several servers of one history in PostgreSQL, behind HAProxy as it is told to in deploy/. */
export class Nodes {
  /** @type {Server[]} */
  all = [];

  /** @param {Record<string, string>} settings those of each */
  constructor(settings) {
    this.settings = settings;
  }

  async start() {
    this.directory = await mkdtemp(join(tmpdir(), 'chatroom-nodes-'));
    this.postgres = spawn(here('../../postgres'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const secret = `nodes-${crypto.randomUUID()}`;
    const [address] = await once(createInterface(this.postgres.stdout), 'line');
    for (const id of [1, 2, 3]) {
      const server = new Server({
        ...this.settings,
        DATABASE_URL: address,
        NODE_ID: String(id),
        CLUSTER_LISTEN: `127.0.0.1:${await freePort()}`,
        CLUSTER_SECRET: secret,
      });
      // One token for all of them, and no schema that this server would drop.
      Object.assign(server, { token: this.all[0]?.token ?? server.token, schema: undefined });
      server.secrets.add(secret);
      await server.start();
      this.all.push(server);
    }
    this.port = await freePort();
    await this.balance();
  }

  /** HAProxy, with the addresses of these nodes for those of the file. */
  async balance() {
    const file = join(this.directory, 'haproxy.cfg');
    let text = (await readFile(here('../../../deploy/haproxy.cfg'), 'utf8')).replace('bind :80', `bind localhost:${this.port}`);
    this.all.forEach(({ port }, index) => {
      text = text.replace(`node${index + 1}:3000`, `localhost:${port}`);
    });
    await writeFile(file, text);
    this.output = '';
    this.haproxy = spawn(HAPROXY, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.haproxy.stdout, this.haproxy.stderr]) stream.on('data', (said) => (this.output += said));
    for (const node of this.all) {
      await until(() => this.isBalancing(node), 'HAProxy has all nodes', 15_000, 50).catch((error) => {
        throw new Error(`${error.message}\n${this.output}`);
      });
    }
  }

  /** Whether the balancer passes requests on to a node: it gives whoever asked for that one no other. @param {Server} node */
  async isBalancing(node) {
    const headers = { cookie: `NODE=node${node.settings.NODE_ID}` };
    const answer = await fetch(`http://localhost:${this.port}/readyz`, { headers }).catch(() => undefined);
    await answer?.body?.cancel();
    return Boolean(answer?.ok) && !answer?.headers.has('set-cookie');
  }

  /** What the program says of them. */
  async list() {
    const [node] = this.all;
    const { stdout } = await run(node.process.spawnfile, ['nodes'], { cwd: node.directory, env: node.environment() });
    return stdout;
  }

  /** The cookie by which the balancer knows a node, for a browser. @param {number} id */
  cookie(id) {
    return { name: 'NODE', value: `node${id}`, domain: 'localhost', path: '/' };
  }

  async close() {
    this.haproxy?.kill('SIGTERM');
    const running = this.all.filter((server) => server.process && server.isRunning());
    for (const server of running) await server.close();
    this.postgres?.stdin.end();
    if (this.directory) await rm(this.directory, { recursive: true, force: true });
  }
}
