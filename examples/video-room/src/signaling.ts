// The signaling of a video room, without a page around it: take this file along, and give it a page of your own.
import { io } from "socket.io-client";

/** Where the server wants a token to join, it is in the link, behind the `#`, which browsers keep to themselves. */
export const joinToken = () => new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

/** `id` is a secret: it proves after a lost connection that it is you who comes back. */
export type Me = { id: string; username: string; roomname: string };

/** `user` is camera and microphone both ways; `display` is the screen you share, `remoteDisplay` one that you are shown. */
export type StreamType = "user" | "display" | "remoteDisplay";

/** One peer connection with a member. Both ends have a name of their own for it. */
export interface Connector extends Member {
  readonly id: string;
  readonly streamType: StreamType;
  readonly connection: RTCPeerConnection;
  readonly devices: RTCDataChannel | null; // from page to page: which devices are off
  remoteId: string | null; // the peer's name for it, which who offers learns from the answer
  waiting: RTCIceCandidate[]; // not sent yet
  round: number; // counts its negotiations: an answer to one that was given up is known as such
  stream: MediaStream | null; // what the peer sends
  off: string[]; // what the peer has switched off
}

/** What the page around it is told. */
export interface RoomEvents {
  entered(): void; // you are in the room: for the first time, or again
  interrupted(): void; // the server cannot be reached; videos go on, and the client tries again by itself
  refused(error: Refusal): void; // the server does not let you in, or has let you in elsewhere: this room is over
  changed(connector: Connector): void; // a connection is new, or something of it is
  closed(connector: Connector): void;
}

export type Refusal = { type: string; message: string };
export type Member = { memberId: string; username: string };
type Entered = { ok: true } | { ok: false; error: Refusal };
type Offer = Member & { remoteConnectorId: string; offer: RTCSessionDescriptionInit; streamType: string };
type Answer = { remoteConnectorId: string; connectorId: string; answer: RTCSessionDescriptionInit; memberId: string };
type Candidate = { connectorId: string; candidate: RTCIceCandidateInit };
type Ends = { connectorId: string; memberId: string };
type Work = { round: number; description: RTCSessionDescriptionInit; remoteConnectorId: string };
type Reconnect = { type: "leave" } | ({ type: "getOffer" } & Ends) | ({ type: "offer" | "answer"; data: Work } & Ends);

export class Room {
  // Below the same prefix as the page, and in its language, which need not be that of the browser.
  private readonly socket = io({ path: new URL("socket.io", document.baseURI).pathname, auth: { token: joinToken() },
    extraHeaders: { "Accept-Language": document.documentElement.lang || navigator.language } });
  private readonly connectors = new Map<string, Connector>();
  private iceServers: RTCIceServer[] = [];
  private screen: MediaStream | null = null;
  private off: string[] = [];
  private hasJoined = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly me: Me, private readonly camera: MediaStream, private readonly page: RoomEvents) {
    this.socket.on("connect", () => this.onConnect());
    for (const event of ["disconnect", "connect_error"]) this.socket.on(event, () => page.interrupted());
    this.socket.on("getOffer", (member) => this.inTurn(() => this.onGetOffer(member)));
    this.socket.on("offer", (message) => this.inTurn(() => this.onOffer(message)));
    this.socket.on("answer", (message) => this.inTurn(() => this.onAnswer(message)));
    this.socket.on("icecandidate", (message) => this.inTurn(() => this.onCandidate(message)));
    this.socket.on("reconnect", (message) => this.inTurn(() => this.onReconnect(message)));
    this.socket.on("leave", (message) => this.inTurn(() => this.onLeave(message)));
    this.socket.on("error", (error) => this.onError(error));
  }

  /** Shows a screen to everyone, also to those who come later; `null` ends that. */
  share(screen: MediaStream | null): void {
    this.inTurn(async () => {
      this.screen = screen;
      for (const connector of this.all("display")) {
        this.socket.emit("hangup", { connectorId: connector.id, memberId: connector.memberId });
        this.close(connector);
      }
      for (const member of this.all("user")) await this.show(member);
    });
  }

  /** Says to everyone which devices are off, also to those who come later. */
  tellDevices(off: string[]): void {
    this.off = off;
    for (const { devices } of this.all("user")) if (devices?.readyState === "open") devices.send(JSON.stringify(off));
  }

  leave(): void {
    this.socket.emit("leave", this.all().map(({ remoteId, memberId }) => ({ remoteConnectorId: remoteId, memberId })));
    this.end();
  }

  /** Handles one thing after the other, in the order they came: each takes several steps that must not mix. */
  private inTurn(work: () => unknown): void {
    this.queue = this.queue.then(() => this.socket.active && work()).catch((error) => console.error(error));
  }

  private onConnect(): void {
    const entering = this.enter();
    this.inTurn(async () => {
      const entered = await entering;
      if (entered?.ok === false) return this.refuse(entered.error);
      if (entered) this.page.entered();
      if (entered) await this.askForIceServers();
    });
  }

  /** Joins, or comes back as the same member. */
  private async enter(): Promise<Entered | null> {
    const event = this.hasJoined ? "reconnect" : "join";
    // Fails if the connection is lost before the answer; the next one asks again.
    const entered: Entered | null = await this.socket.emitWithAck(event, this.me).catch(() => null);
    this.hasJoined ||= entered?.ok ?? false;
    return entered;
  }

  private onError({ type, event, message }: Refusal & { event: string }): void {
    console.warn(`${event}: ${message}`);
    // Another window has come in as you, or a teacher has taken you out: the server has cut this one off.
    if (type === "replaced" || type === "removed") this.refuse({ type, message });
  }

  private refuse(error: Refusal): void {
    this.end();
    this.page.refused(error);
  }

  private async askForIceServers(): Promise<void> {
    const query = new URLSearchParams({ roomname: this.me.roomname });
    const headers = { Authorization: `Bearer ${this.me.id}`, "Join-Token": joinToken() };
    const answer = await fetch(`api/v1/ice-servers?${query}`, { headers, signal: AbortSignal.timeout(5000) }).catch(() => null);
    if (answer?.ok) this.iceServers = (await answer.json()).iceServers;
  }

  private async onGetOffer(member: Member): Promise<void> {
    await this.offer(member, "user");
    await this.show(member);
  }

  private async show(member: Member): Promise<void> {
    if (this.screen) await this.offer(member, "display");
  }

  private async offer(member: Member, streamType: StreamType): Promise<void> {
    const connector = this.open(member, streamType, null);
    const { id, memberId, connection } = connector;
    await connection.setLocalDescription();
    this.socket.emit("offer", { connectorId: id, offer: connection.localDescription, memberId, streamType });
    setTimeout(() => connector.remoteId ?? this.page.closed(connector), 20_000); // They may have left before it came.
  }

  private async onOffer({ remoteConnectorId, offer, memberId, username, streamType: theirs }: Offer): Promise<void> {
    const streamType = theirs === "user" ? "user" : "remoteDisplay";
    const { id, connection } = this.open({ memberId, username }, streamType, remoteConnectorId);
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription();
    const answer = connection.localDescription;
    this.socket.emit("answer", { remoteConnectorId, connectorId: id, answer, memberId, streamType });
    if (streamType === "user") await this.show({ memberId, username });
  }

  private async onAnswer({ remoteConnectorId, connectorId, answer }: Answer): Promise<void> {
    const connector = this.connectors.get(connectorId);
    if (!connector) return; // Hung up meanwhile: the server tells who answered.
    await connector.connection.setRemoteDescription(answer);
    this.learn(connector, remoteConnectorId);
  }

  private learn(connector: Connector, remoteId: string): void {
    connector.remoteId = remoteId;
    // After those of the peer that have come with its answer.
    this.inTurn(() => connector.waiting.splice(0).forEach((candidate) => this.sendCandidate(connector, candidate)));
  }

  private async onCandidate({ connectorId, candidate }: Candidate): Promise<void> {
    // One of a negotiation that was given up is of no use, and refused.
    await this.connectors.get(connectorId)?.connection.addIceCandidate(candidate).catch(() => {});
  }

  private async onReconnect(message: Reconnect): Promise<void> {
    if (message.type === "leave") return this.all().forEach((connector) => this.close(connector));
    const connector = this.connectors.get(message.connectorId);
    if (!connector) return;
    if (message.type === "getOffer") return this.offerAgain(connector);
    const { round, description, remoteConnectorId } = message.data;
    if (message.type === "offer") await this.answerAgain(connector, message.data);
    else if (round === connector.round) await connector.connection.setRemoteDescription(description);
    this.learn(connector, remoteConnectorId); // An answer that told of it may have been lost.
  }

  /** Negotiates a connection anew while it goes on: over another network it finds another way. */
  private async offerAgain(connector: Connector): Promise<void> {
    connector.round += 1;
    connector.connection.restartIce();
    await connector.connection.setLocalDescription();
    this.work("offer", connector, connector.round);
  }

  /** An offer that this end has made meanwhile gives way: it was lost with the connection to the server. */
  private async answerAgain(connector: Connector, { round, description }: Work): Promise<void> {
    connector.round += 1;
    await connector.connection.setRemoteDescription(description);
    await connector.connection.setLocalDescription();
    this.work("answer", connector, round);
  }

  private work(type: "offer" | "answer", { id, memberId, connection }: Connector, round: number): void {
    const data: Work = { round, description: withRole(connection), remoteConnectorId: id };
    this.socket.emit("reconnectWork", { type, data, connectorId: id, memberId });
  }

  private async onLeave({ connectorId, memberId }: Ends): Promise<void> {
    const connector = this.connectors.get(connectorId);
    if (!connector) return;
    this.close(connector);
    // Who is still here has only missed the offer of the screen.
    if (connector.streamType === "display" && this.all("user", memberId).length > 0) await this.show(connector);
  }

  /** A new connection takes the place of one that carried the same. */
  private open({ memberId, username }: Member, streamType: StreamType, remoteId: string | null): Connector {
    this.all(streamType, memberId).forEach((one) => this.close(one));
    const connection = new RTCPeerConnection({ iceServers: this.iceServers });
    // Both ends know it by its number, so that neither has to wait for the other's.
    const devices = streamType === "user" ? connection.createDataChannel("devices", { negotiated: true, id: 0 }) : null;
    const peer = { memberId, username, streamType, remoteId, connection, devices };
    const connector: Connector = { ...peer, id: crypto.randomUUID(), stream: null, waiting: [], round: 0, off: [] };
    this.connectors.set(connector.id, connector);
    this.listen(connector);
    this.send(connector);
    this.page.changed(connector);
    return connector;
  }

  private listen(connector: Connector): void {
    const { connection, devices, remoteId } = connector;
    connection.onicecandidate = ({ candidate }) => candidate && this.sendCandidate(connector, candidate);
    connection.ontrack = ({ streams: [stream] }) => {
      connector.stream = stream ?? null;
      this.page.changed(connector);
    };
    devices?.addEventListener("open", () => devices.send(JSON.stringify(this.off)));
    devices?.addEventListener("message", ({ data }) => {
      connector.off = JSON.parse(data);
      this.page.changed(connector);
    });
    connection.onconnectionstatechange = () => {
      this.page.changed(connector);
      void this.tellState(connector);
      // Who offered offers again.
      if (connection.connectionState !== "failed" || remoteId) return;
      this.inTurn(() => this.connectors.has(connector.id) && this.offerAgain(connector));
    };
  }

  /** For the history: the server sees what was exchanged, not whether video came of it. */
  private async tellState({ id, memberId, connection }: Connector): Promise<void> {
    const state = connection.connectionState;
    if (!["connected", "disconnected", "failed"].includes(state)) return;
    const path = state === "connected" ? await pathOf(connection) : undefined;
    this.socket.emit("connectionState", { connectorId: id, memberId, state, path });
  }

  private send({ streamType, connection, remoteId }: Connector): void {
    const stream = { user: this.camera, display: this.screen, remoteDisplay: null }[streamType];
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream!);
    if (streamType !== "user" || remoteId) return;
    // Who has no camera or microphone wants to see and hear the others all the same.
    const missing = ["audio", "video"].filter((kind) => !this.camera.getTracks().some((track) => track.kind === kind));
    for (const kind of missing) connection.addTransceiver(kind, { direction: "recvonly" });
  }

  private sendCandidate(connector: Connector, candidate: RTCIceCandidate): void {
    const { remoteId, memberId, connection } = connector;
    // Those of an offer wait for the answer. Else the peer may try them before its own candidates are here: a way found so
    // counts less, and after a restart of ICE Chromium stays on an old one, on which Firefox listens no longer.
    if (!remoteId || connection.signalingState !== "stable") connector.waiting.push(candidate);
    else this.socket.emit("icecandidate", { remoteConnectorId: remoteId, memberId, candidate });
  }

  private all(streamType?: StreamType, memberId?: string): Connector[] {
    const isMeant = (wanted: string | undefined, has: string) => !wanted || wanted === has;
    return [...this.connectors.values()].filter((one) => isMeant(streamType, one.streamType) && isMeant(memberId, one.memberId));
  }

  private close(connector: Connector): void {
    connector.connection.close();
    this.connectors.delete(connector.id);
    this.page.closed(connector);
  }

  private end(): void {
    this.socket.off().disconnect();
    this.all().forEach((connector) => this.close(connector));
  }
}

/** An offer over a connection that is there names its end's DTLS role: left to choose, Firefox takes another than it has. */
function withRole(connection: RTCPeerConnection): RTCSessionDescriptionInit {
  const [local, remote] = [connection.currentLocalDescription, connection.currentRemoteDescription].map((one) => one?.sdp);
  const role = local?.includes("a=setup:passive") || remote?.includes("a=setup:active") ? "passive" : "active";
  const { type, sdp } = connection.localDescription!;
  return { type, sdp: sdp.replaceAll("a=setup:actpass", `a=setup:${role}`) };
}

/** How a connection goes: straight (`host`), through a router (`srflx`, `prflx`), or by a TURN server (`relay`). */
async function pathOf(connection: RTCPeerConnection): Promise<string | undefined> {
  const stats = await connection.getStats();
  const used = [...stats.values()].find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  return used && stats.get(used.localCandidateId)?.candidateType;
}
