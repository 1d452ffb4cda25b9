import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { account } from './lib/account.js';

/** What Ann did; the second drop was so short that the server need not have noticed it. */
const DONE = [
  { kind: 'joined' },
  { kind: 'disconnected' },
  { kind: 'reconnected' },
  { kind: 'disconnected', isOptional: true },
  { kind: 'reconnected' },
  { kind: 'left:left' },
];

const KINDS = ['joined', 'disconnected', 'reconnected', 'reconnected', 'left'];

describe('the account that the load is held to', () => {
  test('a history of all that was done has no differences', async () => {
    assert.deepEqual(await differences(journal(KINDS)), []);
    assert.deepEqual(await differences(journal(KINDS.toSpliced(3, 0, 'disconnected'))), []);
  });

  for (const [at, kind] of KINDS.entries()) {
    test(`event ${at + 1}, ${kind}, is missed, and noticed when it comes twice`, async () => {
      assert.equal((await differences(journal(KINDS.toSpliced(at, 1)))).length, 1);
      assert.equal((await differences(journal(KINDS.toSpliced(at, 0, kind)))).length, 1);
    });
  }

  test('another order, another reason, somebody else, an unexpected kind, a number out of order are all noticed', async () => {
    const events = journal(KINDS);
    const changed = (at, change) => events.toSpliced(at, 1, { ...events[at], ...change });
    for (const wrong of [
      journal(['joined', 'reconnected', 'disconnected', 'reconnected', 'left']),
      changed(4, { detail: { reason: 'timeout' } }),
      [...events, { ...events[0], seq: 99, username: 'Bo' }],
      [...events, { ...events[0], seq: 99, kind: 'error' }],
      changed(1, { seq: 1 }),
      changed(1, { sessionId: 'another' }),
    ]) {
      assert.notDeepEqual(await differences(wrong), []);
    }
  });
});

/** @param {any[]} events of the only session of Ann's room */
async function differences(events) {
  const list = async (path) => (path === '/sessions' ? [{ id: 'session' }] : events);
  const actors = [{ page: { username: 'Ann' }, expected: DONE }];
  const result = await account(/** @type {any} */ ({ list }), new Map([['room', /** @type {any} */ (actors)]]));
  return result.differences;
}

/** @param {string[]} kinds */
function journal(kinds) {
  return kinds.map((kind, index) => {
    const detail = kind === 'left' ? { reason: 'left' } : {};
    return { seq: index + 1, kind, username: 'Ann', sessionId: 'session', detail };
  });
}
