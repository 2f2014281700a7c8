// /v1/responses as users of the official client use it.

import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {zodResponsesFunction, zodTextFormat} from 'openai/helpers/zod';
import {z} from 'zod';
import {run, serve} from './support.mjs';

let server;
let client;
const clientOf = (server, apiKey = 'none') => new OpenAI({baseURL: `${server.url}/v1`, apiKey, maxRetries: 0});
before(async () => {
  server = await serve(['--ctx', '2048']);
  client = clientOf(server);
});
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(), /does not know/, 'all that the client sends is known');
});

const create = body => client.responses.create({model: 'demo', ...body});

const weather = {
  type: 'function', name: 'get_weather', description: 'Get the current weather in a city', strict: true,
  parameters: {type: 'object', properties: {city: {type: 'string', maxLength: 30}}, required: ['city'], additionalProperties: false},
};

test('create: a string', async () => {
  const response = await create({input: 'What is the capital of France?'});
  assert.equal(response.output_text, 'The capital of France is Paris.');
  assert.equal(response.status, 'completed');
  assert.equal(response.usage.input_tokens, 17);
  assert.equal(response.usage.output_tokens, 7);
});

test('create: instructions and items say what a chat with these messages says', async () => {
  const messages = [{role: 'system', content: 'Always answer with emojis'}, {role: 'user', content: 'I love dogs'}];
  const {choices: [{message}]} = await client.chat.completions.create({model: 'demo', messages});
  const response = await create({instructions: messages[0].content,
                                 input: [{role: 'user', content: [{type: 'input_text', text: messages[1].content}]}]});
  assert.equal(response.output_text, message.content);
  assert.equal((await create({input: messages})).output_text, message.content);
});

test('create: a limit makes it incomplete', async () => {
  const response = await create({input: 'What can you do?', max_output_tokens: 4});
  assert.equal(response.status, 'incomplete');
  assert.deepEqual(response.incomplete_details, {reason: 'max_output_tokens'});
});

test('stream: the events, and the same response in the end', async () => {
  const whole = await create({input: 'What is 7 + 5?'});
  const seen = [];
  let text = '';
  for await (const event of await create({input: 'What is 7 + 5?', stream: true})) {
    seen.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(text, whole.output_text);
  assert.deepEqual(seen.slice(0, 4), ['response.created', 'response.in_progress', 'response.output_item.added',
                                      'response.content_part.added']);
  assert.equal(seen.at(-1), 'response.completed');
});

test('stream: the helper tells of the text as it grows and has the response', async () => {
  const stream = client.responses.stream({model: 'demo', input: 'What is the capital of Italy?'});
  const snapshots = [];
  stream.on('response.output_text.delta', ({snapshot}) => snapshots.push(snapshot));
  const response = await stream.finalResponse();
  assert.equal(response.output_text, 'The capital of Italy is Rome.');
  assert.equal(snapshots.at(-1), response.output_text);
  assert.equal((await client.responses.retrieve(response.id)).output_text, response.output_text);
});

test('parse: zod text format, whole and streamed', async () => {
  const Answer = z.object({colour: z.enum(['red', 'green', 'blue']), count: z.number().int().min(0).max(20)});
  const body = {model: 'demo', input: 'What colour is the sky?', text: {format: zodTextFormat(Answer, 'answer')}};
  const {output_parsed} = await client.responses.parse(body);
  assert.deepEqual(Answer.parse(output_parsed), output_parsed);
  const streamed = await client.responses.stream(body).finalResponse();
  assert.deepEqual(streamed.output_parsed, output_parsed);
});

test('functions: a call, what it gave back, and the answer, by previous_response_id', async () => {
  const first = await create({input: 'What is the weather in Paris?', tools: [weather], tool_choice: 'required',
                              parallel_tool_calls: false});
  assert.equal(first.output.length, 1);
  const [call] = first.output;
  assert.equal(call.type, 'function_call');
  assert.equal(call.name, 'get_weather');
  assert.equal(typeof JSON.parse(call.arguments).city, 'string');
  const output = {type: 'function_call_output', call_id: call.call_id, output: '{"temperature": 21, "condition": "sunny"}'};
  const second = await create({input: [output], previous_response_id: first.id, max_output_tokens: 60});
  assert.equal(second.output[0].type, 'message');
  const items = [];
  for await (const item of client.responses.inputItems.list(second.id, {order: 'asc'})) items.push(item);
  assert.deepEqual(items.map(({type}) => type), ['message', 'function_call', 'function_call_output']);
  assert.equal(items[1].id, call.id);
  // The same without the server's memory: the client sends all of it.
  const input = [{role: 'user', content: 'What is the weather in Paris?'}, ...first.output, output];
  const again = await create({input, store: false, max_output_tokens: 60});
  assert.equal(again.output_text, second.output_text);
});

test('functions: parsed arguments, whole and streamed', async () => {
  const tool = zodResponsesFunction({name: 'get_weather', description: 'Get the current weather in a city',
                                     parameters: z.object({city: z.enum(['Paris', 'Rome'])})});
  const body = {model: 'demo', input: 'What is the weather in Rome?', tools: [tool], tool_choice: {type: 'function', name: 'get_weather'},
                parallel_tool_calls: false};
  const {output: [call]} = await client.responses.parse(body);
  assert.ok(['Paris', 'Rome'].includes(call.parsed_arguments.city));
  const stream = client.responses.stream(body);
  let snapshot = '';
  stream.on('response.function_call_arguments.delta', event => snapshot = event.snapshot);
  const {output: [streamed]} = await stream.finalResponse();
  assert.deepEqual(streamed.parsed_arguments, call.parsed_arguments);
  assert.equal(snapshot, call.arguments);
});

test('turns: the model hears what was said before, not the instructions', async () => {
  const first = await create({input: 'My name is Anna.', instructions: 'You are a friendly assistant.'});
  const second = await create({input: 'What is my name?', previous_response_id: first.id});
  const whole = await create({input: [{role: 'user', content: 'My name is Anna.'},
                                      {role: 'assistant', content: first.output_text},
                                      {role: 'user', content: 'What is my name?'}]});
  assert.equal(second.output_text, whole.output_text);
  assert.equal(second.usage.input_tokens, whole.usage.input_tokens);
  assert.equal(second.instructions, null);
  const referred = await create({input: [{role: 'user', content: 'My name is Anna.'}, {type: 'item_reference', id: first.output[0].id},
                                         {role: 'user', content: 'What is my name?'}]});
  assert.equal(referred.output_text, whole.output_text);
});

test('retrieve, list and delete', async () => {
  const input = Array.from({length: 5}, (_, i) => ({role: 'user', content: `Message ${i}`}));
  const response = await create({input, metadata: {topic: 'pages'}, max_output_tokens: 5});
  const {_request_id, ...retrieved} = await client.responses.retrieve(response.id);
  assert.deepEqual({...retrieved}, {...response});
  assert.equal(retrieved.metadata.topic, 'pages');
  const texts = [];
  for await (const item of client.responses.inputItems.list(response.id, {limit: 2})) texts.push(item.content[0].text);
  assert.deepEqual(texts, [4, 3, 2, 1, 0].map(i => `Message ${i}`));
  await client.responses.delete(response.id);
  for (const gone of [() => client.responses.retrieve(response.id), () => client.responses.delete(response.id),
                      () => client.responses.inputItems.list(response.id)])
    await assert.rejects(gone(), OpenAI.NotFoundError);
  await assert.rejects(create({input: 'x', previous_response_id: response.id}),
                       {status: 400, code: 'previous_response_not_found', param: 'previous_response_id'});
});

test('what is not there is refused by name', async () => {
  for (const [body, param] of [
    [{tools: [{type: 'web_search'}]}, 'tools[0].type'], [{background: true}, 'background'],
    [{reasoning: {effort: 'high'}}, 'reasoning'],
    [{input: [{role: 'user', content: [{type: 'input_image', image_url: 'x', detail: 'auto'}]}]}, 'input[0].content[0].type'],
  ])
    await assert.rejects(create({input: 'x', ...body}), {status: 400, code: 'unsupported_parameter', param});
});

test('log-probabilities', async () => {
  const response = await create({input: 'Hello!', include: ['message.output_text.logprobs'], top_logprobs: 2});
  const [{logprobs, text}] = response.output[0].content;
  assert.equal(logprobs.map(({token}) => token).join(''), text);
  assert.ok(logprobs.every(({top_logprobs}) => top_logprobs.length >= 2));
});

async function withStore(body) {
  const folder = mkdtempSync(join(tmpdir(), 'puna-store-'));
  try {
    await body(join(folder, 'responses.db'));
  } finally {
    rmSync(folder, {recursive: true});
  }
}

test('--store: a conversation goes on after a restart, for its own key alone', () => withStore(async file => {
  const args = ['--ctx', '512', '--store', file, '--api-key', 'anna', '--api-key', 'ben'];
  const first = await serve(args);
  const response = await clientOf(first, 'anna').responses.create({model: 'demo', input: 'My name is Anna.'});
  assert.equal(await first.stop(), 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const second = await serve(args);
  const [anna, ben] = ['anna', 'ben'].map(key => clientOf(second, key));
  assert.equal((await anna.responses.retrieve(response.id)).output_text, response.output_text);
  await assert.rejects(ben.responses.retrieve(response.id), OpenAI.NotFoundError);
  await assert.rejects(ben.responses.delete(response.id), OpenAI.NotFoundError);
  const next = {model: 'demo', input: 'What is my name?', previous_response_id: response.id};
  await assert.rejects(ben.responses.create(next), OpenAI.BadRequestError);
  assert.equal((await anna.responses.create(next)).previous_response_id, response.id);
  await anna.responses.delete(response.id);
  assert.equal(await second.stop(), 0);
}));

test('--store-count: the oldest are forgotten', async () => {
  const small = await serve(['--ctx', '256', '--store-count', '2']);
  const {responses} = clientOf(small);
  const ids = [];
  for (let i = 0; i < 3; ++i) ids.push((await responses.create({model: 'demo', input: 'Hello!', max_output_tokens: 1})).id);
  await assert.rejects(responses.retrieve(ids[0]), OpenAI.NotFoundError);
  for (const id of ids.slice(1)) assert.equal((await responses.retrieve(id)).id, id);
  assert.equal(await small.stop(), 0);
});

test('--store: a file that is something else ends the start with one line', () => withStore(async file => {
  writeFileSync(file, 'My diary. '.repeat(500));
  const {code, stderr} = await run(['serve', '--port', '0', '--store', file]);
  assert.equal(code, 1);
  assert.match(stderr.trim(), /^[^\n]*responses\.db: file is not a database$/);
}));
