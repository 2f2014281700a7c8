// The API as issue and documentation show it, asked with fetch.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {chat, events, healthy, post, serve, user} from './support.mjs';

let server;
before(async () => { server = await serve(); });
after(async () => assert.equal(await server.stop(), 0));

test('the summary says what is served', () => {
  for (const name of ['model', 'parameters', 'context', 'memory', 'threads', 'url'])
    assert.match(server.summary, new RegExp(`^  ${name} `, 'm'));
  assert.match(server.summary, /demo model/);
});

test('/v1/models lists the model', async () => {
  const list = await (await fetch(server.url + '/v1/models')).json();
  assert.deepEqual(list.data.map(model => model.id), ['demo']);
  const one = await (await fetch(server.url + '/v1/models/demo')).json();
  assert.deepEqual(one, list.data[0]);
});

test('a completion goes on from its prompt', async () => {
  const response = await post(server.url, '/v1/completions', {model: 'demo', prompt: 'The capital of France is'});
  const answer = await response.json();
  assert.match(answer.id, /^cmpl-/);
  assert.equal(answer.object, 'text_completion');
  assert.deepEqual(answer.choices, [{index: 0, text: ' Paris.', logprobs: null, finish_reason: 'stop'}]);
});

test('a list of prompts, as text and as tokens, has a choice for each', async () => {
  for (const prompt of [['The capital of France is', 'The capital of Italy is'],
                        [[1792, 319, 314, 289, 1534], [1792, 319, 314]]]) {
    const answer = await (await post(server.url, '/v1/completions', {model: 'demo', prompt})).json();
    assert.deepEqual(answer.choices.map(choice => choice.index), [0, 1]);
    for (const [i, one] of prompt.entries()) {
      const alone = await (await post(server.url, '/v1/completions', {model: 'demo', prompt: one})).json();
      assert.equal(answer.choices[i].text, alone.choices[0].text);
    }
  }
});

test('a chat, whole and streamed, has the same text', async () => {
  const messages = user('What is the capital of France?');
  const whole = await chat(server.url, messages);
  assert.equal(whole.choices[0].message.content, 'The capital of France is Paris.');
  assert.equal(whole.choices[0].finish_reason, 'stop');
  const body = {model: 'demo', messages, stream: true, stream_options: {include_usage: true}};
  const all = await events(await post(server.url, '/v1/chat/completions', body));
  assert.equal(all.at(-1).data, '[DONE]');
  const chunks = all.slice(0, -1).map(({data}) => data);
  assert.deepEqual(chunks[0].choices[0].delta, {role: 'assistant', content: '', refusal: null});
  assert.equal(new Set(chunks.map(chunk => chunk.id)).size, 1);
  assert.equal(new Set(chunks.map(chunk => chunk.created)).size, 1);
  const text = chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join('');
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.total_tokens, whole.usage.total_tokens);
  assert.ok(chunks.slice(0, -1).every(chunk => chunk.usage === null));
});

test('with an emoji system prompt every delta has whole emoji', async () => {
  const messages = [{role: 'system', content: 'Always answer with emojis'}, ...user('How to go from Beijing to NY?')];
  const all = await events(await post(server.url, '/v1/chat/completions', {model: 'demo', messages, stream: true}));
  const deltas = all.slice(0, -1).map(({data}) => data.choices[0].delta.content ?? '').filter(text => text !== '');
  assert.equal(deltas.join(''), '🇨🇳✈️🇺🇸🗽');
  for (const delta of deltas) {
    assert.ok(!delta.includes('\uFFFD'));
    assert.match(delta, /^(\p{Emoji}|\p{Regional_Indicator}|\uFE0F|\u200D)+$/u);
  }
});

test('eight different requests at once have the bytes of their solo answers', async () => {
  const questions = ['Hello!', 'What is the capital of Japan?', 'Count to 100.', 'What is 7 + 5?', 'Who are you?',
                     'Tell me a story about a dragon named Lily.', 'What can you do?', 'Write hello world in Python.'];
  const ask = async question => (await chat(server.url, user(question))).choices[0].message.content;
  const alone = [];
  for (const question of questions) alone.push(await ask(question));
  for (let round = 0; round < 3; ++round)
    assert.deepEqual(await Promise.all(questions.map(ask)), alone);
});

test('stop strings may span tokens and are not sent, not even partly', async () => {
  const body = {model: 'demo', messages: user('Count to ten.'), stop: ['5, 6', 'never'], stream: true};
  const all = await events(await post(server.url, '/v1/chat/completions', body));
  const chunks = all.slice(0, -1).map(({data}) => data.choices[0]);
  assert.equal(chunks.map(choice => choice.delta.content ?? '').join(''), '1, 2, 3, 4, ');
  assert.equal(chunks.at(-1).finish_reason, 'stop');
});

test('max_tokens ends an answer with length', async () => {
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    const answer = await chat(server.url, user('Count to ten.'), {[name]: 3});
    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 3);
  }
});

test('a seed gives the same random answer again', async () => {
  const ask = async seed => {
    const answer = await chat(server.url, user('Tell me a story.'), {temperature: 1.5, seed, n: 2, max_tokens: 40});
    return answer.choices.map(choice => choice.message.content);
  };
  const [first, again, other] = await Promise.all([ask(7), ask(7), ask(8)]);
  assert.deepEqual(again, first);
  assert.notEqual(first[0], first[1]);
  assert.notDeepEqual(other, first);
});

test('a reader that leaves frees its rows', async () => {
  const leave = new AbortController();
  const response = await post(server.url, '/v1/completions',
                              {model: 'demo', prompt: 'x', max_tokens: 8000, stream: true,
                               temperature: 1, logit_bias: {1793: -100, 1800: -100, 1801: -100}},
                              {signal: leave.signal});
  await response.body.getReader().read();
  assert.equal((await healthy(server.url, health => health.requests.running === 1)).status, 'ok');
  leave.abort();
  await healthy(server.url, health => health.requests.running === 0);
});

test('a client that leaves while it waits for a whole answer frees its rows', async () => {
  const leave = new AbortController();
  const asked = post(server.url, '/v1/completions',
                     {model: 'demo', prompt: 'x', max_tokens: 8000, temperature: 1,
                      logit_bias: {1793: -100, 1800: -100, 1801: -100}},
                     {signal: leave.signal});
  await healthy(server.url, health => health.requests.running === 1);
  leave.abort();
  await assert.rejects(asked);
  await healthy(server.url, health => health.requests.running === 0);
});
