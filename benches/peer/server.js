// The honest peer: what a plain Socket.IO server does for the same pages. The same events and the same answers, rooms in
// memory, no log. Socket.IO's default settings; ws without the native additions that it does not install by itself.
//
//   node server.js PORT                  keeps nothing
//   node server.js PORT tables DATABASE  keeps joins and leaves as chatroom-server does, in its tables (tables.js)
//   node server.js PORT lean DATABASE    keeps them in four tables without indices (lean.js)

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Server } from "socket.io";

import { TRANSLATIONS, isText, refusal } from "./words.js";

const [port, history, database] = process.argv.slice(2);
const journal = history && (await import("./journal.js")).open(await import(`./${history}.js`), database);
/** Says something when what it follows from is on disk: at once if nothing is kept. */
const say = journal ? journal.say : (words) => words();

const http = createServer();
const io = new Server(http, { cors: { origin: "*" } });

/** Members by their address, in rooms by their names. */
const rooms = new Map();

io.on("connection", (socket) => {
  let me = null;

  const refuse = (event, type, message, callback) => {
    socket.emit("error", { type, message, event });
    callback?.(refusal(type, message));
  };

  const leave = (links) => {
    if (!me) return;
    const { room, memberId } = me;
    room.members.delete(memberId);
    journal?.left(room.kept, me.kept);
    if (room.members.size === 0) {
      rooms.delete(room.name);
      journal?.ended(room.kept);
    }
    me = null;
    for (const link of Array.isArray(links) ? links : []) {
      const peer = room.members.get(link?.memberId);
      say(() => peer?.socket.emit("leave", { connectorId: link.remoteConnectorId, memberId }));
    }
  };

  socket.on("join", (payload, callback) => {
    const { id, username, roomname } = payload ?? {};
    if (!isText(id, 128) || !isText(username, 64) || !isText(roomname, 128)) {
      return refuse("join", "invalid", "id, username and roomname are needed", callback);
    }
    if (me) leave();
    const room = rooms.get(roomname) ?? { name: roomname, members: new Map(), kept: journal?.started(roomname) };
    for (const other of room.members.values()) {
      if (other.username === username) return refuse("join", "repeat", "this name is taken", callback);
    }
    rooms.set(roomname, room);
    const memberId = randomUUID();
    const others = [...room.members.values()];
    me = { socket, room, memberId, username };
    room.members.set(memberId, me);
    me.kept = journal?.joined(room.kept, { id, memberId, username, members: room.members.size });
    const members = [...others, me].map((member) => ({ memberId: member.memberId, username: member.username }));
    say(() => {
      for (const other of others) other.socket.emit("getOffer", { memberId });
      callback?.({ ok: true, memberId, resumed: false, members });
    });
  });

  socket.on("leave", (links, callback) => {
    leave(links);
    say(() => callback?.({ ok: true }));
  });

  /** Passes an event on to the member it names, as `translate` says. */
  const relay = (event, translate) => {
    socket.on(event, (payload, callback) => {
      if (!me) return refuse(event, "notJoined", "join first", callback);
      const peer = me.room.members.get(payload?.memberId);
      if (!peer) return refuse(event, "unknownMember", "nobody here has this id", callback);
      const translated = translate(payload, me.memberId);
      say(() => {
        peer.socket.emit(event, translated);
        callback?.({ ok: true });
      });
    });
  };

  for (const [event, translate] of Object.entries(TRANSLATIONS)) relay(event, translate);

  socket.on("disconnect", () => leave());
});

http.listen(Number(port ?? 0), "127.0.0.1", 1024, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
