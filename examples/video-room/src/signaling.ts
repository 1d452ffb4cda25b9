// The signaling of a video room, without a page around it: take this file along, and give it a page of your own.
import { io } from "socket.io-client";

export interface Me {
  /** A secret: it proves after a lost connection that it is you who comes back. */
  id: string;
  username: string;
  roomname: string;
}

/** `user` is camera and microphone both ways; `display` is the screen you share, `remoteDisplay` one that you are shown. */
export type StreamType = "user" | "display" | "remoteDisplay";

/** One peer connection with a member. Both ends have a name of their own for it. */
export interface Connector {
  readonly id: string;
  readonly memberId: string;
  readonly username: string;
  readonly streamType: StreamType;
  readonly connection: RTCPeerConnection;
  /** What the peer sends. */
  stream: MediaStream | null;
  /** The peer's name for it, which who offers learns from the answer. */
  remoteId: string | null;
  /** What cannot be sent before that. */
  waiting: RTCIceCandidate[];
  /** Counts its negotiations, so that an answer to an offer that was given up is known as such. */
  round: number;
}

/** What the page around it is told. */
export interface RoomEvents {
  /** You are in the room: for the first time, or again. */
  entered(): void;
  /** The server cannot be reached. Videos go on; the client tries again by itself. */
  interrupted(): void;
  /** The server does not let you in, and this room is over. */
  refused(message: string): void;
  /** A connection is new, or its stream or its state is. */
  changed(connector: Connector): void;
  closed(connector: Connector): void;
}

type Entered = { ok: true; members: { memberId: string; username: string }[] } | { ok: false; error: { message: string } };
type Offer = { remoteConnectorId: string; offer: RTCSessionDescriptionInit; memberId: string; streamType: string };
type Answer = { remoteConnectorId: string; connectorId: string; answer: RTCSessionDescriptionInit; memberId: string };
type Candidate = { connectorId: string; candidate: RTCIceCandidateInit };
type Ends = { connectorId: string; memberId: string };
type Work = { round: number; description: RTCSessionDescriptionInit; remoteConnectorId: string };
type Reconnect =
  | { type: "leave" }
  | ({ type: "getOffer" } & Ends)
  | ({ type: "close" } & Ends)
  | ({ type: "offer" | "answer"; data: Work } & Ends);

export class Room {
  private readonly socket = io();
  private readonly connectors = new Map<string, Connector>();
  private readonly usernames = new Map<string, string>();
  private iceServers: RTCIceServer[] = [];
  private screen: MediaStream | null = null;
  private hasJoined = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly me: Me,
    private readonly camera: MediaStream,
    private readonly page: RoomEvents,
  ) {
    const { socket } = this;
    socket.on("connect", () => this.onConnect());
    socket.on("disconnect", () => page.interrupted());
    socket.on("connect_error", () => page.interrupted());
    socket.on("getOffer", ({ memberId }) => this.inTurn(() => this.onGetOffer(memberId)));
    socket.on("offer", (message) => this.inTurn(() => this.onOffer(message)));
    socket.on("answer", (message) => this.inTurn(() => this.onAnswer(message)));
    socket.on("icecandidate", (message) => this.inTurn(() => this.onCandidate(message)));
    socket.on("reconnect", (message) => this.inTurn(() => this.onReconnect(message)));
    socket.on("leave", (message) => this.inTurn(() => this.onLeave(message)));
    socket.on("error", ({ event, message }) => console.warn(`${event}: ${message}`));
  }

  /** Shows a screen to everyone, also to those who come later; `null` ends that. */
  share(screen: MediaStream | null): void {
    this.inTurn(async () => {
      this.screen = screen;
      for (const shown of this.all("display")) {
        // Who has not answered yet is told when they do.
        if (shown.remoteId) this.tellClosed({ connectorId: shown.id, memberId: shown.memberId });
        this.close(shown);
      }
      for (const { memberId } of this.all("user")) await this.show(memberId);
    });
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
      if (entered && !entered.ok) {
        this.end();
        this.page.refused(entered.error.message);
      } else if (entered) {
        this.page.entered();
        await this.askForIceServers();
      }
    });
  }

  /** Joins, or comes back as the same member. Said again, it changes nothing, and tells who is there. */
  private async enter(): Promise<Entered | null> {
    const event = this.hasJoined ? "reconnect" : "join";
    // Fails if the connection is lost before the answer; the next one asks again.
    const entered: Entered | null = await this.socket.emitWithAck(event, this.me).catch(() => null);
    if (entered?.ok) {
      this.hasJoined = true;
      for (const { memberId, username } of entered.members) this.usernames.set(memberId, username);
    }
    return entered;
  }

  private async askForIceServers(): Promise<void> {
    const query = new URLSearchParams({ roomname: this.me.roomname });
    const headers = { Authorization: `Bearer ${this.me.id}` };
    const asked = fetch(`/api/v1/ice-servers?${query}`, { headers, signal: AbortSignal.timeout(5000) });
    const answer = await asked.then((response) => response.json()).catch(() => null);
    this.iceServers = answer?.iceServers ?? this.iceServers;
  }

  private async onGetOffer(memberId: string): Promise<void> {
    await this.offer(memberId, "user");
    await this.show(memberId);
  }

  private async show(memberId: string): Promise<void> {
    if (this.screen) await this.offer(memberId, "display");
  }

  private async offer(memberId: string, streamType: StreamType): Promise<void> {
    const { id, connection } = await this.open(memberId, streamType, null);
    await connection.setLocalDescription();
    this.socket.emit("offer", { connectorId: id, offer: connection.localDescription, memberId, streamType });
  }

  private async onOffer({ remoteConnectorId, offer, memberId, streamType: theirs }: Offer): Promise<void> {
    const streamType = theirs === "user" ? "user" : "remoteDisplay";
    const { id, connection } = await this.open(memberId, streamType, remoteConnectorId);
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription();
    const answer = connection.localDescription;
    this.socket.emit("answer", { remoteConnectorId, connectorId: id, answer, memberId, streamType });
    if (streamType === "user") await this.show(memberId);
  }

  private async onAnswer({ remoteConnectorId, connectorId, answer, memberId }: Answer): Promise<void> {
    const connector = this.connectors.get(connectorId);
    if (!connector) return this.tellClosed({ connectorId, memberId });
    await connector.connection.setRemoteDescription(answer);
    this.learn(connector, remoteConnectorId);
  }

  private learn(connector: Connector, remoteId: string): void {
    connector.remoteId = remoteId;
    for (const candidate of connector.waiting.splice(0)) this.sendCandidate(connector, candidate);
  }

  private async onCandidate({ connectorId, candidate }: Candidate): Promise<void> {
    // One of a negotiation that was given up is of no use, and refused.
    await this.connectors.get(connectorId)?.connection.addIceCandidate(candidate).catch(() => {});
  }

  private async onReconnect(message: Reconnect): Promise<void> {
    if (message.type === "leave") return this.all().forEach((connector) => this.close(connector));
    const connector = this.connectors.get(message.connectorId);
    if (message.type === "close") return connector && this.close(connector);
    // The server does not know that a screen is not shared any more; whoever would go on with it is told.
    if (!connector) return this.tellClosed(message);
    if (message.type === "getOffer") return this.offerAgain(connector);
    // An answer that told of it may have been lost.
    this.learn(connector, message.data.remoteConnectorId);
    if (message.type === "offer") await this.answerAgain(connector, message.data);
    else await this.complete(connector, message.data);
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

  private async complete(connector: Connector, { round, description }: Work): Promise<void> {
    if (round === connector.round) await connector.connection.setRemoteDescription(description);
  }

  private work(type: "offer" | "answer", { id, memberId, connection }: Connector, round: number): void {
    const data: Work = { round, description: connection.localDescription!, remoteConnectorId: id };
    this.socket.emit("reconnectWork", { type, data, connectorId: id, memberId });
  }

  private tellClosed({ connectorId, memberId }: Ends): void {
    this.socket.emit("reconnectWork", { type: "close", connectorId, memberId });
  }

  private async onLeave({ connectorId, memberId }: Ends): Promise<void> {
    const connector = this.connectors.get(connectorId);
    if (!connector) return;
    this.close(connector);
    // Who is still here has only missed the offer of the screen.
    if (connector.streamType === "display" && this.all("user", memberId).length > 0) await this.show(memberId);
  }

  /** A new connection takes the place of one that carried the same. */
  private async open(memberId: string, streamType: StreamType, remoteId: string | null): Promise<Connector> {
    if (!this.usernames.has(memberId)) await this.enter();
    this.all(streamType, memberId).forEach((one) => this.close(one));
    const connection = new RTCPeerConnection({ iceServers: this.iceServers });
    const username = this.usernames.get(memberId) ?? "Somebody";
    const peer = { memberId, username, streamType, remoteId };
    const connector: Connector = { ...peer, id: crypto.randomUUID(), connection, stream: null, waiting: [], round: 0 };
    this.connectors.set(connector.id, connector);
    this.listen(connector);
    this.send(connector);
    this.page.changed(connector);
    return connector;
  }

  private listen(connector: Connector): void {
    const { connection, remoteId } = connector;
    const isOfferer = remoteId === null;
    connection.onicecandidate = ({ candidate }) => candidate && this.sendCandidate(connector, candidate);
    connection.ontrack = ({ streams: [stream] }) => {
      connector.stream = stream ?? null;
      this.page.changed(connector);
    };
    connection.onconnectionstatechange = () => {
      this.page.changed(connector);
      if (connection.connectionState !== "failed" || !isOfferer) return;
      this.inTurn(() => this.connectors.has(connector.id) && this.offerAgain(connector));
    };
  }

  private send({ streamType, connection, remoteId }: Connector): void {
    const stream = { user: this.camera, display: this.screen, remoteDisplay: null }[streamType];
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream!);
    if (streamType !== "user" || remoteId) return;
    // Who has no camera or microphone wants to see and hear the others all the same.
    for (const kind of ["audio", "video"]) {
      if (!this.camera.getTracks().some((track) => track.kind === kind)) {
        connection.addTransceiver(kind, { direction: "recvonly" });
      }
    }
  }

  private sendCandidate(connector: Connector, candidate: RTCIceCandidate): void {
    const { remoteId, memberId } = connector;
    if (remoteId) this.socket.emit("icecandidate", { remoteConnectorId: remoteId, memberId, candidate });
    else connector.waiting.push(candidate);
  }

  private all(streamType?: StreamType, memberId?: string): Connector[] {
    const isMeant = (one: Connector) =>
      (!streamType || one.streamType === streamType) && (!memberId || one.memberId === memberId);
    return [...this.connectors.values()].filter(isMeant);
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
