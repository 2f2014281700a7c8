// The views that show what the model does: they say what the API says, of the model that is served.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {chat, post, root, run, user} from '../e2e/support.mjs';
import {answers, ask, bench} from './browser.mjs';

const on = bench();
before(on.start);
after(on.stop);

const question = 'How to go from Beijing to NY? Use emojis.';
const chips = (page, which) => page.locator(`.tokens ${which} .chip`);
const inAnswer = 'h3 + .chips';
const inPrompt = 'details .chips';
const shown = (text) => text.replaceAll('\n', '↵').replaceAll('\t', '⇥').replaceAll(' ', '·');
const percent = (logprob) => {
  const share = Math.exp(logprob);
  if (share < 0.00005) return '< 0.01%';
  const digits = share >= 0.9995 || share < 0.0005 ? 2 : 1;
  return new Intl.NumberFormat('en', {style: 'percent', maximumFractionDigits: digits}).format(share);
};

async function openTokens(page) {
  await page.locator('[data-action=tokens]').last().click();
  await chips(page, inAnswer).first().waitFor();
}

test('the tokens of an answer are those of the API, with its probabilities and alternatives', () => on.withPage(async (page) => {
  await ask(page, question);
  await answers(page, 1);
  await openTokens(page);
  const api = await chat(on.puna.url, user(question), {logprobs: true, top_logprobs: 5, return_token_ids: true});
  const {token_ids: ids, logprobs: {content}} = api.choices[0];
  assert.deepEqual((await chips(page, `${inAnswer} >`).locator('.id').allTextContents()).map(Number), ids);
  assert.deepEqual(await chips(page, inAnswer).locator('.piece').allTextContents(), content.map(({token}) => shown(token)));
  assert.deepEqual((await chips(page, inPrompt).locator('.id').allTextContents()).map(Number), api.prompt_token_ids);
  for (const [i, token] of content.entries()) {
    await chips(page, inAnswer).nth(i).dispatchEvent('mouseenter');
    const detail = await page.textContent('.token-detail');
    assert.ok(detail.includes(`id ${ids[i]} `), detail);
    assert.ok(detail.includes(`probability ${percent(token.logprob)}`), detail);
    if (token.bytes) assert.ok(detail.includes(token.bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')), detail);
    const rows = await page.locator('.token-detail tr').evaluateAll((all) => all.map((row) => [...row.cells].slice(0, 2).map((cell) => cell.textContent)));
    assert.deepEqual(rows, token.top_logprobs.map((other) => [shown(other.token), percent(other.logprob)]));
  }
}));

test('a surprising token is shaded more than a sure one, and the arrows walk', () => on.withPage(async (page) => {
  await ask(page, 'Tell me a story');
  await answers(page, 1);
  await openTokens(page);
  const surprise = (chip) => chip.evaluate((element) => parseFloat(element.style.getPropertyValue('--surprise')));
  const all = await Promise.all((await chips(page, inAnswer).all()).map(surprise));
  assert.ok(Math.max(...all) > 10 && Math.min(...all) === 0, all.join(' '));
  await chips(page, inAnswer).first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.match(await page.textContent('.token-detail'), /number 3 /);
  assert.equal(await page.evaluate(() => document.activeElement.tabIndex), 0);
}));

test('an answer whose probabilities nobody recorded has them computed, and its prompt too', () => on.withPage(async (page) => {
  await page.click('#open-settings');
  await page.uncheck('#probabilities');
  await page.press('#seed', 'Enter');
  await ask(page, 'What is the capital of France?');
  await answers(page, 1);
  await openTokens(page);
  await chips(page, inAnswer).nth(5).hover();
  assert.doesNotMatch(await page.textContent('.token-detail'), /probability/);
  await page.click('[data-action=score]');
  await page.locator('.scale').waitFor();
  const api = await chat(on.puna.url, user('What is the capital of France?'), {logprobs: true, return_token_ids: true});
  const at = api.choices[0].logprobs.content.findIndex(({token}) => token === ' Paris');
  await chips(page, inAnswer).nth(at).hover();
  const detail = await page.textContent('.token-detail');
  assert.ok(detail.includes(`probability ${percent(api.choices[0].logprobs.content[at].logprob)}`), detail);
  await page.locator('.tokens summary').click();
  await chips(page, inPrompt).nth(9).hover();
  assert.match(await page.textContent('.token-detail'), /probability/);
}));

test('the model view says what `puna inspect` says', () => on.withPage(async (page) => {
  await page.click('[data-view=model]');
  await page.locator('.flow').waitFor();
  const {stdout} = await run(['inspect', '--model', `${root}/models/demo`]);
  const [, all, tensors, elements, bytes] = stdout.match(/^(all): ([\d ,]+) tensors, ([\d ,]+) elements, ([\d ,]+) bytes$/m);
  assert.equal(all, 'all');
  const numbers = (text) => text.replace(/\D/g, '');
  const foot = await page.locator('tfoot td').allTextContents();
  assert.deepEqual(foot.map(numbers), [tensors, elements, bytes].map(numbers));
  const sums = await page.locator('tbody tr').evaluateAll((rows) => rows.map((row) =>
    [...row.cells].slice(1).map((cell) => Number(cell.textContent.replace(/\D/g, '')))));
  for (const column of [0, 1, 2])
    assert.equal(String(sums.reduce((sum, row) => sum + row[column], 0)), numbers(foot[column]));
  assert.match(await page.textContent('[data-fact=headsFact]'), /^6 for queries, 2 for keys and values, 32 /);
  assert.match(await page.textContent('.layers h3'), /^4 layers$/);
  assert.equal(await page.locator('[data-part=attention] svg circle').count(), 6);
  assert.equal(await page.locator('[data-part=attention] svg rect').count(), 2);
  assert.match(await page.textContent('[data-part=feedForward] .shapes'), /w1 \[512 × 192\], w2 \[192 × 512\], w3 \[512 × 192\]/);
  for (const part of await page.locator('.stop').all()) assert.match(await part.locator('p').first().textContent(), /\w+ .*\./);
}));

test('tied weights are counted once', () => on.withPage(async (page) => {
  await page.click('[data-view=model]');
  await page.locator('.flow').waitFor();
  assert.match(await page.textContent('[data-part=output]'), /used twice/);
  assert.match(await page.textContent('tfoot'), /Together2100200/);
}, {routes: {'/model': (_, response) => response.end(JSON.stringify({
  id: 'tied', parameters: 100, bytes: 200, context_length: 8,
  config: {dim: 10, n_layers: 1, n_heads: 1, n_kv_heads: 1, head_dim: 10, hidden_dim: 20, vocab_size: 10, max_context: 8},
  tensors: [{name: 'tok_embeddings.weight', type: 'bf16', shape: [10, 10], parameters: 100, bytes: 200, shared: false},
            {name: 'output.weight', type: 'bf16', shape: [10, 10], parameters: 100, bytes: 200, shared: true}],
  kv_cache: {type: 'f32', bytes_per_token: 80, tokens: 8}, threads: 1, instruction_set: 'avx2',
}))}}));

test('the speed view shows what the server computes', () => on.withPage(async (page, proxy) => {
  await page.click('[data-view=speed]');
  await page.locator('[data-fact=generatedTotal]').waitFor();
  const total = async () => Number((await page.textContent('[data-fact=generatedTotal]')).replace(/\D/g, ''));
  const before = await total();
  const leaving = new AbortController();
  const running = (async () => {
    const request = {model: 'demo', messages: user('Count to 20'), ignore_eos: true, max_tokens: 8000};
    while (!leaving.signal.aborted)
      await post(proxy.target, '/v1/chat/completions', request, {signal: leaving.signal}).catch(() => null);
  })();
  await page.waitForFunction(() => document.querySelector('[data-fact=running]').textContent === '1');
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelector('[data-fact=speedNow]').textContent));
  // The line has left the axis: its newest point is above it.
  await page.waitForFunction(() => {
    const points = document.querySelector('#speed-view polyline').getAttribute('points').split(' ');
    return parseFloat(points.at(-1).split(',')[1]) < 130;
  });
  assert.match(await page.locator('.pool').getAttribute('aria-label'), /used/);
  leaving.abort();
  await running;
  await page.waitForFunction(() => document.querySelector('[data-fact=running]').textContent === '0');
  assert.ok(await total() > before);
}));

test('the server is asked once a second while the speed view is open, and not when it is closed', () => on.withPage(async (page) => {
  await page.clock.install();
  await page.reload();
  await page.waitForSelector('body[data-ready]');
  let asked = 0;
  page.on('request', (request) => asked += request.url().endsWith('/metrics') ? 1 : 0);
  await page.click('[data-view=speed]');
  await page.locator('[data-fact=generatedTotal]').waitFor();
  await page.clock.runFor(3000);
  await page.waitForFunction(() => document.querySelector('#speed-view polyline').getAttribute('points').split(' ').length >= 3);
  assert.equal(asked, 4);
  await page.click('[data-view=chat]');
  await page.clock.runFor(10_000);
  assert.equal(asked, 4);
}));
