// A room written after the README's tables of events and nothing else, on polling alone. It is as strict as deployed
// pages are: it throws where the server names a connector that is not its own, or a member that it never met.
import { io } from './socket.io.esm.min.js';

/** @typedef {{id: string, memberId: string, streamType: string, connection: RTCPeerConnection, remoteId: string | null, round: number}} Connector */

const videos = document.querySelector('#videos');
const me = { id: crypto.randomUUID(), username: '', roomname: '' };
/** @type {Map<string, Connector & {name: string, waiting: RTCIceCandidate[], isChanged: boolean}>} */
const connectors = new Map();
const met = new Set();
let camera = null;
let screen = null;
let hasJoined = false;

const socket = io({ transports: ['polling'], autoConnect: false });

document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  Object.assign(me, { username: fields.get('username'), roomname: fields.get('roomname') });
  const taken = await fetch(`/checkUsername?${new URLSearchParams({ username: me.username, roomname: me.roomname })}`);
  if ((await taken.json()).isRepeat) return say('That name is taken.');
  camera = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
  socket.connect();
});

socket.on('connect', () => {
  socket.emit(hasJoined ? 'reconnect' : 'join', me, ({ ok, error, members }) => {
    if (!ok) return say(error.message);
    for (const { memberId } of members) met.add(memberId);
    if (!hasJoined) show('own', `${me.username} (you)`, camera);
    hasJoined = true;
  });
});

let turn = Promise.resolve();

/** One message after another: an offer that comes while one before it is being answered would be answered in its place. */
function inTurn(handle) {
  return (message) => {
    turn = turn.then(() => handle(message)).catch((error) => queueMicrotask(() => { throw error; }));
  };
}

socket.on('getOffer', inTurn(async ({ memberId }) => {
  met.add(memberId);
  await offer(memberId, 'user');
  if (screen) await offer(memberId, 'display');
}));

socket.on('offer', inTurn(async ({ remoteConnectorId, offer: { username, ...theirs }, memberId, streamType }) => {
  met.add(memberId);
  const connector = open(memberId, streamType === 'display' ? 'remoteDisplay' : streamType, remoteConnectorId);
  connector.name = username;
  await connector.connection.setRemoteDescription(theirs);
  const answer = await describe(connector);
  socket.emit('answer', { remoteConnectorId, connectorId: connector.id, answer, memberId, streamType: connector.streamType });
  if (screen && streamType === 'user') await offer(memberId, 'display');
}));

socket.on('answer', inTurn(async ({ remoteConnectorId, connectorId, answer: { username, ...answer }, memberId }) => {
  const connector = own(connectorId, memberId);
  connector.name = username;
  await connector.connection.setRemoteDescription(answer);
  connector.remoteId = remoteConnectorId;
  for (const candidate of connector.waiting) sendCandidate(connector, candidate);
  if (connector.isChanged) await renegotiate(connector);
}));

socket.on('icecandidate', inTurn(({ connectorId, candidate }) => addCandidate(own(connectorId), candidate)));

socket.on('reconnect', inTurn(async ({ type, data, connectorId, memberId }) => {
  if (type === 'leave') return [...connectors.values()].forEach(close);
  const connector = own(connectorId, memberId);
  if (type === 'getOffer') return renegotiate(connector);
  if (type === 'candidate') return addCandidate(connector, data);
  const { round, username, ...description } = data;
  connector.name = username;
  if (type === 'offer') {
    connector.round += 1;
    await connector.connection.setRemoteDescription(description);
    work('answer', connector, { ...(await describe(connector)), round });
  } else if (type === 'answer' && round === connector.round) {
    await connector.connection.setRemoteDescription(description);
  }
}));

socket.on('leave', inTurn(({ connectorId, memberId }) => {
  if (!met.has(memberId)) throw new Error(`leave of ${memberId}, who was never here`);
  close(own(connectorId, memberId));
}));

socket.on('error', ({ type, message, event }) => console.error(`${event} was refused: ${type}, ${message}`));

document.querySelector('#share').addEventListener('click', async () => {
  const before = screen;
  screen = before ? null : await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 5 } } });
  if (screen) show('own-screen', 'Your screen', screen);
  else hide('own-screen');
  before?.getTracks().forEach((track) => track.stop());
  const seen = [...connectors.values()].filter(({ streamType }) => streamType === 'display');
  for (const connector of seen) await change(connector);
  const others = [...connectors.values()].filter(({ streamType }) => streamType === 'user');
  for (const { memberId } of screen ? others : []) {
    if (!seen.some((one) => one.memberId === memberId)) offer(memberId, 'display');
  }
});

document.querySelector('#leave').addEventListener('click', () => {
  socket.emit('leave', [...connectors.values()].map(({ remoteId, memberId }) => ({ remoteConnectorId: remoteId, memberId })));
  socket.disconnect();
  [...connectors.values()].forEach(close);
  hide('own');
});

async function offer(memberId, streamType) {
  const connector = open(memberId, streamType, null);
  socket.emit('offer', { connectorId: connector.id, offer: await describe(connector), memberId, streamType });
}

function open(memberId, streamType, remoteId) {
  const connection = new RTCPeerConnection();
  const connector = {
    id: crypto.randomUUID(), memberId, streamType, connection, remoteId, name: '', waiting: [], round: 0, isChanged: false,
  };
  connectors.set(connector.id, connector);
  connection.onicecandidate = ({ candidate }) => candidate && sendCandidate(connector, candidate);
  connection.ontrack = ({ streams: [stream] }) => {
    const label = streamType === 'user' ? connector.name : `${connector.name}’s screen`;
    show(connector.id, label, stream);
    stream.onremovetrack = () => hide(connector.id);
  };
  const stream = { user: camera, display: screen, remoteDisplay: null }[streamType];
  for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream);
  return connector;
}

/** Shows the screen of now over a connection that has shown another, or none. */
async function change(connector) {
  const { connection } = connector;
  for (const sender of connection.getSenders()) if (sender.track) connection.removeTrack(sender);
  for (const track of screen?.getTracks() ?? []) connection.addTrack(track, screen);
  connector.isChanged = connector.remoteId === null;
  if (!connector.isChanged) await renegotiate(connector);
}

async function renegotiate(connector) {
  connector.isChanged = false;
  connector.round += 1;
  const { round } = connector;
  connector.connection.restartIce();
  work('offer', connector, { ...(await describe(connector)), round });
}

/** What the other side is to be told, and by whom: an offer is the page's own business. */
async function describe({ connection }) {
  await connection.setLocalDescription();
  return { ...connection.localDescription.toJSON(), username: me.username };
}

/** @param {string} type @param {Connector} connector @param {object} data */
function work(type, { id, memberId }, data) {
  socket.emit('reconnectWork', { type, data, connectorId: id, memberId });
}

function sendCandidate(connector, candidate) {
  const { remoteId, memberId, round, waiting } = connector;
  if (round > 0) work('candidate', connector, candidate);
  else if (remoteId !== null) socket.emit('icecandidate', { remoteConnectorId: remoteId, memberId, candidate });
  else waiting.push(candidate);
}

/** One of a negotiation that was given up meanwhile is refused by the browser. */
function addCandidate({ connection }, candidate) {
  connection.addIceCandidate(candidate).catch(() => {});
}

function own(connectorId, memberId) {
  const connector = connectors.get(connectorId);
  if (!connector) throw new Error(`connector ${connectorId} is not one of mine`);
  if (memberId !== undefined && connector.memberId !== memberId) throw new Error(`connector ${connectorId} is not ${memberId}’s`);
  return connector;
}

function close({ id, connection }) {
  connection.close();
  connectors.delete(id);
  hide(id);
}

function show(id, label, stream) {
  const video = document.getElementById(id) ?? document.createElement('video');
  Object.assign(video, { id, autoplay: true, muted: true, ariaLabel: label });
  if (video.srcObject !== stream) video.srcObject = stream;
  if (!video.isConnected) videos.append(video);
}

function hide(id) {
  document.getElementById(id)?.remove();
}

function say(hint) {
  document.querySelector('#hint').textContent = hint;
}
