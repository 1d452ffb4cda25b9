import { Agent } from 'node:http';
import { connect } from 'node:net';

/** One page's way into the network, over which its client makes all its connections; it can break like any other. */
export class Network extends Agent {
  constructor() {
    // As the client does by itself: over one that is kept, its requests go missing when it breaks.
    super({ keepAlive: false });
    this.isDown = false;
    /** @type {Set<import('node:net').Socket>} */
    this.connections = new Set();
  }

  /** @param {any} options */
  createConnection(options) {
    const socket = connect(options);
    this.connections.add(socket);
    socket.on('close', () => this.connections.delete(socket));
    // Whoever asked for it may have given up before.
    socket.on('error', () => {});
    // Not before its request listens.
    if (this.isDown) setImmediate(() => socket.destroy(new Error('the network is down')));
    return socket;
  }

  /** Whether everything that was to be sent is on its way. */
  isQuiet() {
    return [...this.connections].every((socket) => !socket.connecting && socket.writableLength === 0);
  }

  /** Ends every connection, and lets none be made. @param {(socket: import('node:net').Socket) => void} [end] */
  breakDown(end = (socket) => socket.destroy()) {
    this.isDown = true;
    this.connections.forEach(end);
  }
}
