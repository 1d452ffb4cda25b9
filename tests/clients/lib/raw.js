import { once } from 'node:events';

import WebSocket from 'ws';

import { pause, until, within } from './wait.js';

/** What separates the packets of one HTTP body. */
const SEPARATOR = '\x1e';

/**
 * A client that speaks Engine.IO and Socket.IO by hand, so that it can also speak them wrongly. A packet is the text of one
 * Engine.IO packet: `42["join",…]` is an event.
 */
export class RawClient {
  /**
   * Connects to the engine, and to the main namespace.
   *
   * @param {import('./server.js').Server} server
   * @param {string[]} transports as the real client takes them
   * @returns {Promise<RawClient>}
   */
  static async open(server, transports) {
    const client = await RawClient.openEngine(server, transports);
    client.send('40');
    await client.until(() => client.packets.some((packet) => packet.startsWith('40')), 'the namespace');
    return client;
  }

  /** Connects to the engine alone. @param {import('./server.js').Server} server @param {string[]} transports */
  static async openEngine(server, transports) {
    const client = new RawClient(server.url);
    if (transports[0] === 'polling') await client.startPolling();
    if (transports.at(-1) === 'websocket') await client.startWebSocket();
    else client.poll();
    server.secrets.add(client.sid);
    return client;
  }

  /** @param {string} url */
  constructor(url) {
    this.url = `${url}/socket.io/?EIO=4`;
    /** Every packet the server sent, in order. @type {string[]} */
    this.packets = [];
    this.isClosed = false;
    this.sid = '';
    this.lastAck = 0;
    /** One HTTP request after the other, as the protocol wants it. */
    this.posts = Promise.resolve();
    /** @type {string | undefined} */
    this.whyClosed = undefined;
    /** @type {WebSocket | null} */
    this.webSocket = null;
  }

  /** Sends anything, as one WebSocket frame or one HTTP body. @param {string | Buffer} frame */
  send(frame) {
    if (this.webSocket) {
      if (this.webSocket.readyState === WebSocket.OPEN) this.webSocket.send(frame);
      return;
    }
    this.posts = this.posts.then(() => this.post(frame)).catch((error) => this.onClose(error.message));
  }

  /**
   * Sends an event and waits for its acknowledgement.
   *
   * @param {string} event
   * @param {...string} args each as JSON
   * @returns {Promise<any>} the acknowledgement, or null if the server closed the connection instead
   */
  async ask(event, ...args) {
    this.lastAck += 1;
    const start = `43${this.lastAck}[`;
    this.send(`42${this.lastAck}[${[JSON.stringify(event), ...args].join(',')}]`);
    const found = () => this.packets.find((packet) => packet.startsWith(start));
    await until(() => this.isClosed || found(), `the answer to ${event}`);
    const packet = found();
    return packet ? JSON.parse(packet.slice(start.length - 1))[0] : null;
  }

  /** @param {() => any} condition @param {string} what */
  async until(condition, what) {
    await until(() => this.isClosed || condition(), what);
    if (!condition()) throw new Error(`the server closed the connection (${this.whyClosed}) instead of: ${what}`);
  }

  close() {
    if (this.webSocket) this.webSocket.terminate();
    else if (!this.isClosed) this.send('1');
    this.onClose();
  }

  async startPolling() {
    const response = await fetch(`${this.url}&transport=polling`);
    this.onPackets(await response.text());
  }

  /** Opens a WebSocket; if there is an engine session already, upgrades it. */
  async startWebSocket() {
    const session = this.sid === '' ? '' : `&sid=${this.sid}`;
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}&transport=websocket${session}`, { perMessageDeflate: false });
    socket.on('error', (error) => this.onClose(error.message));
    socket.on('close', (code) => this.onClose(`close code ${code}`));
    socket.on('message', (data, isBinary) => this.onPacket(isBinary ? `b${data}` : String(data)));
    this.webSocket = socket;
    await within(once(socket, 'open'), 'the WebSocket');
    if (session === '') {
      await this.until(() => this.sid !== '', 'the handshake');
      return;
    }
    this.send('2probe');
    await this.until(() => this.packets.includes('3probe'), 'the probe');
    this.send('5');
  }

  async poll() {
    while (!this.isClosed) {
      const response = await fetch(`${this.url}&transport=polling&sid=${this.sid}`).catch(() => null);
      if (!response?.ok) return this.onClose(`status ${response?.status}`);
      this.onPackets(await response.text());
      await pause(0);
    }
  }

  /** @param {string | Buffer} body */
  async post(body) {
    const response = await fetch(`${this.url}&transport=polling&sid=${this.sid}`, { method: 'POST', body });
    await response.text();
    if (!response.ok) this.onClose(`status ${response.status}`);
  }

  /** @param {string} body */
  onPackets(body) {
    for (const packet of body.split(SEPARATOR)) this.onPacket(packet);
  }

  /** @param {string} packet */
  onPacket(packet) {
    this.packets.push(packet);
    if (packet.startsWith('0')) this.sid = JSON.parse(packet.slice(1)).sid;
    if (packet === '2') this.send('3');
    if (packet === '1') this.onClose('told so');
  }

  /** @param {string} [why] */
  onClose(why = 'closed') {
    this.whyClosed ??= why;
    this.isClosed = true;
  }
}
