// Vercel's AI SDK with its provider for OpenAI-compatible servers, as its users use it.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {createOpenAICompatible} from '@ai-sdk/openai-compatible';
import {APICallError, generateObject, generateText, stepCountIs, streamObject, streamText, tool} from 'ai';
import {z} from 'zod';
import {serve, user} from './support.mjs';

let server;
let puna;
let ask;
const provider = apiKey =>
  createOpenAICompatible({name: 'puna', baseURL: server.url + '/v1', apiKey, includeUsage: true});
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  puna = provider('client-key');
  ask = {model: puna('demo'), temperature: 0, maxRetries: 0};
});
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(), /does not know/, 'all that the client sends is known');
});

test('generateText', async () => {
  const {text, finishReason, usage, response} =
      await generateText({...ask, prompt: 'What is the capital of France?'});
  assert.equal(text, 'The capital of France is Paris.');
  assert.equal(finishReason, 'stop');
  assert.equal(usage.inputTokens, 17);
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
  assert.ok(usage.cachedInputTokens >= 0);
  assert.match(response.id, /^chatcmpl-/);
  assert.equal(response.modelId, 'demo');
});

test('streamText', async () => {
  const whole = await generateText({...ask, prompt: 'Count to ten.'});
  const stream = streamText({...ask, prompt: 'Count to ten.'});
  const pieces = [];
  for await (const piece of stream.textStream) pieces.push(piece);
  assert.ok(pieces.length > 3, `${pieces.length} pieces`);
  assert.equal(pieces.join(''), whole.text);
  assert.equal(await stream.finishReason, 'stop');
  assert.equal((await stream.usage).totalTokens, whole.usage.totalTokens);
});

test('a system text and a conversation', async () => {
  const system = 'Always answer with emojis';
  assert.equal((await generateText({...ask, system, prompt: 'How to go from Beijing to NY?'})).text, '🇨🇳✈️🇺🇸🗽');
  const messages = [...user('My name is Anna.'), {role: 'assistant', content: 'Nice to meet you, Anna!'},
                    {role: 'user', content: [{type: 'text', text: 'What is my name?'}]}];
  assert.equal((await generateText({...ask, messages})).text, 'Your name is Anna.');
});

test('limits, stop strings and seeds are obeyed', async () => {
  const short = await generateText({...ask, prompt: 'Count to ten.', maxOutputTokens: 3});
  assert.equal(short.finishReason, 'length');
  assert.equal(short.usage.outputTokens, 3);
  assert.equal((await generateText({...ask, prompt: 'Count to ten.', stopSequences: ['5, 6']})).text, '1, 2, 3, 4, ');
  const story = async seed =>
    (await generateText({...ask, prompt: 'Tell me a story.', temperature: 1.5, seed, maxOutputTokens: 40})).text;
  const [first, again, other] = await Promise.all([story(7), story(7), story(8)]);
  assert.equal(again, first);
  assert.notEqual(other, first);
});

test('the model for completions asks /v1/completions', async () => {
  const model = puna.completionModel('demo');
  const prompt = 'Hello!';
  const {text, usage} = await generateText({...ask, model, prompt, maxOutputTokens: 8});
  assert.equal(typeof text, 'string');
  assert.ok(usage.outputTokens <= 8);
  let streamed = '';
  for await (const piece of streamText({...ask, model, prompt, maxOutputTokens: 8}).textStream) streamed += piece;
  assert.equal(streamed, text);
});

const refused = (status, message) => error => {
  assert.ok(APICallError.isInstance(error), error);
  assert.equal(error.statusCode, status);
  assert.match(error.message, message);
  assert.equal(error.isRetryable, false);
  return true;
};

test('errors carry the status and the message of the server', async () => {
  const hello = {...ask, prompt: 'Hello!'};
  await assert.rejects(generateText({...hello, model: puna('gpt-4')}), refused(404, /'gpt-4' does not exist/));
  await assert.rejects(generateText({...hello, model: provider('other')('demo')}), refused(401, /API key/));
  await assert.rejects(generateText({...hello, temperature: 3}), refused(400, /'temperature'/));
  await assert.rejects(generateText({...ask, prompt: 'word '.repeat(10000)}), refused(400, /maximum context length/));
});

test('objects and calls are what their schemas say', async () => {
  const schema = z.object({city: z.enum(['Paris', 'Rome']), days: z.number().int().min(1).max(9)});
  const structured = createOpenAICompatible({name: 'puna', baseURL: `${server.url}/v1`, apiKey: 'client-key', supportsStructuredOutputs: true});
  const {object} = await generateObject({...ask, model: structured('demo'), schema, prompt: 'A city'});
  assert.deepEqual(schema.parse(object), object);
  const stream = streamObject({...ask, model: structured('demo'), schema, prompt: 'A city'});
  const parts = [];
  for await (const part of stream.partialObjectStream) parts.push(part);
  assert.ok(parts.length > 1, `${parts.length} parts`);
  assert.deepEqual(await stream.object, object);
});

test('tools are called with what their schemas allow, and their results go back', async () => {
  const inputSchema = z.object({city: z.enum(['Paris', 'Rome'])});
  const given = [];
  const execute = input => {
    given.push(inputSchema.parse(input));
    return {temperature: 21};
  };
  const tools = {weather: tool({description: 'the weather', inputSchema, execute})};
  const call = {...ask, tools, toolChoice: 'required', prompt: 'What is the weather?', maxOutputTokens: 100};
  const {toolCalls, finishReason} = await generateText(call);
  assert.equal(finishReason, 'tool-calls');
  assert.equal(toolCalls[0].toolName, 'weather');
  assert.deepEqual(toolCalls[0].input, given[0]);
  const stream = streamText({...call, stopWhen: stepCountIs(2), prepareStep: ({stepNumber}) => ({toolChoice: stepNumber === 0 ? 'required' : 'none'})});
  const kinds = new Set();
  for await (const {type} of stream.fullStream) kinds.add(type);
  for (const kind of ['tool-input-start', 'tool-input-delta', 'tool-call', 'tool-result', 'text-delta']) assert.ok(kinds.has(kind), kind);
  assert.equal((await stream.steps).length, 2);
});

test('a stream that is left ends its answer', async () => {
  const leave = new AbortController();
  const since = server.log().length;
  const stream = streamText({...ask, prompt: 'Tell me a story.', maxOutputTokens: 8000, abortSignal: leave.signal,
                             providerOptions: {puna: {ignore_eos: true}}});
  let aborted = false;
  for await (const part of stream.fullStream) {
    if (part.type === 'text-delta') leave.abort();
    if (part.type === 'abort') aborted = true;
  }
  assert.ok(aborted);
  await server.logged(/end=(gone|aborted)/, since);
});
