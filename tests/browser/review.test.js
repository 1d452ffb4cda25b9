import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { io } from 'socket.io-client';

import { Server } from '../clients/lib/server.js';
import { until } from '../clients/lib/wait.js';
import { Reader, launch } from './lib/reader.js';
import { HOSTILE, LONG, seed } from './lib/seed.js';

const server = new Server({ RESUME_GRACE: '30s' });
let browser;
let ids;
/** @type {Reader} */
let reader;
/** @type {import('playwright-core').Page} */
let page;

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

beforeEach(async () => {
  reader = await Reader.of(browser);
  ({ page } = reader);
});

afterEach(() => reader.close());

/** A member of a room, who has joined. */
function join(username, roomname) {
  return joinAt(server, username, roomname);
}

async function joinAt({ url, path = '/socket.io/' }, username, roomname) {
  const socket = io(url, { path, transports: ['websocket'], forceNew: true });
  const answer = await socket.timeout(5000).emitWithAck('join', { id: crypto.randomUUID(), username, roomname });
  assert.equal(answer.ok, true, JSON.stringify(answer));
  return socket;
}

/** The first column of a table. */
function names(table) {
  return page.locator(`[aria-label="${table}"] tbody th bdi`).allTextContents();
}

/** A name without what would turn the direction of the text; there is something to see in any case. */
const shown = (name) => name.replace(/[\u202a-\u202e\u2066-\u2069]/g, '').replace(/^\u200B?$/, '(invisible name)');

/** Waits until the picture is the reader's. */
async function drawn() {
  await page.locator('[data-picture][data-drawn]').waitFor();
}

/** What is read in some places, without the marks that isolate names. */
async function read(selector) {
  return (await page.locator(selector).allTextContents()).map((text) => text.replace(/[\u2068\u2069]/g, '').replace(/\s+/g, ' ').trim());
}

async function opens(path) {
  const answer = await page.goto(server.url + path);
  assert.equal(answer.status(), 200, path);
}

test('without the token a page says how to get in', async () => {
  const answer = await page.goto(`${server.url}/review/rooms`);
  assert.equal(answer.status(), 401);
  reader.complaints.length = 0; // Chromium tells of every 401.
  await reader.accessible();
  await page.getByLabel('Review token').fill(server.token);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.waitForURL(`${server.url}/review/rooms`);
  assert.match(await page.title(), /^Rooms now/);
});

test("yesterday's class is found, and says who was away", async () => {
  await reader.signIn(server);
  await reader.accessible();
  await page.getByLabel('Room or person').fill('Di');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/\?name=Di$/);
  await page.getByRole('link', { name: 'Chemie 101' }).click();
  await page.waitForURL(/\/review\/sessions\//);

  assert.deepEqual(await read('.summary'), ['7 people, 52 minutes. Di did not come back; Bo and Cy never connected.']);
  // Half an hour beside UTC: what says UTC is not this reader's.
  assert.match(await page.locator('[data-zone]').textContent(), /^Asia\/(Kolkata|Calcutta) \(UTC\+5:30\)$/);
  const first = page.getByRole('row', { name: /^Ann/ }).locator('time').first();
  assert.match(await first.textContent(), /^\d\d:30$/);
  assert.match(await first.getAttribute('title'), /^\d\d:30:00$/);
  await drawn();
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'Asia/Kolkata' });
  const started = await page.locator('main').getAttribute('data-started');
  assert.equal(await page.title(), `Chemie 101, ${day.format(new Date(started))} · Review`);
  await reader.accessible();
});

test('what went wrong is told in the order of what it takes, the worst first', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  assert.deepEqual(await read('.summary'), ['12 people, 53 minutes. Chidi did not come back; 3 pairs never connected.']);
  const reasons = await read('#head > .reasons li');
  assert.match(reasons[0], /^Chidi did not come back: contact was lost at \d\d:\d\d\.$/);
  assert.deepEqual(reasons.slice(1), [
    "Bo's offers to Dana and Jonas were never answered.",
    'Elif never connected with Kim: no way between their networks (TURN would help).',
    'Dana, Femi, Grace and Kim dropped and came back; longest gap 1 min 30 s.',
  ]);
  assert.deepEqual(await read('#more-reasons li'), ['The server refused 3 messages: 2 joins under a taken name and 1 offer to nobody.']);
  // Each leads to where it is seen.
  await page.locator('.reasons a').first().click();
  assert.match(new URL(page.url()).hash, /^#person-/);
  assert.match(await page.locator(':target').textContent(), /Chidi/);
  assert.deepEqual((await names('Table of attendance')).slice(0, 3), ['Chidi', 'Bo', 'Kim']);
  await drawn();
  for (const mark of [/^Chidi did not come back, given up at/, /^Grace came back at/, /^Somebody outside was refused something at .*, 2 times$/, /^Kim away .* \(1 min 30 s\)$/]) {
    const marks = await page.locator('.timeline.wide [aria-label]').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    assert.ok(marks.some((label) => mark.test(label.replace(/[\u2068\u2069]/g, ''))), `${mark}: ${marks.join()}`);
  }
  const row = await page.getByRole('row', { name: /^Kim/ }).last().locator('td').allTextContents();
  assert.ok(row.some((text) => text.includes('never connected')), row.join());
  await page.getByRole('link', { name: 'All sessions of this room' }).first().click();
  assert.equal(await page.locator('tbody tr:not(.day)').count(), 1);
});

test('every time is that of its own moment, also where the clock is changed', async () => {
  const berliner = await Reader.of(browser, { timezoneId: 'Europe/Berlin' });
  ({ page } = berliner);
  await berliner.signIn(server);
  assert.match(await page.locator('[data-zone]').textContent(), /^Europe\/Berlin \(UTC\+1 or UTC\+2\)$|^Europe\/Berlin \(UTC\+2 or UTC\+1\)$/);
  await opens(`/review/sessions/${ids.night}`);
  assert.equal(await page.locator('[data-zone]').textContent(), 'Europe/Berlin (UTC+2, then UTC+1)');
  const [span] = (await page.locator('#head .quiet').textContent()).split(' · ');
  assert.equal(span, '25 Oct 2025, 23:30 to 26 Oct, 02:30 UTC+1');
  assert.match(await page.title(), /^Night, 25 Oct 2025/);
  const times = (name) => page.getByRole('row', { name }).locator('time').allTextContents();
  assert.deepEqual(await times(/^Owl/), ['23:30', '26 Oct, 02:29 UTC+1']);
  assert.deepEqual(await times(/^Bat/), ['26 Oct, 02:29 UTC+2', '26 Oct, 02:29 UTC+1']);
  await drawn();
  const bars = await page.locator('.timeline.wide :is(.bar, rect)').evaluateAll((all) => all.map((bar) => bar.getAttribute('aria-label')));
  assert.deepEqual(bars.filter(Boolean).map((label) => label.replace(/[\u2068\u2069]/g, '')), [
    'Owl present 23:30:00 to 26 Oct, 02:29:30 UTC+1 (3 h 59 min)',
    'Bat present 26 Oct, 02:29:30 UTC+2 to 26 Oct, 02:00:15 UTC+1 (30 min 45 s)',
    'Bat present 26 Oct, 02:00:30 UTC+1 to 26 Oct, 02:29:00 UTC+1 (28 min 30 s)',
    'Bat away 26 Oct, 02:00:15 UTC+1 to 26 Oct, 02:00:30 UTC+1 (15 s)',
  ]);
  const ticks = await page.locator('.timeline.wide .tick + text').allTextContents();
  assert.deepEqual(ticks, ['23:30', '26 Oct', '00:30', '01:00', '01:30', '02:00 UTC+2', '02:30 UTC+2', '02:00 UTC+1', '02:30 UTC+1']);
  await berliner.close();
});

test('days are those of the reader', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.hostile}`);
  const started = new Date(await page.locator('main').getAttribute('data-started'));
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Kolkata' });
  const date = day.format(started);
  await opens('/review');
  await page.getByText('Days', { exact: true }).click();
  await page.getByLabel('From').fill(date);
  await page.getByLabel('To').fill(date);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/from=/);
  assert.equal(new URL(page.url()).search, `?from=${date}%2B05%3A30&to=${date}%2B05%3A30`);
  const listed = await page.locator('tbody th[scope=row] a').evaluateAll((all) => all.map(({ pathname }) => pathname));
  assert.ok(listed.includes(`/review/sessions/${ids.hostile}`), listed.join());
  const began = await page.locator('tbody tr:not(.day) time').evaluateAll((all) => all.map(({ dateTime }) => dateTime));
  assert.deepEqual(began.map((time) => day.format(new Date(time))), listed.map(() => date));
  assert.equal(await page.getByLabel('From').inputValue(), date);
});

test('a room typed in another way is offered', async () => {
  await reader.signIn(server);
  await opens('/review?name=chemie');
  await page.getByRole('link', { name: 'Chemie 101' }).click();
  await page.waitForURL(/room=Chemie%20101/);
  assert.equal(await page.locator('tbody tr:not(.day)').count(), 1);
});

test('a person is found by a part of the name', async () => {
  await reader.signIn(server);
  await page.getByLabel('Room or person').fill('student 0');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('People of a similar name:').waitFor();
  await reader.accessible();
  await page.getByRole('link', { name: 'Look further for similar names' }).click();
  await page.waitForURL(/\/review\/people\?name=student%200&after=/);
  await reader.accessible();
  await page.getByRole('link', { name: 'Student 09' }).click();
  await page.waitForURL(/\?person=Student%2009$/);
  assert.equal(await page.locator('tbody tr:not(.day)').count(), 1);
});

test('older sessions, and back', async () => {
  await reader.signIn(server);
  const first = await page.locator('tbody th a').evaluateAll((all) => all.map(({ href }) => href));
  await page.getByRole('link', { name: 'Older sessions' }).click();
  await page.waitForURL(/older=/);
  const older = await page.locator('tbody th a').evaluateAll((all) => all.map(({ href }) => href));
  assert.ok(older.length > 0);
  assert.equal(new Set([...first, ...older]).size, first.length + older.length, 'no session is there twice');
  await page.getByRole('link', { name: 'Newer sessions' }).click();
  await page.waitForURL(/newer=/);
  assert.deepEqual(await page.locator('tbody th a').evaluateAll((all) => all.map(({ href }) => href)), first);
});

test('the table sorts by any column, with the keyboard', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  assert.equal((await names('Table of attendance'))[0], 'Di', 'who was there least comes first');
  for (const expected of [
    ['Ann', 'Bo', 'Cy', 'Di', 'Li', 'Mo', '叶子'],
    ['叶子', 'Mo', 'Li', 'Di', 'Cy', 'Bo', 'Ann'],
  ]) {
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(expected[0] === 'Ann' ? /sort=name/ : /sort=-name/);
    assert.deepEqual(await names('Table of attendance'), expected);
  }
  await page.goBack();
  assert.equal((await names('Table of attendance'))[0], 'Ann');
  for (const [column, last] of [['Present', 'Ann'], ['Longest gap', 'Mo'], ['Came back', 'Li'], ['Came', '叶子']]) {
    await page.getByRole('columnheader', { name: column, exact: true }).getByRole('link').click();
    await page.waitForURL(/sort=(?!-?name)/);
    await page.getByRole('columnheader', { name: column }).and(page.locator('[aria-sort=ascending]')).waitFor();
    assert.equal((await names('Table of attendance')).at(-1), last, column);
  }
});

test('what can be taken along is what the page shows', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  await drawn();
  for (const [link, name, content] of [
    ['attendance for a spreadsheet', /\.csv/, /^\uFEFF[^]*Di,/],
    ['log for a spreadsheet', /\.csv/, /^\uFEFF[^]*reconnected/],
    ['picture', /\.svg/, /<svg[^]*Asia\/(Kolkata|Calcutta) \(UTC\+5:30\)[^]*叶子/],
    ['JSON', /\.json/, /"username":"Li"/],
  ]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link, exact: true }).click()]);
    assert.match(download.suggestedFilename(), name);
    assert.match(await readFile(await download.path(), 'utf8'), content, link);
  }
});

test('the picture tells exact times, pointed at or by the keyboard', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  await drawn();
  const told = async () => (await page.locator('[data-told]').textContent()).replace(/[\u2068\u2069]/g, '');
  await page.locator('.timeline.wide rect.present').nth(1).hover();
  assert.match(await told(), /^Ann present \d\d:48:06 to (?:\d+ \w+, )?\d\d:22:00 \(33 min 54 s\)$/);
  await page.mouse.move(2, 2);
  assert.match(await told(), /^Point at a bar or a mark/, 'nothing is pointed at any more');
  assert.equal(await page.locator('.hair').count(), 0);
  await page.locator('.timeline.wide [tabindex="0"]').focus();
  const first = await told();
  await page.keyboard.press('ArrowRight');
  const second = await told();
  assert.notEqual(second, first);
  await page.locator('.timeline.wide rect.present').nth(1).hover();
  await page.mouse.move(2, 2);
  assert.equal(await told(), second, 'what the keyboard is at is told again');
});

test('a gap within a row says when somebody left and came again, where there is room', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  await drawn();
  const beside = (drawing) => read(`.timeline.${drawing} .row:has(.name:text-is("Mo")) .beside`);
  const [left, came] = await beside('wide');
  assert.match(`${left} ${came}`, /^left \d\d:\d0 came \d\d:\d5$/);
  assert.equal((await beside('narrow'))[0], left);
  const [ends, begins] = await page.evaluate(() => {
    const row = [...document.querySelectorAll('.timeline.wide .row')].find((one) => one.querySelector('.name').textContent === 'Mo');
    const box = (one) => one.getBoundingClientRect();
    const [words, bars] = ['.beside', '.present'].map((what) => [...row.querySelectorAll(what)].map(box));
    return [words[0].left - bars[0].right, bars[1].left - words[1].right];
  });
  assert.ok(ends > 0 && ends < 12 && begins > 0 && begins < 12, `${ends} ${begins}`);
});

test('each pair is told, those that failed first', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  assert.equal((await read('#pairs li:visible')).length, 0);
  await page.getByText('Pair by pair').click();
  const all = await read('#pairs li:visible');
  assert.equal(all.length, 21);
  assert.equal(all[0], "Bo and Cy never connected: Bo's offer was never answered.");
  assert.ok(all.includes('Ann and Bo exchanged everything; their pages did not say whether video came.'), all.join());
});

test('the log shows what is asked for', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  await page.getByRole('link', { name: 'What went wrong' }).click();
  await page.waitForURL(/log=wrong/);
  const entries = await read('.log summary > span:not(.quiet, .margin), .log p > span:not(.margin)');
  assert.deepEqual(entries.slice(0, 3), ["Bo's offer to Cy was never answered.", 'Bo was refused an offer to nobody.', 'Somebody outside was refused a join under a taken name.']);
  assert.ok(entries.includes('Di did not come back in time, and is gone.') && !entries.includes('Ann left.'), entries.join());
  await page.locator('.log summary').first().click();
  await page.getByText('"code": "unknownMember"').waitFor();
});

test('a bar leads to the entry of the log that it begins with, and a gap to that of the drop', async () => {
  await reader.signIn(server);
  for (const [bar, entry] of [['rect.present', /came in/], [':is(.slit, rect[fill])', / dropped/]]) {
    await opens(`/review/sessions/${ids.lesson}`);
    await drawn();
    const shape = page.locator(`.timeline.wide .bar ${bar}`).first();
    // A slit is as narrow as a tick.
    await shape.click({ force: true });
    await page.waitForURL(/after=\d+#entry-\d+$/);
    assert.match(await page.locator('.log :target').textContent(), entry);
  }
});

test('the stroke of who did not come back leads to its entry in the log, and from there to those before', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  await page.locator('.timeline.wide').getByRole('link', { name: /Chidi.* did not come back/ }).click();
  await page.waitForURL(/after=\d+#entry-\d+$/);
  const shade = await page.locator('.log :target').evaluate((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight && getComputedStyle(one).backgroundColor;
  });
  assert.ok(shade && shade !== 'rgba(0, 0, 0, 0)', 'what it leads to is marked, and in view');
  const entries = () => read('.log summary > span:not(.quiet, .margin), .log p > span:not(.margin)');
  assert.equal((await entries())[0], 'Chidi did not come back in time, and is gone.');
  await page.getByRole('link', { name: 'Earlier entries' }).click();
  await page.waitForURL(/after=\d+#log$/);
  assert.equal((await entries())[0], 'The session began.');
  assert.ok((await entries()).includes('Chidi dropped: the page closed the connection.'));
  assert.equal(await page.getByRole('link', { name: 'Earlier entries' }).count(), 0, 'nothing was before the beginning');
});

test('what went wrong in the log has those who never connected, when they did not', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.lesson}?log=wrong`);
  const entries = await read('.log > li > details > summary > span:not(.quiet, .margin), .log > li > p > span:not(.margin)');
  const places = [
    'Dana came back.',
    'Elif never connected with Kim: no way between their networks (TURN would help).',
    'Grace dropped: the page closed the connection.',
  ].map((entry) => entries.indexOf(entry));
  assert.ok(places[0] >= 0 && places[0] < places[1] && places[1] < places[2], entries.join('\n'));
  assert.equal(entries.filter((entry) => entry === "Bo's offers to Dana and Jonas were never answered.").length, 1);
  await page.locator('#log').getByRole('link', { name: /^.?Elif/ }).click();
  await page.waitForURL(/#connections$/);
  await opens(`/review/sessions/${ids.lesson}`);
  assert.equal(await page.locator('.log').getByText(/never connected/).count(), 0, 'everything is the journal as it is');
});

test('no name does anything but stand there', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.hostile}?sort=name`);
  assert.deepEqual(new Set(await names('Table of attendance')), new Set(HOSTILE.map(shown)));
  assert.equal(await page.locator('main img, main script, main b').count(), 0);
  await reader.accessible();
  for (const name of HOSTILE) {
    await opens(`/review/sessions/${ids.hostile}`);
    await page.locator('#attendance tbody th a', { has: page.locator('bdi') }).filter({ hasText: shown(name) }).first().click();
    if (name === '..') {
      await page.waitForURL(/\/review\?person=\.\.$/);
      assert.equal(await page.getByRole('link', { name: 'over time' }).count(), 0, 'no page leads to itself');
    } else {
      assert.equal(await page.locator('h1').textContent(), shown(name));
    }
    assert.equal(await page.locator('tbody tr:not(.day)').count(), 1, name);
  }
});

test('a person over all rooms', async () => {
  await reader.signIn(server);
  await opens('/review/people/Ann');
  assert.equal(await page.locator('.summary').textContent(), '61 sessions, 15 h 52 min present. Dropped and came back once.');
  let rows = await page.locator('tbody tr').count();
  for (const older = page.getByRole('link', { name: 'Older sessions' }); await older.count();) {
    const last = page.url();
    await older.click();
    await page.waitForURL((url) => url.href !== last && url.search.includes('older='));
    rows += await page.locator('tbody tr').count();
  }
  assert.equal(rows, 61);
  await reader.accessible();
  await opens('/review/people/Nobody');
  await page.getByText('Nobody of this name was in a room').waitFor();
});

test("a person's page says with whom they never connected, and shows when", async () => {
  await reader.signIn(server);
  for (const [name, summary, ending, strokes] of [
    ['Kim', /Missed connections in 1 below\. Dropped and came back once\.$/, 'left; never connected with 1 other; came back once', { drop: /^M\d+ 19v5$/, gone: /^$/, missed: /^M\d+ 0l/ }],
    ['Chidi', /Did not come back in 1 session\.$/, 'dropped, did not come back', { drop: /^$/, gone: /^M\d+ 3v16$/, missed: /^$/ }],
    ['Bo', /Missed connections in 2 below\. Never dropped\.$/, 'left; never connected with 2 others', { drop: /^$/, gone: /^$/, missed: /^M\d+ 0l/ }],
  ]) {
    await opens(`/review/people/${name}`);
    assert.match((await read('.summary, .summary + p')).join(' '), summary);
    const row = page.getByRole('row', { name: /Year 9 maths/ });
    assert.equal(await row.locator('td').last().textContent(), ending);
    for (const [stroke, drawn] of Object.entries(strokes)) assert.match(await row.locator(`.strip .${stroke}`).getAttribute('d'), drawn, `${name}: ${stroke}`);
  }
});

test('sixty people for eight hours are readable', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.long}`);
  assert.equal(await page.locator('#attendance tbody tr').count(), 60);
  assert.deepEqual(await read('.summary'), ['60 people, 8 hours. 58 people never connected with anyone.']);
  await page.getByText('30 of the 60 people, who missed the most before the others:').waitFor();
  // The first has nobody before it in the triangle.
  assert.equal(await page.getByRole('table', { name: 'Who connected with whom' }).locator('tbody tr').count(), 29);
});

test('on a phone a page is as wide as the screen, and a tap beside a bar is enough', async () => {
  const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'dark' });
  ({ page } = phone);
  await phone.signIn(server);
  for (const path of ['', '/rooms', '/api', '/people/Ann', ...Object.values(ids).map((id) => `/sessions/${id}`)]) {
    await opens(`/review${path}`);
    assert.equal(await page.evaluate(() => innerWidth), 390, path);
    const wide = await page.evaluate(() => [...document.querySelectorAll('.picture, table.stack, .triangle')].filter((one) => one.scrollWidth > innerWidth).length);
    assert.equal(wide, 0, `nothing of ${path} has to be scrolled sideways`);
    // Whatever sixty people have, twelve have too, in a fifth of the time.
    if (!path.includes(ids.long)) await phone.accessible();
  }
  await opens(`/review/sessions/${ids.long}`);
  await drawn();
  const third = page.locator('.timeline.narrow rect.present').nth(4);
  await third.evaluate((one) => one.scrollIntoView({ block: 'center' }));
  const bar = await third.boundingBox();
  await page.touchscreen.tap(bar.x + 50, bar.y - 5);
  const told = page.locator('[data-told]');
  assert.match(await told.textContent(), /Student 03.* present/);
  const { y, height } = await told.boundingBox();
  assert.ok(y >= 0 && y + height <= 844, 'what was tapped is told within sight, however tall the picture is');

  // What is told already leads to its entry when it is tapped once more.
  const next = page.locator('.timeline.narrow .bar', { hasText: /Student 04.* present/ }).first();
  const tap = async () => {
    const box = await next.boundingBox();
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  };
  await tap();
  assert.match(await told.textContent(), /Student 04.* present/);
  assert.ok(!page.url().includes('#entry'), page.url());
  await tap();
  await page.waitForURL(/after=\d+#entry-\d+$/);
  assert.match(await page.locator('.log :target').textContent(), /Student 04.*came in/);
  // So does a mark.
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  const lost = page.locator('.timeline.narrow').getByRole('link', { name: /Chidi.* did not come back/ });
  await lost.tap();
  assert.match(await told.textContent(), /Chidi.* did not come back/);
  assert.ok(!page.url().includes('#entry'), page.url());
  await lost.tap();
  await page.waitForURL(/after=\d+#entry-\d+$/);
  await phone.close();
});

test('until the picture is by the reader\'s clock it says no time of another', async () => {
  await reader.signIn(server);
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.route(/\/timeline\?/, async (route) => {
    await held;
    await route.continue();
  });
  await opens(`/review/sessions/${ids.lesson}`);
  const times = page.locator('.timeline.wide text', { hasText: /\d\d:\d\d/ }).filter({ visible: true });
  assert.equal(await times.count(), 0);
  go();
  await drawn();
  assert.ok(await times.count() > 5);
});

test('on a phone the sentence that answers takes two lines at most', async () => {
  for (const locale of ['en-GB', 'zh-CN']) {
    const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, locale });
    ({ page } = phone);
    await phone.signIn(server);
    const people = ['Bo', 'Kim', 'Chidi', 'Li', LONG[0], LONG[2]].map((name) => `people/${name}`);
    for (const path of [...Object.values(ids).map((id) => `sessions/${id}`), ...people]) {
      await opens(`/review/${path}`);
      const told = await page.locator('.summary').evaluate((summary) => {
        const { lineHeight } = getComputedStyle(summary);
        return { text: summary.textContent, lines: Math.round(summary.getBoundingClientRect().height / parseFloat(lineHeight)) };
      });
      assert.ok(told.lines >= 1 && told.lines <= 2, JSON.stringify(told));
    }
    await phone.close();
  }
});

test('names of any length are whole on a phone, and nothing has to be scrolled sideways', async () => {
  for (const locale of ['en-GB', 'zh-CN']) {
    const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, locale });
    ({ page } = phone);
    await phone.signIn(server);
    const people = LONG.map((name) => `/people/${encodeURIComponent(name)}`);
    for (const path of ['', '/api', '/people?name=W', ...people, `/sessions/${ids.names}`, `/sessions/${ids.names}?log=wrong`]) {
      await opens(`/review${path}`);
      if (path.startsWith('/sessions')) await drawn();
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => one.setAttribute('open', '')));
      const cut = await page.evaluate(() => {
        const isCut = (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline';
        // What is cut in the square's heads is told by their titles.
        const all = [...document.querySelectorAll('body *:not(svg *, .hidden, .skip, th[title], th[title] *)')].filter((one) => isCut(one) && !one.closest('svg'));
        return all.filter((one) => !one.closest('.stack thead')).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);
      });
      assert.deepEqual(cut.filter((one) => !one.startsWith('SPAN hidden')), [], path);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, path);
    }
    await phone.close();
  }
});

test('nothing has to be scrolled sideways, at any width', async () => {
  const own = await Reader.of(browser);
  ({ page } = own);
  await own.signIn(server);
  for (const path of ['', '/rooms', '/api', '/invite', '/people?name=a', '/people/Ann', '/people/Bo', `/sessions/${ids.lesson}`, `/sessions/${ids.chemistry}`, `/sessions/${ids.long}`]) {
    await opens(`/review${path}`);
    if (path.startsWith('/sessions')) await drawn();
    for (let width = 320; width <= 1280; width += 16) {
      await page.setViewportSize({ width, height: 800 });
      const wide = await page.evaluate(() => {
        const boxes = [document.documentElement, ...document.querySelectorAll('.scroll')];
        return boxes.filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.className || 'page'} ${one.scrollWidth}`);
      });
      assert.deepEqual(wide, [], `${path} at ${width}`);
    }
    // A moment of another day may take two lines, and none is broken within its hour.
    const lines = await page.evaluate(() => [...document.querySelectorAll('.at time')].map((one) => [one.textContent, one.getClientRects().length]));
    assert.equal(lines.length > 0, path.startsWith('/sessions'), path);
    assert.deepEqual(lines.filter(([text, count]) => count > text.trim().split(/\s+/).length), [], path);
  }
  await own.close();
});

test('the worst of a class is whole in the list', async () => {
  const wide = await Reader.of(browser, { viewport: { width: 1280, height: 900 } });
  ({ page } = wide);
  await wide.signIn(server);
  const below = await page.locator('.wrong span', { hasText: /Chidi.* did not come back; 3 pairs never connected/ }).evaluate((one) => {
    const word = document.createRange();
    const at = one.textContent.indexOf('connected');
    word.setStart(one.firstChild, at);
    word.setEnd(one.firstChild, at + 'connected'.length);
    return word.getBoundingClientRect().top - one.getBoundingClientRect().top;
  });
  assert.ok(below < 10, `its last word is ${below} pixels below its line`);
  await wide.close();
});

test('nothing that an anchor leads to, or the keyboard, is below the bar', async () => {
  for (const settings of [{ viewport: { width: 1280, height: 720 } }, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }]) {
    const own = await Reader.of(browser, settings);
    ({ page } = own);
    await own.signIn(server);
    await opens(`/review/sessions/${ids.lesson}`);
    await drawn();
    const entry = await page.locator('.log summary').last().evaluate((one) => one.parentElement.id);
    for (const target of ['timeline-title', 'attendance', 'connections', 'log', entry]) {
      await page.evaluate((id) => { location.hash = id; }, target);
      const seen = async () => page.evaluate((id) => document.getElementById(id).getBoundingClientRect().top - document.querySelector('.anchors').getBoundingClientRect().bottom, target);
      const below = await seen();
      assert.ok(below > -1, `${target} is ${below} below the bar`);
      // Nor is what stands before it, by half.
      await own.accessible();
    }
    // Upwards from the end, as focus brings into sight what is above.
    const links = page.locator('main a:visible, main summary:visible');
    await links.last().focus();
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press('Shift+Tab');
      const hidden = await page.evaluate(() => {
        const bar = document.querySelector('.anchors');
        const one = document.activeElement;
        return !bar.contains(one) && one.getBoundingClientRect().top < bar.getBoundingClientRect().bottom - 1 && one.outerHTML;
      });
      assert.equal(hidden, false);
    }
    await own.close();
  }
});

test('rows of the list have one height, and three lines at most on a phone, where all strips begin at one place', async () => {
  for (const [width, most] of [[390, 3 * 24], [1280, 36]]) {
    const own = await Reader.of(browser, { viewport: { width, height: 844 } });
    ({ page } = own);
    await own.signIn(server);
    const rows = await page.locator('.list tbody tr:not(.day)').evaluateAll((all) => all.map((row) => {
      const { left, width } = row.querySelector('.strip').getBoundingClientRect();
      const inner = row.getBoundingClientRect().height - parseFloat(getComputedStyle(row).paddingTop) * 2;
      return { height: inner, strip: `${left} ${width}`, wrong: row.querySelector('.wrong').textContent !== '' };
    }));
    assert.equal(new Set(rows.map(({ strip }) => strip)).size, 1, JSON.stringify(rows));
    for (const kind of [true, false]) {
      const heights = [...new Set(rows.filter(({ wrong }) => wrong === kind || width === 1280).map(({ height }) => height))];
      assert.ok(heights.length === 1 && heights[0] <= most, `${width}: ${heights.join()}`);
    }
    await own.close();
  }
});

test('rows lie on whole pixels, and keep their places when the script has run', async () => {
  for (const [width, mobile] of [[390, true], [1280, false]]) {
    const own = await Reader.of(browser, { viewport: { width, height: 844 }, isMobile: mobile, hasTouch: mobile });
    ({ page } = own);
    await page.addInitScript(() => {
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) globalThis.shift += value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await own.signIn(server);
    for (const path of ['', '/people/Bo', `/sessions/${ids.lesson}`]) {
      await opens(`/review${path}`);
      if (path.startsWith('/sessions')) await drawn();
      const { broken, rows, shift } = await page.evaluate(() => {
        const all = [...document.querySelectorAll('tbody tr, .log > li, .reasons li')].map((one) => one.getBoundingClientRect());
        const isBroken = (number) => Math.abs(number - Math.round(number)) > 0.01;
        const heights = (selector) => [...new Set([...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect().height))];
        return {
          broken: all.filter(({ top, height }) => isBroken(top + scrollY) || isBroken(height)).length,
          // A sentence that does not fit takes another line.
          rows: ['.people tbody tr', '.log > li'].map((selector) => Math.min(...heights(selector))),
          shift: globalThis.shift,
        };
      });
      assert.equal(broken, 0, `${path} at ${width}`);
      assert.ok(shift < 0.01, `${path} at ${width} shifts by ${shift}`);
      if (width === 1280 && path.startsWith('/sessions')) assert.deepEqual(rows, [32, 28]);
    }
    await own.close();
  }
});

test('on a phone the keyboard passes nothing that is not seen', async () => {
  const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 } });
  ({ page } = phone);
  await phone.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  for (let stop = 0; stop < 45; stop += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      const { width, height } = one.getBoundingClientRect();
      return { told: one.outerHTML.slice(0, 80), isSeen: width > 1 && height > 1 };
    });
    assert.ok(at.isSeen, at.told);
  }
  await phone.close();
});

test('on a phone the attendance is sorted by what it shows there, without a script', async () => {
  const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, javaScriptEnabled: false });
  ({ page } = phone);
  await phone.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  await page.getByText('Or by:').waitFor();
  const heads = page.locator('#attendance thead a');
  assert.deepEqual(await heads.filter({ visible: true }).allTextContents(), ['Name', 'Present', 'Share', 'Connected', 'Came back', 'How it ended']);
  for (const [by, first, sort] of [['Present', 'Chidi', /sort=present/], ['Name', 'Amara', /sort=name/], ['Connected', 'Bo', /sort=connected/]]) {
    await heads.filter({ hasText: by }).tap();
    await page.waitForURL(sort);
    assert.equal((await names('Table of attendance'))[0], first, by);
  }
  assert.equal(await page.getByText('By what needs attention:').count(), 0, 'it says no order that it has not');
  await page.getByRole('link', { name: 'By what needs attention' }).tap();
  await page.waitForURL((url) => !url.search.includes('sort='));
  assert.equal((await names('Table of attendance'))[0], 'Chidi');
  // What is said in one line agrees.
  const lines = (await read('#attendance tbody tr')).map((line) => /(\d+) of (\d+) min, (?:[\d.]+ %)?(\d+) %/.exec(line)?.slice(1).map(Number));
  for (const [part, whole, share] of lines) assert.equal(share, Math.round((part / whole) * 100), `${part} of ${whole} min, ${share} %`);
  assert.ok(lines.some(([part, whole]) => part < whole));
  await phone.close();
});

test('the first screenful of a phone has who did not come back, marked and in words; late ones say when they came', async () => {
  const phone = await Reader.of(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  ({ page } = phone);
  await phone.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  const lost = await page.locator('.timeline.narrow .row', { hasText: 'did not come back' }).first().boundingBox();
  assert.ok(lost.y + lost.height <= 844, `it ends at ${lost.y + lost.height}`);
  const stroke = await page.locator('.timeline.narrow .lost').boundingBox();
  assert.ok(stroke.height >= lost.height - 2, `a stroke of ${stroke.height} in a row of ${lost.height}`);
  for (const late of ['Jonas', 'Kim', 'Léa']) {
    const row = page.locator('.timeline.narrow .row', { has: page.locator('.name', { hasText: late }) });
    assert.match(await row.textContent(), /came \d\d:\d\d/, late);
  }
  const lines = await page.locator('#head > .reasons a').evaluateAll((all) => all.map((one) => (one.getBoundingClientRect().height - 12) / 24));
  assert.ok(lines.every((count) => count <= 2), lines.join());
  await phone.close();
});

test('the legend has what is in the picture, and no other', async () => {
  await reader.signIn(server);
  for (const [id, expected] of [
    ['lesson', ['present', 'away', 'came back', 'did not come back', 'refused']],
    ['hostile', ['present']],
  ]) {
    await opens(`/review/sessions/${ids[id]}`);
    assert.deepEqual(await read('#legend > span'), expected);
  }
  for (const [id, expected] of [
    ['lesson', ['· connected', '✕ never connected']],
    ['chemistry', ['✕ never connected', '? not known']],
    ['long', ['✕ never connected']],
  ]) {
    await opens(`/review/sessions/${ids[id]}`);
    assert.deepEqual(await read('#pairs .legend > span'), expected);
  }
});

test('in the square what is not known looks like nothing else', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.chemistry}`);
  const square = page.getByRole('table', { name: 'Who connected with whom' });
  const look = (told) => square.getByRole('cell', { name: told, exact: true }).first().evaluate((one) => getComputedStyle(one).background);
  const [unknown, never] = [await look('not known'), await look('never connected')];
  await opens(`/review/sessions/${ids.lesson}`);
  const connected = await look('connected');
  assert.equal(new Set([unknown, never, connected]).size, 3, [unknown, never, connected].join('\n'));
});

test('on paper there is nothing to click, and the table of a class stays whole', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('nav:visible, footer:visible, .downloads:visible, .ways:visible').count(), 0);
  const whole = await page.locator('#attendance, .triangle, .reasons li').evaluateAll((all) => all.map((one) => getComputedStyle(one).breakInside));
  assert.deepEqual([...new Set(whole)], ['avoid']);
  await opens('/review/api');
  const [all, told] = await page.locator('main, .operation').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width));
  assert.equal(told, all, 'what is told has all the width');
});

test('the picture of sixty people is one page of paper, as large as it can be', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.long}`);
  await drawn();
  await page.emulateMedia({ media: 'print' });
  await page.setViewportSize({ width: 718, height: 1000 }); // A4 within a margin of a centimetre.
  const { height } = await page.locator('.timeline.wide').boundingBox();
  assert.ok(height > 800 && height < 980, `it is ${height} px tall`);
});

test('words in the picture keep clear of the bars and of each other', async () => {
  for (const [locale, width] of [['en-GB', 390], ['zh-CN', 390], ['en-GB', 1280]]) {
    const own = await Reader.of(browser, { viewport: { width, height: 844 }, locale });
    ({ page } = own);
    await own.signIn(server);
    for (const id of Object.values(ids)) {
      await opens(`/review/sessions/${id}`);
      await drawn();
      const met = await page.evaluate(() => {
        const box = (one) => one.getBoundingClientRect();
        const meet = (one, other) => one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1;
        const found = [];
        for (const row of document.querySelectorAll('.timeline:is(.wide, .narrow) .row')) {
          if (row.getClientRects().length === 0) continue;
          const others = [...row.querySelectorAll('.present, .away, .slit, a > path:last-of-type, .often')];
          const name = row.querySelector('.name');
          // Where it ends that does not fit, it fades.
          const nameBox = name && { ...box(name).toJSON(), right: Math.min(box(name).right, box(name.parentElement.querySelector('rect')).right) };
          for (const words of row.querySelectorAll('.beside')) {
            // A line of text is taller than its letters.
            const { left, right, top, bottom } = box(words);
            const letters = { left, right, top: top + 3, bottom: bottom - 3 };
            for (const other of others) if (meet(letters, box(other))) found.push(`${words.textContent} meets ${other.outerHTML.slice(0, 90)}`);
            if (name && meet(letters, nameBox)) found.push(`${words.textContent} meets its name`);
          }
          // Where a name fits, nothing fades.
          const next = Math.min(innerWidth, ...[...row.querySelectorAll('.beside')].map((one) => box(one).left));
          const fade = row.closest('.narrow') && name?.parentElement.querySelector('rect');
          if (fade && box(name).right + 40 < next && meet(box(name), box(fade))) found.push(`${name.textContent} fades`);
        }
        return found;
      });
      assert.deepEqual(met, [], `${locale} ${width}`);
    }
    await own.close();
  }
});

test('whatever is said is of four sizes at most', async () => {
  for (const width of [390, 1280]) {
    const own = await Reader.of(browser, { viewport: { width, height: 844 } });
    ({ page } = own);
    await own.signIn(server);
    const sizes = new Set();
    for (const path of ['', '/rooms', '/api', '/people?name=a', '/people/Ann', `/sessions/${ids.lesson}`, `/sessions/${ids.names}`]) {
      await opens(`/review${path}`);
      const found = await page.evaluate(() => {
        const isRead = (one) => one.getClientRects().length && [...one.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim());
        return [...document.querySelectorAll('body *')].filter(isRead).map((one) => getComputedStyle(one).fontSize);
      });
      for (const size of found) sizes.add(size);
    }
    assert.deepEqual([...sizes].sort(), width === 390 ? ['12px', '14px', '16px', '18px'] : ['12px', '14px', '16px', '20px']);
    await own.close();
  }
});

test('the square shows the column that is pointed at with the row, or of a name that of the person', async () => {
  await reader.signIn(server);
  await opens(`/review/sessions/${ids.lesson}`);
  const square = page.getByRole('table', { name: 'Who connected with whom' });
  const third = await square.locator('thead th bdi').nth(2).textContent();
  await square.getByRole('row', { name: third }).last().locator('th').hover();
  const shade = (cell) => cell.evaluate((one) => getComputedStyle(one).backgroundColor);
  const shaded = await shade(square.getByRole('columnheader', { name: third }));
  const cell = (row, column) => square.locator('tbody tr').nth(row).locator('td').nth(column);
  assert.equal(await shade(cell(6, 2)), shaded);
  assert.notEqual(await shade(cell(6, 3)), shaded);
  await cell(7, 3).hover();
  assert.equal(await shade(cell(6, 3)), shaded);
  assert.notEqual(await shade(cell(6, 2)), shaded);
});

test('a page is in the language that the browser likes best, until the reader chooses another', async () => {
  const chinese = await Reader.of(browser, { locale: 'zh-CN', timezoneId: 'Asia/Shanghai', viewport: { width: 390, height: 800 } });
  await chinese.signIn(server);
  ({ page } = chinese);
  await opens(`/review/sessions/${ids.lesson}`);
  await drawn();
  assert.deepEqual(await read('.summary'), ['12 人，53 分钟。Chidi 没有再回来；3 对未能连通。']);
  assert.match(await page.title(), /^Year 9 maths，\d{4}年\d+月\d+日 · 课堂回顾$/);
  const bar = await page.locator('.timeline.narrow .bar').first().getAttribute('aria-label');
  assert.match(bar, /Amara.* \d\d:00:00 至 \d\d:53:00 在线（53 分 00 秒）$/);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await chinese.accessible();

  const member = await join('小明', '语文');
  await opens('/review/rooms');
  member.io.engine.close();
  await page.getByText(/离线，还剩 \d+ 秒/).first().waitFor();
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByText(/away, \d+ s left/).first().waitFor();
  assert.equal(page.url(), `${server.url}/review/rooms`);
  await page.getByRole('button', { name: '中文' }).click();
  await page.getByRole('heading', { name: '当前房间' }).waitFor();
  member.disconnect();
  await chinese.close();
});

test('pages of sessions and people that never were say so', async () => {
  await reader.signIn(server);
  for (const [path, status, text] of [
    ['/review/sessions/00000000-0000-7000-8000-000000000000', 404, 'There is no session of this id.'],
    ['/review/sessions/x', 400, 'This link is not whole'],
    [`/review/sessions/${ids.chemistry}?sort=height`, 400, 'sort must be one of'],
    ['/review?from=soon', 400, 'from must be a day'],
    ['/review?colour=red', 400, 'no parameter of this name'],
    ['/review/nowhere', 404, 'nothing at this path'],
  ]) {
    const answer = await page.goto(server.url + path);
    assert.equal(answer.status(), status, path);
    await page.getByText(text).waitFor();
  }
  await reader.accessible();
  reader.complaints = reader.complaints.filter((text) => !text.startsWith('Failed to load resource: the server responded with a status of 40'));
});

test('the REST API can be read about, and leads to its document', async () => {
  await reader.signIn(server);
  await page.getByRole('link', { name: 'The REST API' }).click();
  await page.waitForURL(/\/review\/api$/);
  const told = await page.locator('.operation > p > code').allTextContents();
  const { paths } = await (await page.request.get(`${server.url}/api/v1/openapi.json`)).json();
  const all = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`));
  assert.deepEqual(told.sort(), all.sort());
  await page.getByRole('link', { name: 'Who took part, and when exactly' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/#listParticipants$/);
  const section = page.getByRole('region', { name: 'Who took part, and when exactly', exact: true });
  assert.ok(await page.getByRole('navigation', { name: 'Operations' }).getByRole('link', { name: 'The rooms, by name' }).isVisible());
  const contents = await page.getByRole('navigation', { name: 'Operations' }).boundingBox();
  assert.ok(contents.y >= 0 && contents.y < 10, 'the chapters stay in sight');
  assert.equal(await page.getByText('There is no session of this id').count(), 1, 'what many may answer is said once');
  const widths = await page.locator('.params').evaluateAll((all) => new Set(all.map(({ rows }) => Math.round(rows[0].cells[3].getBoundingClientRect().left))).size);
  assert.equal(widths, 1, 'all tables have the same columns');
  assert.match(await section.locator('pre').textContent(), /presentPct: number/);
  assert.ok(await section.getByRole('row', { name: /^minPct query number from 0 to 100/ }).isVisible());
  await reader.accessible();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 390, height: 800 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await reader.accessible();
});

test('a live session changes under the reader, and nothing opened is lost', async () => {
  const ann = await join('Ann', 'Live');
  const bo = await join('Bo', 'Live');
  await reader.signIn(server);
  await page.locator('tr.live').getByRole('link', { name: 'Live' }).click();
  await page.getByText('2 of 2 here').waitFor();
  await page.evaluate(() => {
    globalThis.same = true;
  });
  await page.locator('.log summary').first().click();
  await page.getByText('"members": 1').waitFor();
  await page.locator('thead th a').first().focus();

  const cy = await join('<i>Cy</i>', 'Live');
  await page.getByText('3 of 3 here').waitFor();
  await page.locator('.log').getByText('<i>Cy</i>').waitFor();
  assert.ok(await page.getByText('"members": 1').isVisible(), 'what was opened stays open');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Name');

  bo.io.engine.close();
  bo.disconnect();
  await page.locator('.summary', { hasText: /Bo.* is away/ }).waitFor();
  await reader.accessible();

  await opens('/review/rooms');
  await page.getByText('3 people in 1 room.').waitFor();
  assert.match((await read('.names li'))[0], /^Bo away, \d+ s left$/);
  await reader.accessible();
  const di = await join('Di', 'Another');
  await page.getByText('4 people in 2 rooms.').waitFor();

  // The page comes back by itself after a restart; the members' clients do as well.
  await server.stop();
  await page.getByText('connection lost').waitFor();
  await server.start();
  await page.getByText('connection lost').waitFor({ state: 'detached', timeout: 20_000 });
  const ed = await join('Ed', 'Third');
  await page.getByRole('heading', { name: 'Third' }).waitFor();
  reader.complaints = reader.complaints.filter((text) => !/net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|EMPTY_RESPONSE)/.test(text));
  for (const socket of [ann, bo, cy, di, ed]) socket.disconnect();
});

test('however many pages are open, one stream tells them all what happens, and none while nobody looks', async () => {
  const strict = new Server({ MAX_STREAMS: '1' });
  await strict.start();
  try {
    const ann = await joinAt(strict, 'Ann', 'Live');
    await reader.signIn(strict);
    await page.locator('tr.live').getByRole('link', { name: 'Live' }).click();
    await page.getByText('1 of 1 here').waitFor();
    const pages = [page];
    while (pages.length < 8) {
      const next = await reader.context.newPage();
      await next.goto(pages.length % 2 ? `${strict.url}/review/rooms` : page.url(), { timeout: 10_000 });
      pages.push(next);
    }
    const bo = await joinAt(strict, 'Bo', 'Live');
    const isTold = (one) => one.getByText(/2 of 2 here|2 people in 1 room/).waitFor({ timeout: 10_000 });
    await Promise.all(pages.map(isTold));

    const follow = () => fetch(`${strict.url}/api/v1/events`, { headers: { authorization: `Bearer ${strict.token}` } });
    assert.equal((await follow()).status, 503, 'the pages have the only stream');
    await Promise.all(pages.map((one) => look(one, 'hidden')));
    const other = await until(async () => {
      const answer = await follow();
      return answer.ok && answer;
    }, 'the pages leave the stream to others');
    await other.body.cancel();
    const cy = await joinAt(strict, 'Cy', 'Live');
    const last = pages.at(-1);
    await look(last, 'visible');
    await last.getByText('3 people in 1 room').waitFor({ timeout: 10_000 });
    assert.equal(await pages[1].getByText('2 people in 1 room').count(), 1, 'who does not look is told later');
    for (const socket of [ann, bo, cy]) socket.disconnect();
  } finally {
    await reader.context.close();
    await strict.close();
  }
});

test('below a path of its own a live page is told what happens, too', async () => {
  const below = new Server({ BASE_PATH: '/signal/' });
  await below.start();
  const at = { url: below.url, path: '/signal/socket.io/' };
  try {
    const ann = await joinAt(at, 'Ann', 'Live');
    await reader.signIn({ url: `${below.url}/signal`, token: below.token });
    await page.locator('tr.live').getByRole('link', { name: 'Live' }).click();
    await page.getByText('1 of 1 here').waitFor();
    const bo = await joinAt(at, 'Bo', 'Live');
    await page.getByText('2 of 2 here').waitFor({ timeout: 10_000 });
    for (const socket of [ann, bo]) socket.disconnect();
  } finally {
    await reader.context.close();
    await below.close();
  }
});

/** Has a page believe that it is in sight, or not: without a screen every page is. */
async function look(one, state) {
  await one.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

test('a server that has seen nothing says how to begin', async () => {
  const fresh = new Server();
  try {
    await fresh.start();
    await reader.signIn(fresh);
    await page.getByText('No session yet.').waitFor();
    // Nothing is served at `/`: what helps is to build the example.
    assert.equal(await page.locator('button:focus').textContent(), 'Copy the command');
    assert.equal(await page.getByRole('search').count(), 0, 'there is nothing to look for');
    await reader.accessible();
    await opensOf(fresh, '/review/rooms');
    await page.getByText('Nobody is in a room.').waitFor();
    for (const path of ['/review/rooms', '/review?name=Nobody', '/review/people/Nobody']) {
      await opensOf(fresh, path);
      assert.equal(await page.locator('.first:focus').count(), 1, `the one action of ${path} is filled and focused`);
    }
  } finally {
    await page.goto('about:blank');
    await fresh.close();
  }
});

async function opensOf(other, path) {
  assert.equal((await page.goto(other.url + path)).status(), 200);
}

test('without a script everything is there, in UTC', async () => {
  const plain = await Reader.of(browser, { javaScriptEnabled: false });
  await plain.page.goto(`${server.url}/review?token=${server.token}`);
  await plain.page.goto(`${server.url}/review/sessions/${ids.chemistry}`);
  assert.equal(await plain.page.locator('[data-zone]').textContent(), 'UTC');
  assert.match(await plain.page.getByRole('row', { name: /^Ann/ }).locator('time').first().textContent(), /^\d\d:00$/);
  await plain.close();
});

test("the page's policy holds", async () => {
  const answer = await page.goto(`${server.url}/review?token=${server.token}`);
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'; style-src 'self'; script-src 'self'/);
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('[style], style, script:not([src]), [onclick]')].length), 0);
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ran = true';
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  assert.match(reader.complaints.splice(0).join(), /Content Security Policy/);
});
