import { Proxy } from './proxy.js';

/** How long each direction of a slow network takes, in milliseconds, and for the frames of a WebSocket. */
const ONE_WAY = 20;
const ONE_WAY_OF_FRAMES = 300;

/** Where the answer to a handshake ends, and frames begin. */
const HEAD_END = '\r\n\r\n';

/**
 * What a middlebox does to a WebSocket once its handshake is answered. Everything else passes.
 *
 * @typedef {'cuts after the handshake' | 'swallows frames' | 'cuts at the answer to the probe' | 'is slow'} Kind
 */

/** @type {Kind[]} */
export const SPOILERS = ['cuts after the handshake', 'swallows frames', 'cuts at the answer to the probe'];

/** A network that knows HTTP and no WebSocket, as schools and offices have it; or one that is merely slow. */
export class Middlebox extends Proxy {
  /** @param {number} target the server's port @param {Kind} kind */
  constructor(target, kind) {
    super(target);
    this.kind = kind;
    /** How many polls it has carried. */
    this.polls = 0;
    /** The WebSockets it has let through, as far as it does. @type {Set<import('node:net').Socket>} */
    this.webSockets = new Set();
    this.seenWebSockets = 0;
  }

  /** @param {import('node:net').Socket} client @param {import('node:net').Socket} server */
  pipe(client, server) {
    let isWebSocket = false;
    let isOpen = false;
    for (const [from, to] of [[client, server], [server, client]]) {
      this.sockets.add(from);
      from.setNoDelay();
      from.on('error', () => from.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        this.webSockets.delete(client);
        // What is still on its way arrives.
        setTimeout(() => to.destroy(), this.kind === 'is slow' ? 2 * ONE_WAY_OF_FRAMES : 0);
      });
      from.on('data', (data) => {
        const text = data.toString('latin1');
        if (from === client && /^GET .*transport=polling/.test(text)) this.polls += 1;
        if (from === client && /^upgrade: websocket/im.test(text)) {
          isWebSocket = true;
          this.webSockets.add(client);
          this.seenWebSockets += 1;
        }
        if (this.kind === 'is slow') {
          setTimeout(() => to.write(data), isWebSocket ? ONE_WAY_OF_FRAMES : ONE_WAY);
          return;
        }
        let head = isOpen ? 0 : data.length;
        if (isWebSocket && !isOpen && from === server) {
          isOpen = true;
          head = text.indexOf(HEAD_END) + HEAD_END.length;
        }
        to.write(data.subarray(0, head));
        const frames = data.subarray(head);
        if (isOpen && this.kind === 'cuts after the handshake') client.end();
        else if (from === server && frames.includes('3probe')) client.destroy();
        else if (this.kind !== 'swallows frames') to.write(frames);
      });
    }
  }
}
