import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from '../clients/lib/server.js';
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
    await ann.join();
    await bo.arrive();
    await bo.page.getByText('Somebody called Ann is in this room already.').waitFor();
    await bo.accessible();
    await bo.page.goto(bo.url);
    await bo.page.getByText('Rooms in use').click();
    await bo.page.getByRole('link', { name: `${stage.roomname} (1 here)` }).click();
    await bo.page.fill('input[name=username]', (bo.username = 'Bo'));
    await bo.press('Join');
    await stage.seeEachOther(ann, bo);
    await bo.accessible();
  });

  test('camera and microphone that are switched off, and on again', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann] = await stage.joined('Ann');
    const isSent = (kind) => ann.page.locator('#self video').evaluate((video, kind) => {
      return video.srcObject.getTracks().find((track) => track.kind === kind).enabled;
    }, kind);
    for (const [button, kind] of [['Camera', 'video'], ['Microphone', 'audio']]) {
      for (const isOn of [false, true]) {
        await ann.press(button);
        await ann.page.getByRole('button', { name: button, pressed: isOn }).waitFor();
        assert.equal(await isSent(kind), isOn);
      }
    }
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
    const [cy] = await stage.joined('Cy');
    await bo.sees(ann, cy);
  });

  test('a reload that takes the place of the page before it', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = await stage.joined('Ann', 'Bo');
    await stage.seeEachOther(ann, bo);
    await ann.page.reload();
    await ann.page.fill('input[name=roomname]', stage.roomname);
    await ann.press('Join');
    await stage.seeEachOther(ann, bo);
  });
});
