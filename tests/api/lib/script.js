// @ts-check
/** What somebody writes who has nothing but the document: typed by what is generated from it, see client.test.js. */
import createClient from 'openapi-fetch';

/** @typedef {import('openapi-fetch').Client<import('../generated/api.js').paths>} Client */

/**
 * @param {string} baseUrl
 * @param {string} token
 * @returns {Client}
 */
export function clientOf(baseUrl, token) {
  return createClient({
    baseUrl,
    headers: { authorization: `Bearer ${token}` },
    querySerializer: { array: { style: 'form', explode: false } },
  });
}

/** @param {Client} client @param {string} id */
export async function session(client, id) {
  const params = { path: { id } };
  const { data, error } = await client.GET('/api/v1/sessions/{id}', { params });
  if (error) throw new Error(error.code);
  return `${data.room}, ${data.status}: ${data.uniqueParticipants} people, ${data.durationMs / 60_000} minutes`;
}

/** @param {Client} client @param {string} id @param {number} minPct */
export async function attended(client, id, minPct) {
  const params = { path: { id }, query: { minPct } };
  const { data } = await client.GET('/api/v1/sessions/{id}/participants', { params });
  return data?.data.map(({ username, presentPct }) => `${username} ${Math.round(presentPct)} %`);
}

/** @param {Client} client @param {string} id */
export async function troubles(client, id) {
  const { data } = await client.GET('/api/v1/sessions/{id}/events', {
    params: { path: { id }, query: { kind: ['disconnected', 'error'] } },
  });
  return data?.data.map(({ kind, username }) => `${kind} ${username ?? ''}`);
}

/** All of a list, from cursor to cursor. @param {Client} client @param {number} limit */
export async function allSessions(client, limit) {
  const ids = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    const { data } = await client.GET('/api/v1/sessions', { params: { query: { limit, cursor } } });
    ids.push(...(data?.data ?? []).map(({ id }) => id));
    cursor = data?.nextCursor ?? undefined;
  } while (cursor);
  return ids;
}

/** In how many sessions they took part. @param {Client} client @param {string} username @param {boolean} dryRun */
export async function erase(client, username, dryRun) {
  const { data } = await client.POST('/api/v1/participants/erase', { body: { username, dryRun } });
  return data?.sessions;
}

/** Who else a returning client finds. @param {Client} client @param {string} roomname */
export async function companions(client, roomname) {
  const { data } = await client.GET('/api/v1/recovery', { params: { query: { roomname } } });
  return data?.resumable ? data.members.map(({ username }) => username) : [];
}
