// The official client, as its users use it.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {serve, user} from './support.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  client = new OpenAI({baseURL: server.url + '/v1', apiKey: 'client-key', maxRetries: 0});
});
after(async () => assert.equal(await server.stop(), 0));

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['demo']);
  assert.equal((await client.models.retrieve('demo')).owned_by, 'puna');
});

test('a chat', async () => {
  const answer = await client.chat.completions.create({model: 'demo', messages: user('Hello!')});
  assert.equal(answer.choices[0].message.content, 'Hello! I am a tiny demo model. How can I help you?');
  assert.equal(answer.choices[0].message.refusal, null);
  assert.equal(answer.usage.prompt_tokens, 12);
});

test('a streamed chat', async () => {
  const stream = await client.chat.completions.create({
    model: 'demo',
    messages: [...user('My name is Anna.'), {role: 'assistant', content: 'Nice to meet you, Anna!'},
               ...user('What is my name?')],
    stream: true,
    stream_options: {include_usage: true},
  });
  let text = '';
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, 'Your name is Anna.');
  assert.ok(usage.completion_tokens > 0);
});

test('the stream helper puts a whole completion together', async () => {
  const stream = client.chat.completions.stream({model: 'demo', messages: user('What is 7 + 5?')});
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(answer.choices[0].message.content, '7 + 5 = 12');
});

test('a completion, whole and streamed', async () => {
  const ask = {model: 'demo', prompt: 'The capital of France is', max_tokens: 5};
  assert.equal((await client.completions.create(ask)).choices[0].text, ' Paris.');
  let text = '';
  for await (const chunk of await client.completions.create({...ask, stream: true})) text += chunk.choices[0].text;
  assert.equal(text, ' Paris.');
});

test('errors arrive as the classes of the client', async () => {
  const ask = more => client.chat.completions.create({model: 'demo', messages: user('Hello!'), ...more});
  await assert.rejects(ask({model: 'gpt-4'}), OpenAI.NotFoundError);
  await assert.rejects(ask({max_tokens: 'x'}), error => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'max_tokens');
    assert.equal(error.code, 'invalid_type');
    return true;
  });
  const stranger = new OpenAI({baseURL: server.url + '/v1', apiKey: 'other', maxRetries: 0});
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});
