// The page: a lobby, a grid of tiles, and four buttons. What goes over the network is in signaling.ts.
import { Room, type Connector, type Me, type RoomEvents } from "./signaling";

const element = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type;
const form = element<HTMLFormElement>("join");
const fields = form.elements as HTMLFormControlsCollection & Record<"roomname" | "username", HTMLInputElement>;
let room: Room | null = null;
let camera = new MediaStream();
let screen: MediaStream | null = null;

const STATES: Partial<Record<RTCPeerConnectionState, string>> = {
  new: "connecting…",
  connecting: "connecting…",
  disconnected: "interrupted…",
  failed: "lost, trying again…",
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!isSecureContext) return say("Browsers give camera and microphone to pages on localhost or https only.");
  form.querySelector("button")!.disabled = true;
  const me = { id: ownId(), username: fields.username.value, roomname: fields.roomname.value };
  camera = await openCamera();
  room = new Room(me, camera, roomEvents(me));
});

/** After a reload the same as before: the server puts this page in the place of the one that it was. */
function ownId(): string {
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const before = navigation?.type === "reload" ? sessionStorage.getItem("id") : null;
  const id = before ?? crypto.randomUUID();
  sessionStorage.setItem("id", id);
  return id;
}

/** Small and slow enough for a dozen people on a school's laptops. Who has no camera joins with a microphone, or nothing. */
async function openCamera(): Promise<MediaStream> {
  const video = { width: 320, height: 240, frameRate: { max: 12 } };
  for (const wanted of [{ video, audio: true }, { video }, { audio: true }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wanted);
    } catch {
      // The next one asks for less.
    }
  }
  return new MediaStream();
}

function roomEvents(me: Me): RoomEvents {
  return {
    entered() {
      element("status").textContent = "";
      if (element("room").hidden) enter(me);
    },
    interrupted() {
      if (element("room").hidden) say("The server does not answer. Trying again…");
      else element("status").textContent = "The server is away. Videos go on…";
    },
    refused(message) {
      backToLobby();
      say(message);
    },
    changed: draw,
    closed: ({ id }) => element(id)?.remove(),
  };
}

function enter({ username, roomname }: Me): void {
  goTo("room");
  document.title = element("title").textContent = roomname;
  element("title").focus();
  show("self", `${username} (you)`, camera);
  drawDevices();
}

function draw({ id, username, streamType, stream, connection }: Connector): void {
  // One's own screen has one tile, and not one for everyone who sees it.
  if (streamType === "display") return;
  const tile = streamType === "user" ? show(id, username, stream) : show(id, `${username}’s screen`, stream, "screen");
  tile.querySelector(".state")!.textContent = STATES[connection.connectionState] ?? "";
}

/** Puts a stream into the tile of that id, which is made if there is none. */
function show(id: string, name: string, stream: MediaStream | null, ...classes: string[]): HTMLElement {
  const tile = element(id) ?? (element<HTMLTemplateElement>("tile").content.firstElementChild!.cloneNode(true) as HTMLElement);
  if (!tile.isConnected) element("grid").append(tile);
  tile.id = id;
  tile.classList.add(...classes);
  const video = tile.querySelector("video")!;
  tile.querySelector(".name")!.textContent = video.ariaLabel = name;
  // One's own sound would come back as an echo.
  video.muted = stream === camera || stream === screen;
  if (video.srcObject !== stream) video.srcObject = stream;
  return tile;
}

function goTo(part: "lobby" | "room"): void {
  element("lobby").hidden = part !== "lobby";
  element("room").hidden = part !== "room";
}

function say(hint: string): void {
  element("hint").textContent = hint;
}

function press(button: string, isPressed: boolean): void {
  element(button).ariaPressed = String(isPressed);
}

function backToLobby(): void {
  [...camera.getTracks(), ...(screen?.getTracks() ?? [])].forEach((track) => track.stop());
  element("grid").replaceChildren();
  press("screen", false);
  say("");
  screen = room = null;
  document.title = "Video room";
  form.querySelector("button")!.disabled = false;
  goTo("lobby");
  fields.roomname.focus();
}

const DEVICES = [["microphone", "audio"], ["camera", "video"]] as const;
const trackOf = (kind: string) => camera.getTracks().find((track) => track.kind === kind);

/** The buttons, and a word in one's own tile, say what the others do not get. */
function drawDevices(): void {
  const off = DEVICES.filter(([, kind]) => !trackOf(kind)?.enabled).map(([button]) => button);
  for (const [button, kind] of DEVICES) {
    press(button, !off.includes(button));
    element<HTMLButtonElement>(button).disabled = !trackOf(kind);
  }
  element("self").querySelector(".state")!.textContent = off.length > 0 ? `${off.join(" and ")} off` : "";
}

for (const [button, kind] of DEVICES) {
  element(button).addEventListener("click", () => {
    const track = trackOf(kind);
    if (track) track.enabled = !track.enabled;
    drawDevices();
  });
}

element("screen").addEventListener("click", async () => {
  if (screen) return stopSharing();
  screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 12 } } }).catch(() => null);
  if (!screen) return; // Nothing was chosen.
  screen.getVideoTracks()[0]?.addEventListener("ended", stopSharing);
  show("own-screen", "Your screen", screen, "screen");
  press("screen", true);
  room?.share(screen);
});

function stopSharing(): void {
  screen?.getTracks().forEach((track) => track.stop());
  screen = null;
  element("own-screen")?.remove();
  press("screen", false);
  room?.share(null);
}

element("leave").addEventListener("click", () => {
  room?.leave();
  backToLobby();
});

/** Only a word in advance: whether a name is taken is decided when you join. */
form.addEventListener("change", async () => {
  const [username, roomname] = [fields.username.value.trim(), fields.roomname.value.trim()];
  sessionStorage.setItem("username", username);
  const answer = username && roomname ? await ask(`/checkUsername?${new URLSearchParams({ username, roomname })}`) : null;
  say(answer?.isRepeat ? `Somebody called ${username} is in this room already.` : "");
});

element("rooms").addEventListener("toggle", async () => {
  const rooms: { room: string; present: number }[] | undefined = (await ask("/api/v1/rooms"))?.data;
  const links = rooms?.map(({ room: roomname, present }) => {
    const link = document.createElement("a");
    link.href = `?${new URLSearchParams({ room: roomname })}`;
    link.textContent = `${roomname} (${present} here)`;
    return link;
  });
  const otherwise = rooms ? "None: be the first." : "This server does not tell which rooms are in use.";
  element("choices").replaceChildren(...(links?.length ? links : [otherwise]));
});

/** What the server answers, or `null` if it does not. */
async function ask(path: string): Promise<any> {
  const answer = await fetch(path).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

fields.roomname.value = new URLSearchParams(location.search).get("room") ?? "";
fields.username.value = sessionStorage.getItem("username") ?? "";
// Phones cannot share their screen.
element("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
