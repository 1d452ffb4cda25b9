// The signaling of a video room, without a page around it: take this file along, and give it a page of your own.
import { io, type Socket } from "socket.io-client";

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
  /** Whether this end made the first offer. */
  readonly isOfferer: boolean;
  /** The peer's name for it, which an offerer learns from the answer. */
  remoteId: string | null;
  /** What cannot be sent before that. */
  waiting: RTCIceCandidate[];
}

/** What the page around it is told. */
export interface RoomEvents {
  /** You are in the room: for the first time, or again. */
  entered(): void;
  /** The server cannot be reached. Videos go on; the client tries again by itself. */
  interrupted(): void;
  /** The server does not let you in, and this room is over. */
  refused(refusal: Refusal): void;
  opened(connector: Connector): void;
  streaming(connector: Connector, stream: MediaStream): void;
  changed(connector: Connector): void;
  closed(connector: Connector): void;
}

export interface Refusal {
  type: string;
  message: string;
  event?: string;
}

type Description = RTCSessionDescriptionInit;
type Entered = { ok: true; members: { memberId: string; username: string }[] } | { ok: false; error: Refusal };
type Offer = { remoteConnectorId: string; offer: Description; memberId: string; streamType: string };
type Answer = { remoteConnectorId: string; connectorId: string; answer: Description; memberId: string };
type Work = { type: string; data?: unknown; connectorId: string; memberId: string };
type Ends = { remoteConnectorId: string | null; memberId: string };

interface ServerToPage {
  getOffer(message: { memberId: string }): void;
  offer(message: Offer): void;
  answer(message: Answer): void;
  icecandidate(message: { connectorId: string; candidate: RTCIceCandidateInit }): void;
  reconnect(message: Work | { type: "leave" }): void;
  leave(message: { connectorId: string; memberId: string }): void;
  error(refusal: Refusal): void;
}

interface PageToServer {
  join(me: Me, entered: (answer: Entered) => void): void;
  reconnect(me: Me, entered: (answer: Entered) => void): void;
  leave(connectors: Ends[]): void;
  offer(message: { connectorId: string; offer: Description | null; memberId: string; streamType: StreamType }): void;
  answer(message: Ends & { connectorId: string; answer: Description | null; streamType: StreamType }): void;
  icecandidate(message: Ends & { candidate: RTCIceCandidate }): void;
  reconnectWork(message: Work): void;
}

export class Room {
  private readonly socket: Socket<ServerToPage, PageToServer> = io();
  private readonly connectors = new Map<string, Connector>();
  private readonly usernames = new Map<string, string>();
  private iceServers: RTCIceServer[] = [];
  private screen: MediaStream | null = null;
  private hasJoined = false;
  private isOver = false;
  private queue = Promise.resolve();

  constructor(
    private readonly me: Me,
    private readonly camera: MediaStream,
    private readonly page: RoomEvents,
  ) {
    const { socket } = this;
    socket.on("connect", () => this.onConnect());
    socket.on("disconnect", () => this.isOver || this.page.interrupted());
    socket.on("getOffer", ({ memberId }) => this.inTurn(() => this.onGetOffer(memberId)));
    socket.on("offer", (message) => this.inTurn(() => this.onOffer(message)));
    socket.on("answer", (message) => this.inTurn(() => this.onAnswer(message)));
    socket.on("icecandidate", (message) => this.inTurn(() => this.onCandidate(message)));
    socket.on("reconnect", (message) => this.inTurn(() => this.onReconnect(message)));
    socket.on("leave", ({ connectorId }) => this.inTurn(() => this.onLeave(connectorId)));
    socket.on("error", (refusal) => this.onError(refusal));
  }

  /** Shows a screen to everyone, also to those who come later; `null` ends that. */
  share(screen: MediaStream | null): void {
    this.inTurn(async () => {
      this.screen = screen;
      for (const shown of this.all("display")) {
        // An answer that is still to come is told then.
        if (shown.remoteId) this.tellClosed(shown.id, shown.memberId);
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
  private inTurn(work: () => Promise<void> | void): void {
    this.queue = this.queue.then(() => (this.isOver ? undefined : work())).catch((error) => console.error(error));
  }

  private onConnect(): void {
    const entering = this.enter();
    this.inTurn(async () => {
      const entered = await entering;
      if (!entered) return;
      if (!entered.ok) {
        this.end();
        return this.page.refused(entered.error);
      }
      this.page.entered();
      this.iceServers = await this.fetchIceServers();
      // What was on its way when the connection was lost may have been lost, too. The server has one end offer again.
      for (const { connection, remoteId } of this.all()) {
        if (remoteId && connection.signalingState === "have-local-offer") {
          await connection.setLocalDescription({ type: "rollback" });
        }
      }
    });
  }

  /** Joins, or comes back as the same member. Said again, it changes nothing, and tells who is there. */
  private async enter(): Promise<Entered | null> {
    const event = this.hasJoined ? "reconnect" : "join";
    // Fails if the connection is lost before the answer; the next one asks again.
    const entered = await this.socket.emitWithAck(event, this.me).catch(() => null);
    if (!entered?.ok) return entered;
    this.hasJoined = true;
    for (const { memberId, username } of entered.members) this.usernames.set(memberId, username);
    return entered;
  }

  private onError({ event, message }: Refusal): void {
    // Of these two the callback tells.
    if (event !== "join" && event !== "reconnect") console.warn(`${event}: ${message}`);
  }

  private async fetchIceServers(): Promise<RTCIceServer[]> {
    const query = new URLSearchParams({ roomname: this.me.roomname });
    const headers = { Authorization: `Bearer ${this.me.id}` };
    try {
      const answer = await fetch(`/api/v1/ice-servers?${query}`, { headers, signal: AbortSignal.timeout(5000) });
      return answer.ok ? (await answer.json()).iceServers : this.iceServers;
    } catch {
      return this.iceServers;
    }
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
    if (!connector) return this.tellClosed(connectorId, memberId);
    connector.remoteId = remoteConnectorId;
    await this.complete(connector, answer);
    for (const candidate of connector.waiting.splice(0)) this.sendCandidate(connector, candidate);
  }

  private async onCandidate({ connectorId, candidate }: { connectorId: string; candidate: RTCIceCandidateInit }): Promise<void> {
    // One of a negotiation that was given up is of no use, and refused.
    await this.connectors.get(connectorId)?.connection.addIceCandidate(candidate).catch(() => {});
  }

  private async onReconnect(message: Work | { type: "leave" }): Promise<void> {
    if (!("connectorId" in message)) return this.all().forEach((connector) => this.close(connector));
    const { type, data, connectorId, memberId } = message;
    const connector = this.connectors.get(connectorId);
    if (type === "close") return connector && this.close(connector);
    // The server does not know that a screen is not shared any more; whoever would go on with it is told.
    if (!connector) return this.tellClosed(connectorId, memberId);
    if (type === "getOffer") await this.offerAgain(connector);
    if (type === "offer") await this.answerAgain(connector, data as Description);
    if (type === "answer") await this.complete(connector, data as Description);
  }

  /** Negotiates a connection anew while it goes on: over another network it finds another way. */
  private async offerAgain({ id, memberId, connection }: Connector): Promise<void> {
    connection.restartIce();
    await connection.setLocalDescription();
    this.socket.emit("reconnectWork", { type: "offer", data: connection.localDescription, connectorId: id, memberId });
  }

  private async answerAgain({ id, memberId, connection, isOfferer }: Connector, offer: Description): Promise<void> {
    // If both ends have offered, one of them must give way.
    if (connection.signalingState === "have-local-offer" && isOfferer) return;
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription();
    this.socket.emit("reconnectWork", { type: "answer", data: connection.localDescription, connectorId: id, memberId });
  }

  private async complete({ connection }: Connector, answer: Description): Promise<void> {
    if (connection.signalingState === "have-local-offer") await connection.setRemoteDescription(answer);
  }

  private async onLeave(connectorId: string): Promise<void> {
    const connector = this.connectors.get(connectorId);
    if (!connector) return;
    const { memberId, streamType } = connector;
    this.close(connector);
    if (streamType === "user") this.all().filter((one) => one.memberId === memberId).forEach((one) => this.close(one));
    // Who is still here has only missed the offer of the screen.
    else if (this.all("user").some((one) => one.memberId === memberId)) await this.show(memberId);
  }

  /** A new connection takes the place of one that carried the same. */
  private async open(memberId: string, streamType: StreamType, remoteId: string | null): Promise<Connector> {
    if (!this.usernames.has(memberId)) await this.enter();
    const username = this.usernames.get(memberId) ?? "Somebody";
    this.all(streamType).filter((one) => one.memberId === memberId).forEach((one) => this.close(one));
    const connection = new RTCPeerConnection({ iceServers: this.iceServers });
    const ends = { id: crypto.randomUUID(), memberId, username, remoteId, isOfferer: remoteId === null };
    const connector: Connector = { ...ends, streamType, connection, waiting: [] };
    this.connectors.set(connector.id, connector);
    this.send(connector);
    connection.onicecandidate = ({ candidate }) => candidate && this.sendCandidate(connector, candidate);
    connection.ontrack = ({ streams: [stream] }) => stream && this.page.streaming(connector, stream);
    connection.onconnectionstatechange = () => {
      this.page.changed(connector);
      if (connection.connectionState === "failed" && connector.isOfferer) this.inTurn(() => this.tryAgain(connector));
    };
    this.page.opened(connector);
    return connector;
  }

  private send({ streamType, connection, isOfferer }: Connector): void {
    const stream = { user: this.camera, display: this.screen, remoteDisplay: null }[streamType];
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream!);
    if (streamType !== "user" || !isOfferer) return;
    // Who has no camera or microphone wants to see and hear the others all the same.
    for (const kind of ["audio", "video"]) {
      if (!this.camera.getTracks().some((track) => track.kind === kind)) {
        connection.addTransceiver(kind, { direction: "recvonly" });
      }
    }
  }

  private async tryAgain(connector: Connector): Promise<void> {
    if (connector.remoteId && this.connectors.has(connector.id)) await this.offerAgain(connector);
  }

  private sendCandidate(connector: Connector, candidate: RTCIceCandidate): void {
    const { remoteId, memberId } = connector;
    if (remoteId === null) connector.waiting.push(candidate);
    else this.socket.emit("icecandidate", { remoteConnectorId: remoteId, memberId, candidate });
  }

  private tellClosed(connectorId: string, memberId: string): void {
    this.socket.emit("reconnectWork", { type: "close", connectorId, memberId });
  }

  private all(streamType?: StreamType): Connector[] {
    return [...this.connectors.values()].filter((one) => !streamType || one.streamType === streamType);
  }

  private close(connector: Connector): void {
    connector.connection.close();
    this.connectors.delete(connector.id);
    this.page.closed(connector);
  }

  private end(): void {
    this.isOver = true;
    this.socket.disconnect();
    this.all().forEach((connector) => this.close(connector));
  }
}
