// Anthropic's own client, unchanged, asks the real program. What passes is judged by anthropic_answers.mjs.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import {betaTool} from '@anthropic-ai/sdk/helpers/beta/json-schema';
import {zodOutputFormat} from '@anthropic-ai/sdk/helpers/zod';
import {z} from 'zod';
import {events, post, serve, user} from './support.mjs';
import {MessageStreamChecker} from './anthropic_answers.mjs';
import {written} from './schemas/anthropic.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--ctx', '2048', '--api-key', 'secret']);
  client = new Anthropic({baseURL: server.url, apiKey: 'secret', maxRetries: 0});
});
after(async () => assert.equal(await server.stop(), 0));

const ask = (content, more = {}) =>
  client.messages.create({model: 'demo', max_tokens: 60, messages: user(content), ...more});
const texts = message => message.content.map(({text}) => text).join('');
const headers = {'x-api-key': 'secret'};

test('anthropic.json is what anthropic.mjs writes from the installed client', () => {
  assert.equal(readFileSync(new URL('schemas/anthropic.json', import.meta.url), 'utf8'), written());
});

test('a message', async () => {
  const message = await ask('What is 7 + 5?');
  assert.equal(texts(message), '7 + 5 = 12');
  assert.equal(message.stop_reason, 'end_turn');
  assert.match(message._request_id, /^req-/);
  await server.logged(new RegExp(message._request_id));
});

test('a conversation with a system prompt, in strings and in blocks', async () => {
  const turns = [['user', 'My name is Anna.'], ['assistant', 'Nice to meet you, Anna!'], ['user', 'What is my name?']];
  const text = turn => [{type: 'text', text: turn, cache_control: {type: 'ephemeral'}}];
  const strings = {system: 'You are a helpful assistant.', messages: turns.map(([role, content]) => ({role, content}))};
  const blocks = {system: text(strings.system), messages: turns.map(([role, content]) => ({role, content: text(content)}))};
  const [first, second] = [await ask('', strings), await ask('', blocks)];
  assert.equal(texts(second), texts(first));
  assert.notEqual(texts(first), '');
  const total = ({input_tokens, cache_read_input_tokens}) => input_tokens + cache_read_input_tokens;
  assert.equal(total(second.usage), total(first.usage));
  assert.ok(second.usage.cache_read_input_tokens > 0, 'the prompt was known');
});

test('a message as events, and what the helper makes of them', async () => {
  const body = {model: 'demo', max_tokens: 60, messages: user('Count to ten.')};
  const whole = await client.messages.create(body);
  const seen = [];
  for await (const event of await client.messages.create({...body, stream: true})) seen.push(event.type);
  assert.deepEqual([...new Set(seen)], ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop',
                                        'message_delta', 'message_stop']);
  const stream = client.messages.stream(body);
  const deltas = [];
  stream.on('text', delta => deltas.push(delta));
  const final = await stream.finalMessage();
  assert.equal(deltas.join(''), texts(whole));
  assert.equal(await stream.finalText(), texts(whole));
  assert.deepEqual(final.content, whole.content);
  assert.equal(final.stop_reason, whole.stop_reason);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  assert.ok(final.usage.cache_read_input_tokens > 0, 'what is told at the end counts');
});

test('why a message ended', async () => {
  const stopped = await ask('Count to ten.', {stop_sequences: ['never', '5, 6']});
  assert.equal(texts(stopped), '1, 2, 3, 4, ');
  assert.equal(stopped.stop_reason, 'stop_sequence');
  assert.equal(stopped.stop_sequence, '5, 6');
  assert.equal((await ask('Count to ten.', {max_tokens: 3})).stop_reason, 'max_tokens');
  // Made for larger models, and answered all the same.
  assert.equal((await ask('Count to ten.', {max_tokens: 16_000})).stop_reason, 'end_turn');
});

test('an answer that was begun goes on', async () => {
  const whole = texts(await ask('Count to ten.'));
  const messages = [...user('Count to ten.'), {role: 'assistant', content: whole.slice(0, 11)}];
  assert.equal(texts(await ask('', {messages})), whole.slice(11));
});

test('tokens are counted before they are asked', async () => {
  const body = {model: 'demo', messages: user('What is 7 + 5?'), system: 'Be brief.'};
  const {input_tokens} = await client.messages.countTokens(body);
  const {usage} = await ask('', body);
  assert.equal(input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
});

const weather = {
  name: 'get_weather', description: 'Get the current weather in a city',
  input_schema: {type: 'object', properties: {city: {type: 'string', description: 'The city', maxLength: 30}}, required: ['city'],
                 additionalProperties: false},
};

test('a call that must come has the input that its schema says, whole and streamed, and its result is read', async () => {
  const body = {model: 'demo', max_tokens: 100, messages: user('What is the weather in Paris?'), tools: [weather],
                tool_choice: {type: 'any', disable_parallel_tool_use: true}};
  const message = await client.messages.create(body);
  assert.equal(message.stop_reason, 'tool_use');
  const [call] = message.content;
  assert.equal(call.name, 'get_weather');
  assert.deepEqual(Object.keys(call.input), ['city']);
  const stream = client.messages.stream(body);
  let json = '';
  stream.on('inputJson', part => json += part);
  const [streamed] = (await stream.finalMessage()).content;
  assert.deepEqual(streamed.input, call.input);
  assert.deepEqual(JSON.parse(json), call.input);
  for (const [content, is_error] of [['21 degrees, sunny', false], [[{type: 'text', text: 'no such city'}], true]]) {
    const result = {type: 'tool_result', tool_use_id: call.id, content, is_error};
    const messages = [...body.messages, {role: 'assistant', content: message.content}, {role: 'user', content: [result]}];
    const answer = await client.messages.create({...body, messages, tool_choice: {type: 'none'}});
    assert.equal(answer.content[0].type, 'text');
  }
});

test('a named tool is the one that is called, and none means none', async () => {
  const other = {...weather, name: 'get_time'};
  const tools = [weather, other];
  const [call] = (await ask('What is the weather in Paris?', {tools, tool_choice: {type: 'tool', name: 'get_time'}, max_tokens: 100})).content;
  assert.equal(call.name, 'get_time');
  const {content} = await ask('What is the weather in Paris?', {tools, tool_choice: {type: 'none'}});
  assert.ok(content.every(({type}) => type === 'text'));
});

test('the tool runner calls functions until there is an answer', async () => {
  const called = [];
  const run = async city => {
    called.push(city);
    return '21 degrees, sunny';
  };
  const tool = betaTool({name: weather.name, description: weather.description, inputSchema: weather.input_schema,
                         run: ({city}) => run(city)});
  const runner = client.beta.messages.toolRunner({
    model: 'demo', max_tokens: 100, messages: user('What is the weather in Paris?'), tools: [tool], max_iterations: 2,
    tool_choice: {type: 'any', disable_parallel_tool_use: true},
  });
  const messages = [];
  for await (const message of runner) messages.push(message);
  assert.equal(messages.length, 2);
  assert.ok(called.length > 0 && called.every(city => typeof city === 'string'));
});

test('an answer that has a form is parsed by the helper', async () => {
  const Answer = z.object({colour: z.enum(['red', 'green', 'blue']), ok: z.boolean()});
  const message = await client.messages.parse({model: 'demo', max_tokens: 60, messages: user('What colour is the sky?'),
                                               output_config: {format: zodOutputFormat(Answer)}});
  assert.deepEqual(Answer.parse(message.parsed_output), message.parsed_output);
});

test('what a coding agent sends is answered', async () => {
  const response = await post(server.url, '/v1/messages?beta=true', {
    model: 'demo', max_tokens: 32_000, stream: true, temperature: 1,
    system: [{type: 'text', text: 'You are a coding agent.'}, {type: 'text', text: 'Be brief.', cache_control: {type: 'ephemeral'}}],
    messages: [{role: 'user', content: [{type: 'text', text: '<system-reminder>x</system-reminder>'},
                                        {type: 'text', text: 'Hello!', cache_control: {type: 'ephemeral', ttl: '1h'}}]}],
    tools: [{...weather, input_schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', ...weather.input_schema}}],
    metadata: {user_id: 'user_1'}, thinking: {type: 'enabled', budget_tokens: 31_999},
    context_management: {edits: [{type: 'clear_thinking_20251015', keep: 'all'}]},
  }, {headers: {authorization: 'Bearer secret', 'anthropic-version': '2023-06-01', 'anthropic-beta': 'a-2025-01-01,b-2025-02-02'}});
  const seen = await events(response);
  assert.equal(seen.at(-1).event, 'message_stop');
  assert.equal(seen[1].event, 'ping');
  assert.doesNotMatch(server.log(), /does not know/);
});

test('refusals are the errors of the client', async () => {
  const refused = (promise, kind, status, pattern) => assert.rejects(promise, error => {
    assert.ok(error instanceof kind, `${error.constructor.name} ${error.message}`);
    assert.equal(error.status, status);
    assert.match(error.message, pattern);
    assert.match(error.requestID, /^req-/);
    return true;
  });
  await refused(ask('Hello!', {temperature: 2}), Anthropic.BadRequestError, 400, /'temperature'/);
  await refused(ask([{type: 'image', source: {type: 'url', url: 'https://example.com/x.png'}}]), Anthropic.BadRequestError, 400, /text only/);
  await refused(ask('word '.repeat(3000)), Anthropic.BadRequestError, 400, /prompt is too long: \d+ tokens > 2047 maximum/);
  await refused(ask('Hello!', {model: 'claude'}), Anthropic.NotFoundError, 404, /'claude'/);
  await refused(ask('x'.repeat(5_000_000)), Anthropic.APIError, 413, /bytes/);
  const stranger = new Anthropic({baseURL: server.url, apiKey: 'wrong', maxRetries: 0});
  await refused(stranger.messages.create({model: 'demo', max_tokens: 1, messages: user('x')}), Anthropic.AuthenticationError, 401, /key/);
  const bearer = new Anthropic({baseURL: server.url, apiKey: null, authToken: 'secret', maxRetries: 0});
  assert.equal((await bearer.messages.create({model: 'demo', max_tokens: 1, messages: user('x')})).role, 'assistant');
  for (const [path, body, status] of [['/v1/messages', '{', 400], ['/v1/messages/batches', {}, 404]])
    assert.equal((await post(server.url, path, body, {headers})).status, status);
});

test('a stream that the server ends is an error of the client', async () => {
  const ending = await serve(['--ctx', '2048', '--drain', '0']);
  const schema = {type: 'array', items: {type: 'string', minLength: 20}, minItems: 200};  // longer than the context
  const stream = new Anthropic({baseURL: ending.url, apiKey: 'none', maxRetries: 0}).messages.stream(
    {model: 'demo', max_tokens: 2000, messages: user('Tell me a story.'), output_config: {format: {type: 'json_schema', schema}}});
  stream.once('text', () => ending.stop());
  await assert.rejects(stream.finalMessage(), error => error instanceof Anthropic.APIError && error.type === 'api_error');
  assert.equal(await ending.exited, 0);
});

test('the judge of streams sees what is wrong', () => {
  const usage = {input_tokens: 3, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 0,
                 cache_creation: null, output_tokens_details: null, server_tool_use: null, service_tier: null,
                 inference_geo: null, speed: null};
  const {input_tokens, cache_read_input_tokens, cache_creation_input_tokens, ...more} = usage;
  const sums = {input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens: 1,
                output_tokens_details: more.output_tokens_details, server_tool_use: more.server_tool_use};
  const end = {stop_reason: 'end_turn', stop_sequence: null, stop_details: null, container: null};
  const message = {id: 'msg_0123456789abcdef', type: 'message', role: 'assistant', model: 'demo', content: [], ...end,
                   stop_reason: null, diagnostics: null, usage};
  const good = [
    {type: 'message_start', message}, {type: 'ping'},
    {type: 'content_block_start', index: 0, content_block: {type: 'text', text: '', citations: null}},
    {type: 'content_block_delta', index: 0, delta: {type: 'text_delta', text: 'a'}},
    {type: 'content_block_stop', index: 0}, {type: 'message_delta', delta: end, usage: sums}, {type: 'message_stop'},
  ];
  const judge = list => {
    const checker = new MessageStreamChecker({});
    for (const data of list) checker.event({event: data.type, data});
    checker.end();
  };
  judge(good);
  for (const missing of [0, 2, 3, 4, 5, 6])
    assert.throws(() => judge(good.filter((_, i) => i !== missing)), {name: 'AssertionError'}, `without ${good[missing].type}`);
  for (const [at, change] of [[0, {message: {...message, stop_reason: 'end_turn'}}], [2, {index: 1}], [3, {surprise: 1}],
                              [3, {delta: {type: 'input_json_delta', partial_json: '{}'}}], [4, {index: 1}],
                              [5, {delta: {...end, stop_reason: 'tool_use'}}], [5, {delta: {...end, stop_reason: null}}]])
    assert.throws(() => judge(good.with(at, {...good[at], ...change})), {name: 'AssertionError'}, JSON.stringify(change));
});
