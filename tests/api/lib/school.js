import { io } from 'socket.io-client';

import { seed } from '../../browser/lib/seed.js';
import { Server } from '../../clients/lib/server.js';

/** A server with classes of the past, and one that goes on: Ann and Bo are in the room `Now`. */
export class School {
  /** Ann's secret. */
  clientId = crypto.randomUUID();
  server = new Server({
    ICE_SERVERS: 'stun:stun.example,turn:turn.example',
    TURN_SECRET: 'a-secret-of-the-tests',
    RESUME_GRACE: '30s',
    // Made-up requests guess a lot.
    GUESSES_PER_MINUTE: '0',
  });

  async open() {
    await this.server.start();
    await this.server.stop();
    /** @type {Record<string, string>} */
    this.ids = await seed(this.server);
    await this.server.start();
    this.members = [await this.join('Ann', this.clientId), await this.join('Bo', crypto.randomUUID())];
  }

  async join(username, id) {
    const socket = io(this.server.url, { transports: ['websocket'], forceNew: true });
    const answer = await socket.timeout(5000).emitWithAck('join', { id, username, roomname: 'Now' });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    return socket;
  }

  /** What a reviewer is answered. */
  async read(path) {
    const answer = await fetch(`${this.server.url}/api/v1${path}`, { headers: this.headers });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** A link by which somebody reads a session. */
  async share(session, name) {
    const headers = { ...this.headers, 'content-type': 'application/json' };
    const body = JSON.stringify({ session, name, hours: 1 });
    const answer = await fetch(`${this.server.url}/api/v1/review-links`, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  get headers() {
    return { authorization: `Bearer ${this.server.token}` };
  }

  async close() {
    for (const socket of this.members ?? []) socket.disconnect();
    await this.server.close();
  }
}
