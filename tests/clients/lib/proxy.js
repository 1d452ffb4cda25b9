import { connect, createServer } from 'node:net';

/** A network between a page and the server that can break: without a word to either side, on any transport. */
export class Proxy {
  /** @param {number} target the server's port on this machine */
  constructor(target) {
    /** @type {Set<import('node:net').Socket>} */
    this.sockets = new Set();
    /** Whether it takes no new connections, and how many it did not take. */
    this.isDown = false;
    this.refused = 0;
    this.listener = createServer((client) => this.pipe(client, connect(target, 'localhost')));
  }

  /** @returns {Promise<string>} the URL under which the server is reached through it */
  async open() {
    await new Promise((resolve) => {
      this.listener.listen(0, 'localhost', () => resolve(undefined));
    });
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.listener.address());
    return `http://localhost:${port}`;
  }

  /** Breaks every connection there is; the next ones work. */
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Carries nothing any more, in either direction, and closes nothing. */
  freeze() {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  close() {
    this.listener.close();
    this.cut();
  }

  /** @param {import('node:net').Socket} client @param {import('node:net').Socket} server */
  pipe(client, server) {
    if (this.isDown) {
      this.refused += 1;
      client.destroy();
      server.destroy();
      return;
    }
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
  }
}
