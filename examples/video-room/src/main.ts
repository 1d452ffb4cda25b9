// The page: a lobby, a grid of tiles, and four buttons. What goes over the network is in signaling.ts.
import { Room, type Connector, type Me, type RoomEvents } from "./signaling";

const element = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type;
const form = element<HTMLFormElement>("join");
const fields = form.elements as HTMLFormControlsCollection & Record<"roomname" | "username", HTMLInputElement>;
const tiles = new Map<string, HTMLElement>();
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
  const submit = form.querySelector("button")!;
  submit.disabled = true;
  const { value: username } = fields.username;
  const me = { id: ownId(), username, roomname: fields.roomname.value };
  sessionStorage.setItem("username", username);
  camera = await openCamera();
  room = new Room(me, camera, roomEvents(me));
  submit.disabled = false;
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
      if (!element("room").hidden) return;
      show("room");
      document.title = element("title").textContent = me.roomname;
      element("title").focus();
      place("self", `${me.username} (you)`, camera, "mirrored");
      for (const track of camera.getTracks()) press(track.kind === "video" ? "camera" : "microphone", track.enabled);
    },
    interrupted: () => (element("status").textContent = "The server is away. Videos go on; coming back…"),
    refused({ message }) {
      backToLobby();
      say(message);
    },
    opened({ id, username, streamType }) {
      if (streamType === "user") place(id, username, null);
      if (streamType === "remoteDisplay") place(id, `${username}’s screen`, null, "screen");
    },
    streaming: ({ id }, stream) => play(id, stream),
    changed: describe,
    closed: ({ id }) => remove(id),
  };
}

function describe({ id, connection }: Connector): void {
  const state = tiles.get(id)?.querySelector(".state");
  if (state) state.textContent = STATES[connection.connectionState] ?? "";
}

function place(id: string, name: string, stream: MediaStream | null, ...classes: string[]): void {
  const tile = element<HTMLTemplateElement>("tile").content.querySelector("figure")!.cloneNode(true) as HTMLElement;
  tile.classList.add(...classes);
  tile.querySelector(".name")!.textContent = name;
  tile.querySelector("video")!.ariaLabel = name;
  tiles.set(id, tile);
  element("grid").append(tile);
  play(id, stream);
  arrange();
}

function play(id: string, stream: MediaStream | null): void {
  const video = tiles.get(id)?.querySelector("video");
  if (!video) return;
  // One's own sound would come back as an echo.
  video.muted = stream === camera || stream === screen;
  if (video.srcObject !== stream) video.srcObject = stream;
}

function remove(id: string): void {
  tiles.get(id)?.remove();
  tiles.delete(id);
  arrange();
}

function arrange(): void {
  element("grid").style.setProperty("--columns", String(Math.ceil(Math.sqrt(tiles.size))));
}

function show(which: "lobby" | "room"): void {
  for (const part of ["lobby", "room"]) element(part).hidden = part !== which;
}

function say(hint: string): void {
  element("hint").textContent = hint;
  form.querySelector("button")!.disabled = false;
}

function press(button: string, isPressed: boolean): void {
  element(button).ariaPressed = String(isPressed);
}

function backToLobby(): void {
  [...camera.getTracks(), ...(screen?.getTracks() ?? [])].forEach((track) => track.stop());
  [...tiles.keys()].forEach(remove);
  press("screen", false);
  screen = room = null;
  document.title = "Video room";
  show("lobby");
  fields.roomname.focus();
}

for (const [button, kind] of [["microphone", "audio"], ["camera", "video"]] as const) {
  element(button).addEventListener("click", () => {
    const track = camera.getTracks().find((one) => one.kind === kind);
    if (track) press(button, (track.enabled = !track.enabled));
  });
}

element("screen").addEventListener("click", async () => {
  if (screen) return stopSharing();
  try {
    screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 12 } } });
  } catch {
    return; // Nothing was chosen.
  }
  screen.getVideoTracks()[0]?.addEventListener("ended", stopSharing);
  place("screen", "Your screen", screen, "screen");
  press("screen", true);
  room?.share(screen);
});

function stopSharing(): void {
  screen?.getTracks().forEach((track) => track.stop());
  screen = null;
  remove("screen");
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
  const answer = username && roomname ? await ask(`/checkUsername?${new URLSearchParams({ username, roomname })}`) : null;
  say(answer?.isRepeat ? `There is a ${username} in this room already.` : "");
});

element("rooms").addEventListener("toggle", async () => {
  const rooms: { room: string; present: number }[] | undefined = (await ask("/api/v1/rooms"))?.data;
  const items = rooms?.map(({ room: roomname, present }) => {
    const choice = document.createElement("button");
    choice.textContent = `${roomname} (${present} here)`;
    choice.addEventListener("click", () => {
      fields.roomname.value = roomname;
      fields.username.focus();
    });
    return choice;
  });
  const otherwise = items ? "None: be the first." : "This server does not tell which rooms are in use.";
  const lines = (items?.length ? items : [otherwise]).map((content) => {
    const line = document.createElement("li");
    line.append(content);
    return line;
  });
  element("rooms").querySelector("ul")!.replaceChildren(...lines);
});

/** What the server answers, or `null` if it does not. */
async function ask(path: string): Promise<any> {
  const answer = await fetch(path).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

fields.roomname.value = new URLSearchParams(location.search).get("room") ?? "";
fields.username.value = sessionStorage.getItem("username") ?? "";
