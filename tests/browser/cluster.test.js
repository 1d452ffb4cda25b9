import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Proxy } from '../clients/lib/proxy.js';
import { until } from '../clients/lib/wait.js';
import { Nodes } from './lib/nodes.js';
import { launch, Reader } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

/**
 * How long after a node has gone all may take to be back, in milliseconds: it is promised within 5 s, to clients that notice at
 * once. Here it is seven pages and forty-two videos on whatever processors there are.
 */
const BACK_WITHIN = 15_000;

describe('a call over three nodes behind HAProxy', { timeout: 600_000 }, () => {
  const nodes = new Nodes({ STATIC_DIR: EXAMPLE, PUBLIC_ROOMS: 'true' });
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await launch();
    await nodes.start();
  });
  after(async () => {
    await browser?.close();
    await nodes.close();
  });

  test('a node that dies, and a rolling upgrade of all of them, cost a resume and nobody a video', async (t) => {
    const [first, second] = nodes.all;
    const stage = new Stage(t, browser, second, { network: () => new Proxy(nodes.port) });
    const { roomname } = stage;
    const come = async (username, node) => {
      const person = await stage.person(username);
      await person.context.addCookies([nodes.cookie(node)]);
      await person.join();
      return person;
    };
    const people = [];
    for (const [index, username] of ['Ann', 'Bo', 'Cy', 'Di', 'Ed', 'Flo'].entries()) people.push(await come(username, 1 + (index % 3)));
    await stage.seeEachOther(...people);
    // The first who came has made it the room of the node that they came by.
    assert.match(await nodes.list(), /^node 1 .* rooms 1 /m);

    for (const person of people) {
      person.losesServer();
      await person.watch();
    }
    const present = async () => (await second.rest.members(roomname)).filter(({ status }) => status === 'present').length;
    const allAreBack = (what) => until(async () => (await present()) === people.length, what, BACK_WITHIN, 50);

    await first.kill();
    const killed = performance.now();
    await until(async () => (await present()) < people.length, 'it is noticed', BACK_WITHIN, 20);
    await allAreBack('all are back after the death of a node');
    t.diagnostic(`all six were back ${Math.round(performance.now() - killed)} ms after the room's node was killed`);
    await stage.seeEachOther(...people);
    for (const person of people) await person.sawNoBlink();

    const newcomer = await come('Gus', 2);
    people.push(newcomer);
    await stage.seeEachOther(...people);
    newcomer.losesServer();
    await newcomer.watch();

    await first.start();
    for (const node of nodes.all) {
      await node.stop();
      await node.start();
      await until(() => nodes.isBalancing(node), 'the balancer has it again', 15_000, 50);
      const watching = node === second ? first : second;
      stage.server = watching;
      const back = async () => {
        const members = await watching.rest.members(roomname);
        return members.length === people.length && members.every(({ status }) => status === 'present');
      };
      await until(back, `all are back after node ${node.settings.NODE_ID} was upgraded`, BACK_WITHIN, 50);
    }
    await stage.seeEachOther(...people);
    for (const person of people) await person.sawNoBlink();

    const sessions = await second.rest.list('/sessions', { room: roomname });
    assert.equal(sessions.length, 1, 'one session');
    const left = await second.rest.list(`/sessions/${sessions[0].id}/events`, { kind: 'left,gap' });
    assert.deepEqual(left, [], 'nobody left');
    const reader = await Reader.of(browser);
    await reader.signIn(second);
    await reader.page.goto(`${second.url}/review/sessions/${sessions[0].id}`);
    await reader.page.getByText(/^Live for .*, 7 of 7 here\./).waitFor();
    assert.equal(await reader.page.getByText('did not come back').count(), 0);
    await reader.close();
  });
});
