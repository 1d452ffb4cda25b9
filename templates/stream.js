// One stream of what happens for all pages of the review that are open in a browser: it has six connections to a server,
// and every stream keeps one. A page says whether it follows, and is told what happens; nobody following, there is none.
'use strict';

const KINDS = ['session_started', 'session_ended', 'joined', 'left', 'disconnected', 'reconnected', 'error', 'gap', 'action'];
/** From where this script is, so that it is below the same path. */
const EVENTS = new URL('../api/v1/events', self.location.href);
/** How long to wait after an answer that is no stream, as a proxy gives while the server is away. */
const AGAIN_MS = 3_000;

const pages = new Set();
let source;
let again;

// As a worker that pages share, or, where a browser has none such, as a worker of one page.
if ('onconnect' in self) self.onconnect = ({ ports: [page] }) => listen(page);
else listen(self);

function listen(page) {
  page.onmessage = ({ data: follows }) => {
    if (follows) pages.add(page);
    else pages.delete(page);
    if (pages.size === 0) close();
    else if (!source) open();
    else if (follows && source.readyState === EventSource.OPEN) page.postMessage({ is: 'open' });
  };
}

function tell(message) {
  for (const page of pages) page.postMessage(message);
}

function close() {
  clearTimeout(again);
  source?.close();
  source = undefined;
}

/** Follows what happens, over lost connections and restarts of the server. */
function open() {
  source = new EventSource(EVENTS);
  for (const kind of KINDS) {
    source.addEventListener(kind, ({ data }) => {
      // A broken connection is an `error` too, one without data.
      if (data) tell({ is: 'event', session: JSON.parse(data).sessionId });
    });
  }
  source.addEventListener('open', () => tell({ is: 'open' }));
  source.addEventListener('error', ({ data }) => {
    if (data) return;
    tell({ is: 'lost' });
    if (source.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN_MS);
  });
}
