// Takes the pictures in docs/images of the real page on the real server with the demo model: node screenshots.mjs

import {mkdir} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import {post, user} from '../e2e/support.mjs';
import {answers, ask, bench} from './browser.mjs';

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const on = bench();
await mkdir(folder, {recursive: true});
await on.start();
const wide = {viewport: {width: 1100, height: 720}};
const save = (page, name) => page.screenshot({path: `${folder}${name}.png`, animations: 'disabled', caret: 'hide'});

await on.withPage(async (page) => {
  for (const [question, count] of [['Count to 10', 1], ['Tell me a joke', 1], ['What is the capital of France?', 1], ['And of Japan?', 2], ['What can you do?', 3]]) {
    if (count === 1) await page.click('#new-chat');
    await ask(page, question);
    await answers(page, count);
  }
  await save(page, 'chat');
}, wide);

await on.withPage(async (page) => {
  await ask(page, 'Tell me a story');
  await answers(page, 1);
  await page.click('[data-action=tokens]');
  const chips = page.locator('.tokens h3 + .chips .chip');
  await chips.first().waitFor();
  const surprises = await chips.evaluateAll((all) => all.map((chip) => parseFloat(chip.style.getPropertyValue('--surprise'))));
  await page.locator('.tokens').evaluate((element) => element.scrollIntoView());
  await chips.nth(surprises.indexOf(Math.max(...surprises))).click();
  await save(page, 'tokens');
}, wide);

await on.withPage(async (page) => {
  await page.click('[data-view=model]');
  await page.locator('.flow').waitFor();
  await save(page, 'model');
}, {viewport: {width: 1100, height: 1250}});

await on.withPage(async (page, proxy) => {
  await page.click('[data-view=speed]');
  const leaving = new AbortController();
  const load = (count) => Array.from({length: count}, () => post(proxy.target, '/v1/chat/completions', {
    model: 'demo', messages: user('Count to 20'), ignore_eos: true, max_tokens: 4000,
  }, {signal: leaving.signal}).catch(() => null));
  const points = (count) => page.waitForFunction((n) => document.querySelector('#speed-view polyline')?.getAttribute('points')?.split(' ').length >= n,
                                                 count, {timeout: 120_000});
  await points(3);
  const answered = load(2);
  await points(10);
  answered.push(...load(6));
  await points(24);
  await save(page, 'speed');
  leaving.abort();
  await Promise.all(answered);
}, {viewport: {width: 1100, height: 980}});

await on.withPage(async (page) => {
  await ask(page, 'Write a haiku');
  await answers(page, 1);
  await ask(page, 'What is the capital of France?');
  await answers(page, 2);
  await save(page, 'phone');
}, {viewport: {width: 360, height: 640}, deviceScaleFactor: 2, colorScheme: 'dark', isMobile: true, hasTouch: true});

await on.stop();
