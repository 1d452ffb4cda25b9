import { randomUUID } from 'node:crypto';

import { account } from './account.js';
import { Actor } from './actor.js';
import { seeded } from './random.js';
import { Rest } from './rest.js';
import { TRANSPORTS } from './transports.js';
import { until } from './wait.js';

/** How long the history may take to show the end of those who went without a word, beyond their grace, in milliseconds. */
const SETTLES_WITHIN = 30_000;

/**
 * @typedef {object} Load
 * @property {string} url
 * @property {string} token the reviewer's
 * @property {number} rooms
 * @property {number} members per room
 * @property {number} seconds
 * @property {number} seed
 * @property {Set<string>} [secrets]
 */

/**
 * Has users join, talk, leave, drop and come back for a while, then reads the history and holds it against what they did.
 *
 * @param {Load} load
 * @returns {Promise<{sent: number, received: number, differences: string[], counts: Record<string, number>}>}
 */
export async function runLoad(load) {
  const rest = new Rest(load.url, load.token);
  const rooms = cast(load, rest);
  const actors = [...rooms.values()].flat();
  const pages = actors.map((actor) => actor.page);
  try {
    const deadline = performance.now() + load.seconds * 1_000;
    await Promise.all(actors.map((actor) => actor.run(deadline)));
    const { differences, counts } = await settled(rest, rooms);
    const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
    const sent = sum(pages.map((page) => page.sent));
    const received = sum(pages.map((page) => page.heard.length));
    return { sent, received, differences, counts };
  } finally {
    for (const page of pages) page.close();
  }
}

/** @param {Load} load @param {Rest} rest @returns {Map<string, Actor[]>} by room */
function cast({ url, rooms, members, seed, secrets }, rest) {
  const random = seeded(seed);
  const transports = [...TRANSPORTS.values()];
  const run = randomUUID().slice(0, 8);
  const numbers = (count) => Array.from({ length: count }, (_, number) => number + 1);
  return new Map(
    numbers(rooms).map((room) => {
      const roomname = `load ${run} room ${room}`;
      const actors = numbers(members).map((member) => {
        const means = transports[Math.floor(random() * transports.length)];
        const identity = { url, roomname, username: `Member ${member}`, transports: means, secrets };
        return new Actor(identity, rest, seeded(Math.floor(random() * 2 ** 32)));
      });
      return [roomname, actors];
    }),
  );
}

/** The account when everything that is still to come has come. @param {Rest} rest @param {Map<string, Actor[]>} rooms */
async function settled(rest, rooms) {
  let last = await account(rest, rooms);
  const isSettled = async () => {
    last = await account(rest, rooms);
    return last.differences.length === 0;
  };
  await until(isSettled, 'the history', SETTLES_WITHIN).catch(() => {});
  return last.differences.length === 0 ? account(rest, rooms) : last;
}
