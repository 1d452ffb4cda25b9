import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CANDIDATES } from './lib/peers.js';
import { scenarios } from './lib/scenarios.js';
import { until } from './lib/wait.js';

scenarios('resume', {}, (open) => {
  /** @type {Record<string, (page: import('./lib/page.js').Page, proxy: import('./lib/proxy.js').Proxy) => unknown>} */
  const losses = {
    'whose engine closes': (page) => page.socket.io.engine.close(),
    // Again, if it was between two polls.
    'whose network breaks': (page, proxy) => until(() => proxy.cut() ?? page.ends.length > 0, 'the page notices'),
  };
  for (const [loss, lose] of Object.entries(losses)) {
    test(`a page ${loss} resumes by itself, and its peers negotiate again to the end`, async (t) => {
      const classroom = open(t);
      const { page: ann, proxy } = await classroom.throughProxy('Ann');
      const [bo, cy] = await classroom.joined('Bo', 'Cy');
      await ann.connectedWith(bo, cy);
      const before = { memberId: ann.memberId, connectors: [...ann.peers.connectors.keys()] };

      await lose(ann, proxy);
      const ack = await ann.resumed(1);

      const members = [ann, bo, cy].map(({ memberId, username }) => ({ memberId, username }));
      const { sessionId } = ack;
      assert.deepEqual(ack, { ok: true, memberId: before.memberId, sessionId, resumed: true, members });
      await ann.renegotiatedWith(bo, 1);
      await ann.renegotiatedWith(cy, 1);
      assert.deepEqual([...ann.peers.connectors.keys()], before.connectors);
      assert.deepEqual([...bo.heardOf('leave'), ...cy.heardOf('leave')], []);
      assert.deepEqual(ann.heardOf('getOffer').length, 2);
    });
  }

  test('the resumed page works like before: five times in a row', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    for (let time = 1; time <= 5; time += 1) {
      ann.socket.io.engine.close();
      assert.equal((await ann.resumed(time)).resumed, true);
      await ann.renegotiatedWith(bo, time);
    }
    assert.deepEqual(bo.heardOf('leave'), []);
  });

  test('screens that are shared when a page resumes go on, and one that it shares after reaches everyone', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    const share = (page, others) => others.forEach(({ memberId }) => page.peers.offer(memberId, 'display'));
    share(ann, [bo, cy]);
    share(bo, [ann, cy]);
    await ann.isSeenBy([bo, cy], 0);
    await bo.isSeenBy([ann, cy], 0);
    await classroom.away(ann);
    await ann.comeBack();
    for (const other of [bo, cy]) await ann.renegotiatedWith(other, 1);
    await ann.isSeenBy([bo, cy], 1);
    await bo.isSeenBy([ann], 1);
    await bo.isSeenBy([cy], 0);
    share(cy, [ann, bo]);
    await cy.isSeenBy([ann, bo], 0);
    assert.deepEqual([ann, bo, cy].flatMap((page) => page.heardOf('leave')), []);
  });

  test('two members who drop at the same time resume and negotiate again once', async (t) => {
    const classroom = open(t);
    const [ann, bo, cy] = await classroom.joined('Ann', 'Bo', 'Cy');
    await classroom.away(ann, bo);
    const acks = await Promise.all([ann.comeBack(), bo.comeBack()]);
    assert.deepEqual(acks.map((ack) => ack.resumed), [true, true]);
    for (const [one, other] of [[ann, bo], [ann, cy], [bo, cy]]) await one.renegotiatedWith(other, 1);
    const asked = [ann, bo].flatMap((page) => page.heardOf('reconnect').filter(({ type }) => type === 'getOffer'));
    assert.equal(asked.length, 1);
    assert.deepEqual([ann, bo, cy].flatMap((page) => page.heardOf('leave')), []);
  });

  test('who joins while another is away connects with it after', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann);
    const di = classroom.page('Di');
    const { members } = await di.join();
    assert.deepEqual(members.map((one) => one.username), ['Ann', 'Bo', 'Di']);
    await di.connectedWith(bo);
    await ann.comeBack();
    await ann.connectedWith(di);
    await ann.renegotiatedWith(bo, 1);
    assert.deepEqual(di.heardOf('getOffer'), [{ memberId: ann.memberId, username: 'Ann' }]);
    assert.deepEqual([...ann.peers.connectors.values()].length, 2);
  });

  test('two who are away when a third joins all find each other', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann, bo);
    const [cy] = await classroom.joined('Cy');
    await Promise.all([bo.comeBack(), ann.comeBack()]);
    await cy.connectedWith(ann, bo);
    await ann.renegotiatedWith(bo, 1);
  });

  test('an offer that was asked for and is still being made is not asked for again', async (t) => {
    const classroom = open(t);
    const [ann] = await classroom.joined('Ann');
    ann.isPassive = true;
    const bo = classroom.page('Bo');
    await bo.join();
    await ann.until(() => ann.heardOf('getOffer').length === 1, 'getOffer');
    await classroom.away(bo);
    assert.equal((await bo.comeBack()).resumed, true);
    ann.isPassive = false;
    ann.peers.offer(bo.memberId);
    await ann.connectedWith(bo);
    assert.deepEqual(ann.heardOf('getOffer'), [{ memberId: bo.memberId, username: 'Bo' }]);
  });

  test('what a page sent while it was offline arrives, in order', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann);
    const { remoteId, memberId } = ann.peers.with(bo.memberId);
    const numbers = Array.from({ length: 50 }, (_, number) => number);
    const acks = numbers.map((offline) => ann.ask('icecandidate', { remoteConnectorId: remoteId, memberId, candidate: { offline } }));
    const stranger = ann.ask('icecandidate', { remoteConnectorId: 'nobody', memberId, candidate: 1 });
    await ann.comeBack();
    assert.ok((await Promise.all(acks)).every(({ ok }) => ok === true));
    assert.equal((await stranger).error.type, 'invalid', 'its own fate');
    await ann.renegotiatedWith(bo, 1);
    const heard = bo.heardOf('icecandidate').slice(CANDIDATES);
    assert.deepEqual(heard.map(({ candidate }) => candidate.offline), numbers);
  });

  test('a resume on a connection that has resumed already changes nothing', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const ack = await ann.ask('reconnect', ann.identity());
    assert.deepEqual([ack.ok, ack.resumed, ack.memberId], [true, true, ann.memberId]);
    assert.deepEqual([...bo.heardOf('leave'), ...bo.heardOf('reconnect').filter(({ type }) => type === 'leave')], []);
    assert.equal(ann.peers.connectors.size, 1);
  });

  test('who is unknown is told to drop its connections, and joins', async (t) => {
    const classroom = open(t);
    const [bo] = await classroom.joined('Bo');
    const ann = classroom.page('Ann');
    await ann.connected();
    const ack = await ann.ask('reconnect', ann.identity());
    ann.enter(ack);
    assert.deepEqual([ack.ok, ack.resumed], [true, false]);
    assert.deepEqual(ack.members.map((one) => one.username), ['Bo', 'Ann']);
    await ann.connectedWith(bo);
    assert.deepEqual(ann.heard[0], { event: 'reconnect', payload: { type: 'leave' } });
  });

  test('who is unknown and says no name cannot join, and is told so', async (t) => {
    const classroom = open(t);
    const ann = classroom.page('Ann');
    await ann.connected();
    const { id, roomname } = ann.identity();
    const ack = await ann.ask('reconnect', { id, roomname });
    assert.deepEqual([ack.ok, ack.error.type], [false, 'invalid']);
    await ann.until(() => ann.heardOf('error').length === 1, 'the error');
    assert.equal(ann.heardOf('error')[0].event, 'reconnect');
    assert.deepEqual(ann.heardOf('reconnect'), [{ type: 'leave' }]);
  });

  test('a member resumes without saying its name', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const { id, roomname } = ann.identity();
    ann.identity = () => ({ id, roomname });
    await classroom.away(ann);
    assert.equal((await ann.comeBack()).resumed, true);
    await ann.renegotiatedWith(bo, 1);
  });
});
