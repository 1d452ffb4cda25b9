import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a Chromium runs that is another machine. */
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Another machine on a network with this one: a namespace of Linux, with a cable between the two. */
export class Neighbour {
  /** Makes it. Says what is missing where that cannot be done: a test that only seems to run would be worse than none. */
  constructor() {
    const id = process.pid % 10_000;
    this.name = `chatroom-${id}`;
    this.cable = `chat${id}`;
    /** A network of its own (RFC 2544 has these for tests); this machine's end, and the other's. */
    this.network = `198.18.${id % 250}`;
    this.address = `${this.network}.1`;
    this.directory = mkdtempSync(join(tmpdir(), 'chatroom-neighbour-'));
    try {
      ip('netns', 'add', this.name);
      ip('link', 'add', this.cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name);
      ip('addr', 'add', `${this.address}/24`, 'dev', this.cable);
      ip('link', 'set', this.cable, 'up');
      this.ip('addr', 'add', `${this.network}.2/24`, 'dev', 'eth0');
      // An address that came by itself a second later would end what the browser is loading (ERR_NETWORK_CHANGED).
      this.ip('link', 'set', 'eth0', 'addrgenmode', 'none');
      this.ip('link', 'set', 'eth0', 'up');
      this.ip('link', 'set', 'lo', 'up');
    } catch (error) {
      this.close();
      throw new Error(`this test needs root and iproute2 (apt-get install iproute2), to make a second host: ${error.message}`);
    }
  }

  /** @param {...string} words */
  ip(...words) {
    ip('-n', this.name, ...words);
  }

  /** A program that starts a Chromium there. */
  get chromium() {
    const program = join(this.directory, 'chromium');
    writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${this.name} ${CHROMIUM} "$@"\n`);
    chmodSync(program, 0o755);
    return program;
  }

  /** Gives this machine one more address. @param {string} address */
  giveAddress(address) {
    ip('addr', 'add', `${address}/24`, 'dev', this.cable);
  }

  close() {
    try {
      // The cable goes with it.
      ip('netns', 'del', this.name);
    } catch {
      // There is none.
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** @param {...string} words */
function ip(...words) {
  execFileSync('ip', words, { stdio: 'pipe' });
}
