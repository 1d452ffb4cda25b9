// The page: a lobby, a grid of tiles, and four buttons. What goes over the network is in signaling.ts.
import { Room, type Connector, type Me, type Refusal } from "./signaling";

const element = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type;
const form = element<HTMLFormElement>("join");
const fields = form.elements as HTMLFormControlsCollection & Record<"roomname" | "username", HTMLInputElement>;
let room: Room | null = null;
let camera = new MediaStream();
let screen: MediaStream | null = null;
/** The id of the page in which you were last, which may still hold your name. */
const lastId: string | undefined = localStorage.id;

const STATES: Partial<Record<RTCPeerConnectionState, string>> = {
  new: "connecting…", connecting: "connecting…", disconnected: "interrupted…", failed: "lost, trying again…",
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.querySelector("button")!.disabled = true;
  camera = await openCamera();
  // Yours in this window, also after a reload. A second window that has it takes your place.
  const id = (localStorage.id = sessionStorage.id ??= crypto.randomUUID());
  join({ id, username: fields.username.value, roomname: fields.roomname.value });
});

/** Small and slow enough for a dozen people on a school's laptops. Who has no camera joins with a microphone, or nothing. */
async function openCamera(): Promise<MediaStream> {
  const video = { width: 320, height: 240, frameRate: { max: 12 } };
  const open = (wanted: MediaStreamConstraints) => navigator.mediaDevices.getUserMedia(wanted);
  const less = () => open({ video }).catch(() => open({ audio: true })).catch(() => new MediaStream());
  return open({ video, audio: true }).catch(less);
}

function join(me: Me): void {
  room = new Room(me, camera, {
    entered() {
      say("");
      if (element("room").hidden) enter(me);
    },
    interrupted: () => say("The server does not answer. Trying again…"),
    refused: (error) => void refused(me, error),
    changed: draw,
    closed: ({ id }) => element(id)?.remove(),
  });
}

async function refused(me: Me, { type, message }: Refusal): Promise<void> {
  backToLobby();
  say(type === "replaced" ? "You are in this room in another window. Join to take your place back." : message);
  if (type === "repeat" && (await hasWaited(me))) form.requestSubmit();
  else fields.username.focus();
}

/** Waits while your name is held by your own page of before, which was closed without a word. `false` if it is not. */
async function hasWaited({ roomname, username }: Me): Promise<boolean> {
  const headers = { Authorization: `Bearer ${lastId}` };
  const place = lastId && (await ask(`/api/v1/recovery?${new URLSearchParams({ roomname })}`, { headers }));
  const seconds = Math.ceil((place?.resumableForMs ?? 0) / 1000);
  const isMeant = () => !room && fields.username.value === username && fields.roomname.value === roomname;
  for (let left = seconds; left > 0 && isMeant(); left -= 1) {
    say(`The page that you closed still holds your name, for ${left} s. You join then.`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return seconds > 0 && isMeant();
}

function enter({ username, roomname }: Me): void {
  goTo("room");
  document.title = element("title").textContent = roomname;
  element("link").textContent = linkTo(roomname);
  element("title").focus();
  show("self", `${username} (you)`, camera);
  drawDevices();
}

function draw({ id, username, streamType, stream, connection, off }: Connector): void {
  // One's own screen has one tile, and not one for everyone who sees it.
  if (streamType === "display") return;
  const tile = streamType === "user" ? show(id, username, stream) : show(id, `${username}’s screen`, stream, "screen");
  const state = STATES[connection.connectionState];
  tile.querySelector(".state")!.textContent = state ?? saidOff(off);
  tile.classList.toggle("away", ["disconnected", "failed"].includes(connection.connectionState));
}

const saidOff = (off: string[]) => (off.length > 0 ? `${off.join(" and ")} off` : "");

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

const linkTo = (room: string) => new URL(`?${new URLSearchParams({ room })}`, location.href).href;
const say = (hint: string) => (element(element("room").hidden ? "hint" : "status").textContent = hint);
const press = (button: string, isPressed: boolean) => (element(button).ariaPressed = String(isPressed));
const goTo = (part: "lobby" | "room") => ["lobby", "room"].forEach((one) => (element(one).hidden = one !== part));

function backToLobby(): void {
  [...camera.getTracks(), ...(screen?.getTracks() ?? [])].forEach((track) => track.stop());
  element("grid").replaceChildren();
  press("screen", false);
  screen = room = null;
  document.title = "Video room";
  form.querySelector("button")!.disabled = !isSecureContext;
  goTo("lobby");
  say("");
  (fields.roomname.value ? fields.username : fields.roomname).focus();
}

const DEVICES = [["microphone", "audio"], ["camera", "video"]] as const;
const trackOf = (kind: string) => camera.getTracks().find((track) => track.kind === kind);

/** The buttons, and a word in one's own tile and the others' of it, say what they do not get. */
function drawDevices(): void {
  const off = DEVICES.filter(([, kind]) => !trackOf(kind)?.enabled).map(([button]) => button);
  for (const [button, kind] of DEVICES) {
    press(button, !off.includes(button));
    element<HTMLButtonElement>(button).disabled = !trackOf(kind);
  }
  element("self").querySelector(".state")!.textContent = saidOff(off);
  room?.tellDevices(off);
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

element("leave").addEventListener("click", () => (room?.leave(), backToLobby()));
// Its connections end with the page: the others need not wait for it, and its name is free.
addEventListener("pagehide", () => room?.leave());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

/** Only a word in advance: whether a name is taken is decided when you join. */
form.addEventListener("change", async () => {
  const [username, roomname] = [fields.username.value.trim(), fields.roomname.value.trim()];
  sessionStorage.username = username;
  const answer = username && roomname ? await ask(`/checkUsername?${new URLSearchParams({ username, roomname })}`) : null;
  say(answer?.isRepeat ? `Somebody called ${username} is in this room already.` : "");
});

element("rooms").addEventListener("toggle", async () => {
  const rooms = (await ask("/api/v1/rooms"))?.data;
  const links = rooms?.map(({ room, present }: { room: string; present: number }) =>
    Object.assign(document.createElement("a"), { href: linkTo(room), textContent: `${room} (${present} here)` }));
  const none = [rooms ? "None: be the first." : "This server does not tell which rooms are in use."];
  element("choices").replaceChildren(...(links?.length ? links : none));
});

/** What the server answers, or `null` if it does not. */
async function ask(path: string, options?: RequestInit): Promise<any> {
  const answer = await fetch(path, options).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

fields.roomname.value = new URLSearchParams(location.search).get("room") ?? "";
fields.username.value = sessionStorage.username ?? "";
// Phones cannot share their screen.
element("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
element("insecure").hidden = isSecureContext;
backToLobby();
