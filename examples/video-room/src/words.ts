// What the page says, in every language that it speaks. Another one is another object here: what it lacks does not compile.

const en = {
  title: "Video room",
  lead: "Everyone who joins the same room sees and hears each other.",
  language: "Language",
  roomname: "Room",
  username: "Your name",
  join: "Join",
  insecure: "Browsers give camera and microphone only to pages on https or localhost.",
  roomsInUse: "Rooms in use",
  roomInUse: (room: string, present: number) => `${room} (${present} here)`,
  taken: (name: string) => `Somebody called ${name} is in this room already.`,
  held: (seconds: number) => `The page that you closed still holds your name, for ${seconds} s. You join then.`,
  replaced: "You are in this room in another window. Join to take your place back.",
  interrupted: "The server does not answer. Trying again…",
  here: (people: number) => `${people} here`,
  alone: "Nobody else is here yet. The link to this room:",
  copy: "Copy",
  copied: "The link is copied.",
  you: (name: string) => `${name} (you)`,
  ownScreen: "Your screen",
  screenOf: (name: string) => `${name}’s screen`,
  states: {
    new: "connecting…", connecting: "connecting…", connected: "",
    disconnected: "interrupted…", failed: "lost, trying again…", closed: "",
  },
  microphone: "Microphone",
  camera: "Camera",
  screen: "Share screen",
  leave: "Leave",
  button: (name: string, isOn: boolean) => `${name}: ${isOn ? "on" : "off"}`,
  off: (devices: string[]) => `${listed("en", devices).toLowerCase()} off`,
};

/** A sentence for which a number chooses the form asks `new Intl.PluralRules(language).select(number)` for it. */
type Words = typeof en;

const zh: Words = {
  title: "视频房间",
  lead: "进入同一房间的人可以看到彼此，也能听到彼此的声音。",
  language: "语言",
  roomname: "房间",
  username: "你的名字",
  join: "加入",
  insecure: "只有 https 或 localhost 上的网页才能使用摄像头和麦克风。",
  roomsInUse: "正在使用的房间",
  roomInUse: (room, present) => `${room}（${present} 人）`,
  taken: (name) => `房间里已经有人叫“${name}”了。`,
  held: (seconds) => `你关闭的页面还占用着这个名字，${seconds} 秒后自动加入。`,
  replaced: "你已在另一个窗口中进入这个房间。点击“加入”可以回到这里。",
  interrupted: "服务器没有响应，正在重试…",
  here: (people) => `${people} 人在场`,
  alone: "还没有其他人。这个房间的链接：",
  copy: "复制",
  copied: "链接已复制。",
  you: (name) => `${name}（你）`,
  ownScreen: "你的屏幕",
  screenOf: (name) => `${spaced(name)}的屏幕`,
  states: {
    new: "正在连接…", connecting: "正在连接…", connected: "",
    disconnected: "连接中断…", failed: "连接已断开，正在重试…", closed: "",
  },
  microphone: "麦克风",
  camera: "摄像头",
  screen: "共享屏幕",
  leave: "离开",
  button: (name, isOn) => `${name}：${isOn ? "开" : "关"}`,
  off: (devices) => `${listed("zh-CN", devices)}已关闭`,
};

/** What Chinese goes on after: a space is between it and Latin letters or figures. */
function spaced(name: string): string {
  return /[\p{Script=Latin}\p{Number}]$/u.test(name) ? `${name} ` : name;
}

/** The name is the one by which its readers know it. */
const LANGUAGES: Record<string, { name: string; words: Words }> = {
  en: { name: "English", words: en },
  "zh-CN": { name: "中文", words: zh },
};

/** What was chosen before, or else the first of the browser's languages that there is. */
function preferred(): string {
  const known = Object.keys(LANGUAGES);
  const primary = (tag: string) => tag.split("-")[0];
  const tags: string[] = [localStorage.language ?? "", ...navigator.languages];
  return tags.map((tag) => known.find((one) => primary(one) === primary(tag))).find(Boolean) ?? "en";
}

const language = preferred();
export const { words } = LANGUAGES[language]!;

/** Writes the words of a page where `data-word` names them, and lets its reader choose another language. */
export function writeWords(choice: HTMLSelectElement): void {
  // The server answers in it, too: signaling.ts tells it.
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-word]")) {
    element.textContent = words[element.dataset.word as "title"];
  }
  choice.append(...Object.entries(LANGUAGES).map(([tag, { name }]) => new Option(name, tag, false, tag === language)));
  choice.addEventListener("change", () => {
    localStorage.language = choice.value;
    location.reload();
  });
}

function listed(language: string, names: string[]): string {
  return new Intl.ListFormat(language).format(names);
}
