/** How a client may reach the server. The last is what a client does that was not told otherwise. */
export const TRANSPORTS = new Map([
  ['polling only', ['polling']],
  ['WebSocket only', ['websocket']],
  ['default upgrade', ['polling', 'websocket']],
]);
