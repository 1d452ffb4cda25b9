import { pause } from './wait.js';

/** The server's REST API as a reviewer reads it. */
export class Rest {
  /**
   * @param {string} url the server's origin
   * @param {string} token the reviewer's
   */
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  /**
   * @param {string} path below `/api/v1`, segments already encoded
   * @param {Record<string, string | number>} [query]
   * @returns {Promise<any>} the body; throws unless the status is 200
   */
  async get(path, query = {}) {
    const response = await this.ask(path, query);
    if (response.status !== 200) {
      throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }

  /**
   * Every entry of a list, over all its pages.
   *
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   * @returns {Promise<any[]>}
   */
  async list(path, query = {}) {
    const entries = [];
    let page = await this.get(path, query);
    for (;;) {
      entries.push(...page.data);
      if (page.nextCursor === null) return entries;
      page = await this.get(path, { ...query, cursor: page.nextCursor });
    }
  }

  /**
   * The members of a room at this moment.
   *
   * @param {string} roomname
   * @returns {Promise<{username: string, status: 'present' | 'away'}[]>} none if the room was never seen
   */
  async members(roomname) {
    const response = await this.ask(`/rooms/${encodeURIComponent(roomname)}`);
    if (response.status === 404) return [];
    if (response.status === 429) {
      await response.body?.cancel();
      await pause(50);
      return this.members(roomname);
    }
    const room = /** @type {any} */ (await response.json());
    if (!response.ok) throw new Error(`no members of ${roomname}: ${JSON.stringify(room)}`);
    return room.members;
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   */
  ask(path, query = {}) {
    const url = new URL(`${this.url}/api/v1${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return fetch(url, { headers: { authorization: `Bearer ${this.token}` } });
  }
}
