import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { io } from 'socket.io-client-3';

import { Proxy } from './lib/proxy.js';
import { Server } from './lib/server.js';
import { TRANSPORTS } from './lib/transports.js';
import { until, within } from './lib/wait.js';

/** The oldest version of the JavaScript client that speaks the protocol: what it calls otherwise than later ones is not used. */
describe('socket.io-client 3', { timeout: 60_000, concurrency: true }, () => {
  const server = new Server();
  before(() => server.start());
  after(() => server.close());

  for (const [name, transports] of TRANSPORTS) {
    test(`${name}: two negotiate, one drops and resumes, and leaves`, async (t) => {
      const network = new Proxy(server.port);
      t.after(() => network.close());
      const roomname = `version 3, ${name}`;
      const [ann, bo] = [new Member(await network.open(), transports, 'Ann', roomname), new Member(server.url, transports, 'Bo', roomname)];
      t.after(() => [ann, bo].forEach(({ socket }) => socket.disconnect()));
      for (const { id } of [ann, bo]) server.secrets.add(id);

      const { memberId: annId } = await ann.asks('join', ann.identity);
      const joined = await bo.asks('join', bo.identity);
      const boId = joined.memberId;
      assert.deepEqual(joined.members, [{ memberId: annId, username: 'Ann' }, { memberId: boId, username: 'Bo' }]);
      assert.deepEqual(await ann.hears('getOffer'), { memberId: boId, username: 'Bo' });

      const offer = { type: 'offer', sdp: `v=0 é 课 ${'x'.repeat(200_000)}` };
      await ann.asks('offer', { connectorId: 'a', offer, memberId: boId, streamType: 'user' });
      assert.deepEqual(await bo.hears('offer'), { remoteConnectorId: 'a', offer, memberId: annId, username: 'Ann', streamType: 'user' });
      const answer = { type: 'answer', sdp: 'v=0' };
      await bo.asks('answer', { remoteConnectorId: 'a', connectorId: 'b', answer, memberId: annId, streamType: 'user' });
      assert.deepEqual((await ann.hears('answer')).answer, answer);
      await bo.asks('icecandidate', { remoteConnectorId: 'a', memberId: annId, candidate: { candidate: 'c' } });
      assert.deepEqual(await ann.hears('icecandidate'), { connectorId: 'a', candidate: { candidate: 'c' } });

      const refused = await ann.answer('offer', { connectorId: 'a' });
      assert.equal(refused.error.type, 'invalid');
      assert.equal((await ann.hears('error')).event, 'offer');

      network.isDown = true;
      network.cut();
      await until(() => network.refused > 0, 'the client notices');
      network.isDown = false;
      await until(() => ann.connections === 2, 'it comes back by itself');
      const back = await ann.asks('reconnect', ann.identity);
      assert.deepEqual([back.resumed, back.memberId], [true, annId]);
      assert.deepEqual(await bo.hears('reconnect'), { type: 'getOffer', connectorId: 'b', memberId: annId });
      await bo.asks('reconnectWork', { type: 'offer', data: { round: 1 }, connectorId: 'b', memberId: annId });
      assert.deepEqual(await ann.hears('reconnect'), { type: 'offer', data: { round: 1 }, connectorId: 'a', memberId: boId });

      await ann.asks('leave', [{ remoteConnectorId: 'b', memberId: boId }]);
      assert.deepEqual(await bo.hears('leave'), { connectorId: 'b', memberId: annId });
    });
  }
});

/** A member with that client, who notes what it is told. */
class Member {
  connections = 0;
  /** @type {{event: string, payload: any}[]} */
  told = [];
  id = crypto.randomUUID();

  constructor(url, transports, username, roomname) {
    this.identity = { id: this.id, username, roomname };
    this.socket = io(url, { transports, forceNew: true, reconnectionDelay: 30, reconnectionDelayMax: 200 });
    this.socket.on('connect', () => (this.connections += 1));
    this.socket.onAny((event, payload) => this.told.push({ event, payload }));
  }

  /** The acknowledgement. */
  answer(event, payload) {
    return within(new Promise((resolve) => this.socket.emit(event, payload, resolve)), event);
  }

  /** The acknowledgement, which has to be a good one. */
  async asks(event, payload) {
    const answer = await this.answer(event, payload);
    assert.equal(answer.ok, true, `${event}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** What it is told next, which has to be that. */
  async hears(wanted) {
    const { event, payload } = await until(() => this.told.shift(), `${this.identity.username} hears ${wanted}`);
    assert.equal(event, wanted);
    return payload;
  }
}
