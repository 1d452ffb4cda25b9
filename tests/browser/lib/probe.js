/**
 * Runs in a page before its own scripts, and keeps an eye on what it shows and on its peer connections. Of the page it
 * needs nothing but a name at each video, as `aria-label`.
 *
 * @param {boolean} hasMicrophone whether a page that asks for a microphone gets one, and not the camera alone
 */
export function probe(hasMicrophone) {
  /** @type {Set<RTCPeerConnection>} */
  const connections = new Set();
  /** What somebody who looks at the page would have noticed since `watch`. @type {string[]} */
  const blinks = [];
  const open = () => [...connections].filter(({ connectionState }) => connectionState !== 'closed');
  const videos = () => /** @type {HTMLVideoElement[]} */ ([...document.querySelectorAll('video[aria-label]')]);

  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    /** @param {...any} args */
    constructor(...args) {
      super(...args);
      connections.add(this);
      this.addEventListener('connectionstatechange', () => {
        if (['disconnected', 'failed'].includes(this.connectionState)) blinks.push(`a connection is ${this.connectionState}`);
      });
    }
  };

  // Sound costs ten times what these small videos do, and nobody listens.
  if (!hasMicrophone && navigator.mediaDevices) {
    const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wanted) => getUserMedia({ ...wanted, audio: false });
  }

  /** How far a video has come that a peer sends; `null` for one's own. @param {HTMLVideoElement} video */
  async function progress(video) {
    const [track] = /** @type {MediaStream | null} */ (video.srcObject)?.getVideoTracks() ?? [];
    const receiver = open().flatMap((one) => one.getReceivers()).find((one) => one.track === track);
    if (!receiver) return null;
    const report = [...(await receiver.getStats()).values()].find(({ type }) => type === 'inbound-rtp');
    // Firefox counts no frames of a stream.
    const shown = 'mozPaintedFrames' in video ? Infinity : video.getVideoPlaybackQuality().totalVideoFrames;
    return { name: video.ariaLabel, track: receiver.track.id, frames: Math.min(report?.framesDecoded ?? 0, shown) };
  }

  /** The user names of the two ends of a connection's ICE, which every negotiation anew changes. @param {RTCPeerConnection} connection */
  function ends({ signalingState, localDescription, remoteDescription }) {
    const [local, remote] = [localDescription, remoteDescription].map((one) => one?.sdp.match(/a=ice-ufrag:(.*)\r/)?.[1]);
    return { signalingState, local, remote };
  }

  /** Whether a video shows nothing, as that of a camera that is off. @param {HTMLVideoElement} video */
  function isBlack(video) {
    const canvas = new OffscreenCanvas(16, 12).getContext('2d');
    canvas.drawImage(video, 0, 0, 16, 12);
    const { data } = canvas.getImageData(0, 0, 16, 12);
    return data.every((value, index) => index % 4 === 3 || value < 32);
  }

  globalThis.probe = {
    blinks,
    isBlack: (name) => isBlack(videos().find((video) => video.ariaLabel === name)),
    sends: (kind) => open().flatMap((one) => one.getSenders()).some(({ track }) => track?.kind === kind && track.enabled),
    /** The names of all videos on the page, one's own too. */
    names: () => videos().map((video) => video.ariaLabel),
    progress: async () => (await Promise.all(videos().map(progress))).filter((one) => one !== null),
    ends: () => open().map(ends),
    watch() {
      blinks.length = 0;
      const seen = new MutationObserver((changes) => {
        for (const node of changes.flatMap(({ removedNodes }) => [...removedNodes])) {
          if (!(node instanceof Element)) continue;
          const gone = node.matches('video') ? node : node.querySelector('video');
          if (gone) blinks.push(`${gone.ariaLabel} is gone`);
        }
      });
      seen.observe(document.body, { childList: true, subtree: true });
      for (const event of ['emptied', 'pause', 'ended']) {
        document.addEventListener(event, ({ target }) => blinks.push(`${event}: ${target.ariaLabel}`), true);
      }
    },
  };
}
