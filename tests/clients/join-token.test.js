import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { scenarios } from './lib/scenarios.js';
import { until } from './lib/wait.js';

const SECRET = randomBytes(24).toString('hex');

const encoded = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token as any program makes it. */
function token(claims, { alg = 'HS256', secret = SECRET } = {}) {
  const good = { aud: 'chatroom:join', exp: Math.floor(Date.now() / 1000) + 3600, jti: randomUUID() };
  const message = `${encoded({ alg, typ: 'JWT' })}.${encoded({ ...good, ...claims })}`;
  if (alg === 'none') return `${message}.`;
  if (alg === 'RS256') {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return `${message}.${createSign('RSA-SHA256').update(message).sign(privateKey, 'base64url')}`;
  }
  return `${message}.${createHmac('sha256', secret).update(message).digest('base64url')}`;
}

/** Before the server starts. */

const secondsFromNow = (seconds) => Math.floor(Date.now() / 1000) + seconds;

scenarios('tokens to join', { JOIN_SECRET: SECRET, RESUME_GRACE: '2s' }, (open, server) => {
  /** Shows it where the client connects. */
  const shown = (text) => {
    if (typeof text === 'string' && text.length > 20) server.secrets.add(text);
    return { client: { auth: { token: text } } };
  };

  test('who shows a token that fits is in, by the handshake or by the message', async (t) => {
    const class_ = open(t);
    server.secrets.add(SECRET);
    const { roomname } = class_;
    const ann = class_.page('Ann', shown(token({ room: roomname, name: 'Ann' })));
    const bo = class_.page('Bo', shown(token({ room: `${roomname.slice(0, 4)}*` })));
    for (const page of [ann, bo]) assert.equal((await page.join()).ok, true);
    await ann.connectedWith(bo);
    const cy = class_.page('Cy');
    await cy.connected();
    const inMessage = token({ room: '*' });
    server.secrets.add(inMessage);
    assert.equal((await cy.ask('join', { ...cy.identity(), token: inMessage })).ok, true);
  });

  test('a token that does not fit is refused by what is wrong with it, and nothing is changed', async (t) => {
    const class_ = open(t);
    const { roomname } = class_;
    const hourAgo = secondsFromNow(-3600);
    const table = [
      [undefined, /by a token/],
      [7, /token must be a string/],
      [['a.b.c'], /token must be a string/],
      ['', /by a token/],
      ['a.b.c', /JSON Web Token/],
      [token({ room: roomname }, { alg: 'none' }), /HS256/],
      [token({ room: roomname }, { alg: 'RS256' }), /HS256/],
      [token({ room: roomname }, { alg: 'HS512' }), /HS256/],
      [token({ room: roomname }, { secret: 'x'.repeat(32) }), /another secret/],
      [token({ room: roomname, aud: 'chatroom:review' }), /aud must be chatroom:join/],
      [token({ room: roomname, aud: undefined }), /aud must be chatroom:join/],
      [token({ room: roomname, exp: hourAgo }), /has expired/],
      [token({ room: roomname, exp: undefined }), /lacks exp/],
      [token({ room: roomname, nbf: secondsFromNow(3600) }), /not good yet/],
      [token({ room: `${roomname}x` }), /another room/],
      [token({ room: `x*` }), /another room/],
      [token({ room: roomname, name: 'Bo' }), /another name/],
      [token({ room: 7 }), /token's room must be a string/],
      [token({ room: '*'.repeat(200) }), /token's room must be at most 128 characters/],
      [token({ room: '*'.repeat(60_000 / 2) }), /at most 4096 bytes/],
    ];
    const sitting = class_.page('Dee', { isPassive: true, ...shown(token({ room: roomname })) });
    await sitting.join();
    for (const [text, words] of table) {
      const page = class_.page('Ann', shown(text));
      const { ok, error } = await page.join();
      assert.deepEqual([ok, error?.type], [false, 'forbidden'], String(text).slice(0, 80));
      assert.match(error.message, words);
      await page.until(() => page.heardOf('error').length === 1, 'the error as an event');
      assert.equal(page.heardOf('error')[0].type, 'forbidden');
      page.close();
    }
    const { members } = await sitting.ask('join', sitting.identity());
    assert.deepEqual([members.map(({ username }) => username), sitting.heardOf('getOffer')], [['Dee'], []]);
  });

  test('a token of a megabyte in the handshake is refused like any other', async (t) => {
    const page = open(t).page('Ann', shown('x'.repeat(900_000)));
    const { error } = await page.join();
    assert.deepEqual([error.type, /at most 4096 bytes/.test(error.message)], ['forbidden', true]);
  });

  test('who is in a class comes back with a token that has expired, and does not once the place is gone', async (t) => {
    const class_ = open(t);
    const { roomname } = class_;
    const ann = class_.page('Ann', shown(token({ room: roomname, exp: secondsFromNow(-20) })));
    const bo = class_.page('Bo', shown(token({ room: roomname })));
    for (const page of [ann, bo]) assert.equal((await page.join()).ok, true, 'a minute of leeway');
    await ann.connectedWith(bo);
    ann.clientOptions.auth.token = token({ room: roomname, exp: secondsFromNow(-7200) });
    const { ack } = await ann.takeOver();
    assert.deepEqual([ack.ok, ack.resumed], [true, true]);

    const other = token({ room: 'other', exp: secondsFromNow(3600) });
    const stranger = class_.page('Ann', { id: ann.id, ...shown(other) });
    await stranger.connected();
    const refused = await stranger.ask('reconnect', ann.identity());
    assert.deepEqual([refused.ok, refused.error?.type], [false, 'forbidden'], 'the room still counts');
    stranger.close();

    ann.clientOptions.auth.token = token({ room: roomname, exp: secondsFromNow(-7200) });
    await ann.leave();
    const again = await ann.ask('reconnect', ann.identity());
    assert.deepEqual([again.ok, again.error?.type], [false, 'forbidden']);
  });

  test('REST follows the same rules', async (t) => {
    const class_ = open(t);
    const { roomname } = class_;
    const good = token({ room: roomname, name: 'Ann' });
    server.secrets.add(good);
    const ask = (path, params, headers) => fetch(`${server.url}${path}?${new URLSearchParams(params)}`, { headers });
    const check = (headers, username = 'Ann') => ask('/checkUsername', { username, roomname }, headers);
    assert.equal((await check({})).status, 403);
    assert.equal((await check({ authorization: `Bearer ${good}` })).status, 200);
    assert.equal((await check({ 'join-token': good })).status, 200);
    const refused = await check({ 'join-token': good }, 'Bo');
    assert.deepEqual([refused.status, (await refused.json()).code], [403, 'forbidden']);

    const ann = class_.page('Ann', shown(good));
    await ann.join();
    const own = { authorization: `Bearer ${ann.id}` };
    for (const path of ['/api/v1/recovery', '/api/v1/ice-servers']) {
      assert.equal((await ask(path, { roomname }, own)).status, 403, path);
      assert.equal((await ask(path, { roomname }, { ...own, 'join-token': good })).status, 200, path);
      const expired = token({ room: roomname, exp: secondsFromNow(-7200) });
      assert.equal((await ask(path, { roomname }, { ...own, 'join-token': expired })).status, 200, path);
      const stranger = { authorization: `Bearer ${randomUUID()}`, 'join-token': expired };
      assert.equal((await ask(path, { roomname }, stranger)).status, 403, path);
    }
    assert.equal((await ask('/api/v1/ice-servers', {}, {})).status, 200, 'STUN is for anybody');
  });

  test('the log says where somebody was refused, and why', async () => {
    await until(() => /refused room=".*type="forbidden" cause="Your link is for another room\."/.test(server.output), 'a line of the log');
  });
});

scenarios('rooms that there may be', { ALLOWED_ROOMS: 'lesson-*,Year 7' }, (open) => {
  test('others are refused, also to who comes back, and tokens are not looked at', async (t) => {
    const class_ = open(t);
    const join = async (roomname, event = 'join') => {
      const page = class_.page('Ann', { roomname, client: { auth: { token: 7 } } });
      await page.connected();
      const { ok, error } = await page.ask(event, { ...page.identity(), token: { any: 'thing' } });
      page.close();
      return ok || `${error.type}: ${error.message}`;
    };
    const name = `lesson-${randomUUID()}`;
    assert.equal(await join(name), true);
    for (const event of ['join', 'reconnect']) {
      assert.match(String(await join('squat', event)), /^forbidden: .*ALLOWED_ROOMS/);
    }
  });
});
