import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until, within } from './wait.js';

const DOCUMENT = new URL('../../../docs/proxies.md', import.meta.url);
const APACHE_MODULES = ['mpm_event', 'authz_core', 'ssl', 'headers', 'proxy', 'proxy_http', 'socache_shmcb'];

/** How long a page that is cut off is waited for, if nothing else is said, in milliseconds. */
const STOPS_WITHIN = 15_000;

/** How each is run, around what the document says: what stands before and after that, its command, and how it reloads. */
const KINDS = {
  nginx: {
    around: (directory, configuration) => `${process.getuid() === 0 ? 'user root;' : ''} daemon off; pid ${directory}/pid; error_log stderr; events {}
      http { access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
        fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s; ${configuration} }`,
    command: (file) => ['/usr/sbin/nginx', '-c', file, '-e', 'stderr'],
    reload: (proxy) => proxy.process.kill('SIGHUP'),
  },
  caddyfile: {
    around: (directory, configuration) => configuration.replace('{', `{\n admin unix/${directory}/admin\n auto_https off`),
    command: (file) => ['/usr/bin/caddy', 'run', '--config', file, '--adapter', 'caddyfile'],
    reload: ({ directory, file }) => {
      execFileSync('/usr/bin/caddy', ['reload', '--force', '--config', file, '--adapter', 'caddyfile', '--address', `unix/${directory}/admin`], { stdio: 'pipe' });
    },
  },
  haproxy: {
    around: (_, configuration) => configuration,
    command: (file) => ['/usr/sbin/haproxy', '-W', '-f', file],
    reload: (proxy) => proxy.process.kill('SIGUSR2'),
  },
  apache: {
    around: (directory, configuration, port) => `ServerRoot ${directory}\nPidFile ${directory}/pid\nErrorLog ${directory}/log\nListen ${port}
      ServerName localhost\nMutex file:${directory}\n${process.getuid() === 0 ? 'User www-data\nGroup www-data\n' : ''}
      ${APACHE_MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}\n${configuration}`,
    command: (file) => ['/usr/sbin/apache2', '-D', 'FOREGROUND', '-f', file],
    reload: (proxy) => proxy.process.kill('SIGUSR1'),
  },
};

/** What a reverse proxy can be, by the words that the document has on its configurations. */
export const REVERSE_PROXIES = Object.keys(KINDS);

/** A reverse proxy before a server, as `docs/proxies.md` has it, but for the names of files and ports. */
export class ReverseProxy {
  /**
   * @param {string} kind
   * @param {number} target the server's port
   * @param {(configuration: string) => string} [change] what is done otherwise than the document has it
   */
  static async before(kind, target, change = (configuration) => configuration) {
    const directory = mkdtempSync(join(tmpdir(), 'chatroom-proxy-'));
    const [port, proxy] = [await freePort(), new ReverseProxy()];
    const [, configuration] = readFileSync(DOCUMENT, 'utf8').match(new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, 's'));
    const here = change(configuration)
      .replaceAll('/etc/ssl/', `${directory}/`)
      .replaceAll('443', String(port))
      .replaceAll('127.0.0.1:3000', `localhost:${target}`);
    const [crt, key, pem, file] = ['crt', 'key', 'pem', 'conf'].map((end) => join(directory, `class.example.${end}`));
    const subject = ['-subj', '/CN=class.example', '-addext', 'subjectAltName=DNS:class.example'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key, '-out', crt, ...subject], { stdio: 'pipe' });
    writeFileSync(pem, readFileSync(crt, 'utf8') + readFileSync(key, 'utf8'));
    writeFileSync(file, KINDS[kind].around(directory, here, port));
    return Object.assign(proxy, { kind, directory, port, file, url: `https://class.example:${port}`, output: '' });
  }

  /**
   * The way of a client to it, from an address of this machine's own.
   *
   * @param {string} [localAddress]
   */
  static agent(localAddress = '127.0.0.1') {
    // The name is found nowhere.
    const lookup = (_, { all }, found) => (all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4));
    return new Agent({ lookup, localAddress, rejectUnauthorized: false, keepAlive: false });
  }

  async start() {
    const [command, ...args] = KINDS[this.kind].command(this.file);
    const { directory } = this;
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, HOME: directory } });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.output += text));
    await until(() => accepts(this.port), `${this.kind} listens: ${this.output}`).catch((error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
  }

  reload() {
    KINDS[this.kind].reload(this);
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await within(exited, `${this.kind} stops, while polls wait`, STOPS_WITHIN);
  }

  async close() {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A port that was free a moment ago. */
export async function freePort() {
  const listener = createServer().listen(0);
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  return port;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, 'localhost', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
