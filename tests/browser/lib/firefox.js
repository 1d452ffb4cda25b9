import puppeteer from 'puppeteer-core';

/** Cameras that nobody is asked for, and addresses of this machine as they are: there is no other network to meet in. */
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Else a WebSocket to a place that has just failed waits for up to a minute.
  'network.websocket.delay-failed-reconnects': false,
};

/**
 * Debian's Firefox. Playwright drives only builds of its own, and Puppeteer this one, by WebDriver BiDi: so this is a browser
 * with those parts of Playwright's that a person in a room needs.
 */
export async function launchFirefox() {
  const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, extraPrefsFirefox: PREFERENCES });
  return { newContext: async () => contextOf(await browser.createBrowserContext()), close: () => browser.close() };
}

/** @param {import('puppeteer-core').BrowserContext} context */
function contextOf(context) {
  return { newPage: async () => pageOf(await context.newPage({ type: 'window' })), close: () => context.close() };
}

/** @param {import('puppeteer-core').Page} page */
function pageOf(page) {
  return {
    keyboard: page.keyboard,
    on: (event, heard) => page.on(event, heard),
    addInitScript: (script, argument) => page.evaluateOnNewDocument(script, argument),
    evaluate: (script, argument) => page.evaluate(script, argument),
    goto: (url) => page.goto(url),
    reload: () => page.reload(),
    fill: (selector, text) => page.locator(selector).fill(text),
    getByRole: (role, { name }) => page.locator(`::-p-aria([role="${role}"][name="${name}"])`),
  };
}
