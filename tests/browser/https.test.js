import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { json } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';

import { Server } from '../clients/lib/server.js';
import { until } from '../clients/lib/wait.js';
import { Neighbour } from './lib/neighbour.js';
import { Person } from './lib/person.js';
import { Reader, launch } from './lib/reader.js';
import { EXAMPLE, Stage } from './lib/stage.js';

describe('a classroom without an administrator', { timeout: 300_000 }, () => {
  const server = new Server({ HOST: '0.0.0.0', TLS: 'self-signed', STATIC_DIR: EXAMPLE, PUBLIC_ROOMS: 'true' });
  /** @type {Neighbour} */
  let neighbour;
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    neighbour = new Neighbour();
    await server.start();
    browser = await launch(neighbour.chromium);
  });
  after(async () => {
    await browser?.close();
    await server.close();
    neighbour?.close();
  });

  /** What is shown to who connects to an address of this machine. @param {string} host @returns {Promise<import('node:tls').PeerCertificate>} */
  const shownAt = (host) => new Promise((resolve, reject) => {
    const socket = connect({ host, port: server.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });

  /** What the API answers to who believes the certificate that is kept. @param {string} path */
  const asked = async (path) => {
    const ca = readFileSync(`${server.file}.tls-cert`);
    const [answer] = await once(get(`${server.url}${path}`, { ca, headers: { authorization: `Bearer ${server.token}` } }), 'response');
    return json(answer);
  };

  test('a second host opens the page by the address that the start prints, and two tabs see each other', async (t) => {
    const url = `https://${neighbour.address}:${server.port}`;
    assert.match(server.output, new RegExp(`^ +${url}$`, 'm'));
    const stage = new Stage(t, browser, server, { network: () => ({ open: async () => url, close: () => {} }) });
    const [ann, bo] = [await stage.person('Ann'), await stage.person('Bo')];
    for (const person of [ann, bo]) {
      // Browsers give up what they are loading when the machine's addresses change.
      person.forgiven = new RegExp(`asked ${neighbour.address}|ERR_NETWORK_CHANGED`);
      await person.join();
      assert.ok(await person.page.evaluate(() => isSecureContext), 'cameras need a secure context');
    }
    await stage.seeEachOther(ann, bo);

    // The laptop gets another address in the middle of the class.
    const before = await shownAt(neighbour.address);
    for (const person of [ann, bo]) await person.watch();
    const another = `${neighbour.network}.77`;
    neighbour.giveAddress(another);
    await until(async () => (await shownAt(another)).subjectaltname.includes(another), 'a certificate for the new address');
    const after = await shownAt(neighbour.address);
    assert.equal(after.fingerprint256, before.fingerprint256, 'a browser that went on in spite of the old one is not asked again');
    await stage.seeEachOther(ann, bo);
    for (const person of [ann, bo]) await person.sawNoBlink();
    const [session] = (await asked(`/api/v1/sessions?${new URLSearchParams({ room: stage.roomname })}`)).data;
    assert.equal(session.reconnectCount, 0, 'nobody was dropped');

    const cy = await Person.at(browser, 'Cy', stage.roomname, false, { open: async () => `https://${another}:${server.port}`, close: () => {} });
    stage.people.push(cy);
    cy.forgiven = new RegExp(`asked ${another}|ERR_NETWORK_CHANGED`);
    await cy.join();
    await stage.seeEachOther(ann, bo, cy);
  });

  test('what is typed without https is sent there, and a page on the wall has no token', async () => {
    const reader = await Reader.of(browser);
    reader.forgiven = new RegExp(`asked ${neighbour.address}|ERR_NETWORK_CHANGED`);
    await reader.page.goto(`http://${neighbour.address}:${server.port}/review?token=${server.token}`);
    const url = `https://${neighbour.address}:${server.port}`;
    assert.equal(reader.page.url(), `${url}/review`);
    const [cookie] = await reader.context.cookies(url);
    assert.deepEqual([cookie.name, cookie.secure], [`__Host-chatroom_review_${server.port}`, true]);
    await reader.page.getByRole('link', { name: 'Project this' }).click();
    await reader.page.getByText(`${url}/`).first().waitFor();
    await reader.page.getByRole('img', { name: `QR code of ${url}/` }).waitFor();
    await reader.page.getByText('The browser warns').waitFor();
    assert.ok(!(await reader.page.content()).includes(server.token));
    await reader.accessible();
    await reader.close();
  });
});
