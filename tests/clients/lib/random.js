/**
 * Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32).
 *
 * @param {number} seed
 * @returns {() => number}
 */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for this run: that of the environment variable SEED, to have a run again, or else any. */
export function anySeed() {
  return Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
}
