// The page on the real server with the demo model.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {serve} from '../e2e/support.mjs';
import {answers, ask, launch, openChat} from './browser.mjs';

let browser;
let puna;
before(async () => {
  browser = await launch();
  puna = await serve();
});
after(async () => {
  await browser?.close();
  await puna?.stop();
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
