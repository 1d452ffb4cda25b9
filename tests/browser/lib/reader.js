import assert from 'node:assert/strict';

import axe from 'axe-core';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  // Cameras and screens that show a clock, and that nobody is asked for.
  '--use-fake-device-for-media-stream=fps=5', '--use-fake-ui-for-media-stream',
];

/** @param {string} [executablePath] */
export function launch(executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium') {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** Somebody with a browser, in a zone of their own, who notices everything that goes wrong in it. */
export class Reader {
  /** @type {string[]} */
  complaints = [];

  /** Complaints that belong to what is tested. @type {RegExp | null} */
  forgiven = null;

  /** @param {import('playwright-core').Browser} browser */
  static async of(browser, settings = {}) {
    const reader = new this();
    reader.context = await browser.newContext({ timezoneId: 'Asia/Kolkata', acceptDownloads: true, ignoreHTTPSErrors: true, ...settings });
    reader.page = await reader.context.newPage();
    reader.page.on('console', (message) => {
      if (['error', 'warning', 'warn'].includes(message.type())) reader.complaints.push(message.text());
    });
    reader.page.on('pageerror', (error) => reader.complaints.push(String(error)));
    reader.page.on('dialog', (dialog) => {
      reader.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    reader.page.on('request', (request) => {
      const { hostname } = new URL(request.url());
      if (hostname && hostname !== 'localhost') reader.complaints.push(`asked ${hostname}`);
    });
    return reader;
  }

  /** Comes in by the link that the server prints. */
  async signIn(server) {
    await this.page.goto(`${server.url}/review?token=${server.token}`);
    assert.equal(this.page.url(), `${server.url}/review`);
  }

  /** Whatever axe-core finds fault with. */
  async accessible() {
    // By the debugger, as the page's policy lets no script in.
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate(() => globalThis.axe.run(document, { rules: { 'target-size': { enabled: true } } }));
    const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(' ')}`);
    assert.deepEqual(told, [], `${this.page.url()} is accessible`);
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.complaints.filter((one) => !this.forgiven?.test(one)), []);
  }
}
