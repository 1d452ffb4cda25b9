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

test('the README in Chinese is as whole as the one in English: the same commands, chapters, tables and links', async () => {
  const parts = (text) => {
    const code = text.match(/^```.*?^```$/gms);
    const prose = text.replaceAll(/^```.*?^```$/gms, '');
    return {
      code,
      chapters: prose.match(/^#+ /gm),
      rows: prose.match(/^\| [^|]*\|/gm).filter((cell) => cell.includes('`')),
      links: prose.match(/\]\([^#)][^)]*\)/g).filter((link) => !link.includes('README')).sort(),
    };
  };
  const [english, chinese] = await Promise.all(['README.md', 'README.zh-CN.md'].map(file));
  assert.ok(parts(english).code.length > 20);
  assert.deepEqual(parts(chinese), parts(english));
  assert.ok(english.includes('(README.zh-CN.md)') && chinese.includes('(README.md)'));
});

test('a link within a README leads to one of its chapters', async () => {
  for (const text of await Promise.all(['README.md', 'README.zh-CN.md'].map(file))) {
    const anchor = (title) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-');
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchor(title));
    const missing = [...text.matchAll(/\]\(#(.*?)\)/g)].filter(([, link]) => !anchors.includes(link));
    assert.deepEqual(missing.map(([link]) => link), []);
  }
});
