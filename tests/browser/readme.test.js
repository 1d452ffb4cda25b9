import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const file = (path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

test("what the README shows of the example is the example's own code", async () => {
  const readme = await file('README.md');
  const lines = (text) => text.trim().split('\n').map((line) => line.trim()).join('\n');
  const source = lines(await file('examples/video-room/src/signaling.ts'));
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => lines(code));
  assert.ok(shown.length > 8, `${shown.length} excerpts`);
  for (const excerpt of shown) assert.ok(source.includes(excerpt), `not in signaling.ts:\n${excerpt}`);
});

test('the example is as short as the README says', async () => {
  const sources = await Promise.all(['main.ts', 'signaling.ts'].map((name) => file(`examples/video-room/src/${name}`)));
  assert.match(await file('README.md'), /less than 500 lines of TypeScript/);
  assert.ok(sources.join('').split('\n').length <= 500);
});
