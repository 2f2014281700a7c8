// The same text is the same tokens wherever it is asked for.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {post, serve, user} from './support.mjs';

let server;
before(async () => { server = await serve(); });
after(async () => assert.equal(await server.stop(), 0));

async function ask(path, body) {
  const response = await post(server.url, path, body);
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

const texts = ['', 'Hello!', ' two  spaces ', 'Grüße, 你好, 👩‍👩‍👧‍👦!', '<|eot_id|>', 'a\u0000b\n\n\tc', '1234567 + 89'];

test('a prompt is the tokens that /tokenize gives, and they are its text again', async () => {
  for (const prompt of texts) {
    const {tokens, count} = await ask('/tokenize', {prompt});
    assert.equal(count, tokens.length);
    const answer = await ask('/v1/completions', {model: 'demo', prompt, max_tokens: 1, return_token_ids: true});
    assert.deepEqual(answer.choices[0].prompt_token_ids, tokens, prompt);
    assert.equal(answer.usage.prompt_tokens, count);
    const plain = await ask('/tokenize', {content: prompt});
    assert.equal((await ask('/detokenize', {tokens: plain.tokens})).content, prompt);
    const asked = await ask('/v1/completions', {model: 'demo', prompt: tokens, max_tokens: 8});
    const asText = await ask('/v1/completions', {model: 'demo', prompt, max_tokens: 8});
    assert.equal(asked.choices[0].text, asText.choices[0].text);
  }
});

test('a chat is the tokens that /tokenize gives and the text that /apply-template gives', async () => {
  for (const messages of [user('Hello!'), ...texts.slice(1).map(user),
                          [{role: 'system', content: 'Always answer with emojis'}, ...user('I love dogs')]]) {
    const {tokens} = await ask('/tokenize', {messages});
    const answer = await ask('/v1/chat/completions', {model: 'demo', messages, max_tokens: 1, return_token_ids: true});
    assert.deepEqual(answer.prompt_token_ids, tokens);
    assert.equal((await ask('/apply-template', {messages})).prompt, (await ask('/detokenize', {tokens})).content);
  }
});

test('the ids of an answer are its text', async () => {
  for (const content of ['What is the capital of France?', 'How to go from Beijing to NY? Use emojis.']) {
    const answer = await ask('/v1/chat/completions', {model: 'demo', messages: user(content), return_token_ids: true});
    const [{message, token_ids}] = answer.choices;
    assert.equal(token_ids.length, answer.usage.completion_tokens);
    const {content: text} = await ask('/detokenize', {tokens: token_ids});
    assert.equal(text.replace(/<\|\w+\|>$/, ''), message.content);
  }
});
