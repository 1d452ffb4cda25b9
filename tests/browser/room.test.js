import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { anySeed, seeded } from '../clients/lib/random.js';
import { Server } from '../clients/lib/server.js';
import { launch, Reader } from './lib/reader.js';
import { EXAMPLE, Stage, strictPage } from './lib/stage.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

describe('the video room', { timeout: 400_000 }, () => flows(async () => ({ directory: EXAMPLE, remove: () => {} })));
describe('a strict page on polling alone', { timeout: 400_000 }, () => flows(strictPage));

/** What must work in any page. @param {() => Promise<{directory: string, remove: () => unknown}>} make */
function flows(make) {
  const server = new Server();
  let page;
  before(async () => {
    page = await make();
    // Else the example's console tells that it may not list the rooms.
    server.settings = { STATIC_DIR: page.directory, PUBLIC_ROOMS: 'true' };
    await server.start();
  });
  after(async () => {
    await server.close();
    await page.remove();
  });

  test('two, four and six people see each other, and one of them leaves', async (t) => {
    const stage = new Stage(t, browser, server);
    const people = [];
    for (const names of [['Ann', 'Bo'], ['Cy', 'Di'], ['Ed', 'Flo']]) {
      people.push(...(await stage.joined(...names)));
      await stage.seeEachOther(...people);
    }
    await stage.toldEachOtherAll();
    const [cy] = people.splice(2, 1);
    await cy.press('Leave');
    await stage.seeEachOther(...people);
    await cy.sees();
    await stage.knows(cy, 'gone');
  });

  test('a name that is taken is refused, and another one is not', async (t) => {
    const stage = new Stage(t, browser, server);
    const second = await stage.person('Ann');
    second.forgiven = /^join/;
    await second.arrive();
    const [ann] = await stage.joined('Ann');
    await second.press('Join');
    await second.page.locator('#hint:not(:empty)').waitFor();
    await second.page.fill('input[name=username]', (second.username = 'Anna'));
    await second.press('Join');
    await stage.seeEachOther(ann, second);
  });

  test('a screen is shared with everyone, who comes later too, until it is not, and again', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = await stage.joined('Ann', 'Bo');
    await ann.share();
    await bo.sees(ann, 'Ann’s screen');
    const [cy] = await stage.joined('Cy');
    await cy.sees(ann, bo, 'Ann’s screen');
    await ann.share(false);
    await stage.seeEachOther(ann, bo, cy);
    await ann.share();
    await bo.sees(ann, cy, 'Ann’s screen');
    await cy.share();
    await bo.sees(ann, cy, 'Ann’s screen', 'Cy’s screen');
  });

  test('a connection to the server that is cut is resumed: no tile blinks, and a screen is shared after', async (t) => {
    const stage = new Stage(t, browser, server);
    const people = await stage.joined('Ann', 'Bo', 'Cy');
    const [ann, bo, cy] = people;
    await bo.share();
    await ann.sees(bo, cy, 'Bo’s screen');
    await cy.sees(ann, bo, 'Bo’s screen');
    for (const person of people) await person.watch();
    await stage.renegotiated([ann], async () => {
      await ann.disconnect();
      ann.reconnect();
    });
    await ann.sees(bo, cy, 'Bo’s screen');
    await ann.share();
    await bo.sees(ann, cy, 'Ann’s screen');
    await cy.sees(ann, bo, 'Ann’s screen', 'Bo’s screen');
    for (const person of people) await person.sawNoBlink();
  });

  test('two lose their connection to the server at the same time', async (t) => {
    const stage = new Stage(t, browser, server);
    const people = await stage.joined('Ann', 'Bo', 'Cy');
    const [ann, bo, cy] = people;
    await stage.seeEachOther(...people);
    for (const person of people) await person.watch();
    await stage.renegotiated([ann, bo], async () => {
      await Promise.all([ann.disconnect(), bo.disconnect()]);
      ann.reconnect();
      bo.reconnect();
    });
    await stage.seeEachOther(...people);
    await bo.share();
    await ann.sees(bo, cy, 'Bo’s screen');
    await cy.sees(ann, bo, 'Bo’s screen');
    for (const person of people) await person.sawNoBlink();
  });

  test('a connection to the server that is cut again and again comes to rest', async (t) => {
    const seed = anySeed();
    t.diagnostic(`SEED=${seed}`);
    const random = seeded(seed);
    const stage = new Stage(t, browser, server);
    const people = await stage.joined('Ann', 'Bo', 'Cy');
    await stage.seeEachOther(...people);
    for (const person of people) await person.watch();
    await stage.renegotiated([people[0]], () => people[0].flap(6, random));
    await stage.seeEachOther(...people);
    for (const person of people) await person.sawNoBlink();
  });

  test('who is away while another joins finds them after', async (t) => {
    const stage = new Stage(t, browser, server);
    const [ann, bo] = await stage.joined('Ann', 'Bo');
    await stage.seeEachOther(ann, bo);
    await ann.watch();
    await ann.disconnect();
    const [cy] = await stage.joined('Cy');
    await cy.sees(bo);
    ann.reconnect();
    await stage.seeEachOther(ann, bo, cy);
    await ann.sawNoBlink();
  });

  test('a tab that is closed disappears at once, who is offline after the grace, and who comes back later than that begins anew', async (t) => {
    const brief = new Server({ ...server.settings, RESUME_GRACE: '8s' });
    t.after(() => brief.close());
    await brief.start();
    const stage = new Stage(t, browser, brief);
    const [ann, bo, cy] = await stage.joined('Ann', 'Bo', 'Cy');
    await stage.seeEachOther(ann, bo, cy);
    await bo.share();
    await cy.close();
    await stage.knows(cy, 'gone');
    await ann.sees(bo, 'Bo’s screen');
    await bo.disconnect();
    await stage.knows(bo, 'away');
    for (const name of ['Bo', 'Bo’s screen']) await ann.shows(name);
    await stage.knows(bo, 'gone');
    await ann.sees();
    bo.reconnect();
    await ann.sees(bo, 'Bo’s screen');
    await bo.sees(ann);
  });

  test('the server is killed and started: every video goes on, all are back, and nobody has left', async (t) => {
    const stage = new Stage(t, browser, server);
    const people = await stage.joined('Ann', 'Bo', 'Cy');
    await stage.seeEachOther(...people);
    for (const person of people) {
      await person.watch();
      person.losesServer();
    }
    await stage.renegotiated(people, async () => {
      await server.kill();
      await stage.seeEachOther(...people);
      await server.start();
      for (const person of people) await stage.knows(person, 'present');
    });
    const [di] = await stage.joined('Di');
    await stage.seeEachOther(...people, di);
    for (const person of people) await person.sawNoBlink();

    const sessions = await server.rest.list('/sessions', { room: stage.roomname });
    assert.equal(sessions.length, 1);
    const events = await server.rest.list(`/sessions/${sessions[0].id}/events`);
    const told = events.map(({ kind, username }) => [kind, username].filter(Boolean).join(' ')).sort();
    const [joined, reconnected] = [['Ann', 'Bo', 'Cy', 'Di'], ['Ann', 'Bo', 'Cy']];
    const lost = told.filter((one) => one.startsWith('disconnected'));
    assert.deepEqual(told, [
      ...lost, ...joined.map((name) => `joined ${name}`), ...reconnected.map((name) => `reconnected ${name}`), 'session_started',
    ]);
    const reader = await Reader.of(browser);
    t.after(() => reader.close());
    await reader.signIn(server);
    await reader.page.goto(`${server.url}/review?room=${encodeURIComponent(stage.roomname)}`);
    // Of several this would be refused.
    await reader.page.locator('tbody th a').click();
    const rows = reader.page.locator('#attendance tbody tr');
    await rows.last().waitFor();
    assert.deepEqual((await rows.locator('th').allTextContents()).sort(), joined);
    const left = rows.locator('td:nth-of-type(5)');
    assert.deepEqual(await left.allTextContents(), joined.map(() => ''));
  });
}
