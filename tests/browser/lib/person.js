import assert from 'node:assert/strict';

import { pause, until } from '../../clients/lib/wait.js';
import { probe } from './probe.js';
import { Reader } from './reader.js';

/** How long people may take to see each other, on a busy machine that encodes thirty videos at once, in milliseconds. */
const PATIENCE = 90_000;

/** How many more frames tell a video that moves from one that stands. */
const MOVES = 3;

/** Somebody with a camera and a network of their own, in a room. */
export class Person extends Reader {
  /**
   * @param {import('playwright-core').Browser} browser
   * @param {string} username
   * @param {string} roomname
   * @param {boolean} hasMicrophone
   * @param {import('../../clients/lib/proxy.js').Proxy} network by which they reach the server whose page they open
   */
  static async at(browser, username, roomname, hasMicrophone, network) {
    const person = await Person.of(browser);
    await person.page.addInitScript(probe, hasMicrophone);
    return Object.assign(person, { username, roomname, network, url: await network.open() });
  }

  /** Fills in the lobby. */
  async arrive() {
    await this.page.goto(this.url);
    await this.page.fill('input[name=roomname]', this.roomname);
    await this.page.fill('input[name=username]', this.username);
    await this.page.keyboard.press('Tab');
  }

  async join() {
    await this.arrive();
    await this.press('Join');
    await this.shows(`${this.username} (you)`);
  }

  /** @param {string} button */
  press(button) {
    return this.page.getByRole('button', { name: button }).click();
  }

  /** Presses the button that begins and ends it, and waits until it has. @param {boolean} isShared */
  async share(isShared = true) {
    await this.press('Share screen');
    await this.until(({ names }) => names.includes('Your screen') === isShared, 'its own screen');
  }

  /** Waits for a video of that name. @param {string} name */
  shows(name) {
    return this.until(({ names }) => names.includes(name), `a video of ${name}`);
  }

  /** Waits until exactly these are to be seen beside oneself, and all of them move. @param {...(Person | string)} others */
  async sees(...others) {
    const wanted = others.map((other) => (other instanceof Person ? other.username : other)).sort();
    const before = new Map((await this.progress()).map(({ track, frames }) => [track, frames]));
    const moves = ({ track, frames }) => frames >= (before.get(track) ?? 0) + MOVES;
    const isSo = ({ names, seen }) => {
      const own = names.filter((name) => name === 'Your screen' || name.endsWith(' (you)'));
      const all = [...own, ...wanted].sort();
      return names.sort().join() === all.join() && seen.map(({ name }) => name).sort().join() === wanted.join() && seen.every(moves);
    };
    await this.until(isSo, `moving videos of ${wanted.join(', ') || 'nobody'}`);
  }

  /** Begins to note what must not be noticed. */
  async watch() {
    await this.page.evaluate(() => globalThis.probe.watch());
  }

  async sawNoBlink() {
    assert.deepEqual(await this.page.evaluate(() => globalThis.probe.blinks), [], `${this.username} saw a tile blink`);
  }

  /** @returns {Promise<{name: string, track: string, frames: number}[]>} */
  progress() {
    return this.page.evaluate(() => globalThis.probe.progress());
  }

  /** @returns {Promise<{signalingState: string, local: string, remote: string}[]>} */
  ends() {
    return this.page.evaluate(() => globalThis.probe.ends());
  }

  /** Whether its own camera (`video`) or microphone (`audio`) is on. @param {'video' | 'audio'} kind */
  sends(kind) {
    return this.page.evaluate((kind) => globalThis.probe.sends(kind), kind);
  }

  /** @param {Person} other */
  seesOnlyBlackOf({ username }) {
    return this.page.evaluate((username) => globalThis.probe.isBlack(username), username);
  }

  /** Loses the connection to the server, and gets no other until `reconnect`. */
  cutOff() {
    this.losesServer();
    this.network.isDown = true;
    this.network.refused = 0;
    this.network.cut();
  }

  /** As `cutOff`; done when the page has noticed. */
  async disconnect() {
    this.cutOff();
    await until(() => this.network.refused > 0, `${this.username} tries to come back`);
  }

  reconnect() {
    this.network.isDown = false;
  }

  /**
   * Loses the connection to the server again and again, at any moment of its coming back.
   *
   * @param {number} times
   * @param {() => number} random
   */
  async flap(times, random) {
    this.losesServer();
    const { network } = this;
    for (let time = 0; time < times; time += 1) {
      const cut = new Set(network.sockets);
      network.cut();
      await until(() => [...network.sockets].some((socket) => !cut.has(socket)), `${this.username} tries to come back`);
      await pause(random() * 500);
    }
  }

  /**
   * From here on the browser may say so: also that the server knows a session no more (400), where it has repeated a poll by
   * itself whose connection broke.
   */
  losesServer() {
    this.forgiven = /net::ERR_|WebSocket connection to|WebSocket is already in CLOSING|status of 400/;
  }

  /** @param {(page: {names: string[], seen: {name: string, track: string, frames: number}[]}) => boolean} condition @param {string} what */
  async until(condition, what) {
    let last;
    const isSo = async () => {
      const names = await this.page.evaluate(() => globalThis.probe.names());
      last = { names, seen: await this.progress() };
      return condition(structuredClone(last));
    };
    await until(isSo, `${this.username}: ${what}`, PATIENCE, 250).catch((error) => {
      throw new Error(`${error.message}; there is ${JSON.stringify(last)}; complaints: ${this.complaints.join('; ')}`);
    });
  }

  async close() {
    await super.close().finally(() => this.network.close());
  }
}
