import { randomUUID } from 'node:crypto';

import { io } from 'socket.io-client';

import { Network } from './network.js';
import { CANDIDATES, Peers } from './peers.js';
import { PATIENCE, until } from './wait.js';

/** Short, so that a test of coming back takes no second; all else is the client's default. */
const RECONNECTION = { reconnectionDelay: 30, reconnectionDelayMax: 200 };

const TOLD = ['getOffer', 'offer', 'answer', 'icecandidate', 'reconnect', 'leave', 'error'];

/**
 * An exercise page: the unmodified client, and around it what deployed pages do. It is strict: whatever would make a page
 * in a browser fail is kept in `faults`, and fails the test that owns the page.
 */
export class Page {
  /**
   * @param {object} options
   * @param {string} options.url
   * @param {string[]} options.transports
   * @param {string} options.roomname
   * @param {string} options.username
   * @param {string} [options.id] the client's secret
   * @param {boolean} [options.isPassive] whether it only listens, and leaves what it is told without an answer
   * @param {Set<string>} [options.secrets] where it tells what nobody else may ever see
   * @param {Partial<import('socket.io-client').ManagerOptions>} [options.client] further options of the client
   */
  constructor({ url, transports, roomname, username, id = randomUUID(), isPassive = false, secrets = new Set(), client = {} }) {
    this.url = url;
    this.roomname = roomname;
    this.username = username;
    this.id = id;
    this.isPassive = isPassive;
    this.secrets = secrets;
    this.network = new Network();
    // It speaks no TLS.
    const agent = url.startsWith('http:') ? this.network : undefined;
    this.clientOptions = { transports, forceNew: true, agent, ...RECONNECTION, ...client };
    /** @type {string[]} */
    this.faults = [];
    /** Everything it was told, in order. @type {{event: string, payload: any}[]} */
    this.heard = [];
    /** The answers to its own `reconnect`s. @type {any[]} */
    this.resumes = [];
    /** How its sockets ended, in the client's words. @type {string[]} */
    this.ends = [];
    this.sent = 0;
    this.memberId = '';
    this.hasJoined = false;
    this.isLeaving = false;
    /** All it has had: one that it goes on without may try to come back for good. @type {import('socket.io-client').Socket[]} */
    this.sockets = [];
    this.peers = new Peers(
      (event, payload) => this.emit(event, payload),
      (what) => this.fault(what),
    );
    secrets.add(id).add(this.peers.icePassword);
    this.socket = this.openSocket();
  }

  /** Connects, and joins: with an acknowledgement, which is the result. */
  async join() {
    await this.connected();
    const ack = await this.ask('join', this.identity());
    if (ack.ok) this.enter(ack);
    return ack;
  }

  /** Joins as deployed pages do, without asking for an acknowledgement. */
  async joinSilently() {
    await this.connected();
    this.hasJoined = true;
    this.emit('join', this.identity());
  }

  /** Leaves, and closes its peer connections. @param {any} [list] what it says of them */
  async leave(list = this.peers.remoteEnds()) {
    this.hasJoined = false;
    // What is still on its way to it is of a room that it has left: a page that is gone answers nothing.
    this.isLeaving = true;
    const ack = await this.ask('leave', list).finally(() => {
      this.isLeaving = false;
    });
    this.peers.clear();
    return ack;
  }

  /** Ends its connection in order, without a word of the page, and stays away until `comeBack`. */
  closeEngine() {
    this.socket.io.reconnection(false);
    this.socket.io.engine.close();
  }

  /**
   * Loses its network without a word to anybody, and stays away until `comeBack`. Between two polls nobody would notice.
   *
   * @param {(socket: import('node:net').Socket) => void} [end] how each connection ends
   */
  async drop(end) {
    this.socket.io.reconnection(false);
    const { transport } = this.socket.io.engine;
    await until(() => transport.name !== 'polling' || (transport._polling && this.network.isQuiet()), 'a poll waits');
    this.network.breakDown(end);
  }

  /** Connects again (resuming by itself), and waits for the server's answer to that. */
  async comeBack() {
    const before = this.resumes.length;
    await until(() => !this.socket.connected, 'the client notices its loss');
    this.network.isDown = false;
    this.socket.io.reconnection(true);
    this.socket.connect();
    return this.resumed(before + 1);
  }

  /** The answer to its `reconnect` of that number, counted from 1. @param {number} number @param {number} [patience] */
  async resumed(number, patience = PATIENCE) {
    await this.until(() => this.resumes.length >= number, `resume ${number}`, patience);
    return this.resumes[number - 1];
  }

  /** Goes on with a second socket, as after a change of network: the old one is neither closed nor listened to any more. */
  async takeOver() {
    const old = this.socket;
    const before = this.resumes.length;
    old.off();
    old.io.reconnection(false);
    this.socket = this.openSocket();
    const ack = await this.resumed(before + 1);
    return { ack, old };
  }

  async connected() {
    await this.until(() => this.socket.connected, 'the connection');
  }

  /** @param {...Page} others */
  async connectedWith(...others) {
    for (const other of others) {
      const both = () => this.peers.isConnected(other.memberId) && other.peers.isConnected(this.memberId);
      await this.until(both, `${this.username} and ${other.username} connect`);
    }
  }

  /** Both ends have negotiated again to the end, this many times since they connected. @param {Page} other @param {number} times */
  async renegotiatedWith(other, times) {
    const ends = () => [this.peers.with(other.memberId), other.peers.with(this.memberId)];
    await this.until(() => ends().every((end) => end?.rounds === times), `${this.username} and ${other.username} renegotiate`);
  }

  /** Shows these its screen: negotiated to the end, this many times again since. @param {Page[]} others @param {number} times */
  async isSeenBy(others, times) {
    for (const other of others) {
      const ends = () => [this.peers.with(other.memberId, 'display'), other.peers.with(this.memberId, 'remoteDisplay')];
      const isSo = () => ends().every((end) => end?.remoteId && end.candidates.length === CANDIDATES && end.rounds === times);
      await this.until(isSo, `${other.username} sees the screen of ${this.username}`);
    }
  }

  /** @param {string} event @returns {any[]} the payloads of all it was told by that name */
  heardOf(event) {
    return this.heard.filter((one) => one.event === event).map((one) => one.payload);
  }

  /** @param {string} event @param {...any} args */
  emit(event, ...args) {
    this.sent += 1;
    this.socket.emit(event, ...args);
  }

  /** Sends with an acknowledgement. @param {string} event @param {...any} args @returns {Promise<any>} */
  ask(event, ...args) {
    this.sent += 1;
    return this.socket.timeout(PATIENCE).emitWithAck(event, ...args);
  }

  /** As {@link until}, but a fault ends the waiting. @param {() => any} condition @param {string} what @param {number} [patience] */
  async until(condition, what, patience) {
    const met = await until(() => condition() || this.faults.length > 0, `${this.username}: ${what}`, patience);
    this.assertFaultless();
    return met;
  }

  assertFaultless() {
    if (this.faults.length > 0) throw new Error(`${this.username} would have failed: ${this.faults.join('; ')}`);
  }

  close() {
    for (const socket of this.sockets) {
      socket.io.reconnection(false);
      socket.disconnect();
    }
    this.network.destroy();
  }

  identity() {
    return { id: this.id, username: this.username, roomname: this.roomname };
  }

  /** @param {string} what */
  fault(what) {
    const last = this.heard.slice(-8).map(({ event, payload }) => {
      const { type = '', connectorId = '', memberId = '' } = payload;
      return `${event} ${type} ${connectorId} ${memberId}`;
    });
    this.faults.push(`${what} (on socket ${this.peers.epoch}; heard last: ${last.join(', ')})`);
  }

  openSocket() {
    const socket = io(this.url, this.clientOptions);
    socket.on('connect', () => this.onConnect(socket));
    socket.on('disconnect', (reason, details) => this.ends.push(described(reason, details)));
    for (const event of TOLD) socket.on(event, (payload) => this.onTold(event, payload));
    this.sockets.push(socket);
    return socket;
  }

  /** @param {import('socket.io-client').Socket} socket */
  async onConnect(socket) {
    this.peers.epoch += 1;
    this.secrets.add(socket.id).add(socket.io.engine.id);
    if (!this.hasJoined) return;
    this.sent += 1;
    const ack = await socket.emitWithAck('reconnect', this.identity()).catch(() => null);
    // The socket was lost again before the answer: the next one asks again.
    if (ack === null) return;
    if (ack.ok) this.enter(ack);
    this.resumes.push(ack);
  }

  /** @param {{memberId: string}} ack */
  enter({ memberId }) {
    this.hasJoined = true;
    this.memberId = memberId;
  }

  /** @param {string} event @param {any} payload */
  onTold(event, payload) {
    this.heard.push({ event, payload });
    if (this.isPassive || this.isLeaving) return;
    if (event === 'getOffer') this.peers.offer(payload.memberId);
    if (event === 'offer') this.peers.onOffer(payload);
    if (event === 'answer') this.peers.onAnswer(payload);
    if (event === 'icecandidate') this.peers.onCandidate(payload);
    if (event === 'leave') this.peers.onLeave(payload);
    if (event === 'reconnect' && payload.type === 'leave') this.peers.clear();
    else if (event === 'reconnect') this.peers.onReconnect(payload);
  }
}

/**
 * Why a socket ended, in the client's words, and what it knows beyond that.
 *
 * @param {string} reason
 * @param {any} [details]
 */
function described(reason, details) {
  if (!details) return reason;
  const { message, description, context } = details;
  return `${reason}: ${message} ${description?.message ?? description} ${context?.status ?? ''} ${context?.responseText ?? ''}`;
}
