// The conversation: asking, streaming, stopping, branches, settings, and that all of it is still there later.

import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import {chat as chatWith, healthy, user} from '../e2e/support.mjs';
import {answers, ask, bench} from './browser.mjs';
import {says, scripted} from './proxy.mjs';

const on = bench();
before(on.start);
after(on.stop);

const chat = (route) => ({routes: {'/v1/chat/completions': route}});
// The real model, but one that never comes to an end by itself.
const endless = (_, response, body, pass) => pass({...body, ignore_eos: true, max_tokens: 4000});
const button = (page, name, message = '.assistant') => page.locator(`${message} [data-action="${name}"]`).last();

test('a question is answered by the real model, with what it took', () => on.withPage(async (page) => {
  await ask(page, 'What is the capital of France?');
  assert.match(await answers(page, 1), /Paris/);
  assert.match(await page.textContent('.facts >> nth=1'),
               /^7 tokens · [\d.,]+ tokens\/s · first after \d+ ms · \d+ of 17 prompt tokens cached$/);
  assert.match(await page.textContent('#context'), /^24 of 8,192 tokens/);
  await ask(page, 'And of Italy?');
  assert.match(await answers(page, 2), /Rome/);
}));

test('every turn is sent with those before it and what the settings say', () => on.withPage(async (page, proxy) => {
  await page.click('#open-settings');
  await page.fill('#system', 'Be brief.');
  await page.fill('#temperature', '0.5');
  await page.fill('#top-p', '0.9');
  await page.fill('#max-tokens', '12');
  await page.fill('#seed', '7');
  await page.uncheck('#probabilities');
  await page.press('#seed', 'Enter');
  await page.locator('#settings').waitFor({state: 'hidden'});
  await ask(page, 'one');
  await answers(page, 1);
  await ask(page, 'two');
  await answers(page, 2);
  assert.deepEqual(proxy.requests.at(-1).body, {
    model: 'demo', temperature: 0.5, top_p: 0.9, max_tokens: 12, seed: 7,
    messages: [{role: 'system', content: 'Be brief.'}, {role: 'user', content: 'one'},
               {role: 'assistant', content: 'ok'}, {role: 'user', content: 'two'}],
    stream: true, stream_options: {include_usage: true}, return_token_ids: true,
  });
}, chat(says('ok'))));

test('a setting out of range is not sent', () => on.withPage(async (page, proxy) => {
  await page.click('#open-settings');
  await page.fill('#temperature', '9');
  await page.press('#temperature', 'Enter');
  assert.ok(await page.locator('#settings').isVisible());
  await page.keyboard.press('Escape');
  await ask(page, 'one');
  await answers(page, 1);
  assert.equal(proxy.requests.at(-1).body.temperature, undefined);
}, chat(says('ok'))));

test('Stop and Esc end the answer on the server and keep what there is', () => on.withPage(async (page, proxy) => {
  for (const [count, how] of [[1, () => page.click('#stop')], [2, () => page.keyboard.press('Escape')]]) {
    await ask(page, 'Count to 20');
    await page.waitForFunction((n) => document.querySelectorAll('.assistant')[n - 1]?.querySelector('.text').textContent.length > 50, count);
    await how();
    assert.ok((await answers(page, count)).length > 50);
    await healthy(proxy.target, ({requests}) => requests.running === 0);
    assert.match(await page.locator('.assistant .facts').last().textContent(), /stopped/);
  }
}, chat(endless)));

test('a reload keeps conversations, drafts and what had arrived of an answer', () => on.withPage(async (page) => {
  await ask(page, 'What is the capital of Japan?');
  assert.match(await answers(page, 1), /Tokyo/);
  await page.fill('#input', 'half a thou');
  await page.reload();
  assert.match(await page.locator('.assistant .text').textContent(), /Tokyo/);
  assert.equal(await page.inputValue('#input'), 'half a thou');
  assert.equal(await page.locator('#conversations li').count(), 1);
  await page.click('#new-chat');
  assert.equal(await page.locator('.message').count(), 0);
  assert.equal(await page.inputValue('#input'), '');
  await page.click('#conversations .open');
  await page.waitForFunction(() => document.querySelector('#input').value === 'half a thou');
}));

test('an answer that the reload interrupted is kept as far as it was saved', () => on.withPage(async (page) => {
  await ask(page, 'go on');
  await page.locator('.assistant', {hasText: 'the first half'}).waitFor();
  const kept = () => page.evaluate(async () => {
    const open = indexedDB.open('puna');
    await new Promise((resolve) => (open.onsuccess = resolve));
    const all = open.result.transaction('messages').objectStore('messages').getAll();
    await new Promise((resolve) => (all.onsuccess = resolve));
    open.result.close();
    return all.result.some(({content}) => content === 'the first half');
  });
  while (!await kept());
  await page.reload();
  await page.locator('.assistant', {hasText: 'the first half'}).waitFor();
  assert.match(await page.locator('.assistant .facts').textContent(), /stopped/);
}, chat(scripted((_, answer) => answer.text('the first half')))));

test('an edited question begins a branch, and both branches stay', () => on.withPage(async (page) => {
  await ask(page, 'What is the capital of France?');
  assert.match(await answers(page, 1), /Paris/);
  await button(page, 'edit', '.user').click();
  await page.fill('.edit textarea', 'What is the capital of Italy?');
  await page.press('.edit textarea', 'Enter');
  await page.locator('.assistant', {hasText: 'Rome'}).waitFor();
  assert.match(await answers(page, 1), /Rome/);
  assert.equal(await page.textContent('.branches span'), '2/2');
  await page.click('.branches button:first-child');
  assert.match(await answers(page, 1), /Paris/);
  await page.reload();
  assert.match(await answers(page, 1), /Paris/);
  await page.click('.branches button:last-child');
  assert.match(await answers(page, 1), /Rome/);
}));

test('an answer can be had again, edited, and deleted with a way back', () => {
  let count = 0;
  const route = scripted((_, answer) => {
    count += 1;
    answer.text(`answer ${count}`);
    answer.end();
  });
  return on.withPage(async (page, proxy) => {
    await ask(page, 'one');
    assert.equal((await answers(page, 1)).trim(), 'answer 1');
    await button(page, 'again').click();
    await page.locator('.assistant', {hasText: 'answer 2'}).waitFor();
    assert.equal(await page.textContent('.branches span'), '2/2');
    await button(page, 'edit').click();
    await page.fill('.edit textarea', 'my own answer');
    await page.click('.edit button[type=submit]');
    await page.locator('.assistant', {hasText: 'my own answer'}).waitFor();
    await ask(page, 'two');
    await answers(page, 2);
    assert.deepEqual(proxy.requests.at(-1).body.messages.map(({content}) => content), ['one', 'my own answer', 'two']);
    await page.locator('.user [data-action="remove"]').first().click();
    await page.locator('#toast button').waitFor();
    assert.equal(await page.locator('.message').count(), 0);
    await page.click('#toast button');
    await answers(page, 2);
    await page.reload();
    await answers(page, 2);
    assert.equal(await page.locator('.message').count(), 4);
  }, chat(route));
});

test('an answer that was cut goes on with the very tokens it would have had', () => on.withPage(async (page) => {
  const question = 'How to go from Beijing to NY? Use emojis.';
  const whole = await chatWith(on.puna.url, user(question), {return_token_ids: true});
  await page.click('#open-settings');
  // Four tokens: the cut is inside an emoji.
  await page.fill('#max-tokens', '4');
  await page.press('#max-tokens', 'Enter');
  await ask(page, question);
  for (let tokens = 4; tokens < whole.usage.completion_tokens; tokens += 4) {
    await answers(page, 1);
    await page.locator('.facts', {hasText: new RegExp(`^${tokens} tokens .* cut at the token limit`)}).waitFor();
    await button(page, 'goOn').click();
  }
  await page.locator('.facts', {hasText: `${whole.usage.completion_tokens} tokens`}).waitFor();
  assert.equal((await answers(page, 1)).trim(), whole.choices[0].message.content);
  await button(page, 'tokens').click();
  await page.locator('.tokens h3 + .chips .chip').nth(4).waitFor();
  const ids = await page.locator('.tokens h3 + .chips .id').allTextContents();
  assert.deepEqual(ids.map(Number), whole.choices[0].token_ids);
  await page.locator('.tokens h3 + .chips .chip').nth(4).hover();
  assert.match(await page.textContent('.token-detail'), /bytes 87 · probability [\d.]+%/);
}));

test('conversations are searched, renamed, deleted and brought back', () => on.withPage(async (page) => {
  for (const [question, answer] of [['about apples', 'red'], ['about pears', 'green']]) {
    await ask(page, `${question} ${answer}`);
    await answers(page, 1);
    await page.click('#new-chat');
  }
  const titles = () => page.locator('#conversations .open').allTextContents();
  assert.deepEqual(await titles(), ['about pears green', 'about apples red']);
  await page.fill('#search', 'APPLES');
  await page.waitForFunction(() => document.querySelectorAll('#conversations li').length === 1);
  await page.fill('#search', 'nowhere');
  await page.locator('#nothing-found').waitFor();
  await page.fill('#search', '');
  await page.waitForFunction(() => document.querySelectorAll('#conversations li').length === 2);
  await page.hover('#conversations li:last-child');
  await page.click('#conversations li:last-child .rename');
  await page.fill('#conversations form input', 'Fruit');
  await page.keyboard.press('Enter');
  await page.getByText('Fruit').waitFor();
  await page.hover('#conversations li:last-child');
  await page.click('#conversations li:last-child .delete');
  await page.waitForFunction(() => document.querySelectorAll('#conversations li').length === 1);
  await page.click('#toast button');
  await page.locator('.assistant').waitFor();
  assert.deepEqual((await titles()).sort(), ['Fruit', 'about pears green']);
}, chat(says('ok'))));

test('conversations leave as JSON and Markdown and come back whole', () => on.withPage(async (page) => {
  await ask(page, 'What is the capital of France?');
  await answers(page, 1);
  await button(page, 'again').click();
  await page.waitForFunction(() => document.querySelector('.branches span')?.textContent === '2/2');
  await answers(page, 1);
  const saved = async (selector) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
    return {name: file.suggestedFilename(), path: await file.path()};
  };
  const json = await saved('#export-all');
  await page.hover('#conversations li');
  const markdown = await saved('#conversations .export');
  assert.equal(markdown.name, 'What is the capital of France.md');
  assert.match(await readFile(markdown.path, 'utf8'), /## User\n\nWhat is the capital of France\?\n/);
  await page.setInputFiles('#import-file', [
    {name: 'all.json', mimeType: 'application/json', buffer: await readFile(json.path)},
    {name: 'one.md', mimeType: 'text/markdown', buffer: await readFile(markdown.path)},
  ]);
  await page.waitForFunction(() => document.querySelectorAll('#conversations li').length === 3);
  for (const branches of [0, 1]) {
    await page.locator('#conversations li:not(:has([aria-current])) .open').first().click();
    await page.waitForFunction((n) => document.querySelectorAll('.branches').length === n, branches);
    assert.match(await answers(page, 1), /Paris/);
  }
  await page.setInputFiles('#import-file', {name: 'bad.json', mimeType: 'application/json', buffer: Buffer.from('{"format": 1}')});
  await page.getByText('bad.json was not imported').waitFor();
}));

test('Markdown is drawn while it arrives, and the same as if it came at once', () => {
  const text = `# Head\n\nSome **bold** and \`code\`, __init__ and a [link](https://example.org/).\n\n- one\n  - two\n- [x] three\n\n` +
    '```python\ndef f(x):\n    return "x"  # why\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\n1. first\n2. second\n\nsee [ref]\n\n[ref]: https://example.org/ref\n';
  const pieces = scripted((request, answer) => {
    const step = request.messages.at(-1).content === 'slowly' ? 3 : text.length;
    for (let at = 0; at < text.length; at += step) answer.text(text.slice(at, at + step));
    answer.end();
  });
  return on.withPage(async (page) => {
    await ask(page, 'slowly');
    await answers(page, 1);
    await page.locator('.hljs-keyword').first().waitFor();
    await ask(page, 'at once');
    await answers(page, 2);
    await page.locator('.message:last-child .hljs-keyword').first().waitFor();
    const [slow, fast] = await page.locator('.assistant .markdown').evaluateAll((all) => all.map((one) => one.innerHTML));
    assert.equal(slow, fast);
    const last = page.locator('.assistant').last();
    assert.equal(await last.locator('strong').textContent(), 'bold');
    assert.equal(await last.locator('td').count(), 2);
    assert.equal(await last.locator('li').count(), 5);
    assert.match(await last.textContent(), /__init__/);
    assert.equal(await last.locator('a[href="https://example.org/ref"]').getAttribute('rel'), 'noopener noreferrer');
    assert.equal(await last.locator('.code-head span').textContent(), 'python');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await last.locator('.code-head button').click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'def f(x):\n    return "x"  # why');
    await button(page, 'copy').click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  }, chat(pieces));
});

test('thousands of pieces a second arrive whole while the page stays usable', () => {
  const line = '👩‍👩‍👧‍👦 שלום **x** ';
  const flood = scripted((_, answer) => {
    for (let i = 0; i < 20_000; ++i) answer.text(i % 40 === 0 ? '\n\n' : line);
    answer.end('length');
  });
  return on.withPage(async (page) => {
    // No frame adds more than a screenful or two, so none takes long.
    await page.evaluate(() => {
      let before = 0;
      window.most = 0;
      const frame = () => {
        const length = document.querySelector('.assistant .text')?.textContent.length ?? 0;
        window.most = Math.max(window.most, length - before);
        before = length;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    await ask(page, 'go on');
    const text = await answers(page, 1);
    assert.equal(text.match(/👩‍👩‍👧‍👦/gu).length, 19_500);
    assert.equal(await page.locator('.assistant strong').count(), 19_500);
    assert.match(await page.locator('.assistant .facts').textContent(), /^20,000 tokens .* cut at the token limit$/);
    const most = await page.evaluate(() => window.most);
    assert.ok(most > 0 && most <= 12_000, `${most} characters between two frames`);
  }, chat(flood));
});

test('a reader who scrolls up is left there while the answer goes on', () => {
  let more = null;
  const lines = (from) => Array.from({length: 60}, (_, i) => `line ${from + i}\n\n`).join('');
  return on.withPage(async (page) => {
    const top = () => page.evaluate(() => document.querySelector('#messages').scrollTop);
    await ask(page, 'go on');
    await page.locator('.assistant', {hasText: 'line 59'}).waitFor();
    await page.waitForFunction(() => document.querySelector('#messages').scrollTop > 500);
    await page.hover('#messages');
    await page.mouse.wheel(0, -900);
    await page.waitForFunction(() => document.querySelector('#messages').scrollTop < 1500);
    await page.locator('.assistant p', {hasText: 'line 20'}).evaluate((line) => line.scrollIntoView());
    const before = await top();
    more.text(lines(60));
    more.end();
    await answers(page, 1);
    assert.match(await page.textContent('.assistant'), /line 119/);
    assert.ok(Math.abs(await top() - before) < 100, `${before} became ${await top()}`);
    // Who asks again wants to see what comes.
    await ask(page, 'and on');
    await page.locator('.assistant').nth(1).waitFor();
    await page.waitForFunction(() => {
      const {scrollTop, scrollHeight, clientHeight} = document.querySelector('#messages');
      return scrollHeight - scrollTop - clientHeight < 60;
    });
  }, chat(scripted((_, answer) => {
    more = answer;
    answer.text(lines(0));
  })));
});

test('Shift+Enter breaks the line, and Enter of an input method does not send', () => on.withPage(async (page, proxy) => {
  await page.fill('#input', 'にほ');
  await page.dispatchEvent('#input', 'keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true});
  assert.equal(await page.inputValue('#input'), 'にほ');
  await page.press('#input', 'Shift+Enter');
  await page.keyboard.type('んご');
  assert.equal(proxy.requests.length, 0);
  await page.press('#input', 'Enter');
  await answers(page, 1);
  assert.equal(proxy.requests[0].body.messages[0].content, 'にほ\nんご');
}, chat(says('ok'))));

test('text from right to left stands at the right', () => on.withPage(async (page) => {
  await ask(page, 'שלום');
  await answers(page, 1);
  const direction = (selector) => page.locator(selector).last().evaluate((element) => getComputedStyle(element).direction);
  assert.equal(await direction('.user .plain'), 'rtl');
  assert.equal(await direction('.assistant p[dir]'), 'rtl');
  assert.equal(await direction('.assistant li'), 'ltr');
}, chat(says('שלום עולם\n\n- hello'))));

test('two conversations are answered at once', () => {
  const held = [];
  const hold = scripted((request, answer) => {
    answer.text(`so ${request.messages.at(-1).content}`);
    held.push(answer);
  });
  return on.withPage(async (page) => {
    await ask(page, 'one');
    await page.locator('.assistant', {hasText: 'so one'}).waitFor();
    await page.click('#new-chat');
    await ask(page, 'two');
    await page.locator('.assistant', {hasText: 'so two'}).waitFor();
    held[0].text(' and more');
    held[0].end();
    held[1].end();
    assert.equal((await answers(page, 1)).trim(), 'so two');
    await page.locator('#conversations .open', {hasText: 'one'}).click();
    await page.locator('.assistant', {hasText: 'so one and more'}).waitFor();
  }, chat(hold));
});

test('a history of thousands of messages opens at once', () => on.withPage(async (page) => {
  const messages = Array.from({length: 5000}, (_, i) => ({
    id: `m${i}`, parent: i > 0 ? `m${i - 1}` : null, role: i % 2 ? 'assistant' : 'user', content: `message ${i}`, created: i,
  }));
  const file = {format: 'puna.conversations', version: 1, conversations: [{title: 'Long', head: 'm4999', messages}]};
  await page.setInputFiles('#import-file', {name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file))});
  await page.click('#conversations .open');
  await page.locator('.assistant', {hasText: 'message 4999'}).waitFor();
  assert.equal(await page.locator('.message').count(), 80);
  await page.getByText('Show earlier messages').click();
  assert.equal(await page.locator('.message').count(), 400);
}));
