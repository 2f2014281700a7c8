// Answers that have a form: what comes back is judged by a validator of JSON Schema that is not ours.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import OpenAI from 'openai';
import {zodFunction, zodResponseFormat} from 'openai/helpers/zod';
import {z} from 'zod';
import {chat, events, post, serve, user} from './support.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--ctx', '2048']);
  client = new OpenAI({baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0});
});
after(async () => assert.equal(await server.stop(), 0));

// All are bounded, so that an answer ends whatever the model thinks of it.
const word = {type: 'string', maxLength: 8};
const closed = (properties, more = {}) =>
  ({type: 'object', properties, required: Object.keys(properties), additionalProperties: false, ...more});
const schemas = {
  constants: {enum: ['red', 'green', 5, null, {a: [1]}]},
  object: closed({name: word, age: {type: 'integer', minimum: 0, maximum: 120}, ok: {type: 'boolean'}}),
  numbers: closed({low: {type: 'number', exclusiveMinimum: -2.5, maximum: 0.125}, high: {type: 'number', minimum: 99.5, exclusiveMaximum: 100},
                   even: {type: 'integer', multipleOf: 2, minimum: 10, maximum: 30}}),
  array: {type: 'array', items: word, minItems: 2, maxItems: 4},
  tuple: {type: 'array', prefixItems: [{type: 'integer', minimum: 0, maximum: 9}, {type: 'boolean'}], items: false, minItems: 2},
  pattern: {type: 'string', pattern: '^[A-Z][a-z]{2,5}(-[0-9]{1,3})?$'},
  alternatives: {anyOf: [{type: 'null'}, closed({kind: {const: 'a'}, n: {type: 'integer', minimum: 1, maximum: 3}}), word]},
  apart: {oneOf: [closed({kind: {const: 'x'}, v: word}), closed({kind: {const: 'y'}})]},
  optional: {type: 'object', properties: {a: word, b: {type: 'boolean'}, c: {type: 'null'}}, required: ['b'], additionalProperties: false},
  together: {allOf: [closed({a: {type: 'integer', minimum: 0, maximum: 50}}), {properties: {a: {minimum: 40}}}]},
  tree: {$ref: '#/$defs/node', $defs: {node: closed({v: {type: 'integer', minimum: 0, maximum: 9},
                                                     next: {anyOf: [{$ref: '#/$defs/node'}, {type: 'null'}]}})}},
  unicode: closed({'größe': {type: 'string', minLength: 1, maxLength: 3}, 'a"b': {const: 'c\n"d'}}),
};

const format = (schema, strict = false) =>
  ({response_format: {type: 'json_schema', json_schema: {name: 'answer', schema, strict}}});

for (const [name, schema] of Object.entries(schemas)) {
  test(`json_schema: every answer validates: ${name}`, async () => {
    const validate = new Ajv({strict: false}).compile(schema);
    for (const sampling of [{}, {temperature: 1, seed: 1}, {temperature: 2, seed: 2}]) {
      const {choices: [{message, finish_reason}]} =
        await chat(server.url, user('Tell me about Paris.'), {...format(schema), ...sampling, max_tokens: 400});
      if (finish_reason === 'length') continue;  // a tree may grow and grow
      assert.equal(finish_reason, 'stop');
      assert.ok(validate(JSON.parse(message.content)), `${message.content}: ${JSON.stringify(validate.errors)}`);
    }
  });
}

test('answers without a form are what they are beside constrained ones', async () => {
  const ask = () => chat(server.url, user('What is the capital of France?'), {temperature: 0, logprobs: true});
  const alone = (await ask()).choices;
  const others = Object.values(schemas).map(schema => chat(server.url, user('Hello!'), {...format(schema), max_tokens: 40}));
  assert.deepEqual((await ask()).choices, alone);
  await Promise.all(others);
});

test('a constrained answer has the same bytes alone and beside others, in a stream and whole', async () => {
  const body = {...format(schemas.object), max_tokens: 200};
  const {choices: [{message: {content}}]} = await chat(server.url, user('Hello!'), body);
  const others = Array.from({length: 6}, (_, i) => chat(server.url, user(`Story ${i}`), {...format(schemas.array), max_tokens: 50}));
  const again = Array.from({length: 3}, () => chat(server.url, user('Hello!'), body));
  for (const {choices} of await Promise.all(again)) assert.equal(choices[0].message.content, content);
  await Promise.all(others);
  const chunks = await events(await post(server.url, '/v1/chat/completions',
                                         {model: 'demo', messages: user('Hello!'), ...body, stream: true}));
  assert.equal(chunks.map(({data}) => data.choices?.[0].delta.content ?? '').join(''), content);
});

test('json_object is an object, and a limit within it is a length', async () => {
  const {choices: [{message, finish_reason}]} =
    await chat(server.url, user('Hello!'), {response_format: {type: 'json_object'}, max_tokens: 3});
  assert.match(message.content, /^\{/);
  if (finish_reason === 'stop') JSON.parse(message.content);
  else assert.equal(finish_reason, 'length');
});

test('a schema that cannot be enforced is refused with its path', async () => {
  for (const [schema, param] of [
    [closed({a: {type: 'array', uniqueItems: true}}), 'properties.a.uniqueItems'],
    [{not: {}}, 'not'], [{type: 'strin'}, 'type'], [{type: 'string', format: 'iri'}, 'format'],
    [{anyOf: [{}, {type: 'string', pattern: '('}]}, 'anyOf[1].pattern'],
  ]) {
    const response = await post(server.url, '/v1/chat/completions', {model: 'demo', messages: user('x'), ...format(schema)});
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error.param, `response_format.json_schema.schema.${param}`);
  }
});

test('the helpers of the official client: zod', async () => {
  const Answer = z.object({colour: z.enum(['red', 'green', 'blue']), count: z.number().int().min(0).max(20)});
  const {choices: [{message}]} = await client.chat.completions.parse({
    model: 'demo', messages: user('What colour is the sky?'), response_format: zodResponseFormat(Answer, 'answer')});
  assert.deepEqual(Answer.parse(message.parsed), message.parsed);
  const stream = client.chat.completions.stream({
    model: 'demo', messages: user('What colour is the sky?'), response_format: zodResponseFormat(Answer, 'answer')});
  const pieces = [];
  for await (const event of stream) if (event.choices[0]?.delta.content) pieces.push(event.choices[0].delta.content);
  assert.ok(pieces.length > 3, `${pieces.length} pieces`);
  const [{message: streamed}] = (await stream.finalChatCompletion()).choices;
  assert.deepEqual(streamed.parsed, message.parsed);
  assert.equal(pieces.join(''), streamed.content);
});

test('the helpers of the official client: a call is parsed by its schema', async () => {
  const Where = z.object({city: z.enum(['Paris', 'Rome']), days: z.number().int().min(1).max(9).nullable()});
  const {choices: [{message: {tool_calls: [call]}}]} = await client.chat.completions.parse({
    model: 'demo', messages: user('What is the weather in Paris?'), parallel_tool_calls: false,
    tools: [zodFunction({name: 'weather', parameters: Where})], tool_choice: {type: 'function', function: {name: 'weather'}}});
  assert.deepEqual(Where.parse(call.function.parsed_arguments), call.function.parsed_arguments);
});

const weather = {
  type: 'function',
  function: {
    name: 'get_weather', description: 'Get the current weather in a city',
    parameters: {type: 'object', properties: {city: {type: 'string', description: 'The city', maxLength: 30}}, required: ['city'],
                 additionalProperties: false},
  },
};

test('tools: a call that is required has a known name and arguments that validate, streamed or not', async () => {
  const more = {tools: [weather], tool_choice: 'required', parallel_tool_calls: false};
  const {choices: [{message, finish_reason}]} = await chat(server.url, user('What is the weather in Paris?'), more);
  assert.equal(finish_reason, 'tool_calls');
  const [{id, function: {name, arguments: text}}] = message.tool_calls;
  assert.match(id, /^call_/);
  assert.equal(name, 'get_weather');
  assert.equal(typeof JSON.parse(text).city, 'string');
  const stream = client.chat.completions.stream({model: 'demo', messages: user('What is the weather in Paris?'), ...more});
  const [streamed] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
  assert.equal(streamed.function.name, 'get_weather');
  assert.equal(streamed.function.arguments, text);
});

test('tools: the runner of the official client calls the function and reads its result', async () => {
  let called = null;
  const runner = client.chat.completions.runTools({
    model: 'demo', messages: user('What is the weather in Paris?'), max_tokens: 100,
    tools: [{...weather, function: {...weather.function, parse: JSON.parse, function: args => {
      called = args;
      return '{"temperature": 21, "condition": "sunny"}';
    }}}],
  });
  await runner.finalContent();
  assert.equal(typeof called?.city, 'string');
});

test('tools: none means none', async () => {
  const {choices: [{message}]} =
    await chat(server.url, user('What is the weather in Paris?'), {tools: [weather], tool_choice: 'none', max_tokens: 50});
  assert.equal(message.tool_calls, undefined);
});

test('guided_choice and guided_regex for completions', async () => {
  const complete = async more => (await (await post(server.url, '/v1/completions', {model: 'demo', prompt: 'Is it? ', ...more})).json()).choices[0];
  const {text, finish_reason} = await complete({guided_choice: ['yes', 'no'], max_tokens: 10});
  assert.ok(['yes', 'no'].includes(text));
  assert.equal(finish_reason, 'stop');
  assert.match((await complete({guided_regex: '[a-f]{4}-\\d', max_tokens: 20})).text, /^[a-f]{4}-\d$/);
});
