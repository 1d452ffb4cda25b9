import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';

const CHINESE = { extraHeaders: { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' } };
const ENGLISH = { extraHeaders: { 'accept-language': 'en-GB,en;q=0.9,zh;q=0.5' } };

scenarios('names', {}, (open, server) => {
  test('a taken name is refused in Chinese to who prefers it', async (t) => {
    const second = await refusedSecond(open(t), { client: CHINESE });
    assert.deepEqual(second.told, { type: 'repeat', message: '此房间该用户名已存在', event: 'join' });
    assert.deepEqual(second.ack, { ok: false, error: { type: 'repeat', message: '此房间该用户名已存在' } });
  });

  for (const [who, client] of Object.entries({ 'who prefers English': ENGLISH, 'who says nothing of languages': {} })) {
    test(`a taken name is refused in English to ${who}`, async (t) => {
      const classroom = open(t);
      const { told } = await refusedSecond(classroom, { client });
      assert.equal(told.type, 'repeat');
      assert.equal(told.message, `Someone in the room “${classroom.roomname}” already has the name “Ann”.`);
    });
  }

  test('a name is the same however it was typed', async (t) => {
    const classroom = open(t);
    await classroom.joined('Émile');
    const second = classroom.page('  E\u0301mile ');
    assert.equal((await second.join()).error.type, 'repeat');
    assert.deepEqual(await isRepeat(classroom, '  E\u0301mile '), { success: true, isRepeat: true });
  });

  test('a refused page may join under another name, and nobody noticed it before', async (t) => {
    const classroom = open(t);
    const [ann] = await classroom.joined('Ann');
    const second = classroom.page('Ann');
    assert.equal((await second.join()).ok, false);
    assert.deepEqual(ann.heard, []);
    second.username = 'Bo';
    assert.equal((await second.join()).ok, true);
    await ann.connectedWith(second);
  });

  test('a name that looks like another is refused, and the message says which', async (t) => {
    const classroom = open(t);
    await classroom.joined('Ms. Smith');
    for (const double of ['MS.\u00a0SMITH', 'Ms. Sm\u200dith', 'Ｍｓ. Ｓｍｉｔｈ', 'Мs. Ѕmith']) {
      const { error } = await classroom.page(double).join();
      assert.equal(error.type, 'repeat', double);
      assert.match(error.message, /Ms\. Smith/);
    }
    for (const hidden of ['\u200b', '\u2800', '\u3164', '\u0301', 'Ms. Smith\uffff', '\u202ehtimS .sM']) {
      assert.equal((await classroom.page(hidden).join()).error.type, 'invalid', hidden);
    }
    await classroom.joined('Mr. Smith', 'Ms. Smith 1', 'Ms. Smith 11');
  });

  test('checkUsername says whether a name is taken, before, while, and after', async (t) => {
    const classroom = open(t);
    assert.deepEqual(await isRepeat(classroom, 'Ann'), { success: true, isRepeat: false });
    const [ann] = await classroom.joined('Ann');
    assert.deepEqual(await isRepeat(classroom, 'Ann'), { success: true, isRepeat: true });
    assert.deepEqual(await isRepeat(classroom, 'ANN\u200b'), { success: true, isRepeat: true });
    assert.deepEqual(await isRepeat(classroom, 'Anne'), { success: true, isRepeat: false });
    await classroom.away(ann);
    assert.deepEqual(await isRepeat(classroom, 'Ann'), { success: true, isRepeat: true });
    await ann.comeBack();
    await ann.leave();
    assert.deepEqual(await isRepeat(classroom, 'Ann'), { success: true, isRepeat: false });
  });

  /** @param {import('./lib/scenarios.js').Classroom} classroom @param {string} username */
  async function isRepeat({ roomname }, username) {
    const query = new URLSearchParams({ username, roomname });
    const response = await fetch(`${server.url}/checkUsername?${query}`);
    assert.equal(response.status, 200);
    return response.json();
  }
});

/** @param {import('./lib/scenarios.js').Classroom} classroom @param {object} options of the page that comes second */
async function refusedSecond(classroom, options) {
  await classroom.joined('Ann');
  const second = classroom.page('Ann', options);
  const ack = await second.join();
  await second.until(() => second.heardOf('error').length > 0, 'the error');
  const [told] = second.heardOf('error');
  return { ack, told };
}
