import assert from 'node:assert/strict';

/** How often each of the two says something, in milliseconds. */
const EVERY = 10;

/** The longest silence that undisturbed bystanders may hear, in milliseconds. Two busy cores alone can cost a second. */
const LONGEST_SILENCE = 3_000;

/** Two members who send each other numbered candidates all the while, and must miss none, whatever others do. */
export class Bystanders {
  /** @param {import('./scenarios.js').Classroom} classroom */
  static async of(classroom) {
    const [left, right] = await classroom.joined('Left bystander', 'Right bystander');
    return classroom.closing(new Bystanders(left, right));
  }

  /** @param {import('./page.js').Page} left @param {import('./page.js').Page} right connected with each other */
  constructor(left, right) {
    this.pages = [left, right];
    this.sent = 0;
    this.heardLast = performance.now();
    this.longestSilence = 0;
    for (const page of this.pages) page.socket.on('icecandidate', () => this.onHeard());
    this.say();
    this.timer = setInterval(() => this.say(), EVERY);
  }

  close() {
    clearInterval(this.timer);
  }

  /** Stops, and holds every message to have arrived, once, in order, without a long silence. */
  async assertUndisturbed() {
    this.close();
    const numbers = Array.from({ length: this.sent }, (_, number) => number);
    for (const page of this.pages) {
      await page.until(() => heardNumbers(page).length >= this.sent, 'the last message of the other bystander');
      assert.deepEqual(heardNumbers(page), numbers);
      assert.deepEqual(page.ends, []);
    }
    assert.ok(this.longestSilence < LONGEST_SILENCE, `a silence of ${Math.round(this.longestSilence)} ms`);
  }

  say() {
    const [left, right] = this.pages;
    for (const [from, to] of [[left, right], [right, left]]) {
      const { remoteId, memberId } = from.peers.with(to.memberId);
      from.emit('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { bystander: this.sent } });
    }
    this.sent += 1;
  }

  onHeard() {
    const now = performance.now();
    this.longestSilence = Math.max(this.longestSilence, now - this.heardLast);
    this.heardLast = now;
  }
}

/** @param {import('./page.js').Page} page @returns {number[]} */
function heardNumbers(page) {
  const candidates = page.heardOf('icecandidate').map(({ candidate }) => candidate.bystander);
  return candidates.filter((number) => number !== undefined);
}
