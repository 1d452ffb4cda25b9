// The honest peer of several nodes: socket.io as its documentation has it, with the adapter for Redis or for PostgreSQL. A member's
// address is a room of socket.io's, so that a message reaches it at whichever process it is.
//
//   node cluster.js redis redis://HOST:PORT
//   node cluster.js postgres postgres://…

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Server } from "socket.io";

import { TRANSLATIONS, isText, refusal } from "./words.js";

const [adapter, address] = process.argv.slice(2);
const adapters = {
  async redis() {
    const { createAdapter } = await import("@socket.io/redis-adapter");
    const { createClient } = await import("redis");
    const publisher = createClient({ url: address });
    const subscriber = publisher.duplicate();
    await Promise.all([publisher.connect(), subscriber.connect()]);
    return createAdapter(publisher, subscriber);
  },
  async postgres() {
    const { createAdapter } = await import("@socket.io/postgres-adapter");
    const { default: pg } = await import("pg");
    const { searchParams, pathname } = new URL(address);
    const [host, port, user] = ["host", "port", "user"].map((name) => searchParams.get(name));
    const pool = new pg.Pool({ host, port: Number(port), user, database: pathname.slice(1) });
    // Where messages are put that NOTIFY has no room for.
    await pool.query("create table if not exists socket_io_attachments (id bigserial unique, created_at timestamptz default now(), payload bytea)");
    return createAdapter(pool);
  },
};

const http = createServer();
const io = new Server(http, { cors: { origin: "*" }, adapter: await adapters[adapter]() });

io.on("connection", (socket) => {
  const refuse = (event, type, message, callback) => {
    socket.emit("error", { type, message, event });
    callback?.(refusal(type, message));
  };

  socket.on("join", async (payload, callback) => {
    const { id, username, roomname } = payload ?? {};
    if (!isText(id, 128) || !isText(username, 64) || !isText(roomname, 128)) {
      return refuse("join", "invalid", "id, username and roomname are needed", callback);
    }
    const others = (await io.in(`room ${roomname}`).fetchSockets()).map((other) => other.data);
    if (others.some((other) => other.username === username)) {
      return refuse("join", "repeat", "this name is taken", callback);
    }
    const memberId = randomUUID();
    socket.data = { memberId, username };
    await socket.join([`room ${roomname}`, `member ${memberId}`]);
    socket.to(`room ${roomname}`).emit("getOffer", { memberId });
    callback?.({ ok: true, memberId, resumed: false, members: [...others, socket.data] });
  });

  /** Passes an event on to the member it names, as `translate` says. */
  const relay = (event, translate) => {
    socket.on(event, (payload, callback) => {
      const { memberId } = socket.data;
      if (!memberId) return refuse(event, "notJoined", "join first", callback);
      if (!isText(payload?.memberId, 64)) return refuse(event, "unknownMember", "nobody here has this id", callback);
      io.to(`member ${payload.memberId}`).emit(event, translate(payload, memberId));
      callback?.({ ok: true });
    });
  };

  for (const [event, translate] of Object.entries(TRANSLATIONS)) relay(event, translate);
});

http.listen(0, "127.0.0.1", 1024, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
