// How long one answer takes in this browser.

export const WARMUPS = 10;
export const REPEATS = 200;

/** Return a percentile (0 to 100) of samples, between two of them where it falls between. */
export function percentile(samples, percent) {
  const sorted = [...samples].sort((one, other) => one - other);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** Return the milliseconds of one step of the page's clock. */
export function clockStep() {
  let smallest = Infinity;
  for (let count = 0; count < 5; count += 1) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    smallest = Math.min(smallest, now - start);
  }
  return smallest;
}

/**
 * Time calls, first ones apart.
 *
 * @param {(number: number) => Promise<unknown>} call makes the call with this number.
 * @returns {Promise<{p50: number, p95: number, calls: number, step: number}>} milliseconds.
 */
export async function measureLatency(call) {
  for (let number = 0; number < WARMUPS; number += 1) await call(number);
  const samples = [];
  for (let number = 0; number < REPEATS; number += 1) {
    const start = performance.now();
    await call(number);
    samples.push(performance.now() - start);
  }
  return { p50: percentile(samples, 50), p95: percentile(samples, 95), calls: REPEATS, step: clockStep() };
}
