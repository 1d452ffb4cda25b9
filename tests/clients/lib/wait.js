/** How long anything that ought to happen may take, in milliseconds. */
export const PATIENCE = 10_000;

/**
 * Resolves when `condition` holds (or gives something truthy, which is the result).
 *
 * @template T
 * @param {() => T | Promise<T>} condition
 * @param {string} what what is waited for, for the message of the failure
 * @param {number} [patience] milliseconds
 * @param {number} [interval] milliseconds from one look to the next
 * @returns {Promise<T>}
 */
export async function until(condition, what, patience = PATIENCE, interval = 5) {
  const deadline = performance.now() + patience;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`waited ${patience} ms in vain: ${what}`);
    await pause(interval);
  }
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * The promise's own outcome, or a failure that says what was waited for.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @param {number} [patience] milliseconds
 * @returns {Promise<T>}
 */
export async function within(promise, what, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms in vain: ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
