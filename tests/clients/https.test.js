import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { io } from 'socket.io-client';

import { Server } from './lib/server.js';
import { within } from './lib/wait.js';

/** The keys that people have, and how openssl writes them. */
const KEYS = {
  'EC, as openssl has long written it': [['ecparam', '-name', 'prime256v1', '-genkey', '-noout'], 'EC PRIVATE KEY'],
  'EC (PKCS #8)': [['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'PRIVATE KEY'],
  'RSA, as openssl has long written it': [['genrsa', '-traditional', '2048'], 'RSA PRIVATE KEY'],
  'RSA (PKCS #8)': [['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], 'PRIVATE KEY'],
};

/** @type {string} */
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatroom-tls-'));
});
after(() => rm(folder, { recursive: true }));

/** @param {...string} args */
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });

for (const [kind, [command, label]] of Object.entries(KEYS)) {
  test(`clients connect over TLS, on either transport, by a key of the kind ${kind}`, async () => {
    const [name, ...rest] = command;
    openssl(name, '-out', 'key.pem', ...rest);
    assert.match(readFileSync(join(folder, 'key.pem'), 'utf8'), new RegExp(`BEGIN ${label}`));
    openssl('req', '-x509', '-new', '-key', 'key.pem', '-days', '2', '-out', 'crt.pem', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost');
    const server = new Server({ TLS_CERT: join(folder, 'crt.pem'), TLS_KEY: join(folder, 'key.pem') });
    server.secrets.add(readFileSync(join(folder, 'key.pem'), 'utf8').split('\n')[1]);
    await server.start();
    try {
      assert.match(server.url, /^https:/);
      const ca = readFileSync(join(folder, 'crt.pem'));
      for (const transport of ['polling', 'websocket']) {
        const socket = io(server.url, { transports: [transport], ca, forceNew: true });
        const me = { id: crypto.randomUUID(), username: transport, roomname: 'lesson' };
        const answer = await within(socket.emitWithAck('join', me), `${transport} joins`);
        assert.equal(answer.ok, true);
        socket.close();
      }
    } finally {
      await server.close();
    }
  });
}
