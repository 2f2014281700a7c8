// LangChain's classes for OpenAI, as their users use them.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {AIMessage, HumanMessage, SystemMessage} from '@langchain/core/messages';
import {ChatOpenAI, OpenAI} from '@langchain/openai';
import {z} from 'zod';
import {serve} from './support.mjs';

let server;
let model;
const fields = more => ({model: 'demo', temperature: 0, apiKey: 'client-key', maxRetries: 0,
                         configuration: {baseURL: server.url + '/v1'}, ...more});
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  model = new ChatOpenAI(fields());
});
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(), /does not know/, 'all that the client sends is known');
});

test('invoke answers a string, with usage', async () => {
  const answer = await model.invoke('What is the capital of France?');
  assert.equal(answer.content, 'The capital of France is Paris.');
  assert.equal(answer.response_metadata.finish_reason, 'stop');
  assert.match(answer.id, /^chatcmpl-/);
  const {input_tokens, output_tokens, total_tokens, input_token_details} = answer.usage_metadata;
  assert.equal(input_tokens, 17);
  assert.equal(total_tokens, input_tokens + output_tokens);
  assert.ok(input_token_details.cache_read >= 0);
});

test('messages of all roles arrive', async () => {
  const emojis = [new SystemMessage('Always answer with emojis'), new HumanMessage('How to go from Beijing to NY?')];
  assert.equal((await model.invoke(emojis)).content, '🇨🇳✈️🇺🇸🗽');
  const talk = [new HumanMessage('My name is Anna.'), new AIMessage('Nice to meet you, Anna!'),
                new HumanMessage([{type: 'text', text: 'What is my name?'}])];
  assert.equal((await model.invoke(talk)).content, 'Your name is Anna.');
});

test('stream gives the text in pieces that add up to the answer with its usage', async () => {
  const whole = await model.invoke('Count to ten.');
  let sum = null;
  let pieces = 0;
  for await (const chunk of await model.stream('Count to ten.')) {
    sum = sum === null ? chunk : sum.concat(chunk);
    if (chunk.content !== '') ++pieces;
  }
  assert.ok(pieces > 3, `${pieces} pieces`);
  assert.equal(sum.content, whole.content);
  assert.equal(sum.usage_metadata.total_tokens, whole.usage_metadata.total_tokens);
});

test('a batch has the answers of its questions', async () => {
  const answers = await model.batch(['What is 7 + 5?', 'What is the capital of Japan?', 'Hello!']);
  assert.deepEqual(answers.map(({content}) => content), [
    '7 + 5 = 12', 'The capital of Japan is Tokyo.', 'Hello! I am a tiny demo model. How can I help you?',
  ]);
});

test('limits and stop strings are obeyed', async () => {
  const short = await new ChatOpenAI(fields({maxTokens: 3})).invoke('Count to ten.');
  assert.equal(short.response_metadata.finish_reason, 'length');
  assert.equal(short.usage_metadata.output_tokens, 3);
  assert.equal((await model.invoke('Count to ten.', {stop: ['5, 6']})).content, '1, 2, 3, 4, ');
});

test('several answers at once, and a seed that gives them again', async () => {
  const ask = async () => {
    const random = new ChatOpenAI(fields({temperature: 1.5, n: 2, maxTokens: 40, modelKwargs: {seed: 7}}));
    const {generations: [choices]} = await random.generate([[new HumanMessage('Tell me a story.')]]);
    return choices.map(({text}) => text);
  };
  const [first, again] = [await ask(), await ask()];
  assert.deepEqual(again, first);
  assert.notEqual(first[0], first[1]);
});

test('the class for completions asks /v1/completions', async () => {
  const completions = new OpenAI(fields({maxTokens: 5}));
  assert.equal(await completions.invoke('The capital of France is'), ' Paris.');
  let text = '';
  for await (const piece of await completions.stream('The capital of France is')) text += piece;
  assert.equal(text, ' Paris.');
});

test('errors are those LangChain knows', async () => {
  await assert.rejects(new ChatOpenAI(fields({model: 'gpt-4'})).invoke('Hello!'),
                       error => error.status === 404 && error.lc_error_code === 'MODEL_NOT_FOUND');
  await assert.rejects(new ChatOpenAI(fields({apiKey: 'other'})).invoke('Hello!'),
                       error => error.status === 401 && error.lc_error_code === 'MODEL_AUTHENTICATION');
  await assert.rejects(new ChatOpenAI(fields({temperature: 3})).invoke('Hello!'),
                       error => error.status === 400 && error.param === 'temperature');
  await assert.rejects(model.invoke('word '.repeat(10000)),
                       {name: 'ContextOverflowError', message: /maximum context length is 8192 tokens/});
});

test('objects and calls are what their schemas say', async () => {
  const schema = z.object({city: z.enum(['Paris', 'Rome'])});
  const parameters = {type: 'object', properties: {city: {enum: ['Paris', 'Rome']}}, required: ['city'], additionalProperties: false};
  const tools = [{type: 'function', function: {name: 'weather', parameters}}];
  const {tool_calls} = await model.bindTools(tools, {tool_choice: 'required'}).invoke('What is the weather?');
  assert.equal(tool_calls[0].name, 'weather');
  assert.deepEqual(schema.parse(tool_calls[0].args), tool_calls[0].args);
  let sum = null;
  for await (const chunk of await model.bindTools(tools, {tool_choice: 'weather'}).stream('What is the weather?'))
    sum = sum === null ? chunk : sum.concat(chunk);
  assert.deepEqual(sum.tool_calls.map(({name, args}) => ({name, args})), [{name: 'weather', args: tool_calls[0].args}]);
  for (const method of ['jsonSchema', 'functionCalling']) {
    const object = await model.withStructuredOutput(schema, {method}).invoke('A city');
    assert.deepEqual(schema.parse(object), object, method);
  }
});

test('a stream that is left ends its answer', async () => {
  const leave = new AbortController();
  const since = server.log().length;
  const endless = new ChatOpenAI(fields({maxTokens: 8000, modelKwargs: {ignore_eos: true}}));
  const read = async () => {
    for await (const _ of await endless.stream('Tell me a story.', {signal: leave.signal})) leave.abort();
  };
  await assert.rejects(read());
  await server.logged(/end=(gone|aborted)/, since);
});
