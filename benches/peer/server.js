// The honest peer: what a plain Socket.IO server does for the same pages. The same events and the same answers, rooms in
// memory, no history, no log. Socket.IO's default settings; ws without the native additions that it does not install
// by itself.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { cors: { origin: "*" } });

/** Members by their address, in rooms by their names. */
const rooms = new Map();

const isText = (value, most) => typeof value === "string" && value.trim() !== "" && value.length <= most;
const refusal = (type, message) => ({ ok: false, error: { type, message } });

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
    if (room.members.size === 0) rooms.delete(room.name);
    me = null;
    for (const link of Array.isArray(links) ? links : []) {
      const peer = room.members.get(link?.memberId);
      peer?.socket.emit("leave", { connectorId: link.remoteConnectorId, memberId });
    }
  };

  socket.on("join", (payload, callback) => {
    const { id, username, roomname } = payload ?? {};
    if (!isText(id, 128) || !isText(username, 64) || !isText(roomname, 128)) {
      return refuse("join", "invalid", "id, username and roomname are needed", callback);
    }
    if (me) leave();
    const room = rooms.get(roomname) ?? { name: roomname, members: new Map() };
    for (const other of room.members.values()) {
      if (other.username === username) return refuse("join", "repeat", "this name is taken", callback);
    }
    rooms.set(roomname, room);
    const memberId = randomUUID();
    for (const other of room.members.values()) other.socket.emit("getOffer", { memberId });
    me = { socket, room, memberId, username };
    room.members.set(memberId, me);
    const members = [...room.members.values()].map((member) => ({ memberId: member.memberId, username: member.username }));
    callback?.({ ok: true, memberId, resumed: false, members });
  });

  socket.on("leave", (links, callback) => {
    leave(links);
    callback?.({ ok: true });
  });

  /** Passes an event on to the member it names, as `translate` says. */
  const relay = (event, translate) => {
    socket.on(event, (payload, callback) => {
      if (!me) return refuse(event, "notJoined", "join first", callback);
      const peer = me.room.members.get(payload?.memberId);
      if (!peer) return refuse(event, "unknownMember", "nobody here has this id", callback);
      peer.socket.emit(event, translate(payload, me.memberId));
      callback?.({ ok: true });
    });
  };

  relay("offer", ({ connectorId, offer, streamType }, memberId) => ({
    remoteConnectorId: connectorId,
    offer,
    memberId,
    streamType,
  }));
  relay("answer", ({ remoteConnectorId, connectorId, answer }, memberId) => ({
    remoteConnectorId: connectorId,
    connectorId: remoteConnectorId,
    answer,
    memberId,
  }));
  relay("icecandidate", ({ remoteConnectorId, candidate }) => ({ connectorId: remoteConnectorId, candidate }));

  socket.on("disconnect", () => leave());
});

http.listen(Number(process.argv[2] ?? 0), "127.0.0.1", 1024, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
