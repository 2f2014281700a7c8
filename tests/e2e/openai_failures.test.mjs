// What goes wrong, or is broken off, as the official client's users see it.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {healthy, serve, user} from './support.mjs';

let server;
let client;
const clientOf = (url, more) => new OpenAI({baseURL: url + '/v1', apiKey: 'client-key', maxRetries: 0, ...more});
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  client = clientOf(server.url);
});
after(async () => assert.equal(await server.stop(), 0));

const asking = client => (content, more, options) =>
  client.chat.completions.create({model: 'demo', messages: user(content), ...more}, options);
const ask = (...args) => asking(client)(...args);

// What ends answers is ruled out.
const endless = {temperature: 1, logit_bias: {1793: -100, 1800: -100, 1801: -100}};

test('errors arrive as the classes of the client', async () => {
  const hello = more => ask('Hello!', more);
  await assert.rejects(hello({model: 'gpt-4'}), error => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    assert.match(error.requestID, /^req-/);
    return true;
  });
  await assert.rejects(hello({max_tokens: 'x'}), error => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'max_tokens');
    assert.equal(error.code, 'invalid_type');
    assert.equal(error.type, 'invalid_request_error');
    return true;
  });
  await assert.rejects(ask('word '.repeat(10000)), {status: 400, code: 'context_length_exceeded', param: 'messages'});
  await assert.rejects(ask('word '.repeat(10000), {stream: true}), OpenAI.BadRequestError);
  await assert.rejects(clientOf(server.url, {apiKey: 'other'}).models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.post('/nope', {body: {}}), OpenAI.NotFoundError);
});

test('schemas that cannot be enforced are refused, not ignored', async () => {
  const parameters = {type: 'object', properties: {city: {not: {}}}};
  for (const [param, value, at] of [
    ['response_format', {type: 'json_schema', json_schema: {name: 'city', schema: parameters}}, 'json_schema.schema'],
    ['tools', [{type: 'function', function: {name: 'weather', parameters}}], null],
  ]) {
    const place = at === null ? 'tools[0].function.parameters' : `${param}.${at}`;
    await assert.rejects(ask('Hello!', {[param]: value}), {status: 400, code: 'invalid_value', param: `${place}.properties.city.not`});
  }
});

test('leaving a stream, by its controller or by break, ends the answer', async () => {
  const more = {...endless, max_tokens: 8000, stream: true};
  for (const leave of [stream => stream.controller.abort(), () => 'break']) {
    const {data: stream, request_id} = await ask('Tell me a story.', more).withResponse();
    for await (const chunk of stream) {
      assert.equal(chunk.choices[0].finish_reason, null);
      if (leave(stream) === 'break') break;
    }
    await server.logged(new RegExp(`${request_id} .* end=(gone|aborted)`));
  }
});

test('aborting a whole answer ends it', async () => {
  await healthy(server.url, health => health.requests.running === 0);
  const leave = new AbortController();
  const since = server.log().length;
  const more = {...endless, max_tokens: 8000};
  const answer = ask('Tell me a story.', more, {signal: leave.signal});
  await healthy(server.url, health => health.requests.running === 1);
  leave.abort();
  await assert.rejects(answer, OpenAI.APIUserAbortError);
  await server.logged(/end=(gone|aborted)/, since);
});

test('an error in the middle of a stream is thrown where the stream is read', async () => {
  const short = await serve(['--drain', '0']);
  const read = async () => {
    for await (const chunk of await asking(clientOf(short.url))('Hello!', {...endless, max_tokens: 8000, stream: true}))
      if (chunk.choices[0].delta.content) short.signal('SIGTERM');
  };
  await assert.rejects(read(), error => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.code, 'server_shutting_down');
    return true;
  });
  assert.equal(await short.exited, 0);
});

test('a full queue is a RateLimitError, which the client overcomes by asking again', async () => {
  const busy = await serve(['--max-queue', '1', '--batch-rows', '4']);
  const leave = new AbortController();
  const body = {...endless, n: 64, max_tokens: 8000};
  // As many choices as there is room for run, the next one waits, the others wait with their request.
  const left = assert.rejects(asking(clientOf(busy.url))('Hello!', body, {signal: leave.signal}));
  await healthy(busy.url, ({requests}) => requests.running === 4 && requests.waiting === 1);
  await assert.rejects(asking(clientOf(busy.url))('Hello!'), error => {
    assert.ok(error instanceof OpenAI.RateLimitError, error);
    assert.ok(Number(error.headers.get('retry-after')) > 0);
    return true;
  });
  const since = busy.log().length;
  const patient = asking(clientOf(busy.url, {maxRetries: 5}))('Hello!');
  await busy.logged(/status=429/, since);
  leave.abort();
  assert.equal((await patient).choices[0].finish_reason, 'stop');
  await left;
  assert.equal(await busy.stop(), 0);
});
