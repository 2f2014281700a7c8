// Answers are written by a model, which says whatever it was led to: nothing of them runs, is fetched, or breaks the page.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {answers, ask, bench} from './browser.mjs';
import {says, scripted} from './proxy.mjs';

const on = bench();
before(on.start);
after(on.stop);

const inner = [
  '<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '<a href="javascript:alert(1)">x</a>', '<svg onload=alert(1)>',
  '<iframe src="//evil.example"></iframe>', '<style>*{display:none}</style>', '<form action="//evil.example"><input name=q></form>',
  '<base href="//evil.example">', '<meta http-equiv=refresh content="0;url=//evil.example">', '<object data=x>', '<embed src=x>',
  '<details open ontoggle=alert(1)>', '<math><mi xlink:href="javascript:alert(1)">', '<video src=//evil.example/x autoplay>',
  '<button formaction=javascript:alert(1)>x</button>', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<div style="position:fixed;inset:0">', '<br onclick=alert(1)>', '<br/>', '<!-- --!><img src=x onerror=alert(1)> -->',
  '[x](javascript:alert(1))', '[x](JaVaScRiPt&colon;alert(1))', '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:x)', '[x](//evil.example)', '[x](https://evil.example/"onmouseover="alert(1))', '![x](https://evil.example/track.png)',
  '![x](data:image/svg+xml,<svg onload=alert(1)>)', '![" onerror=alert(1) "](x)', '<https://evil.example/">', '<javascript:alert(1)>',
  '[x]: javascript:alert(1)\n\n[x]', '`<img src=x onerror=alert(1)>`', '&lt;img src=x onerror=alert(1)&gt;', '\u0000\u202e\uFEFF',
  '[a](<javascript:alert(1)>)', '**<u onmouseover=alert(1)>x</u>**', '<x-y onclick=alert(1)>', '<p id=input>clobber</p>', '<a name=body>',
];
const wrapped = [(one) => one, (one) => `- ${one}`, (one) => `> ${one}`, (one) => `| a |\n|---|\n| ${one} |`,
                 (one) => `\`\`\`html\n${one}\n\`\`\``, (one) => `# ${one}`];
const hostile = inner.flatMap((one) => wrapped.map((wrap) => wrap(one)));

async function nothingRan(page) {
  const found = await page.evaluate(() => {
    const bad = [];
    const allowed = new Set(['href', 'title', 'align', 'start', 'class', 'dir', 'target', 'rel', 'role', 'aria-level', 'aria-label',
                             'tabindex', 'type']);
    for (const element of document.querySelectorAll('.markdown *')) {
      if (/^(img|script|style|iframe|form|input|svg|math|object|embed|video|base|meta|link|noscript)$/i.test(element.localName))
        bad.push(element.outerHTML);
      for (const {name} of element.attributes) if (!allowed.has(name)) bad.push(`${name} in ${element.outerHTML.slice(0, 200)}`);
      if (element.localName === 'a' && element.hasAttribute('href') && !/^(https?|mailto):/.test(element.getAttribute('href')))
        bad.push(element.outerHTML);
    }
    return bad;
  });
  assert.deepEqual(found, []);
}

test(`${hostile.length} hostile answers run nothing and fetch nothing`, () => on.withPage(async (page) => {
  await ask(page, 'all at once');
  await answers(page, 1);
  await nothingRan(page);
  // And piece by piece, where each beginning of them is drawn as well.
  await ask(page, 'piece by piece');
  await answers(page, 2);
  await nothingRan(page);
  assert.equal(await page.locator('#input').count(), 1);
  assert.ok(await page.locator('#input').isVisible());
}, {routes: {'/v1/chat/completions': scripted((request, answer) => {
  const text = hostile.join('\n\n');
  const step = request.messages.length > 1 ? 40 : text.length;
  for (let at = 0; at < text.length; at += step) answer.text(text.slice(at, at + step));
  answer.end();
})}}));

test('HTML is shown as the text it is', () => on.withPage(async (page) => {
  await ask(page, 'go on');
  await answers(page, 1);
  assert.equal(await page.locator('.assistant p').first().textContent(), '<img src=x onerror=alert(1)> and <b>bold</b>');
}, {routes: {'/v1/chat/completions': says('<img src=x onerror=alert(1)> and <b>bold</b>')}}));

test('a huge table and a huge line of code stay inside the page', () => on.withPage(async (page) => {
  await ask(page, 'go on');
  await answers(page, 1);
  assert.equal(await page.locator('.assistant tr').count(), 101);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.ok(await page.evaluate(() => document.querySelector('#messages').scrollWidth <= document.querySelector('#messages').clientWidth));
}, {routes: {'/v1/chat/completions': says(
    `|${'column|'.repeat(60)}\n|${'-|'.repeat(60)}\n${`|${'x|'.repeat(60)}\n`.repeat(100)}\n\`\`\`\n${'y'.repeat(50_000)}\n\`\`\`\n\n${'z'.repeat(5000)}`)}}));

test('a hostile title and hostile files stay text', () => on.withPage(async (page) => {
  const evil = '<img src=x onerror=alert(1)>';
  await ask(page, evil);
  await answers(page, 1);
  assert.equal(await page.textContent('#conversations .open'), evil);
  const message = (more) => ({id: 'a', parent: null, role: 'user', content: evil, created: 1, ...more});
  for (const conversations of ['x', [null], [{messages: 'x'}], [{messages: [null]}], [{messages: [message({role: 'system'})]}],
                               [{messages: [message({content: 5})]}], [{messages: [message({parent: 'a'})]}],
                               [{messages: [message(), message()]}], [{messages: [message({parent: '__proto__'})]}]]) {
    const file = JSON.stringify({format: 'puna.conversations', version: 1, conversations});
    await page.setInputFiles('#import-file', {name: 'evil.json', mimeType: 'application/json', buffer: Buffer.from(file)});
    await page.locator('#toast', {hasText: 'was not imported'}).waitFor();
    await page.evaluate(() => (document.querySelector('#toast').textContent = ''));
  }
  assert.equal(await page.locator('#conversations li').count(), 1);
}, {routes: {'/v1/chat/completions': says('ok')}}));
