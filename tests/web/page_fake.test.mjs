// The page against scripted answers: what it does when the model or the server misbehaves.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {answers, ask, connected, launch, openChat} from './browser.mjs';
import {startFake} from './fake_server.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function withPage(chat, body) {
  const fake = await startFake(chat);
  const chatPage = await openChat(browser, fake.url);
  try {
    await connected(chatPage.page, 'scripted');
    await body(chatPage.page, fake);
    assert.deepEqual(chatPage.problems, []);
  } finally {
    await chatPage.close();
    await fake.close();
  }
}

test('text from the model is shown as text and runs nothing', async () => {
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script><a href="javascript:alert(3)">x</a>';
  const chat = (_, answer) => {
    for (const character of hostile) answer.text(character);
    answer.end();
  };
  await withPage(chat, async (page) => {
    await ask(page, 'go on');
    assert.equal(await answers(page, 1), hostile);
    assert.equal(await page.locator('main img, main script, main a').count(), 0);
  });
});

test('every turn is sent with the ones before it and the system prompt', async () => {
  const chat = (request, answer) => {
    answer.text(`answer ${request.messages.length}`);
    answer.end();
  };
  await withPage(chat, async (page, fake) => {
    await page.click('#settings summary');
    await page.fill('#system', 'Be brief.');
    await ask(page, 'one');
    await answers(page, 1);
    await ask(page, 'two');
    await answers(page, 2);
    assert.deepEqual(fake.state.requests[1].messages, [
      {role: 'system', content: 'Be brief.'},
      {role: 'user', content: 'one'},
      {role: 'assistant', content: 'answer 2'},
      {role: 'user', content: 'two'},
    ]);
  });
});

test('Stop keeps what has arrived and closes the connection', async () => {
  const chat = (_, answer) => answer.text('half an ans');
  await withPage(chat, async (page, fake) => {
    await ask(page, 'go on');
    await page.getByText('half an ans').waitFor();
    await page.click('#stop');
    assert.equal(await answers(page, 1), 'half an ans');
    await page.waitForFunction(() => !document.getElementById('send').hidden);
    assert.equal(fake.state.requests.length, 1);
    await ask(page, 'more');
    await page.locator('.user').nth(1).waitFor();
    assert.equal(fake.state.closedEarly, 1);
  });
});

test('an answer that breaks off is kept and named as broken', async () => {
  let cut;
  const chat = (_, answer) => {
    answer.text('the first half');
    cut = answer.cut;
  };
  await withPage(chat, async (page) => {
    await ask(page, 'go on');
    await page.getByText('the first half').waitFor();
    cut();
    await page.locator('#notice:visible').waitFor();
    assert.equal(await page.locator('.assistant .text').textContent(), 'the first half');
  });
});

test('an error event in the stream is shown in its own words', async () => {
  const chat = (_, answer) => {
    answer.text('the first half');
    answer.fail('the server is shutting down');
  };
  await withPage(chat, async (page) => {
    await ask(page, 'go on');
    await page.getByText('the server is shutting down').waitFor();
  });
});

test('a refused question goes back into the box', async () => {
  const chat = (_, answer) => answer.refuse(429, {message: 'the queue is full', code: null});
  await withPage(chat, async (page) => {
    await ask(page, 'my long question');
    await page.getByText('the queue is full').waitFor();
    assert.equal(await page.inputValue('#input'), 'my long question');
    assert.equal(await page.locator('.message').count(), 0);
  });
});

test('ten thousand pieces arrive whole', async () => {
  const chat = (_, answer) => {
    for (let i = 0; i < 10_000; ++i) answer.text(i % 100 === 0 ? '👩‍👩‍👧‍👦\n' : 'x');
    answer.end('length');
  };
  await withPage(chat, async (page) => {
    await ask(page, 'go on');
    const text = await answers(page, 1);
    assert.equal(text, ('👩‍👩‍👧‍👦\n' + 'x'.repeat(99)).repeat(100));
    assert.match(await page.textContent('.facts'), /^10000 tokens .* cut at the token limit$/);
  });
});

test('New chat forgets the turns', async () => {
  const chat = (request, answer) => {
    answer.text(String(request.messages.length));
    answer.end();
  };
  await withPage(chat, async (page) => {
    await ask(page, 'one');
    await answers(page, 1);
    await page.click('#clear');
    assert.equal(await page.locator('.message').count(), 0);
    await ask(page, 'two');
    assert.equal(await answers(page, 1), '1');
  });
});

test('Enter while an input method composes does not send', async () => {
  await withPage(() => {}, async (page, fake) => {
    await page.fill('#input', 'にほ');
    await page.dispatchEvent('#input', 'keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true});
    assert.equal(await page.inputValue('#input'), 'にほ');
    assert.equal(fake.state.requests.length, 0);
  });
});
