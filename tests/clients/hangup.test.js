import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';

scenarios('hangup and connectionState', {}, (open) => {
  test('a connection that is hung up ends for its peer, by its own connector, and what is said about it after is quietly dropped', async (t) => {
    const { ann, bo } = await connected(open(t));
    const screen = { connectorId: 'screen', memberId: bo.memberId };
    assert.equal((await ann.ask('offer', { ...screen, offer: 1, streamType: 'display' })).ok, true);
    const answer = { remoteConnectorId: 'screen', connectorId: 'of screen', memberId: ann.memberId, answer: 1 };
    assert.equal((await bo.ask('answer', answer)).ok, true);
    assert.deepEqual(await ann.ask('hangup', screen), { ok: true });
    await bo.until(() => bo.heardOf('leave').length === 1, 'leave');
    assert.deepEqual(bo.heardOf('leave'), [{ connectorId: 'of screen', memberId: ann.memberId }]);
    const heard = ann.heard.length;
    assert.deepEqual(await bo.ask('icecandidate', { remoteConnectorId: 'screen', memberId: ann.memberId, candidate: 1 }), { ok: true });
    assert.deepEqual(await bo.ask('hangup', { connectorId: 'of screen', memberId: ann.memberId }), { ok: true });
    assert.equal(ann.heard.length, heard);
    // The other connection of the two goes on.
    assert.equal((await ann.ask('icecandidate', { remoteConnectorId: 'of user', memberId: bo.memberId, candidate: 2 })).ok, true);
    await bo.until(() => bo.heardOf('icecandidate').length === 1, 'the candidate');
  });

  test('what was hung up before the answer is told to the answerer, by its own connector', async (t) => {
    const { ann, bo } = await connected(open(t));
    const screen = { connectorId: 'screen', memberId: bo.memberId };
    await ann.ask('offer', { ...screen, offer: 1, streamType: 'display' });
    assert.deepEqual(await ann.ask('hangup', screen), { ok: true });
    const answer = { remoteConnectorId: 'screen', connectorId: 'of screen', memberId: ann.memberId, answer: 1 };
    assert.deepEqual(await bo.ask('answer', answer), { ok: true });
    await bo.until(() => bo.heardOf('leave').length === 1, 'leave');
    assert.deepEqual(bo.heardOf('leave'), [{ connectorId: 'of screen', memberId: ann.memberId }]);
  });

  test('what a page says of its connection reaches nobody; the wrong word is named', async (t) => {
    const { ann, bo } = await connected(open(t));
    const [heard, end] = [bo.heard.length, { connectorId: 'user', memberId: bo.memberId }];
    for (const report of [{ state: 'connected', path: 'host' }, { state: 'disconnected' }, { state: 'failed', path: null }]) {
      assert.deepEqual(await ann.ask('connectionState', { ...end, ...report }), { ok: true });
    }
    for (const [report, field] of [[{ state: 'new' }, 'state'], [{ state: 'connected', path: 'udp' }, 'path'], [{}, 'state']]) {
      const { ok, error } = await ann.ask('connectionState', { ...end, ...report });
      assert.deepEqual([ok, error.type, error.message.startsWith(field)], [false, 'invalid', true], error.message);
    }
    const strange = await ann.ask('connectionState', { ...end, connectorId: 'nobody’s', state: 'connected' });
    assert.equal(strange.error.type, 'invalid');
    assert.equal(bo.heard.length, heard);
  });
});

/** Two members with one connection, whose connectors are `user` and `of user`. @param {import('./lib/scenarios.js').Classroom} classroom */
async function connected(classroom) {
  const [ann, bo] = ['Ann', 'Bo'].map((username) => classroom.page(username, { isPassive: true }));
  await ann.join();
  await bo.join();
  await ann.ask('offer', { connectorId: 'user', memberId: bo.memberId, offer: 1, streamType: 'user' });
  await bo.ask('answer', { remoteConnectorId: 'user', connectorId: 'of user', memberId: ann.memberId, answer: 1 });
  await ann.until(() => ann.heardOf('answer').length === 1, 'the answer');
  return { ann, bo };
}
