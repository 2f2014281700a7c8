// The examples of README.md, run as they are printed there but for the server's address, answer what is printed below
// them but for ids and times.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import {promisify} from 'node:util';

import {root, serve} from './support.mjs';

const run = promisify(execFile);
const printedAddress = 'http://127.0.0.1:8080';

let puna;
before(async () => {
  puna = await serve();
});
after(async () => assert.equal(await puna.stop(), 0));

// Every fenced block of shell or JavaScript, with the block of output that follows it.
async function examples() {
  const text = await readFile(`${root}/README.md`, 'utf8');
  const fences = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, body]) => ({language, body}));
  return fences.flatMap(({language, body}, i) =>
    language === 'sh' || language === 'js' ? [{language, body, output: fences[i + 1]}] : []);
}

const withoutChance = (text) =>
  text
    .replaceAll(/"id": ?"[a-z]+-[\w-]+"/g, '"id":"ID"')
    .replaceAll(/"created": ?\d+/g, '"created":0')
    // What was asked before is found in the cache.
    .replaceAll(/"cached_tokens": ?\d+/g, '"cached_tokens":0')
    .replaceAll(/"system_fingerprint": ?"\w+"/g, '"system_fingerprint":"FP"')
    .trim();

const comparable = (language, text) =>
  language === 'json' ? JSON.parse(withoutChance(text)) : withoutChance(text);

async function runExample({language, body}) {
  const here = body.replaceAll(printedAddress, puna.url);
  if (language === 'sh') return (await run('bash', ['-euo', 'pipefail', '-c', here])).stdout;
  // Where `openai` is found.
  const folder = await mkdtemp(`${root}/tests/e2e/node_modules/.readme-`);
  try {
    await writeFile(`${folder}/example.mjs`, here);
    return (await run(process.execPath, [`${folder}/example.mjs`])).stdout;
  } finally {
    await rm(folder, {recursive: true});
  }
}

test('every example of the README answers what the README says', async (t) => {
  const all = await examples();
  assert.ok(all.length >= 4, `${all.length} examples found`);
  for (const example of all) {
    await t.test(example.body.split('\n')[0], async () => {
      assert.ok(['json', 'text'].includes(example.output?.language), 'its output is printed below it');
      const {language, body} = example.output;
      assert.deepEqual(comparable(language, await runExample(example)), comparable(language, body));
    });
  }
});
