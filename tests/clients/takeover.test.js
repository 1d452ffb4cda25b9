import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';
import { until } from './lib/wait.js';

scenarios('takeover', {}, (open, server) => {
  test('a second socket with the same id takes the member over, and the old one is cut', async (t) => {
    const [ann, bo] = await open(t).joined('Ann', 'Bo');
    const { memberId } = ann;
    const { ack, old } = await ann.takeOver();
    assert.deepEqual([ack.ok, ack.resumed, ack.memberId], [true, true, memberId]);
    await until(() => !old.connected, 'the old socket is cut');
    await ann.renegotiatedWith(bo, 1);
    assert.deepEqual(bo.heardOf('leave'), []);
  });

  test('what the old socket still says, and its late close, do not touch the member', async (t) => {
    const classroom = open(t);
    const { page: ann, proxy } = await classroom.throughProxy('Ann');
    const [bo] = await classroom.joined('Bo');
    await ann.connectedWith(bo);

    proxy.freeze();
    ann.url = server.url;
    const { ack, old } = await ann.takeOver();
    assert.equal(ack.resumed, true);
    old.emit('leave', []);
    proxy.cut();
    await until(() => !old.connected, 'the old socket is gone');
    await ann.renegotiatedWith(bo, 1);

    assert.equal((await ann.ask('reconnect', ann.identity())).resumed, true);
    await classroom.shows(ann, 'present');
    assert.deepEqual(bo.heardOf('leave'), []);
  });

  test('a polite close of the old socket after the takeover does not either', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const { old } = await ann.takeOver();
    old.disconnect();
    await ann.renegotiatedWith(bo, 1);
    await classroom.shows(ann, 'present');
    assert.deepEqual(bo.heardOf('leave'), []);
  });

  test('a join with the same id on another socket is a leave and a fresh join', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    const second = classroom.page('Ann', { id: ann.id });
    const ack = await second.join();
    assert.deepEqual([ack.ok, ack.resumed], [true, false]);
    assert.notEqual(ack.memberId, ann.memberId);
    assert.deepEqual(ack.members.map((one) => one.username), ['Bo', 'Ann']);
    await second.connectedWith(bo);
    const told = bo.heard.filter(({ event }) => event === 'leave' || event === 'getOffer');
    const short = told.map(({ event, payload }) => [event, payload.memberId]);
    assert.deepEqual(short, [['leave', ann.memberId], ['getOffer', second.memberId]]);
  });

  test('who joins again with its id while it is away starts anew', async (t) => {
    const classroom = open(t);
    const [ann, bo] = await classroom.joined('Ann', 'Bo');
    await classroom.away(ann);
    const second = classroom.page('Ann', { id: ann.id });
    assert.equal((await second.join()).ok, true);
    await second.connectedWith(bo);
    assert.deepEqual(bo.heardOf('leave').map((leave) => leave.memberId), [ann.memberId]);
  });
});
