import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Proxy } from '../../clients/lib/proxy.js';
import { until } from '../../clients/lib/wait.js';
import { Person } from './person.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** How long the server may take to see that somebody is gone who polls: a ping every 25 s is awaited for 20 s. */
const NOTICES_WITHIN = 60_000;

/** The example, as `npm run build` left it. */
export const EXAMPLE = here('../../../examples/video-room/dist');

/** Puts the strict page together in a folder of its own, for as long as the tests run. */
export async function strictPage() {
  const directory = await mkdtemp(join(tmpdir(), 'chatroom-page-'));
  await cp(here('../strict-page'), directory, { recursive: true });
  const client = 'socket.io.esm.min.js';
  await cp(here(`../node_modules/socket.io-client/dist/${client}`), join(directory, client));
  return { directory, remove: () => rm(directory, { recursive: true }) };
}

/** One room and the people in it, who all go home when the test ends, and tell then what went wrong. */
export class Stage {
  /** @type {Person[]} */
  people = [];

  /**
   * @param {import('node:test').TestContext} t
   * @param {import('playwright-core').Browser} browser
   * @param {import('../../clients/lib/server.js').Server} server
   * @param {{hasMicrophones?: boolean, network?: () => Proxy}} [settings] `network` makes what one person reaches the server by
   */
  constructor(t, browser, server, { hasMicrophones = false, network = () => new Proxy(server.port) } = {}) {
    Object.assign(this, { browser, server, hasMicrophones, network, roomname: `Class ${crypto.randomUUID().slice(0, 8)}` });
    t.after(() => this.close());
  }

  /** Somebody before the lobby. @param {string} username @param {import('playwright-core').Browser} [browser] */
  async person(username, browser = this.browser) {
    const person = await Person.at(browser, username, this.roomname, this.hasMicrophones, this.network());
    this.people.push(person);
    return person;
  }

  /** People who join, one after the other. @param {...string} usernames */
  async joined(...usernames) {
    const people = [];
    for (const username of usernames) {
      const person = await this.person(username);
      await person.join();
      people.push(person);
    }
    return people;
  }

  /** Waits until each sees moving videos of all the others. @param {...Person} people */
  async seeEachOther(...people) {
    await Promise.all(people.map((one) => one.sees(...people.filter((other) => other !== one))));
  }

  /** Waits until the server shows somebody as present, away, or gone. @param {Person} person @param {'present' | 'away' | 'gone'} status */
  async knows({ username }, status) {
    const isSo = async () => {
      const members = await this.server.rest.members(this.roomname);
      return (members.find((one) => one.username === username)?.status ?? 'gone') === status;
    };
    await until(isSo, `${username} is ${status}`, NOTICES_WITHIN, 100);
  }

  /**
   * Does something after which every connection of these people is negotiated anew, and waits for that: both ends agree, each
   * has said something that it had not said before, and nobody waits for an answer.
   *
   * @param {Person[]} people
   * @param {() => Promise<void>} something
   */
  async renegotiated(people, something) {
    const everyone = () => Promise.all(this.people.map((person) => person.ends()));
    const theirs = () => Promise.all(people.map((person) => person.ends()));
    const before = new Set((await theirs()).flat().map(({ local }) => local));
    await something();
    let last;
    const isSo = async () => {
      last = (await everyone()).flat();
      const own = (await theirs()).flat();
      const agreed = new Set(last.map(({ local, remote }) => `${local} ${remote}`));
      return own.every(({ local }) => !before.has(local))
        && last.every(({ signalingState, local, remote }) => signalingState === 'stable' && agreed.has(`${remote} ${local}`));
    };
    await until(isSo, 'all is negotiated anew', 30_000, 250).catch((error) => {
      throw new Error(`${error.message}; there is ${JSON.stringify(last)}`);
    });
  }

  /** Waits until the history knows of every pair that it has an answer, and candidates both ways. */
  async toldEachOtherAll() {
    const { rest } = this.server;
    const isWhole = ({ answeredAt, offererCandidates, answererCandidates }) => answeredAt && offererCandidates && answererCandidates;
    const [{ id }] = await rest.list('/sessions', { room: this.roomname });
    const pairs = () => rest.list(`/sessions/${id}/links`);
    await until(async () => (await pairs()).every(({ links }) => links.every(isWhole)), 'candidates of every pair', 15_000, 500);
  }

  async close() {
    const ends = await Promise.allSettled(this.people.map((person) => person.close()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}
