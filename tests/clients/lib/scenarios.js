import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';

import { Page } from './page.js';
import { Proxy } from './proxy.js';
import { RawClient } from './raw.js';
import { Server } from './server.js';
import { TRANSPORTS } from './transports.js';
import { until } from './wait.js';

/** How long the scenarios of one transport may take together, in milliseconds. */
const TIMEOUT = 120_000;

/**
 * Defines the same scenarios for every transport, on one server.
 *
 * @param {string} title
 * @param {Record<string, string>} settings of the server
 * @param {(open: (t: import('node:test').TestContext) => Classroom, server: Server, transports: string[]) => void} define
 */
export function scenarios(title, settings, define) {
  describe(title, () => {
    const server = new Server(settings);
    before(() => server.start());
    after(() => server.close());
    for (const [name, transports] of TRANSPORTS) {
      describe(name, { timeout: TIMEOUT }, () => {
        define((t) => new Classroom(t, server, transports), server, transports);
      });
    }
  });
}

/** A room of its own for one test, and the pages in it: closed, and held to have been faultless, when the test ends. */
export class Classroom {
  /**
   * @param {import('node:test').TestContext} t
   * @param {Server} server
   * @param {string[]} transports
   */
  constructor(t, server, transports) {
    this.server = server;
    this.transports = transports;
    this.roomname = `教室 ${randomUUID().slice(0, 8)}/1%`;
    /** @type {Page[]} */
    this.pages = [];
    /** @type {{close: () => void}[]} */
    this.others = [];
    t.after(() => this.close());
  }

  /** A page that has not joined yet. @param {string} username @param {Partial<ConstructorParameters<typeof Page>[0]>} [options] */
  page(username, options = {}) {
    const { server, transports, roomname } = this;
    const page = new Page({ url: server.url, secrets: server.secrets, transports, roomname, username, ...options });
    this.pages.push(page);
    return page;
  }

  /** A page that has joined, with a network of its own. @param {string} username */
  async throughProxy(username) {
    const proxy = this.closing(new Proxy(this.server.port));
    const page = this.page(username, { url: await proxy.open() });
    await page.join();
    return { page, proxy };
  }

  /** A client that speaks by hand, in or out of this room. */
  async raw() {
    return this.closing(await RawClient.open(this.server, this.transports));
  }

  /** Has something closed when the test ends, however it ends. @template {{close: () => void}} T @param {T} thing @returns {T} */
  closing(thing) {
    this.others.push(thing);
    return thing;
  }

  /** Pages that have joined, one after the other, and are connected with each other. @param {...string} usernames */
  async joined(...usernames) {
    const pages = [];
    for (const username of usernames) {
      const page = this.page(username);
      const ack = await page.join();
      if (!ack.ok) throw new Error(`${username} could not join: ${JSON.stringify(ack)}`);
      await page.connectedWith(...pages);
      pages.push(page);
    }
    return pages;
  }

  /** Waits until the server shows a member as present, away, or gone. @param {Page} page @param {'present' | 'away' | 'gone'} status */
  async shows({ username, roomname }, status) {
    const current = async () => {
      const members = await this.server.rest.members(roomname);
      return members.find((one) => one.username === username)?.status ?? 'gone';
    };
    await until(async () => (await current()) === status, `${username} is shown as ${status}`);
  }

  /** Waits until everybody has heard what everybody has said so far, so that whoever polls has nothing to hear and waits. */
  async settle() {
    const members = this.pages.filter((page) => page.hasJoined && page.socket.connected);
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(members.map((page) => page.ask('reconnect', page.identity())));
    }
  }

  /** Drops a page, and waits until the server has noticed. @param {...Page} pages */
  async away(...pages) {
    await this.settle();
    for (const page of pages) await page.drop();
    for (const page of pages) await this.shows(page, 'away');
  }

  close() {
    for (const thing of [...this.others, ...this.pages]) thing.close();
    for (const page of this.pages) page.assertFaultless();
  }
}
