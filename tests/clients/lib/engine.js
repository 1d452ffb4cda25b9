import { once } from 'node:events';

import WebSocket from 'ws';

import { until, within } from './wait.js';

const SEPARATOR = '\x1e';

/** How long a server may take to end a session, in milliseconds. */
const SOON = 8_000;

/** The least that a client needs to speak to any server by hand, one request or frame after the other. */
export class Engine {
  /** What was heard of the server. @type {(string | Buffer)[]} */
  packets = [];
  isClosed = false;
  /** One request after the other, as the protocol wants it. */
  posts = Promise.resolve();
  answersPings = true;
  /** The last id by which it asked for an acknowledgement, to see whether it is heard. */
  asked = 770;
  /** What is under way when it closes is given up. */
  requests = new AbortController();

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /** @param {string} query @param {RequestInit} [options] */
  async http(query, options) {
    const answer = await fetch(`${this.url}/socket.io/?${query}`, { ...options, signal: this.requests.signal });
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() };
  }

  /** One poll: what it brings, or the status of its refusal. */
  async poll() {
    const { status, body } = await this.http(`EIO=4&transport=polling&sid=${this.sid}`);
    if (status !== 200) return status;
    if (body.split(SEPARATOR).includes('2') && this.answersPings) await this.post('3');
    return body;
  }

  /** @param {BodyInit} body @param {RequestInit} [options] */
  async postAtOnce(body, options) {
    const { status, body: answer } = await this.http(`EIO=4&transport=polling&sid=${this.sid}`, { method: 'POST', body, ...options });
    return status === 200 ? answer : status;
  }

  /** What the server says to a request, after those before: `ok`, or the status of its refusal. @param {BodyInit} body @param {RequestInit} [options] */
  post(body, options) {
    const posted = this.posts.then(() => this.postAtOnce(body, options));
    this.posts = posted.catch(() => {});
    return posted;
  }

  async startPolling() {
    const { body } = await this.http('EIO=4&transport=polling');
    this.open = JSON.parse(body.slice(1));
    this.sid = this.open.sid;
    return body[0];
  }

  /** Polls for as long as the session lasts. */
  async keepPolling() {
    while (!this.isClosed) {
      const heard = await this.poll().catch(() => 0);
      if (typeof heard === 'number') this.isClosed = true;
      else this.packets.push(...heard.split(SEPARATOR));
    }
  }

  async startWebSocket(query = 'EIO=4&transport=websocket') {
    this.socket = new WebSocket(`${this.url.replace('http', 'ws')}/socket.io/?${query}`);
    this.socket.on('message', (data, isBinary) => {
      this.packets.push(isBinary ? data : String(data));
      // Else every session would end soon, and nothing be seen by that.
      if (String(data) === '2' && this.answersPings) this.socket.send('3');
    });
    this.socket.on('close', () => (this.isClosed = true)).on('error', () => (this.isClosed = true));
    await until(() => this.socket.readyState !== WebSocket.CONNECTING, 'the WebSocket');
  }

  /** A WebSocket to which the session that polls moves. */
  async upgrade() {
    await this.startWebSocket(`EIO=4&transport=websocket&sid=${this.sid}`);
    this.socket.send('2probe');
    await this.hears('3probe');
    this.socket.send('5');
  }

  /** The handshake by one of the transports, and no more. @param {string} transport */
  async shaken(transport) {
    if (transport === 'websocket') {
      await this.startWebSocket();
      await this.hears('0');
    } else {
      await this.startPolling();
      void this.keepPolling();
    }
    return this;
  }

  /** Connected, and to the namespace. @param {string} [transport] */
  async connected(transport = 'websocket') {
    await this.shaken(transport);
    await this.send('40');
    await this.hears('40');
    return this;
  }

  /** @param {string | Buffer} packet */
  async send(packet) {
    if (this.socket) this.socket.send(packet);
    // Whether that was too much for the server, the next poll tells.
    else await this.post(packet).catch(() => {});
  }

  /** Waits until the server has read what was sent before. */
  async turn() {
    if (!this.socket) return;
    this.socket.ping();
    await within(once(this.socket, 'pong'), 'a pong');
  }

  /** The first packet that begins so, whatever comes in between, or `closed`. @param {string} start */
  hears(start) {
    const found = () => this.packets.find((packet) => typeof packet === 'string' && packet.startsWith(start));
    return until(() => found() ?? (this.isClosed && 'closed'), `a packet ${start}; there are ${this.packets}`);
  }

  /** Whether it is still listened to: an event that asks for an acknowledgement has one. */
  async isHeard() {
    this.asked += 1;
    await this.send(`42${this.asked}["conformance"]`);
    return (await this.hears(`43${this.asked}[`)) !== 'closed';
  }

  /** Whether the server ends it, soon. */
  ends() {
    return until(() => this.isClosed, 'the end', SOON).then(() => true, () => false);
  }

  close() {
    this.isClosed = true;
    this.requests.abort();
    this.socket?.terminate();
  }
}
