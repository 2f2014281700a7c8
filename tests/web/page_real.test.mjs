// The page on the real server with the demo model.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {answers, ask, launch, openChat} from './browser.mjs';

const binary = process.env.PUNA_BINARY ?? fileURLToPath(new URL('../../build/release/puna', import.meta.url));

// Starts `puna serve` on a free port; resolves to {url, process} once it says where it listens.
function startPuna(...args) {
  const child = spawn(binary, ['serve', '--port', '0', ...args], {stdio: ['ignore', 'pipe', 'pipe']});
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (bytes) => {
      output += bytes;
      const url = output.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
      if (url) resolve({url, process: child});
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`puna serve ended with ${code}: ${output}`)));
  });
}

let browser;
let puna;
before(async () => {
  browser = await launch();
  puna = await startPuna();
});
after(async () => {
  await browser?.close();
  puna?.process.kill('SIGTERM');
});

async function withPage(body) {
  const chat = await openChat(browser, puna.url);
  try {
    await chat.page.waitForFunction(() => !['connecting…', 'not connected'].includes(
        document.getElementById('model').textContent));
    await body(chat.page);
    assert.deepEqual(chat.problems, []);
  } finally {
    await chat.close();
  }
}

test('a question is answered in the page', async () => {
  await withPage(async (page) => {
    await ask(page, 'What is the capital of France?');
    assert.match(await answers(page, 1), /Paris/);
    assert.match(await page.textContent('.facts'), /\d+ tokens · [\d.]+ tokens\/s · first after \d+ ms/);
  });
});

test('a second turn knows the first', async () => {
  await withPage(async (page) => {
    await ask(page, 'What is the capital of Japan?');
    assert.match(await answers(page, 1), /Tokyo/);
    await ask(page, 'And of Italy?');
    assert.match(await answers(page, 2), /Rome/);
  });
});

test('emoji answers arrive whole', async () => {
  await withPage(async (page) => {
    await page.click('#settings summary');
    await page.fill('#system', 'Always answer with emojis');
    await ask(page, 'What is the capital of France?');
    const text = await answers(page, 1);
    assert.match(text, /\p{Extended_Pictographic}|\p{Regional_Indicator}/u);
    assert.doesNotMatch(text, /\uFFFD/);
  });
});
