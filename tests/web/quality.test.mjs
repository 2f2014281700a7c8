// What holds for all of the page: keyboard and screen readers, contrast, languages, screens of any size, what is transferred.

import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {readFileSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {after, before, test} from 'node:test';
import {answers, ask, bench} from './browser.mjs';
import {says} from './proxy.mjs';

const on = bench();
before(on.start);
after(on.stop);

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const markdown = '# Head\n\nSome **bold**, `code` and a [link](https://example.org/).\n\n```python\ndef f(x):\n    return "x"  # why\n```\n\n' +
  '| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\n- one\n- two';
const written = {'/v1/chat/completions': says(markdown)};
// The real model, but for one question.
const both = {'/v1/chat/completions': (request, response, body, pass) =>
  (body.messages.at(-1).content === 'markdown' ? says(markdown)(request, response, body) : pass(body))};

// Serious and critical violations. evaluate() is the debugger's, so the page's own policy stays as it is.
async function violations(page) {
  await page.evaluate(axe);
  const {violations: found} = await page.evaluate(() => axe.run(document, {resultTypes: ['violations']}));
  return found.filter(({impact}) => ['serious', 'critical'].includes(impact))
      .map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({html, failureSummary}) => `${html} ${failureSummary}`).join(' | ')}`);
}

const fitsItsWidth = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth &&
  [...document.querySelectorAll('#messages, .page')].every((one) => one.scrollWidth <= one.clientWidth + 1));

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 320]) {
    test(`no serious violation of accessibility and nothing cut off: ${colorScheme}, ${width} pixels wide`, () => on.withPage(async (page) => {
      await ask(page, 'Tell me a story');
      await answers(page, 1);
      await ask(page, 'markdown');
      await answers(page, 2);
      await page.locator('.hljs-keyword').first().waitFor();
      assert.ok(await fitsItsWidth(page), 'chat');
      assert.deepEqual(await violations(page), [], 'chat');
      await page.locator('[data-action=tokens]').first().click();
      await page.locator('.tokens h3 + .chips .chip').nth(9).waitFor();
      await page.locator('.tokens summary').click();
      await page.locator('.tokens h3 + .chips .chip').nth(5).click();
      assert.ok(await fitsItsWidth(page), 'tokens');
      assert.deepEqual(await violations(page), [], 'tokens');
      for (const view of ['model', 'speed']) {
        await page.click(`[data-view=${view}]`);
        await page.locator(`#${view}-view dd`).first().waitFor();
        assert.ok(await fitsItsWidth(page), view);
        assert.deepEqual(await violations(page), [], view);
      }
      await page.click('[data-view=chat]');
      await page.click('#open-settings');
      assert.deepEqual(await violations(page), [], 'settings');
      assert.equal(await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches &&
                                             getComputedStyle(document.body).backgroundColor === 'rgb(22, 24, 23)'), colorScheme === 'dark');
    }, {routes: both, colorScheme, viewport: {width, height: 720}}));
  }
}

test('a phone shows the conversations when asked to', () => on.withPage(async (page) => {
  await ask(page, 'hello');
  await answers(page, 1);
  assert.ok(await page.locator('#sidebar').isHidden());
  await page.tap('#menu');
  await page.locator('#conversations .open').waitFor();
  await page.tap('#new-chat');
  await page.locator('#sidebar').waitFor({state: 'hidden'});
  assert.equal(await page.locator('.message').count(), 0);
  await page.tap('#menu');
  await page.keyboard.press('Escape');
  await page.locator('#sidebar').waitFor({state: 'hidden'});
  await page.tap('#menu');
  await page.tap('#conversations .open');
  await page.locator('.assistant').waitFor();
}, {routes: written, viewport: {width: 360, height: 640}, hasTouch: true, isMobile: true}));

test('all can be reached and done with the keyboard, and the focus is seen', () => on.withPage(async (page) => {
  await page.keyboard.type('hello');
  await page.keyboard.press('Enter');
  await answers(page, 1);
  const reached = new Set();
  await page.locator('#new-chat').focus();
  for (let i = 0; i < 60; ++i) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return {name: element.id || element.dataset.action || element.dataset.view || element.className || element.localName,
              seen: element === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)};
    });
    if (i > 0) assert.ok(focused.seen, `${focused.name} shows that it has the focus`);
    reached.add(focused.name);
    await page.keyboard.press('Tab');
  }
  for (const name of ['search', 'chat-tab', 'model', 'speed', 'messages', 'copy', 'edit', 'again', 'tokens', 'remove', 'input', 'open-settings', 'import', 'export-all'])
    assert.ok(reached.has(name), `${name} of ${[...reached].join(' ')}`);
}, {routes: written}));

test('what is written is said aloud, sentence by sentence, once', () => on.withPage(async (page) => {
  await ask(page, 'What is the capital of France?');
  await answers(page, 1);
  assert.equal(await page.getAttribute('#announcer', 'aria-live'), 'polite');
  assert.match((await page.textContent('#announcer')).trim(), /^The capital of France is Paris\.\s+The answer is complete\.$/);
}));

test('nothing moves for those who want it so', () => on.withPage(async (page) => {
  await page.locator('#input').waitFor();
  const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((element) => {
    const {animationName, transitionDuration} = getComputedStyle(element);
    return animationName !== 'none' || transitionDuration !== '0s';
  }).length);
  assert.equal(moving, 0);
}, {reducedMotion: 'reduce'}));

test('the page speaks German to those whose browser does, and what its reader chose', () => on.withPage(async (page) => {
  assert.equal(await page.getAttribute('html', 'lang'), 'de');
  await ask(page, 'hallo');
  await answers(page, 1);
  await page.locator('[data-action=tokens]').click();
  await page.locator('.tokens h3 + .chips .chip').first().waitFor();
  for (const view of ['model', 'speed', 'chat']) await page.click(`[data-view=${view}]`);
  assert.equal(await page.textContent('#send'), 'Senden');
  await page.click('#open-settings');
  await Promise.all([page.waitForURL('**'), page.selectOption('#language', 'en')]);
  await page.locator('#send', {hasText: 'Send'}).waitFor();
  await page.waitForFunction(() => document.documentElement.lang === 'en');
}, {routes: written, locale: 'de-DE'}));

test('every language has the same words', async () => {
  const folder = new URL('../../web/locales/', import.meta.url);
  const [first, ...others] = await Promise.all(readdirSync(folder).map(async (name) => ({name, words: (await import(new URL(name, folder))).default})));
  const kind = (words) => Object.fromEntries(Object.entries(words).map(([key, value]) => [key, typeof value === 'function' ? `function of ${value.length}` : 'text']).sort());
  for (const other of others) assert.deepEqual(kind(other.words), kind(first.words), `${first.name} and ${other.name}`);
  assert.ok(others.length >= 1);
});

test('the page is whole after 150 KB from its own server, and asks again only whether it is new', async () => {
  const context = await on.browser.newContext();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  let bytes = 0;
  const statuses = [];
  const hosts = new Set();
  devtools.on('Network.loadingFinished', ({encodedDataLength}) => bytes += encodedDataLength);
  page.on('response', (response) => {
    statuses.push(`${response.status()} ${new URL(response.url()).pathname}`);
    hosts.add(new URL(response.url()).host);
  });
  await page.goto(on.puna.url);
  await page.waitForSelector('body[data-ready]');
  assert.deepEqual([...hosts], [new URL(on.puna.url).host]);
  assert.ok(bytes > 20_000 && bytes < 150_000, `${bytes} bytes`);
  console.log(`first load: ${statuses.length} answers, ${bytes} bytes`);
  statuses.length = 0;
  await page.reload();
  await page.waitForSelector('body[data-ready]');
  assert.deepEqual(statuses.filter((one) => /^200 .*\.(js|css)$/.test(one)), []);
  await context.close();
});

test('all modules are asked for at once', () => on.withPage(async (page) => {
  const [preloaded, loaded] = await page.evaluate(() => [
    [...document.querySelectorAll('link[rel=modulepreload]')].map(({href}) => new URL(href).pathname),
    performance.getEntriesByType('resource').map(({name}) => new URL(name).pathname).filter((path) => path.endsWith('.js')),
  ]);
  assert.deepEqual([...preloaded, '/main.js', '/locales/en.js'].sort(), loaded.sort());
}));

test('the packages are those of the lock file, byte for byte', async () => {
  // npm has checked the digests of the same packages for the build; these are what it put there.
  const {packages} = JSON.parse(readFileSync(new URL('../../web/package-lock.json', import.meta.url)));
  for (const name of ['marked', 'dompurify', '@highlightjs/cdn-assets']) assert.match(packages[`node_modules/${name}`].integrity, /^sha512-/);
  for (const [url, say] of [['/packages/marked.js', packages['node_modules/marked'].version],
                            ['/packages/purify.js', packages['node_modules/dompurify'].version],
                            ['/packages/highlight.js', packages['node_modules/@highlightjs/cdn-assets'].version]]) {
    const response = await fetch(on.puna.url + url);
    assert.equal(response.headers.get('content-type'), 'text/javascript; charset=utf-8');
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.ok(bytes.toString().includes(say), `${url} is version ${say}`);
    assert.equal(response.headers.get('etag'), `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}-gzip"`);
  }
});
