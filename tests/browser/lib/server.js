import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../../target/debug/chatroom-server', import.meta.url));

/** A real server in a process of its own, with a database of its own. */
export class Server {
  token = 'token-of-the-browser-tests';
  port = '0';

  async start(settings = {}) {
    this.directory ??= await mkdtemp(join(tmpdir(), 'chatroom-browser-'));
    this.file = join(this.directory, 'chatroom.db');
    this.process = spawn(process.env.CHATROOM_SERVER ?? BUILT, [], {
      cwd: this.directory,
      env: {
        PATH: process.env.PATH, HOST: 'localhost', PORT: this.port, DATABASE_URL: `sqlite://${this.file}`,
        REVIEW_TOKEN: this.token, RESUME_GRACE: '30s', ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    for await (const text of this.process.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      told += text;
      const found = told.match(/http:\/\/localhost:(\d+)/);
      if (!found) continue;
      [this.url, this.port] = found;
      this.process.stdout.resume();
      return;
    }
    throw new Error(`the server did not start: ${told}`);
  }

  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
  }

  async close() {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
