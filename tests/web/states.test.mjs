// What the page says and offers when the server is loading, busy, gone, locked or refuses, and that nothing typed is lost.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {serve} from '../e2e/support.mjs';
import {answers, ask, bench, openPage} from './browser.mjs';
import {says, scripted, startProxy} from './proxy.mjs';

const on = bench();
before(on.start);
after(on.stop);

const chat = (script) => ({routes: {'/v1/chat/completions': scripted(script)}});
const json = (status, body) => (_, response) => {
  response.writeHead(status, {'Content-Type': 'application/json'});
  response.end(JSON.stringify(body));
};
const trouble = (page, words) => page.locator('.trouble', {hasText: words});

test('the server is killed in the middle of an answer and comes back', async () => {
  const first = await serve();
  const endless = (_, response, body, pass) => pass({...body, ignore_eos: true, max_tokens: 4000});
  const proxy = await startProxy(first.url, {'/v1/chat/completions': endless});
  const {page, problems, close} = await openPage(on.browser, proxy.url);
  try {
    await ask(page, 'Count to 20');
    await page.waitForFunction(() => document.querySelector('.assistant .text')?.textContent.length > 20);
    first.signal('SIGKILL');
    await first.exited;
    await trouble(page, 'The connection was lost').waitFor();
    await page.locator('#banner', {hasText: 'cannot be reached'}).waitFor();
    const text = await page.textContent('.assistant .text');
    assert.ok(text.length > 20, 'what had arrived is kept');
    // What is asked meanwhile waits.
    await ask(page, 'What is the capital of France?');
    await page.locator('.facts', {hasText: 'Waiting for the server'}).waitFor();
    proxy.target = on.puna.url;
    // How much of the first answer had arrived is chance, and with it what so small a model makes of the next question: it hears that alone.
    proxy.routes['/v1/chat/completions'] = (_, response, body, pass) => pass({...body, messages: body.messages.slice(-1)});
    await page.locator('#state', {hasText: 'ready'}).waitFor();
    assert.match(await answers(page, 2), /Paris/);
    assert.deepEqual(proxy.requests.at(-1).body.messages.map(({role}) => role), ['user', 'assistant', 'user']);
    assert.ok(await page.locator('#banner').isHidden());
    await page.reload();
    await trouble(page, 'The connection was lost').waitFor();
    assert.deepEqual(problems, []);
  } finally {
    await close();
    await proxy.close();
  }
});

test('a key is asked for, a wrong one is named as wrong, and the right one is kept for the session', async () => {
  const locked = await serve(['--api-key', 'sesame']);
  const {page, problems, close} = await openPage(on.browser, locked.url);
  try {
    await page.locator('#banner', {hasText: 'asks for an API key'}).waitFor();
    await page.fill('#key', 'wrong');
    await page.click('#banner button');
    await page.locator('#banner', {hasText: 'does not know this API key'}).waitFor();
    // What is sent before the key is there is answered afterwards.
    await ask(page, 'What is the capital of France?');
    await page.fill('#key', 'sesame');
    await page.press('#key', 'Enter');
    assert.match(await answers(page, 1), /Paris/);
    await page.reload();
    await page.locator('#state', {hasText: 'ready'}).waitFor();
    for (const view of ['model', 'speed']) {
      await page.click(`[data-view=${view}]`);
      await page.locator(`#${view}-view dd`).first().waitFor();
    }
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('sesame')), false);
    assert.deepEqual(problems, []);
  } finally {
    await close();
    await locked.stop();
  }
});

test('a model that is being loaded is waited for', () => {
  let loaded = false;
  const loading = {message: 'The model is still being loaded.', code: 'model_loading'};
  const routes = {
    '/health': (_, response) => json(loaded ? 200 : 503, {status: loaded ? 'ok' : 'loading', error: loaded ? undefined : loading})(_, response),
    '/v1/chat/completions': says('here I am'),
  };
  return on.withPage(async (page) => {
    await page.locator('#banner', {hasText: 'being loaded'}).waitFor();
    await ask(page, 'are you there?');
    await page.locator('.facts', {hasText: 'Waiting for the server'}).waitFor();
    loaded = true;
    assert.match(await answers(page, 1), /here I am/);
  }, {routes});
});

test('a full queue is named, and the question can be sent again', () => {
  let busy = true;
  return on.withPage(async (page) => {
    await ask(page, 'my long question');
    await trouble(page, 'queue is full').waitFor();
    busy = false;
    await page.click('[data-way=tryAgain]');
    assert.match(await answers(page, 1), /at last/);
    assert.equal(await page.locator('.user').count(), 1);
  }, chat((_, answer) => {
    if (busy) return answer.refuse(429, {message: 'busy', code: null}, {'Retry-After': '1'});
    answer.text('at last');
    answer.end();
  }));
});

test('who waits in the queue is told so', () => {
  let asked = null;
  const routes = {
    '/v1/chat/completions': scripted((_, answer) => (asked = answer)),
    '/health': json(200, {status: 'ok', requests: {running: 8, waiting: 3}}),
  };
  return on.withPage(async (page) => {
    await ask(page, 'hello');
    await page.locator('.facts', {hasText: '3 waiting, 8 being answered'}).waitFor();
    asked.text('hi');
    asked.end();
    await answers(page, 1);
  }, {routes});
});

test('a conversation that is too long says so and moves to a new one', async () => {
  const small = await serve(['--ctx', '64']);
  const {page, problems, close} = await openPage(on.browser, small.url);
  try {
    const question = 'word '.repeat(100).trim();
    await ask(page, question);
    await trouble(page, 'no longer fits into the context').waitFor();
    assert.match(await page.textContent('.assistant .trouble'), /maximum context length is 64 tokens/);
    await page.click('[data-way=startAnew]');
    await page.waitForFunction((text) => document.querySelector('#input').value === text, question);
    assert.equal(await page.locator('.message').count(), 0);
    assert.deepEqual(problems, []);
  } finally {
    await close();
    await small.stop();
  }
});

test('an error in the stream is shown in its own words beside what had arrived', () => on.withPage(async (page) => {
  await ask(page, 'go on');
  await trouble(page, 'not complete within the time').waitFor();
  assert.match(await page.textContent('.assistant .text'), /the first half/);
}, chat((_, answer) => {
  answer.text('the first half');
  answer.fail({message: 'The answer was not complete within the time this server allows.', code: 'request_timeout'});
})));

test('a stream that breaks off keeps what had arrived', () => {
  let broken = null;
  return on.withPage(async (page, proxy) => {
    await ask(page, 'go on');
    await page.locator('.assistant', {hasText: 'the first half'}).waitFor();
    broken.cut();
    await trouble(page, 'The connection was lost').waitFor();
    assert.match(await page.textContent('.assistant .text'), /the first half/);
    delete proxy.routes['/v1/chat/completions'];
    await page.locator('#state', {hasText: 'ready'}).waitFor();
    await page.click('[data-way=tryAgain]');
    await page.waitForFunction(() => document.querySelector('.branches span')?.textContent === '2/2');
    await answers(page, 1);
  }, chat((_, answer) => {
    answer.text('the first half');
    broken = answer;
  }));
});

test('what a browser cannot keep is said, and the chat goes on', () => on.withPage(async (page, proxy) => {
  const context = await page.context().browser().newContext({locale: 'en-US'});
  const forgetful = await context.newPage();
  await forgetful.addInitScript(() => Object.defineProperty(window, 'indexedDB', {
    value: {open: () => { throw new DOMException('denied', 'SecurityError'); }},
  }));
  await forgetful.goto(proxy.url);
  await forgetful.locator('#toast', {hasText: 'keeps nothing'}).waitFor();
  await ask(forgetful, 'hello');
  assert.match(await answers(forgetful, 1), /ok/);
  await context.close();
}, {routes: {'/v1/chat/completions': says('ok')}}));
