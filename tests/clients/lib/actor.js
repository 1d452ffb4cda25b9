import { Page } from './page.js';
import { pause, until } from './wait.js';

// Who polls may be cut off from the answer to the last poll before the word that it closes has come.
const CLOSED = 'left:closed|left:timeout';

/** How long a page takes between two things it does, in milliseconds: at most. */
const LONGEST_THOUGHT = 300;

/**
 * What the history must show of one thing that was done.
 *
 * @typedef {object} Expected
 * @property {string} kind the event's, and for `left` the reason after a colon; of several, with `|` between them, any
 * @property {boolean} [isOptional] whether it may as well be missing: a drop that the server need not have noticed
 */

/** A user who joins, talks, leaves, drops and comes back at random, and keeps book of what the history must show of it. */
export class Actor {
  /**
   * @param {ConstructorParameters<typeof Page>[0]} identity
   * @param {import('./rest.js').Rest} rest
   * @param {() => number} random from 0 to 1
   */
  constructor(identity, rest, random) {
    this.page = new Page(identity);
    this.rest = rest;
    this.random = random;
    /** @type {Expected[]} */
    this.expected = [];
    /** What becomes of the member if it does not come back. */
    this.leavesAs = '';
  }

  /** @param {number} deadline on the clock of `performance.now()` */
  async run(deadline) {
    await this.join();
    while (performance.now() < deadline) {
      await pause(this.random() * LONGEST_THOUGHT);
      await this.act();
      this.page.assertFaultless();
    }
    await this.end();
  }

  async act() {
    const what = this.random();
    if (what < 0.5) return this.talk();
    if (what < 0.7) return this.dropNoticed();
    if (what < 0.85) return this.dropShortly();
    await this.leave();
    await pause(this.random() * LONGEST_THOUGHT);
    return this.join();
  }

  async join() {
    const ack = await this.page.join();
    if (!ack.ok) throw new Error(`${this.page.username} cannot join: ${JSON.stringify(ack)}`);
    this.expect('joined');
  }

  async leave() {
    const ack = await this.page.leave();
    if (!ack.ok) throw new Error(`${this.page.username} cannot leave: ${JSON.stringify(ack)}`);
    this.expect('left:left');
  }

  /** Sends some more candidates to everybody it is connected with. */
  talk() {
    for (const connector of this.page.peers.connectors.values()) {
      if (connector.remoteId !== null) this.page.peers.sendCandidates(connector);
    }
  }

  /** Drops, and comes back when the server has noticed. */
  async dropNoticed() {
    await this.away();
    this.onBack(await this.page.comeBack());
  }

  /** Drops, and lets the client come back by itself: before or after the server has noticed. */
  async dropShortly() {
    const number = this.page.resumes.length + 1;
    this.page.socket.io.engine.close();
    this.leavesAs = CLOSED;
    const ack = await this.page.resumed(number);
    this.expected.push({ kind: 'disconnected', isOptional: true });
    this.onBack(ack);
  }

  /** Half of them say that they leave; the others just go, and their grace runs out. */
  async end() {
    if (this.random() < 0.5) {
      await this.leave();
    } else {
      await this.away();
      this.expect(this.leavesAs);
    }
  }

  async away() {
    const { page, rest } = this;
    // Others talk to it all the time: nobody would notice that it goes between two polls without a word.
    const isPolling = page.socket.io.engine.transport.name === 'polling';
    this.leavesAs = isPolling ? CLOSED : 'left:timeout';
    if (isPolling) page.closeEngine();
    else await page.drop();
    await until(async () => {
      const members = await rest.members(page.roomname);
      return members.find((one) => one.username === page.username)?.status !== 'present';
    }, `${page.username} is shown as away`);
    this.expect('disconnected');
  }

  /** @param {{ok: boolean, resumed: boolean}} ack */
  onBack({ ok, resumed }) {
    if (!ok) throw new Error(`${this.page.username} cannot come back`);
    if (resumed) return this.expect('reconnected');
    this.expect(this.leavesAs);
    this.expect('joined');
  }

  /** @param {string} kind */
  expect(kind) {
    this.expected.push({ kind });
  }
}
