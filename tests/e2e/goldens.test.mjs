// The demo model's golden answers (models/demo/goldens.json) through OpenAI's own client: what PyTorch computes is what
// people receive.

import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {root, serve, user} from './support.mjs';

let server;
let client;
let cases;
before(async () => {
  server = await serve();
  client = new OpenAI({baseURL: server.url + '/v1', apiKey: 'none', maxRetries: 0});
  cases = JSON.parse(await readFile(`${root}/models/demo/goldens.json`, 'utf8')).cases;
});
after(async () => assert.equal(await server.stop(), 0));

// The texts of a streamed chat, delta by delta.
async function deltas(messages, more = {}) {
  const texts = [];
  for await (const chunk of await client.chat.completions.create({model: 'demo', messages, stream: true, ...more}))
    if (chunk.choices[0]?.delta.content) texts.push(chunk.choices[0].delta.content);
  return texts;
}

test('every golden chat streams its text in whole characters, all of them at once', async () => {
  // Calling tools has no place in the API yet.
  const chats = cases.filter(({name, messages}) => messages && !name.startsWith('tool-'));
  assert.ok(chats.length > 15, `${chats.length} chats`);
  await Promise.all(chats.map(async ({name, messages, text, ids}) => {
    const texts = await deltas(messages, {max_tokens: ids.length});
    assert.equal(texts.join(''), text, name);
    for (const delta of texts) assert.ok(delta.isWellFormed() && !delta.includes('\uFFFD'), JSON.stringify(delta));
  }));
});

test('every golden completion has its text', async () => {
  const completions = cases.filter(({prompt}) => prompt);
  assert.ok(completions.length > 5, `${completions.length} completions`);
  await Promise.all(completions.map(async ({name, prompt, text, ids}) => {
    const {choices} = await client.completions.create({model: 'demo', prompt, max_tokens: ids.length});
    assert.equal(choices[0].text, text, name);
  }));
});

test('usage counts the tokens of the golden prompt', async () => {
  const {messages, prompt_ids} = cases.find(golden => golden.name === 'count');
  const {usage} = await client.chat.completions.create({model: 'demo', messages, max_completion_tokens: 5});
  assert.equal(usage.prompt_tokens, prompt_ids.length);
  assert.equal(usage.total_tokens, prompt_ids.length + 5);
});

test('a special token typed by a user is ordinary text', async () => {
  const count = async content =>
    (await client.chat.completions.create({model: 'demo', messages: user(content), max_tokens: 1})).usage.prompt_tokens;
  assert.ok((await count('<|eot_id|>')) > (await count('a')) + 3);
});

test('those who leave in the middle of an answer do not change what others get', async () => {
  const {messages, text} = cases.find(golden => golden.name === 'sights');
  const long = cases.find(golden => golden.name === 'count-100').messages;
  const left = Array.from({length: 4}, async () => {
    for await (const chunk of await client.chat.completions.create({model: 'demo', messages: long, stream: true}))
      if (chunk.choices[0]?.delta.content) break;
  });
  assert.equal((await deltas(messages)).join(''), text);
  await Promise.all(left);
});
