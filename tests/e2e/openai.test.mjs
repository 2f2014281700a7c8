// The official client, as its users use it.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {healthy, serve, user} from './support.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  client = new OpenAI({baseURL: server.url + '/v1', apiKey: 'client-key', maxRetries: 0});
});
after(async () => assert.equal(await server.stop(), 0));

const ask = (content, more, options) =>
  client.chat.completions.create({model: 'demo', messages: user(content), ...more}, options);

// What ends answers is ruled out.
const endless = {1793: -100, 1800: -100, 1801: -100};

async function chunks(stream) {
  const all = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
}

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['demo']);
  assert.equal((await client.models.retrieve('demo')).owned_by, 'puna');
  await assert.rejects(client.models.retrieve('gpt-4'), OpenAI.NotFoundError);
});

test('a chat, with the id that the log has', async () => {
  const answer = await ask('Hello!');
  assert.equal(answer.choices[0].message.content, 'Hello! I am a tiny demo model. How can I help you?');
  assert.equal(answer.usage.prompt_tokens, 12);
  assert.match(answer._request_id, /^req-/);
  await server.logged(new RegExp(answer._request_id));
});

test('a streamed chat', async () => {
  const messages = [...user('My name is Anna.'), {role: 'assistant', content: 'Nice to meet you, Anna!'},
                    ...user('What is my name?')];
  const all = await chunks(await client.chat.completions.create(
    {model: 'demo', messages, stream: true, stream_options: {include_usage: true}}));
  assert.equal(all.map(chunk => chunk.choices[0]?.delta.content ?? '').join(''), 'Your name is Anna.');
  const whole = await client.chat.completions.create({model: 'demo', messages});
  const {prompt_tokens, completion_tokens} = whole.usage;
  assert.equal(all.at(-1).usage.prompt_tokens, prompt_tokens);
  assert.equal(all.at(-1).usage.completion_tokens, completion_tokens);
});

test('the stream helper tells of the text as it grows and puts completions together', async () => {
  const body = {model: 'demo', messages: user('What is 7 + 5?')};
  const stream = client.chat.completions.stream(body);
  const deltas = [];
  let text = '';
  stream.on('content', (delta, snapshot) => {
    deltas.push(delta);
    text = snapshot;
  });
  assert.equal(await stream.finalContent(), '7 + 5 = 12');
  assert.equal(deltas.join(''), text);
  assert.equal(text, '7 + 5 = 12');
  const {choices} = await client.chat.completions.stream({...body, n: 2}).finalChatCompletion();
  for (const {message, finish_reason} of choices) {
    assert.equal(message.role, 'assistant');
    assert.equal(message.content, text);
    assert.equal(finish_reason, 'stop');
  }
});

test('a completion, whole and streamed', async () => {
  const body = {model: 'demo', prompt: 'The capital of France is', max_tokens: 5};
  assert.equal((await client.completions.create(body)).choices[0].text, ' Paris.');
  const all = await chunks(await client.completions.create({...body, stream: true}));
  assert.equal(all.map(chunk => chunk.choices[0].text).join(''), ' Paris.');
  const prompt = ['The capital of France is', 'The capital of Italy is'];
  const echoed = await client.completions.create({...body, prompt, echo: true});
  assert.deepEqual(echoed.choices.map(choice => choice.text), [prompt[0] + ' Paris.', prompt[1] + ' Rome.']);
});

test('several choices, each its own, the same again with the same seed', async () => {
  const story = async (seed, n) => {
    const answer = await ask('Tell me a story.', {seed, n, temperature: 1.5, max_completion_tokens: 30});
    assert.equal(answer.usage.completion_tokens <= 30 * n, true);
    return answer.choices.map(({message}) => message.content);
  };
  const [first, again, other] = await Promise.all([story(11, 3), story(11, 3), story(12, 3)]);
  assert.deepEqual(again, first);
  assert.equal(new Set(first).size, 3);
  assert.notDeepEqual(other, first);
  // However many are asked for, a choice is the same.
  assert.deepEqual(await story(11, 1), first.slice(0, 1));
});

test('several choices are streamed side by side and are those of the whole answer', async () => {
  const more = {seed: 5, n: 3, temperature: 1.2, max_completion_tokens: 20};
  const whole = await ask('Tell me a story.', more);
  const texts = ['', '', ''];
  for await (const {choices: [choice]} of await ask('Tell me a story.', {...more, stream: true}))
    texts[choice.index] += choice.delta.content ?? '';
  assert.deepEqual(texts, whole.choices.map(({message}) => message.content));
});

test('an answer ends before a stop string, whole and streamed', async () => {
  for (const stop of ['5, 6', ['never', '5, 6']]) {
    const {choices: [{message, finish_reason}]} = await ask('Count to ten.', {stop});
    assert.equal(message.content, '1, 2, 3, 4, ');
    assert.equal(finish_reason, 'stop');
    const all = await chunks(await ask('Count to ten.', {stop, stream: true}));
    assert.equal(all.map(chunk => chunk.choices[0].delta.content ?? '').join(''), message.content);
  }
});

test('a bias rules a token in or out', async () => {
  const hello = 601;  // the token's id
  const biased = async bias =>
    (await ask('Hello!', {logit_bias: {[hello]: bias}, max_tokens: 2})).choices[0].message.content;
  assert.equal(await biased(100), 'HelloHello');
  assert.ok(!(await biased(-100)).includes('Hello'));
});

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
  const stranger = new OpenAI({baseURL: server.url + '/v1', apiKey: 'other', maxRetries: 0});
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.post('/nope', {body: {}}), OpenAI.NotFoundError);
});

test('leaving a stream, by its controller or by break, ends the answer', async () => {
  const more = {max_tokens: 8000, temperature: 1, logit_bias: endless, stream: true};
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
  const leave = new AbortController();
  const since = server.log().length;
  const more = {max_tokens: 8000, temperature: 1, logit_bias: endless};
  const answer = ask('Tell me a story.', more, {signal: leave.signal});
  await healthy(server.url, health => health.requests.running === 1);
  leave.abort();
  await assert.rejects(answer, OpenAI.APIUserAbortError);
  await server.logged(/end=(gone|aborted)/, since);
});
