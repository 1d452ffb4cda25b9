import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Schema } from './database.js';
import { Rest } from './rest.js';
import { until, within } from './wait.js';

const BUILT = fileURLToPath(new URL('../../../target/debug/chatroom-server', import.meta.url));

/** How long the server may take to stop after SIGTERM, in milliseconds. */
const STOPS_WITHIN = 5_000;

/** A real server in a process of its own, on a free port, with a database of its own. */
export class Server {
  /** @param {Record<string, string>} [settings] environment variables beside those that every test needs */
  constructor(settings = {}) {
    this.settings = settings;
    this.token = `reviewer-${crypto.randomUUID()}`;
    /** What must turn up neither in the log nor in the database. @type {Set<string>} */
    this.secrets = new Set([this.token]);
    this.output = '';
    this.port = 0;
    /** Where its history is, if not in its file. */
    this.schema = Schema.ofAServer();
  }

  /** Its database, if that is a file. What else it keeps for itself is called after it. */
  get file() {
    return join(this.directory, 'chatroom.db');
  }

  async start() {
    this.directory ??= await mkdtemp(join(tmpdir(), 'chatroom-clients-'));
    const told = this.output.length;
    const server = spawn(process.env.CHATROOM_SERVER ?? BUILT, [], {
      cwd: this.directory,
      env: { PATH: process.env.PATH, ...this.environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = server;
    /** @type {Promise<{code: number | null, signal: string | null}>} */
    this.exited = new Promise((resolve, reject) => {
      server.once('error', () => reject(new Error(`${server.spawnfile} cannot be run: cargo build makes it`)));
      server.once('close', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
      });
    }
    const early = this.exited.then(() => {
      throw new Error(`the server did not start:\n${this.output}`);
    });
    const listening = until(() => this.output.slice(told).match(/https?:\/\/localhost:(\d+)/), 'the server says its URL');
    const [url, port] = await Promise.race([early, listening]);
    this.url = url;
    this.port = Number(port);
    this.rest = new Rest(url, this.token);
  }

  /** Stops it as a service manager does, and holds it to what it promises of that. */
  async stop() {
    assert.ok(this.isRunning(), `the server is gone:\n${this.output}`);
    this.process.kill('SIGTERM');
    const ended = await within(this.exited, 'the server stops', STOPS_WITHIN).catch((error) => {
      this.process.kill('SIGKILL');
      throw error;
    });
    assert.deepEqual(ended, { code: 0, signal: null }, this.output);
  }

  /** Ends it as a crash does: without a word, and at once. */
  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  isRunning() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Stops it for good, and looks for what must not be left behind. */
  async close() {
    if (!this.process?.pid) return;
    try {
      await this.stop();
      assert.doesNotMatch(this.output, /panicked at/);
      this.assertKeptSecret('the log', Buffer.from(this.output));
      for (const entry of await readdir(this.directory, { withFileTypes: true })) {
        if (entry.isFile()) this.assertKeptSecret(entry.name, await readFile(join(this.directory, entry.name)));
      }
      if (this.schema) this.assertKeptSecret('the database', Buffer.from(await this.schema.text()));
    } finally {
      await this.schema?.drop();
      await rm(this.directory, { recursive: true, force: true });
    }
  }

  /** @returns {Record<string, string>} */
  environment() {
    return {
      HOST: 'localhost',
      PORT: String(this.port),
      ...(this.schema?.settings ?? { DATABASE_URL: `sqlite://${this.file}` }),
      REVIEW_TOKEN: this.token,
      LOG: 'info,chatroom_server=trace',
      ...this.settings,
    };
  }

  /**
   * @param {string} where
   * @param {Buffer} content
   */
  assertKeptSecret(where, content) {
    for (const secret of this.secrets) {
      assert.ok(!content.includes(secret), `${where} holds a secret: ${secret.slice(0, 60)}`);
    }
  }
}
