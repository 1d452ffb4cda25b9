// The page: a lobby, a grid of tiles, and four buttons. What goes over the network is in signaling.ts, what it says in words.ts.
import { Room, joinToken, type Connector, type Me, type Refusal } from "./signaling";
import { words, writeWords } from "./words";

const element = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type;
const form = element<HTMLFormElement>("join");
const joining = form.querySelector("button")!;
const fields = form.elements as HTMLFormControlsCollection & Record<"roomname" | "username", HTMLInputElement>;
let room: Room | null = null;
let camera = new MediaStream();
let screen: MediaStream | null = null;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (joining.disabled) return; // You join already.
  joining.disabled = true;
  camera = await openCamera();
  // Yours in this window, also after a reload. A second window that has it takes your place.
  const id = (sessionStorage.id ??= crypto.randomUUID());
  const me = { id, username: fields.username.value, roomname: fields.roomname.value };
  room = new Room(me, camera, {
    entered: () => (element("room").hidden ? enter(me) : say("")),
    interrupted: () => say(words.interrupted), refused: (error) => void refused(me, error),
    changed: draw, closed: ({ id }) => element(id)?.remove(),
  });
});

/** Small and slow enough for a dozen people on a school's laptops. Who has no camera joins with a microphone, or nothing. */
async function openCamera(): Promise<MediaStream> {
  const video = { width: 320, height: 240, frameRate: { max: 12 } };
  const open = (wanted: MediaStreamConstraints) => navigator.mediaDevices.getUserMedia(wanted);
  return open({ video, audio: true }).catch(() => open({ video })).catch(() => open({ audio: true })).catch(() => new MediaStream());
}

async function refused(me: Me, { type, message }: Refusal): Promise<void> {
  backToLobby();
  say(type === "replaced" ? words.replaced : message);
  if (type === "repeat" && (await hasWaited(me))) form.requestSubmit();
  else fields.username.focus();
}

/** Waits while your name is held by your own page of before, which was closed without a word. `false` if it is not. */
async function hasWaited({ roomname, username }: Me): Promise<boolean> {
  const own = { Authorization: `Bearer ${localStorage[placeOf(roomname, username)]}` };
  const place = await ask(`api/v1/recovery?${new URLSearchParams({ roomname })}`, own);
  const seconds = Math.ceil((place?.resumableForMs ?? 0) / 1000);
  const isMeant = () => !room && fields.username.value === username && fields.roomname.value === roomname;
  for (let left = seconds; left > 0 && isMeant(); left -= 1) {
    say(words.held(left));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return seconds > 0 && isMeant();
}

/** Under what this browser keeps the id that had a place last, whichever of its windows that was. */
const placeOf = (roomname: string, username: string) => JSON.stringify([roomname, username]);

function enter({ id, username, roomname }: Me): void {
  localStorage[placeOf(roomname, username)] = id;
  goTo("room");
  say("");
  document.title = element("title").textContent = roomname;
  element("link").textContent = linkTo(roomname);
  element("title").focus();
  show("self", words.you(username), camera);
  drawDevices();
}

function draw({ id, username, streamType, stream, connection, off }: Connector): void {
  if (streamType === "display") return; // One's own screen has one tile, and not one for everyone who sees it.
  const tile = streamType === "user" ? show(id, username, stream) : show(id, words.screenOf(username), stream, "screens");
  tile.classList.toggle("away", ["disconnected", "failed"].includes(connection.connectionState));
  drawOff(tile, off, words.states[connection.connectionState]);
}

/** A tile says what its person has switched off; where the camera is, it shows the initial alone. */
function drawOff(tile: HTMLElement, off: string[], state = ""): void {
  const names = DEVICES.filter(([device]) => off.includes(device)).map(([device]) => words[device]);
  tile.querySelector(".state")!.textContent = state || (names.length > 0 ? words.off(names) : "");
  tile.classList.toggle("faceless", off.includes("camera"));
}

/** Puts a stream into the tile of that id, which is made if there is none. */
function show(id: string, name: string, stream: MediaStream | null, place: "faces" | "screens" = "faces"): HTMLElement {
  const tile = element(id) ?? (element<HTMLTemplateElement>("tile").content.firstElementChild!.cloneNode(true) as HTMLElement);
  if (!tile.isConnected) element(place).append(tile);
  tile.id = id;
  const video = tile.querySelector("video")!;
  tile.querySelector(".name")!.textContent = video.ariaLabel = name;
  tile.querySelector(".initial")!.textContent = [...name][0] ?? "";
  video.muted = stream === camera || stream === screen; // One's own sound would come back as an echo.
  if (video.srcObject !== stream) video.srcObject = stream;
  return tile;
}

const countPeople = () => (element("here").textContent = words.here(element("faces").childElementCount));
new MutationObserver(countPeople).observe(element("faces"), { childList: true });
const linkTo = (room: string) => new URL(`?${new URLSearchParams({ room })}`, location.href).href;
const say = (hint: string) => (element(element("room").hidden ? "hint" : "status").textContent = hint);
const press = (button: "microphone" | "camera" | "screen", isOn: boolean) =>
  Object.assign(element(button), { ariaPressed: String(isOn), textContent: words.button(words[button], isOn) });
const goTo = (part: "lobby" | "room") => ["lobby", "room"].forEach((one) => (element(one).hidden = one !== part));

function backToLobby(): void {
  [...camera.getTracks(), ...(screen?.getTracks() ?? [])].forEach((track) => track.stop());
  document.querySelectorAll("figure").forEach((tile) => tile.remove());
  press("screen", false);
  screen = room = null;
  document.title = words.title;
  joining.disabled = !isSecureContext;
  goTo("lobby");
  say("");
  void showRooms();
  (fields.roomname.value ? fields.username : fields.roomname).focus();
}

const DEVICES = [["microphone", "audio"], ["camera", "video"]] as const;
const trackOf = (kind: string) => camera.getTracks().find((track) => track.kind === kind);

/** The buttons, one's own tile, and the others' of it say what they do not get. */
function drawDevices(): void {
  const off = DEVICES.filter(([, kind]) => !trackOf(kind)?.enabled).map(([button]) => button);
  for (const [button, kind] of DEVICES) {
    press(button, !off.includes(button));
    element<HTMLButtonElement>(button).disabled = !trackOf(kind);
  }
  drawOff(element("self"), off);
  room?.tellDevices(off);
}

for (const [button, kind] of DEVICES)
  element(button).addEventListener("click", () => {
    for (const track of camera.getTracks()) if (track.kind === kind) track.enabled = !track.enabled;
    drawDevices();
  });

element("screen").addEventListener("click", async () => {
  if (screen) return stopSharing();
  const failed = ({ name, message }: Error) => (say(name === "NotAllowedError" ? "" : message), null);
  screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 12 } } }).catch(failed);
  if (!screen) return;
  screen.getVideoTracks()[0]?.addEventListener("ended", stopSharing);
  show("own-screen", words.ownScreen, screen, "screens");
  press("screen", true);
  room?.share(screen);
});

function stopSharing(): void {
  screen?.getTracks().forEach((track) => track.stop());
  element("own-screen")?.remove();
  press("screen", false);
  room?.share((screen = null));
}

const copy = () => navigator.clipboard.writeText(element("link").textContent!).then(() => say(words.copied));
element("copy").addEventListener("click", copy);
element("leave").addEventListener("click", () => (room?.leave(), backToLobby()));
// Its connections end with the page: the others need not wait for it, and its name is free.
addEventListener("pagehide", () => room?.leave());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

/** Only a word in advance: whether a name is taken is decided when you join. */
form.addEventListener("change", async () => {
  const [username, roomname] = [fields.username.value.trim(), fields.roomname.value.trim()];
  Object.assign(sessionStorage, { username, roomname });
  const answer = username && roomname ? await ask(`checkUsername?${new URLSearchParams({ username, roomname })}`) : null;
  if (!joining.disabled) say(answer?.isRepeat ? words.taken(username) : "");
});

/** To be seen at once if there are any, and not at all if the server does not tell (401, without `PUBLIC_ROOMS`). */
async function showRooms(): Promise<void> {
  const rooms: { room: string; present: number }[] = (await ask("api/v1/rooms"))?.data ?? [];
  const links = rooms.map(({ room, present }) =>
    Object.assign(document.createElement("a"), { href: linkTo(room) + location.hash, textContent: words.roomInUse(room, present) }));
  element("choices").replaceChildren(...links);
  element("rooms").hidden = links.length === 0;
}

/** What the server answers, or `null` if it does not. It has the same prefix as the page, if there is one. */
async function ask(path: string, headers: Record<string, string> = {}): Promise<any> {
  const answer = await fetch(path, { headers: { "Join-Token": joinToken(), ...headers } }).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

writeWords(document.querySelector("#language select")!);
fields.roomname.value = new URLSearchParams(location.search).get("room") ?? sessionStorage.roomname ?? "";
fields.username.value = new URLSearchParams(location.hash.slice(1)).get("name") ?? sessionStorage.username ?? "";
element("screen").hidden = !navigator.mediaDevices?.getDisplayMedia; // as on phones
element("insecure").hidden = isSecureContext;
backToLobby();
