import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Server } from '../clients/lib/server.js';
import { Reader, launch } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

const SECRET = randomBytes(24).toString('hex');

describe('links for a class', { timeout: 200_000 }, () => {
  const server = new Server({ STATIC_DIR: EXAMPLE, JOIN_SECRET: SECRET, PUBLIC_ROOMS: 'true' });
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await launch();
    server.secrets.add(SECRET);
    await server.start();
  });
  after(async () => {
    await browser?.close();
    await server.close();
  });

  /** What the review makes of a room and names. */
  async function links(room, ...names) {
    const reader = await Reader.of(browser);
    await reader.signIn(server);
    const { page } = reader;
    await page.getByRole('link', { name: 'Links for a class' }).click();
    await reader.accessible();
    await page.getByLabel('Room; * for any text').fill(room);
    await page.getByLabel(/^Names/).fill(names.join('\n'));
    assert.equal(await page.getByLabel(/^The page/).inputValue(), `${server.url}/`);
    await page.getByRole('button', { name: 'Make the links' }).click();
    await page.getByRole('heading', { name: /^Links for .*Class/ }).waitFor();
    await reader.accessible();
    const found = await page.locator('.names a').evaluateAll((all) => all.map(({ href }) => href));
    assert.equal(await page.locator('.names svg').count(), found.length);
    assert.equal(await page.locator('pre').textContent(), found.map((link, index) => `${names[index] ?? ''}${names[index] ? '\t' : ''}${link}\n`).join(''));
    for (const link of found) server.secrets.add(new URLSearchParams(new URL(link).hash.slice(1)).get('token'));
    // Printed, nothing but the links is left.
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.locator('.names svg').first().isVisible());
    assert.ok(!(await page.locator('details').isVisible()));
    await reader.close();
    return found;
  }

  test('who opens one is in under its name; who has none is told what it takes', async (t) => {
    const stage = new Stage(t, browser, server);
    const found = await links(stage.roomname, 'Ann', 'Bo');
    const people = [await stage.person('Ann'), await stage.person('Bo'), await stage.person('Cy')];
    const [ann, bo, cy] = people;
    for (const [index, person] of [ann, bo].entries()) {
      const { search, hash } = new URL(found[index]);
      await person.page.goto(`${person.url}/${search}${hash}`);
      assert.equal(await person.page.inputValue('input[name=username]'), person.username);
      assert.equal(await person.page.inputValue('input[name=roomname]'), stage.roomname);
      await person.press('Join');
      await person.shows(`${person.username} (you)`);
    }
    await stage.seeEachOther(ann, bo);
    // The server answers 403 as long as the lobby has nothing to show.
    cy.forgiven = /403|by a token|another name/;
    await cy.arrive();
    await cy.press('Join');
    await cy.page.getByText('This server lets people in by a token').waitFor();
    const { search, hash } = new URL(found[0]);
    await cy.page.goto('about:blank');
    await cy.page.goto(`${cy.url}/${search}${hash}`);
    await cy.page.fill('input[name=username]', 'Cy');
    await cy.press('Join');
    await cy.page.getByText('Your link is for another name.').waitFor();
  });

  test('one link for all is for any name', async (t) => {
    const stage = new Stage(t, browser, server);
    const [link] = await links('Class *');
    const ann = await stage.person('Zoë');
    const { search, hash } = new URL(link);
    assert.equal(search, '');
    await ann.page.goto(`${ann.url}/${hash}`);
    await ann.page.fill('input[name=roomname]', stage.roomname);
    await ann.page.fill('input[name=username]', ann.username);
    await ann.press('Join');
    await ann.shows('Zoë (you)');
  });
});
