import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../clients/lib/server.js';
import { Reader, launch } from './lib/reader.js';
import { seed } from './lib/seed.js';

const server = new Server();
let browser;
let ids;

before(async () => {
  await server.start();
  await server.stop();
  ids = await seed(server);
  await server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server.close();
});

/** What a teacher is given who shares what is open in front of them. */
async function share(page, way, name) {
  await page.getByRole('link', { name: way }).click();
  await page.getByLabel('For whom').fill(name);
  await page.getByLabel('Good for').selectOption('a day');
  await page.getByRole('button', { name: 'Make the link' }).click();
  await page.getByRole('img', { name: 'QR code of the link' }).waitFor();
  const link = await page.locator('pre').textContent();
  server.secrets.add(new URL(link).searchParams.get('link'));
  return link;
}

/** No way on a page leads to what is refused. */
async function followAll({ page, context }) {
  // Those in the picture, too, whose addresses are no strings.
  const ways = await page.locator('a[href]').evaluateAll((all) => all.map((a) => new URL(a.getAttribute('href'), location).href));
  assert.ok(ways.length > 2, ways.join());
  for (const way of new Set(ways)) assert.ok((await context.request.get(way)).ok(), way);
}

test('a link to a session shows a colleague that session, until the teacher revokes it', async () => {
  const [teacher, colleague] = [await Reader.of(browser), await Reader.of(browser)];
  await teacher.signIn(server);
  await teacher.page.goto(`${server.url}/review/sessions/${ids.chemistry}`);
  const link = await share(teacher.page, 'Share this session', 'Ms. Li');
  await teacher.accessible();

  const { page } = colleague;
  await page.goto(link);
  assert.equal(page.url(), `${server.url}/review/sessions/${ids.chemistry}`, 'the token has left the address');
  await page.getByRole('heading', { name: 'Chemie 101' }).waitFor();
  await page.getByText('You see this by a link that ends on').waitFor();
  await page.locator('[data-drawn]').waitFor();
  await colleague.accessible();
  assert.equal(await page.getByRole('link', { name: /^Ann/ }).count(), 0);
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0);
  await followAll(colleague);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.downloads').getByRole('link').first().click()]);
  assert.match(download.suggestedFilename(), /^attendance/);

  colleague.forgiven = /40[13]|410/;
  await page.goto(`${server.url}/review`);
  await page.getByText('Your review link does not open this').waitFor();
  await colleague.accessible();
  await page.getByRole('link', { name: 'To what your link shows' }).click();
  await page.getByRole('heading', { name: 'Chemie 101' }).waitFor();

  await teacher.page.getByRole('link', { name: 'Review links' }).first().click();
  await teacher.accessible();
  await teacher.page.getByRole('row', { name: 'Ms. Li' }).getByRole('button', { name: 'Revoke' }).click();
  await teacher.page.getByText('None.').waitFor();
  await page.reload();
  await page.getByText('This review link was revoked').waitFor();
  await teacher.close();
  await colleague.close();
});

test('a link to a room shows its sessions, without any script', async () => {
  const [teacher, student] = [await Reader.of(browser), await Reader.of(browser, { javaScriptEnabled: false })];
  await teacher.signIn(server);
  await teacher.page.goto(`${server.url}/review?room=Chemie+101`);
  const link = await share(teacher.page, 'Share this room', 'the class');
  const { page } = student;
  await page.goto(link);
  assert.equal(page.url(), `${server.url}/review?room=Chemie%20101`);
  await page.getByText('You see this by a link that ends on').waitFor();
  await followAll(student);
  await page.getByRole('link', { name: 'Chemie 101' }).first().click();
  await page.getByRole('heading', { name: 'Chemie 101' }).waitFor();
  await page.getByRole('button', { name: '中文' }).click();
  await page.getByText('你正通过链接查看此页').waitFor();
  await followAll(student);
  await teacher.close();
  await student.close();
});
