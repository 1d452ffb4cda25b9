// What the pages gain by a script: times in the reader's zone, and following what happens. Without it they show UTC
// and stand still; nothing else is missing. It runs before anything is painted: in another zone other days begin, and rows move.
'use strict';

/** The page's own, and the few words that only the script says: messages whose arguments are in braces. */
const LANGUAGE = document.documentElement.lang;
const WORDS = document.body.dataset;
/** What follows the stream of events for all open pages: beside this script, below whatever path that is served. */
const STREAM = new URL('stream.js', document.currentScript.src);
/** A burst of events is one change of the page. */
const TOGETHER_MS = 500;
/** How often a picture that goes on grows without any event. */
const GROW_MS = 15_000;
/** How far from a bar or a mark a tap still means it. */
const FINGER = 22;

const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
const minute = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const date = { day: 'numeric', month: 'short' };
const day = { ...date, year: 'numeric' };
const FORMS = {
  clock: new Intl.DateTimeFormat(LANGUAGE, clock),
  minute: new Intl.DateTimeFormat(LANGUAGE, minute),
  day: new Intl.DateTimeFormat(LANGUAGE, day),
  moment: new Intl.DateTimeFormat(LANGUAGE, { ...day, ...minute }),
  time: new Intl.DateTimeFormat(LANGUAGE, minute),
};
const WEEKDAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: 'long', ...day, month: 'long' });
const EITHER = new Intl.ListFormat(LANGUAGE, { type: 'disjunction' });
/** Those that leave the day out, with the day. */
const DATED = {
  clock: new Intl.DateTimeFormat(LANGUAGE, { ...date, ...clock }),
  minute: new Intl.DateTimeFormat(LANGUAGE, { ...date, ...minute }),
};
const OFFSET = new Intl.DateTimeFormat(LANGUAGE, { timeZoneName: 'shortOffset' });
const ZONE = OFFSET.resolvedOptions().timeZone;
/** More than any clock is ever changed by, in milliseconds. */
const NEARBY = 4 * 60 * 60_000;

/** Where everything is: the script is below it. */
const HOME = document.currentScript.src.replace(/\/review\/script\.js$/, '');

const main = document.querySelector('main');
const parts = () => document.querySelectorAll('[data-part]');
/** Each part as the server wrote it: what is equal to that has not changed. */
const served = new WeakMap();

for (const part of parts()) served.set(part, part.innerHTML);
dress(document);
showZone();
showDay();
for (const place of document.querySelectorAll('[data-origin]')) place.textContent = HOME;
for (const button of document.querySelectorAll('[data-copy]')) offerCopy(button);
document.addEventListener('formdata', addOffsets);
setInterval(() => countDown(document), 1000);
readPicture();
readSquare();
if ('live' in main.dataset) follow();

/** A button that copies what is to be typed; where a page may not, what stands before it is selected. */
function offerCopy(button) {
  const { copy, copied } = button.dataset;
  button.hidden = false;
  button.focus();
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(button.parentElement.querySelector('code'));
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(copy);
    button.textContent = copied;
  });
}

/** Minutes that the reader's clock is east of UTC at a moment. */
function offset(at) {
  return -new Date(at).getTimezoneOffset();
}

/** The same in words: `UTC+2`. */
function offsetName(at) {
  return OFFSET.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', 'UTC');
}

/** The reader's zone, with every offset that a time on the page has. */
function showZone() {
  const zone = document.querySelector('[data-zone]');
  if (!zone) return;
  const shown = [...document.querySelectorAll('time[data-form]')].map(({ dateTime }) => +new Date(dateTime));
  const times = shown.length ? shown.sort((one, other) => one - other) : [Date.now()];
  const offsets = [...new Set(times.map(offsetName))];
  const [first, last] = offsets;
  const both = last && main.dataset.started ? said(WORDS.then, { first, last }) : EITHER.format(offsets);
  zone.textContent = ZONE === both ? ZONE : `${ZONE} (${both})`;
}

/** Whether the reader's clock shows the same twice, once at this moment: it is put back. */
function showsTwice(at) {
  const shown = +at + offset(at) * 60_000;
  const offsets = new Set([offset(+at - NEARBY), offset(+at + NEARBY)]);
  return [...offsets].filter((minutes) => offset(shown - minutes * 60_000) === minutes).length > 1;
}

/** A moment by the reader's clock: with its day if that is another than the page's, and never mistakable. */
function written(at, form) {
  const page = new Date(main.dataset.started ?? Date.now());
  const isOtherDay = FORMS.day.format(at) !== FORMS.day.format(page);
  const text = ((isOtherDay && DATED[form]) || FORMS[form]).format(at);
  return showsTwice(at) ? `${text} ${offsetName(at)}` : text;
}

/** The title names the day, which is the reader's. It comes after the room, whose name may be anything. */
function showDay() {
  const { started, day: written } = main.dataset;
  if (!started) return;
  const at = document.title.lastIndexOf(written);
  const rest = document.title.slice(at + written.length);
  document.title = `${document.title.slice(0, at)}${FORMS.day.format(new Date(started))}${rest}`;
}

/** A message with its arguments. */
function said(message, told) {
  return message.replace(/\{(\w+)\}/g, (_, name) => told[name]);
}

/** Makes what the server wrote the reader's. */
function dress(root) {
  for (const time of root.querySelectorAll('time[data-form]')) {
    const at = new Date(time.dateTime);
    if (FORMS[time.dataset.form]) time.textContent = written(at, time.dataset.form);
    if (time.title) time.title = written(at, 'clock');
  }
  for (const body of root.querySelectorAll('.list tbody')) groupByDay(body);
  countDown(root);
  dressPicture(root);
}

/** The heads of the days in a list of sessions, as the reader's clock has them. */
function groupByDay(body) {
  const heads = [...body.querySelectorAll('.day')];
  if (heads.length === 0) return;
  const head = heads[0].cloneNode(true);
  for (const other of heads) other.remove();
  let last;
  for (const row of body.querySelectorAll('tr')) {
    const day = WEEKDAY.format(new Date(row.querySelector('time').dateTime));
    if (day === last) continue;
    last = day;
    const own = head.cloneNode(true);
    own.firstElementChild.textContent = day;
    row.before(own);
  }
}

function countDown(root) {
  for (const time of root.querySelectorAll('time[data-form=countdown]')) {
    const left = Math.ceil((new Date(time.dateTime) - Date.now()) / 1000);
    time.textContent = left > 0 ? said(WORDS.left, { duration: duration(left) }) : WORDS.gone;
  }
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? said(WORDS.minutes, { minutes, seconds: String(seconds % 60).padStart(2, '0') }) : said(WORDS.seconds, { seconds });
}

/** A date of a form is one of the reader's zone: its day begins, or ends, at that zone's midnight. */
function addOffsets({ formData }) {
  for (const name of ['from', 'to']) {
    const date = formData.get(name);
    if (!date) {
      formData.delete(name);
      continue;
    }
    const midnight = new Date(`${date}T00:00`);
    if (name === 'to') midnight.setDate(midnight.getDate() + 1);
    const minutes = offset(midnight);
    const two = (number) => String(Math.trunc(number)).padStart(2, '0');
    const sign = minutes < 0 ? '-' : '+';
    formData.set(name, `${date}${sign}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`);
  }
  for (const name of [...formData.keys()]) if (!formData.get(name)) formData.delete(name);
}

/** Bars and marks say what they are when pointed at, tapped, or reached by the arrow keys. */
function readPicture() {
  const told = document.querySelector('[data-told]');
  const picture = document.getElementById('timeline');
  if (!told || !picture) return;
  // What it says in UTC is not what the page says.
  const times = picture.querySelectorAll('.timeline .quiet');
  for (const time of times) time.style.visibility = 'hidden';
  drawPicture(picture).then((isDrawn) => {
    for (const time of times) time.style.visibility = '';
    if (!isDrawn) return;
    for (const download of document.querySelectorAll('.downloads [data-zoned]')) {
      download.href += `?tz=${encodeURIComponent(ZONE)}`;
    }
  });
  const atFirst = told.textContent;
  const tell = (shape) => {
    if (!shape) return;
    told.textContent = shape.getAttribute('aria-label');
    told.classList.add('exact');
    pointTo(shape);
  };
  // Once nothing is pointed at, nothing is told but what the keyboard is at.
  const settle = () => {
    const reached = picture.querySelector('.timeline [aria-label]:focus-visible');
    if (reached) return tell(reached);
    picture.querySelector('.hair')?.remove();
    told.classList.remove('exact');
    if (told.textContent !== atFirst) told.textContent = atFirst;
  };
  for (const kind of ['pointerover', 'focusin']) {
    picture.addEventListener(kind, ({ target }) => tell(target.closest?.('.timeline [aria-label]')));
  }
  for (const kind of ['pointerout', 'focusout']) {
    // A finger leaves with every tap: what it meant is told until the next one.
    picture.addEventListener(kind, ({ pointerType, relatedTarget }) => {
      if (pointerType !== 'touch' && !relatedTarget?.closest?.('.timeline [aria-label]')) settle();
    });
  }
  document.addEventListener('pointerdown', ({ target }) => !picture.contains(target) && settle());
  let tapped;
  picture.addEventListener('click', (event) => {
    const shape = nearest(picture, event);
    tell(shape);
    // Bars and marks are links to the log. A finger cannot point at one first: it follows the link of what it has tapped already.
    if (event.pointerType === 'touch' && event.target.closest('.timeline a') && shape !== tapped) event.preventDefault();
    tapped = shape;
  });
  picture.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = [...event.target.closest('.timeline').querySelectorAll('[tabindex]')];
    const next = all[all.indexOf(event.target) + step];
    if (!all.includes(event.target) || !next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/** The bar or mark that a tap means: fingers are wider than those. Of two at the same place it is the one on top. */
function nearest(picture, { clientX, clientY }) {
  let found;
  let least = FINGER;
  for (const shape of picture.querySelectorAll('.timeline [aria-label]')) {
    if (shape.getClientRects().length === 0) continue;
    const { left, right, top, bottom } = shape.getBoundingClientRect();
    const away = Math.hypot(Math.max(left - clientX, 0, clientX - right), Math.max(top - clientY, 0, clientY - bottom));
    if (away <= least) [found, least] = [shape, away];
  }
  return found;
}

function dressPicture(root) {
  for (const svg of root.querySelectorAll('.timeline.wide, .timeline.narrow')) {
    const named = [...svg.querySelectorAll('rect, g, a, line.now')].filter(({ firstElementChild }) => firstElementChild?.tagName === 'title');
    for (const [index, shape] of named.entries()) {
      if (shape.tagName !== 'a') shape.setAttribute('role', 'img');
      shape.setAttribute('aria-label', shape.firstElementChild.textContent);
      shape.setAttribute('tabindex', index === 0 ? '0' : '-1');
    }
  }
}

/** A hairline from what is pointed at to the times above it: from the middle of a mark, from where a bar begins. */
function pointTo(shape) {
  const svg = shape.closest('.timeline');
  const { left, width } = svg.getBoundingClientRect();
  const at = shape.getBoundingClientRect();
  const x = `${((at.left + (shape.matches('rect, .bar') ? 0 : at.width / 2) - left) / width) * 100}%`;
  const line = svg.querySelector('.hair') ?? svg.appendChild(document.createElementNS(svg.namespaceURI, 'line'));
  for (const [name, value] of Object.entries({ class: 'hair', x1: x, x2: x, y1: 16, y2: '100%' })) line.setAttribute(name, value);
}

/** The column of the square that is pointed at; of a name before its row, that of the person. */
function readSquare() {
  document.addEventListener('pointerover', ({ target }) => {
    for (const cell of document.querySelectorAll('.theirs')) cell.classList.remove('theirs');
    const row = target.closest('.triangle tbody tr');
    if (!row) return;
    const column = target.closest('td')?.cellIndex ?? row.rowIndex + 1;
    for (const { cells } of row.closest('table').rows) cells[column]?.classList.add('theirs');
  });
}

/** The picture by the reader's clock. Gives whether there is one: a zone that the server does not know leaves it as it is. */
async function drawPicture(picture) {
  const address = new URL(picture.dataset.picture, location.href);
  address.searchParams.set('tz', ZONE);
  const answer = await fetch(address).catch(() => undefined);
  if (!answer?.ok) return false;
  const text = await answer.text();
  if (served.get(picture) !== text) {
    served.set(picture, text);
    swap(picture, new DOMParser().parseFromString(text, 'text/html').body);
  }
  picture.dataset.drawn = ZONE;
  return true;
}

/** Follows what happens while the page is in sight. */
function follow() {
  const { session } = main.dataset;
  const stream = globalThis.SharedWorker ? new SharedWorker(STREAM).port : new Worker(STREAM);
  let waiting;
  let isOver = false;
  const isFollowing = () => !isOver && document.visibilityState === 'visible';
  const tell = () => stream.postMessage(isFollowing());
  const soon = () => {
    waiting ??= setTimeout(async () => {
      waiting = undefined;
      isOver = !(await refresh());
      if (isOver) tell();
    }, TOGETHER_MS);
  };
  stream.onmessage = ({ data }) => {
    if (!isFollowing()) return;
    showConnection(data.is === 'lost' ? ` · ${WORDS.lost}` : '');
    // Whatever happened while there was no stream is seen by looking.
    if (data.is === 'open' || (data.is === 'event' && (!session || data.session === session))) soon();
  };
  document.addEventListener('visibilitychange', tell);
  addEventListener('pagehide', () => stream.postMessage(false));
  addEventListener('pageshow', tell);
  if (session) setInterval(() => isFollowing() && soon(), GROW_MS);
}

function showConnection(text) {
  const state = document.querySelector('[data-state]');
  if (state.textContent !== text) state.textContent = text;
}

/** Brings the page up to date. Gives whether it may change further. */
async function refresh() {
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer?.ok) return true;
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  // Chosen in another window: half a page in each would be worse than a new one.
  if (next.documentElement.lang !== LANGUAGE) location.reload();
  for (const part of parts()) {
    const fresh = next.getElementById(part.id);
    if (!fresh) continue;
    if (part.dataset.picture && (await drawPicture(part))) continue;
    if (served.get(part) === fresh.innerHTML) continue;
    served.set(part, fresh.innerHTML);
    swap(part, fresh);
  }
  showZone();
  return Boolean(next.querySelector('main[data-live]'));
}

/** Puts in what is fresh, and keeps what the reader has opened, scrolled to and is at. */
function swap(part, fresh) {
  const reachable = () => [...part.querySelectorAll('a, button, input, summary, [tabindex]')];
  const scrolled = () => part.querySelectorAll('.scroll');
  const open = [...part.querySelectorAll('details[open]')].map(({ id }) => id);
  const lefts = [...scrolled()].map(({ scrollLeft }) => scrollLeft);
  const at = reachable().indexOf(document.activeElement);
  dress(fresh);
  part.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  for (const [index, place] of scrolled().entries()) place.scrollLeft = lefts[index] ?? 0;
  if (at >= 0) reachable()[at]?.focus({ preventScroll: true });
}
