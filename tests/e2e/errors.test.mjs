// Every refusal is OpenAI's error object with the status that fits.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {post, serve, user} from './support.mjs';

let server;
before(async () => { server = await serve(['--ctx', '256']); });
after(async () => assert.equal(await server.stop(), 0));

async function refusal(response, status) {
  assert.equal(response.status, status);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  const {error} = await response.json();
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
  assert.equal(typeof error.message, 'string');
  assert.equal(typeof error.type, 'string');
  for (const name of ['param', 'code']) assert.ok(error[name] === null || typeof error[name] === 'string');
  return error;
}

const hello = {model: 'demo', messages: user('Hello!')};
const ask = body => post(server.url, '/v1/chat/completions', body);

test('bad JSON is refused with its place', async () => {
  assert.match((await refusal(await ask('{"model": }'), 400)).message, /line 1, column 11/);
  for (const body of ['', '[]', '"x"', '{"a":1e999}', '['.repeat(1_000_000), '{"a":'.repeat(100_000)])
    await refusal(await ask(body), 400);
  const response = await fetch(server.url + '/v1/chat/completions', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  });
  await refusal(response, 400);
});

test('wrong types, ranges and missing fields name the field', async () => {
  for (const [more, param] of [
    [{messages: undefined}, 'messages'], [{model: undefined}, 'model'], [{messages: 1}, 'messages'],
    [{messages: []}, 'messages'], [{messages: [{role: 'user', content: 5}]}, 'messages[0].content'],
    [{max_tokens: 'x'}, 'max_tokens'], [{temperature: 3}, 'temperature'], [{stop: ['', 'a']}, 'stop[0]'],
    [{stream: 'yes'}, 'stream'], [{stream_options: {include_usage: true}}, 'stream_options'],
  ]) assert.equal((await refusal(await ask({...hello, ...more}), 400)).param, param);
});

test('fields that are not supported and would change the answer are named', async () => {
  for (const [more, param] of [
    [{tools: [{type: 'custom', custom: {name: 'f'}}]}, 'tools[0].custom'], [{tool_choice: 'required'}, 'tool_choice'],
    [{functions: [{name: 'f'}]}, 'functions'], [{audio: {}}, 'audio'],
  ]) assert.equal((await refusal(await ask({...hello, ...more}), 400)).param, param);
});

test('fields without effect and fields nobody knows are accepted, the latter logged once', async () => {
  const more = {user: 'me', metadata: {a: 'b'}, store: false, service_tier: 'auto', top_p: 1, flavour: 'plain'};
  for (let i = 0; i < 2; ++i) assert.equal((await ask({...hello, ...more})).status, 200);
  assert.equal(server.log().split("'flavour'").length, 2);
});

test('too long a prompt is 400 context_length_exceeded with the numbers', async () => {
  const error = await refusal(await ask({...hello, messages: user('word '.repeat(1000))}), 400);
  assert.equal(error.code, 'context_length_exceeded');
  assert.match(error.message, /maximum context length is 256 tokens/);
});

test('unknown models, routes, methods, content types and large bodies have their own status', async () => {
  assert.equal((await refusal(await ask({...hello, model: 'gpt-4'}), 404)).code, 'model_not_found');
  await refusal(await fetch(server.url + '/v1/models/gpt-4'), 404);
  await refusal(await fetch(server.url + '/v1/nope'), 404);
  const wrong_method = await fetch(server.url + '/v1/chat/completions');
  assert.match(wrong_method.headers.get('allow'), /POST/);
  await refusal(wrong_method, 405);
  await refusal(await post(server.url, '/v1/chat/completions', hello, {headers: {'Content-Type': 'text/plain'}}), 415);
  await refusal(await ask({...hello, user: 'x'.repeat(5 << 20)}), 413);
});

test('token ids beyond the vocabulary are refused', async () => {
  for (const token of [2048, -1, 2 ** 40]) {
    const response = await post(server.url, '/v1/completions', {model: 'demo', prompt: [1, token]});
    assert.equal((await refusal(response, 400)).param, 'prompt[1]');
  }
});

test('with an API key /v1 needs it and /health does not', async () => {
  const locked = await serve([], {PUNA_API_KEY: 'the-key'});
  try {
    assert.equal((await fetch(locked.url + '/health')).status, 200);
    await refusal(await fetch(locked.url + '/v1/models'), 401);
    const with_key = key => fetch(locked.url + '/v1/models', {headers: {Authorization: `Bearer ${key}`}});
    assert.equal((await refusal(await with_key('the-kez'), 401)).code, 'invalid_api_key');
    assert.equal((await with_key('the-key')).status, 200);
    await refusal(await post(locked.url, '/v1/chat/completions', hello), 401);
  } finally {
    assert.equal(await locked.stop(), 0);
  }
});
