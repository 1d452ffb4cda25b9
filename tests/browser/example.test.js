import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Server } from '../clients/lib/server.js';
import { until, within } from '../clients/lib/wait.js';
import { launch } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

describe('what only the example has', { timeout: 200_000 }, () => {
  const server = new Server({ STATIC_DIR: EXAMPLE, PUBLIC_ROOMS: 'true' });
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await launch();
    await server.start();
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  test('a lobby that knows which names are taken, and which rooms are in use', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = [await stage.person('Ann'), await stage.person('Ann')];
    await ann.context.grantPermissions(['camera', 'microphone', 'clipboard-read', 'clipboard-write']);
    await ann.join();
    await ann.page.getByText('Nobody else is here yet').waitFor();
    const link = `${ann.url}/?${new URLSearchParams({ room: stage.roomname })}`;
    assert.equal(await ann.page.locator('#link').textContent(), link);
    await ann.press('Copy');
    await ann.page.getByText('The link is copied.').waitFor();
    assert.equal(await ann.page.evaluate(() => navigator.clipboard.readText()), link);
    await bo.arrive();
    await bo.page.getByText('Somebody called Ann is in this room already.').waitFor();
    await bo.accessible();
    await bo.page.goto(bo.url);
    await bo.page.getByRole('link', { name: `${stage.roomname} (1 here)` }).click();
    await bo.page.fill('input[name=username]', (bo.username = 'Bo'));
    await bo.press('Join');
    await stage.seeEachOther(ann, bo);
    await ann.page.getByText('Nobody else is here yet').waitFor({ state: 'hidden' });
    await ann.page.getByText('2 here').waitFor();
    await bo.accessible();
  });

  test('camera and microphone that are switched off, and on again', async (t) => {
    const stage = new Stage(t, browser, server, { hasMicrophones: true });
    const [ann, bo] = await stage.joined('Ann', 'Bo');
    await stage.seeEachOther(ann, bo);
    await ann.press('Microphone');
    await ann.page.getByText('microphone off').waitFor();
    assert.equal(await ann.sends('audio'), false);
    await ann.press('Camera');
    await ann.page.getByText('microphone and camera off').waitFor();
    await until(() => bo.seesOnlyBlackOf(ann), 'Bo sees only black of Ann', 15_000, 100);
    const initial = bo.page.locator('.faceless .initial').filter({ hasText: /^A$/ });
    await initial.waitFor();
    const { across, down } = await initial.evaluate((one) => {
      const text = document.createRange();
      text.selectNodeContents(one);
      const [letter, tile] = [text, one.closest('figure')].map((what) => what.getBoundingClientRect());
      const middle = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2];
      const [[x, y], [tileX, tileY]] = [middle(letter), middle(tile)];
      return { across: x - tileX, down: y - tileY };
    });
    assert.ok(Math.hypot(across, down) < 2, `the initial is in the middle of the tile, but for ${across} and ${down}`);
    for (const button of ['Camera', 'Microphone']) {
      await ann.press(button);
      await ann.page.getByRole('button', { name: `${button}: on`, pressed: true }).waitFor();
    }
    assert.equal(await ann.sends('audio'), true);
    await ann.page.locator('#self .state:empty').waitFor({ state: 'attached' });
    await until(async () => !(await bo.seesOnlyBlackOf(ann)), 'Bo sees Ann again', 15_000, 100);
    await bo.page.locator('.faceless').waitFor({ state: 'detached' });
  });

  test('the words of a page and of the server in the language of the browser, or in that which was chosen', async (t) => {
    const stage = new Stage(t, browser, server);
    const ann = await stage.person('Ann');
    ann.forgiven = /^join/;
    await ann.page.addInitScript(() => Object.defineProperty(navigator, 'languages', { get: () => ['fr', 'zh-Hans-CN', 'en'] }));
    await ann.arrive();
    assert.equal(await ann.page.evaluate(() => document.documentElement.lang), 'zh-CN');
    const room = await ann.page.locator('#join label').first().evaluate((label) => {
      const [word, field] = [...label.children].map((one) => one.getBoundingClientRect());
      return field.top - word.bottom;
    });
    assert.ok(room >= 5, `the ring around a field that is reached has ${room} pixels below the field's name`);
    await ann.press('加入');
    await ann.page.getByText('还没有其他人').waitFor();
    await ann.accessible();
    const [bo] = await stage.joined('Bo');
    await bo.share();
    await ann.page.getByText('Bo 的屏幕').waitFor();
    await ann.press('离开');
    await ann.page.fill('input[name=username]', 'Bo');
    await ann.press('加入');
    await ann.page.getByText('用户名已存在').waitFor();
    assert.deepEqual(await unsaid(ann.page), []);

    await ann.page.getByLabel('语言').selectOption('English');
    await ann.page.getByText('Everyone who joins').waitFor();
    await ann.arrive();
    assert.equal(await ann.page.evaluate(() => document.documentElement.lang), 'en');
    await ann.page.fill('input[name=username]', 'Bo');
    await ann.press('Join');
    await ann.page.getByText('already has the name “Bo”').waitFor();
    assert.deepEqual(await unsaid(ann.page), []);
  });

  test('a room for who has no camera: they see, and are not seen', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann] = await stage.joined('Ann');
    const bo = await stage.person('Bo');
    await bo.page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
    });
    await bo.join();
    await bo.sees(ann);
    await ann.shows('Bo');
    await bo.page.getByText('microphone and camera off').waitFor();
    const [cy] = await stage.joined('Cy');
    await bo.sees(ann, cy);
  });

  test('a drop, after which the candidates of an offer wait for its answer, and a reload that takes the place of the page before it', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = [await stage.person('Ann'), await stage.person('Bo')];
    const said = [];
    const hears = (who) => ({ payload }) => said.push(`${who} ${/icecandidate|"type":"(offer|answer)"/.exec(payload)?.[0] ?? ''}`);
    ann.page.on('websocket', (socket) => socket.on('framesent', hears('Ann')).on('framereceived', hears('Bo')));
    for (const person of [ann, bo]) await person.join();
    await stage.seeEachOther(ann, bo);
    said.length = 0;
    await stage.renegotiated([bo], async () => {
      await bo.disconnect();
      bo.reconnect();
    });
    await until(() => said.includes('Ann icecandidate'), 'Ann sends candidates', 15_000, 50);
    const told = said.filter((one) => one.startsWith('Ann ') ? one.length > 4 : one.endsWith('"answer"'));
    assert.deepEqual(told.slice(0, 3), ['Ann "type":"offer"', 'Bo "type":"answer"', 'Ann icecandidate']);
    await ann.page.reload();
    await ann.page.fill('input[name=roomname]', stage.roomname);
    await ann.press('Join');
    await stage.seeEachOther(ann, bo);
  });

  test('tiles as large as there is room for: no page is wider or higher than the window', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = await stage.joined('Ann', 'Bo');
    for (const isShared of [false, true]) {
      if (isShared) await bo.share();
      await ann.sees(bo, ...(isShared ? ['Bo’s screen'] : []));
      for (const [width, height] of [[1280, 720], [390, 844], [844, 390]]) {
        await ann.page.setViewportSize({ width, height });
        const { page, tiles } = await ann.page.evaluate(() => {
          const { scrollWidth, scrollHeight } = document.documentElement;
          const boxes = [...document.querySelectorAll('figure')].map((tile) => tile.getBoundingClientRect());
          return { page: [scrollWidth, scrollHeight], tiles: boxes.map(({ left, top, right, bottom }) => ({ left, top, right, bottom })) };
        });
        assert.deepEqual(page, [width, height]);
        const isSeen = ({ left, top, right, bottom }) => left >= 0 && top >= 0 && right <= width && bottom <= height - 44;
        assert.ok(tiles.every(isSeen), JSON.stringify(tiles));
        const shown = tiles.reduce((area, { left, top, right, bottom }) => area + (right - left) * (bottom - top), 0);
        const isScreenOnPhone = isShared && height > width;
        assert.ok(shown > (isScreenOnPhone ? 0.2 : 0.4) * width * height, `${shown} of ${width} x ${height}`);
        if (!isScreenOnPhone) continue;
        // As wide as the window, and no higher than its picture.
        const [own, picture] = await ann.page.locator('#screens video').evaluate((video) => {
          const { width, height } = video.closest('figure').getBoundingClientRect();
          return [width / height, video.videoWidth / video.videoHeight];
        });
        assert.ok(Math.abs(own / picture - 1) < 0.02, `${own} and ${picture}`);
      }
    }
  });

  test('who asks to join twice is there once', async (t) => {
    const stage = new Stage(t, browser, server);
    const [bo] = await stage.joined('Bo');
    const ann = await stage.person('Ann');
    await ann.arrive();
    await ann.page.locator('#join').evaluate((form) => [1, 2].forEach(() => form.requestSubmit()));
    await stage.seeEachOther(ann, bo);
    const [{ id }] = await server.rest.list('/sessions', { room: stage.roomname });
    const joined = await server.rest.list(`/sessions/${id}/events`, { kind: 'joined' });
    assert.deepEqual(joined.map(({ username }) => username), ['Bo', 'Ann']);
  });

  test('below a prefix: the place of a window that crashed is waited for, by the name that it had', async (t) => {
    const below = new Server({ STATIC_DIR: EXAMPLE, BASE_PATH: '/signal', RESUME_GRACE: '4s' });
    await below.start();
    t.after(() => below.close());
    const context = await browser.newContext();
    t.after(() => context.close());
    const enter = async (username) => {
      const page = await context.newPage();
      await page.goto(`${below.url}/signal/?room=Class`);
      await page.fill('input[name=username]', username);
      await page.getByRole('button', { name: 'Join' }).click();
      return page;
    };
    const ann = await enter('Ann');
    await ann.getByText('Ann (you)').waitFor();
    const bo = await enter('Bo');
    await bo.getByText('Bo (you)').waitFor();
    await ann.goto('chrome://crash').catch(() => {});
    const again = await enter('Ann');
    await again.getByText('The page that you closed still holds your name').waitFor();
    await again.getByText('Ann (you)').waitFor();
    // Bo is there in another window, and not about to be gone.
    const other = await enter('Bo');
    await other.locator('#hint').filter({ hasText: 'already' }).waitFor();
    assert.equal(await other.getByText('still holds').count(), 0);
  });

  test('a server that does not answer when somebody joins, and does after', async (t) => {
    const stage = new Stage(t, browser, server);
    const ann = await stage.person('Ann');
    await ann.arrive();
    ann.cutOff();
    await ann.press('Join');
    await ann.page.getByText('The server does not answer. Trying again').waitFor();
    ann.reconnect();
    await ann.shows('Ann (you)');
    await ann.press('Leave');
    await ann.page.getByText('The server does not answer').waitFor({ state: 'hidden' });
  });

  test('in development it is the same, by the proxy of Vite', async (t) => {
    const stage = new Stage(t, browser, server);
    const url = await develop(t, server.url);
    const people = await Promise.all(['Ann', 'Bo'].map((name) => stage.person(name)));
    for (const person of people) {
      person.url = url;
      const upgraded = new Promise((resolve) => {
        person.page.on('websocket', (socket) => socket.url().includes('/socket.io/') && socket.once('framereceived', resolve));
      });
      await person.join();
      await within(upgraded, `${person.username} hears something by WebSocket`);
    }
    await stage.seeEachOther(...people);
  });
});

/** Elements that say nothing, though a word is named for them. @param {import('playwright-core').Page} page */
function unsaid(page) {
  return page.locator('[data-word]').evaluateAll((all) => all.filter((one) => !one.textContent).map((one) => one.outerHTML));
}

/** What `npm run dev` starts, on a free port, for as long as a test runs. @returns {Promise<string>} its URL */
async function develop(t, server) {
  const root = dirname(EXAMPLE);
  const vite = createRequire(join(root, 'package.json')).resolve('vite');
  const { createServer } = await import(pathToFileURL(vite));
  process.env.SERVER = server;
  const development = await createServer({ root, logLevel: 'error', server: { port: 0 } });
  delete process.env.SERVER;
  t.after(() => development.close());
  await development.listen();
  return development.resolvedUrls.local[0];
}
