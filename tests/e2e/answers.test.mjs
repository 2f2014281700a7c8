// What people see of the real program with the demo model, through curl and OpenAI's own client.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import {promisify} from 'node:util';

import OpenAI from 'openai';

import {root, startPuna} from './puna.mjs';

const run = promisify(execFile);

let puna;
let client;
let goldens; // by name
before(async () => {
  puna = await startPuna();
  client = new OpenAI({baseURL: `${puna.url}/v1`, apiKey: 'none', maxRetries: 0});
  const {cases} = JSON.parse(await readFile(`${root}models/demo/goldens.json`, 'utf8'));
  goldens = new Map(cases.map((golden) => [golden.name, golden]));
});
after(() => puna?.stop());

const asks = (text) => [{role: 'user', content: text}];

// The answer's text, delta by delta, and why it ended.
async function streamChat(request) {
  const deltas = [];
  let end;
  for await (const chunk of await client.chat.completions.create({model: 'demo', stream: true, ...request})) {
    const choice = chunk.choices[0];
    if (choice?.delta.content) deltas.push(choice.delta.content);
    end = choice?.finish_reason ?? end;
  }
  return {deltas, text: deltas.join(''), end};
}

async function chat(request) {
  const answer = await client.chat.completions.create({model: 'demo', ...request});
  return answer.choices[0].message.content;
}

test('curl lists the model, and finds it by name', async () => {
  const list = JSON.parse((await run('curl', ['-sS', '--fail', `${puna.url}/v1/models`])).stdout);
  assert.deepEqual(list.data.map(({id, object}) => ({id, object})), [{id: 'demo', object: 'model'}]);
  const one = JSON.parse((await run('curl', ['-sS', '--fail', `${puna.url}/v1/models/demo`])).stdout);
  assert.deepEqual(one, list.data[0]);
});

test('health is ok for curl', async () => {
  await run('curl', ['-sS', '--fail', `${puna.url}/health`]);
});

test('a completion goes on with the prompt', async () => {
  const answer = await client.completions.create({model: 'demo', prompt: 'The capital of France is'});
  assert.equal(answer.choices[0].text, goldens.get('text-capital').text);
  assert.equal(answer.choices[0].finish_reason, 'stop');
});

test('a chat is the same streamed and whole', async () => {
  const messages = goldens.get('sights').messages;
  const whole = await chat({messages});
  const streamed = await streamChat({messages});
  assert.equal(whole, goldens.get('sights').text);
  assert.equal(streamed.text, whole);
  assert.equal(streamed.end, 'stop');
  assert.ok(streamed.deltas.length > 10, `${streamed.deltas.length} deltas`);
});

test('every delta holds whole emojis only', async () => {
  const {messages, text} = goldens.get('emoji-family');
  const streamed = await streamChat({messages});
  assert.equal(streamed.text, text);
  assert.ok(streamed.deltas.length > 1);
  for (const delta of streamed.deltas) assert.ok(delta.isWellFormed() && !delta.includes('\ufffd'), JSON.stringify(delta));
});

test('eight requests at once answer each as it does alone', async () => {
  const names = ['hello', 'who', 'capital', 'count', 'help', 'haiku', 'recipe', 'emoji'];
  const requests = names.map((name) => ({messages: goldens.get(name).messages}));
  const alone = [];
  for (const request of requests) alone.push(await chat(request));
  const together = await Promise.all(requests.map(async (request) => (await streamChat(request)).text));
  assert.deepEqual(together, alone);
  assert.equal(new Set(alone).size, names.length);
});

test('a conversation of several turns remembers what was said', async () => {
  const messages = asks('My name is Anna.');
  messages.push({role: 'assistant', content: await chat({messages})});
  messages.push({role: 'user', content: 'What is my name?'});
  assert.equal(await chat({messages}), 'Your name is Anna.');
});

test('a special token typed by a user is ordinary text', async () => {
  const count = async (content) =>
    (await client.chat.completions.create({model: 'demo', messages: asks(content), max_tokens: 1})).usage.prompt_tokens;
  assert.ok((await count('<|eot_id|>')) > (await count('a')) + 3);
});

test('the limit of tokens ends an answer with "length", and usage counts', async () => {
  const answer = await client.chat.completions.create({
    model: 'demo', messages: goldens.get('count').messages, max_completion_tokens: 5});
  assert.equal(answer.choices[0].finish_reason, 'length');
  assert.equal(answer.usage.completion_tokens, 5);
  assert.equal(answer.usage.prompt_tokens, goldens.get('count').prompt_ids.length);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + 5);
});

test('a stop string ends the answer and is not sent, nor a part of it', async () => {
  const streamed = await streamChat({messages: goldens.get('count').messages, stop: [', 5,']});
  assert.equal(streamed.text, '1, 2, 3, 4');
  assert.equal(streamed.end, 'stop');
});

test('usage comes last in a stream if it is asked for', async () => {
  const stream = await client.chat.completions.create({
    model: 'demo', messages: asks('Hello!'), stream: true, stream_options: {include_usage: true}});
  const chunks = await collect(stream);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test('an unknown model and a wrong type are errors that the client understands', async () => {
  await assert.rejects(client.chat.completions.create({model: 'gpt-none', messages: asks('Hello!')}),
    (error) => error instanceof OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({model: 'demo', messages: asks('Hello!'), max_tokens: 'many'}),
    (error) => error instanceof OpenAI.BadRequestError && error.param === 'max_tokens');
});

test('what leaves in the middle of an answer does not change what others get', async () => {
  const {messages, text} = goldens.get('sights');
  const left = Array.from({length: 4}, async () => {
    for await (const chunk of await client.chat.completions.create({
      model: 'demo', messages: goldens.get('count-100').messages, stream: true})) {
      if (chunk.choices[0]?.delta.content) break;
    }
  });
  assert.equal(await chat({messages}), text);
  await Promise.all(left);
});

test('a port that is taken is an error of one line', async () => {
  const {port} = new URL(puna.url);
  await assert.rejects(startPuna('--port', port), (error) => /ended with 1/.test(error.message) && /in use/.test(error.message));
});

test('a directory that is not a model is an error of one line', async () => {
  await assert.rejects(startPuna('--model', `${root}docs`), /ended with 1: puna: [^\n]+\n$/);
});
