import { randomUUID } from 'node:crypto';

/** How many candidates each end of a connection sends after an answer, and again after each renegotiation. */
export const CANDIDATES = 3;

/**
 * One peer connection, as its end in this page sees it.
 *
 * @typedef {object} Connector
 * @property {string} id this page's own name for it
 * @property {string} memberId the peer
 * @property {string} streamType
 * @property {'offerer' | 'answerer'} role
 * @property {string | null} remoteId the peer's name for it, known from its offer or answer
 * @property {number} epoch which of the page's sockets, counted from 1, it was opened on
 * @property {number} answeredOn on which of them its offer was answered; 0 if it was not
 * @property {any[]} candidates what the peer sent, in order
 * @property {number} rounds how often the two have negotiated again to the end
 * @property {number} round the number of the renegotiation that is under way, or was last
 * @property {number} roundCandidates how many candidates of that one have come
 */

/**
 * The peer connections of one exercise page, negotiated with descriptions that only look real. Where a page in a browser
 * would fail (a connector that is not its own, a second connection where one is), `fault` is called.
 */
export class Peers {
  /**
   * @param {(event: string, payload: object) => void} emit
   * @param {(what: string) => void} fault
   */
  constructor(emit, fault) {
    this.emit = emit;
    this.fault = fault;
    /** @type {Map<string, Connector>} */
    this.connectors = new Map();
    /** What every description of this page carries: a secret of its two ends. */
    this.icePassword = randomUUID().replaceAll('-', '');
    this.epoch = 0;
    /** @type {Map<string, number>} by their ids, those that were left, and on which socket */
    this.left = new Map();
  }

  /** @param {string} memberId @param {string} [streamType] */
  with(memberId, streamType = 'user') {
    return [...this.connectors.values()].find((one) => one.memberId === memberId && one.streamType === streamType);
  }

  /** @param {string} memberId @returns {boolean} whether the connection is negotiated to the end, seen from here */
  isConnected(memberId) {
    const connector = this.with(memberId);
    return connector !== undefined && connector.remoteId !== null && connector.candidates.length >= CANDIDATES;
  }

  /** What a page sends when it leaves: the peers' ends of its connections. */
  remoteEnds() {
    return [...this.connectors.values()].map((one) => ({ remoteConnectorId: one.remoteId, memberId: one.memberId }));
  }

  /** @param {string} memberId @param {string} [streamType] */
  offer(memberId, streamType = 'user') {
    this.giveWay(memberId, streamType, `asked to offer to ${memberId} again`);
    const connector = this.open({ memberId, streamType, role: 'offerer', remoteId: null });
    this.emit('offer', { connectorId: connector.id, offer: this.describe('offer'), memberId, streamType });
    return connector;
  }

  /** @param {{remoteConnectorId: string, offer: any, memberId: string, streamType: string}} message */
  onOffer({ remoteConnectorId, memberId, streamType: theirs }) {
    const streamType = theirs === 'display' ? 'remoteDisplay' : theirs;
    this.giveWay(memberId, streamType, `a second ${streamType} connection from ${memberId}`);
    const connector = this.open({ memberId, streamType, role: 'answerer', remoteId: remoteConnectorId });
    const ends = { remoteConnectorId, connectorId: connector.id };
    this.emit('answer', { ...ends, answer: this.describe('answer'), memberId, streamType });
    this.sendCandidates(connector);
  }

  /** @param {{remoteConnectorId: string, connectorId: string, answer: any, memberId: string}} message */
  onAnswer({ remoteConnectorId, connectorId, memberId }) {
    const connector = this.own('answer', connectorId, memberId);
    if (!connector) return;
    if (connector.role !== 'offerer') this.fault('an answer to a connection that it did not offer');
    // What came with the last poll of a connection that was lost comes again on the next, if nothing showed that it had arrived.
    if (connector.remoteId === remoteConnectorId && connector.answeredOn < this.epoch) return;
    if (connector.remoteId !== null) this.fault('a second answer to one offer');
    connector.remoteId = remoteConnectorId;
    connector.answeredOn = this.epoch;
    this.sendCandidates(connector);
  }

  /** @param {{connectorId: string, candidate: any}} message */
  onCandidate({ connectorId, candidate }) {
    this.own('icecandidate', connectorId)?.candidates.push(candidate);
  }

  /** @param {{connectorId: string, memberId: string}} message */
  onLeave({ connectorId, memberId }) {
    // The answer to a last poll comes again on the next socket, if no other poll has told the server that it had arrived.
    const leftOn = this.left.get(connectorId);
    if (leftOn !== undefined && leftOn < this.epoch) return;
    if (!this.own('leave', connectorId, memberId)) return;
    this.connectors.delete(connectorId);
    this.left.set(connectorId, this.epoch);
  }

  /** @param {{type: string, data?: any, connectorId: string, memberId: string}} message */
  onReconnect({ type, data, connectorId, memberId }) {
    const connector = this.own(`reconnect ${type}`, connectorId, memberId);
    if (!connector) return;
    switch (type) {
      case 'getOffer':
        connector.round += 1;
        this.startRound(connector, connector.round);
        this.work(connector, 'offer', { sdp: this.describe('offer'), round: connector.round });
        break;
      case 'offer':
        this.startRound(connector, data.round);
        this.work(connector, 'answer', { sdp: this.describe('answer'), round: data.round });
        this.sendRoundCandidates(connector);
        break;
      case 'answer':
        if (data.round === connector.round) this.sendRoundCandidates(connector);
        break;
      case 'candidate':
        this.onRoundCandidate(connector, data);
        break;
      default:
        this.fault(`reconnect of type ${type}`);
    }
  }

  clear() {
    this.connectors.clear();
  }

  /**
   * Makes place for a new connection of this stream. There may be one that the peer never heard of: opened on a socket that is gone
   * since, with nothing come back on it. Any other is a fault.
   *
   * @param {string} memberId
   * @param {string} streamType
   * @param {string} fault
   */
  giveWay(memberId, streamType, fault) {
    const existing = this.with(memberId, streamType);
    if (!existing) return;
    const isUnanswered = existing.role === 'offerer' ? existing.remoteId === null : existing.candidates.length === 0;
    if (existing.epoch === this.epoch || !isUnanswered) this.fault(fault);
    this.connectors.delete(existing.id);
  }

  /** @param {Pick<Connector, 'memberId' | 'streamType' | 'role' | 'remoteId'>} ends @returns {Connector} */
  open(ends) {
    const fresh = { id: randomUUID(), epoch: this.epoch, answeredOn: 0, candidates: [], rounds: 0, round: 0, roundCandidates: 0 };
    const connector = { ...fresh, ...ends };
    this.connectors.set(connector.id, connector);
    return connector;
  }

  /**
   * The connector of this page that a message names.
   *
   * @param {string} event
   * @param {string} connectorId
   * @param {string} [memberId] the sender, where the message says it
   */
  own(event, connectorId, memberId) {
    const connector = this.connectors.get(connectorId);
    if (!connector) this.fault(`${event} for connector ${connectorId}, which is not one of its own`);
    else if (memberId !== undefined && connector.memberId !== memberId) {
      this.fault(`${event} for connector ${connectorId} from ${memberId}, which is connected to ${connector.memberId}`);
    }
    return connector;
  }

  /** @param {Connector} connector */
  sendCandidates({ remoteId, memberId }) {
    for (let number = 0; number < CANDIDATES; number += 1) {
      this.emit('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: this.candidate(number) });
    }
  }

  /** @param {Connector} connector @param {number} round */
  startRound(connector, round) {
    connector.round = round;
    connector.roundCandidates = 0;
  }

  /** @param {Connector} connector */
  sendRoundCandidates(connector) {
    for (let number = 0; number < CANDIDATES; number += 1) {
      this.work(connector, 'candidate', { ...this.candidate(number), round: connector.round });
    }
  }

  /** @param {Connector} connector @param {{round: number}} data */
  onRoundCandidate(connector, { round }) {
    if (round !== connector.round) return;
    connector.roundCandidates += 1;
    if (connector.roundCandidates === CANDIDATES) connector.rounds += 1;
  }

  /** @param {Connector} connector @param {string} type @param {object} data */
  work({ id, memberId }, type, data) {
    this.emit('reconnectWork', { type, data, connectorId: id, memberId });
  }

  /** A session description of the usual size. @param {'offer' | 'answer'} type */
  describe(type) {
    const codecs = Array.from({ length: 60 }, (_, i) => `a=rtpmap:${96 + i} VP8/90000\r\na=rtcp-fb:${96 + i} nack pli`);
    const lines = ['v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0', ...codecs];
    return { type, sdp: `${lines.join('\r\n')}\r\na=ice-pwd:${this.icePassword}\r\n` };
  }

  /** @param {number} number */
  candidate(number) {
    const candidate = `candidate:${number} 1 udp 2122260223 192.0.2.1 ${50000 + number} typ host`;
    return { candidate, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: this.icePassword.slice(0, 8), number };
  }
}
