// Judges answers of the API: by the schemas of OpenAI's specification (schemas/openai.json), closed to members that
// neither it nor schemas/extensions.json has, and by what those schemas leave open. Throws an AssertionError that says
// what is wrong.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import Ajv from 'ajv';

const read = name => JSON.parse(readFileSync(new URL(`schemas/${name}`, import.meta.url)));
export const specification = read('openai.json');

function closed() {
  const {$defs} = structuredClone(specification);
  for (const [name, properties] of Object.entries(read('extensions.json')))
    if (!name.startsWith('$')) Object.assign($defs[name].properties, properties);
  for (const schema of Object.values($defs)) if (schema.properties) schema.additionalProperties = false;
  return {$id: 'openai', $defs};
}

const ajv = new Ajv({allErrors: true, allowUnionTypes: true}).addSchema(closed());

// `name` is one of openai.json's $defs.
export function checkSchema(name, value) {
  const validate = ajv.getSchema(`openai#/$defs/${name}`);
  if (validate(value)) return;
  const mistakes = validate.errors.map(({instancePath, message, params}) =>
    `${instancePath || 'the whole'} ${message}${params.additionalProperty ? ` ('${params.additionalProperty}')` : ''}`);
  assert.fail(`not a ${name}: ${mistakes.join('; ')}\n${JSON.stringify(value)}`);
}

export function checkError(body) {
  checkSchema('ErrorResponse', body);
  assert.notEqual(body.error.message, '');
  assert.ok(!body.error.message.includes('\n'), 'an error message is one line');
}

// What a request asks for that its answer shows. `request` is a parsed body.
function wanted(path, request) {
  const chat = path === '/v1/chat/completions';
  const {prompt} = request;
  const several = Array.isArray(prompt) && typeof prompt[0] !== 'number';
  return {
    chat,
    idPrefix: chat ? 'chatcmpl-' : 'cmpl-',
    choices: (request.n ?? 1) * (!chat && several ? prompt.length : 1),
    logprobs: chat ? request.logprobs === true : Number.isInteger(request.logprobs),
    tops: (chat ? request.top_logprobs : request.logprobs) ?? 0,
    tokenIds: request.return_token_ids === true,
    usage: request.stream_options?.include_usage === true,
  };
}

function checkHead(answer, asked) {
  assert.match(answer.id, new RegExp(`^${asked.idPrefix}[0-9A-Za-z]{16,}$`));
  assert.match(answer.system_fingerprint, /^fp_[0-9a-f]{10}$/);
  assert.ok(Math.abs(answer.created - Date.now() / 1000) < 86400, 'created is in seconds since 1970');
}

function checkUsage(usage) {
  assert.ok(usage, 'usage is there');
  assert.ok(usage.prompt_tokens > 0);
  assert.ok(usage.completion_tokens >= 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  const cached = usage.prompt_tokens_details?.cached_tokens;
  assert.ok(cached >= 0 && cached <= usage.prompt_tokens, `${cached} of ${usage.prompt_tokens} tokens cached`);
}

// Probabilities are at most 1; a little more is rounding.
const checkLogprob = logprob => assert.ok(logprob === null || logprob < 1e-4, `a log-probability of ${logprob}`);

function checkChatLogprobs({content}, tops) {
  for (const token of content ?? []) {
    for (const {logprob, bytes} of [token, ...token.top_logprobs]) {
      checkLogprob(logprob);
      assert.ok(bytes === null || bytes.every(byte => byte >= 0 && byte < 256));
    }
    const {top_logprobs} = token;
    assert.ok(top_logprobs.length >= tops && (tops > 0 || top_logprobs.length === 0), 'as many as were asked for');
    for (let i = 1; i < top_logprobs.length; ++i)
      assert.ok(top_logprobs[i - 1].logprob >= top_logprobs[i].logprob, 'the likeliest come first');
  }
}

function checkCompletionLogprobs(logprobs, tops) {
  const {tokens, token_logprobs, top_logprobs, text_offset} = logprobs;
  assert.equal(token_logprobs.length, tokens.length);
  assert.equal(text_offset.length, tokens.length);
  token_logprobs.forEach(checkLogprob);
  for (let i = 1; i < text_offset.length; ++i) assert.ok(text_offset[i] >= text_offset[i - 1]);
  if (tops > 0) assert.equal(top_logprobs.length, tokens.length);
}

function checkLogprobs(logprobs, asked) {
  if (logprobs === null) return;
  assert.ok(asked.logprobs, 'logprobs is null unless asked for');
  (asked.chat ? checkChatLogprobs : checkCompletionLogprobs)(logprobs, asked.tops);
}

export function checkAnswer(path, request, answer) {
  const asked = wanted(path, request);
  checkSchema(asked.chat ? 'ChatCompletion' : 'Completion', answer);
  checkHead(answer, asked);
  checkUsage(answer.usage);
  assert.deepEqual(answer.choices.map(({index}) => index), Array.from({length: asked.choices}, (_, i) => i));
  for (const {message, logprobs, token_ids} of answer.choices) {
    assert.equal(token_ids !== undefined, asked.tokenIds, 'token_ids come if they were asked for');
    assert.ok(!asked.logprobs || logprobs !== null, 'logprobs were asked for');
    checkLogprobs(logprobs, asked);
    if (asked.chat) assert.ok(message.content !== null || message.tool_calls, 'a message says something');
  }
}

// The events of one streamed answer, in their order.
export class StreamChecker {
  #asked;
  #head = null;
  #done = false;
  #failed = false;
  #usage = null;
  #choices;

  constructor(path, request) {
    this.#asked = wanted(path, request);
    this.#choices = Array.from({length: this.#asked.choices}, () => ({begun: false, finish: null}));
  }

  event({event, data}) {
    assert.ok(!this.#done, 'nothing comes after [DONE]');
    assert.ok(!this.#failed, 'nothing comes after an error');
    if (event === 'error') {
      checkError(data);
      this.#failed = true;
      return;
    }
    assert.equal(event, '', 'events have no name');
    if (data === '[DONE]') return this.#allDone();
    this.#chunk(data);
  }

  // Where the server ended the connection.
  end() { assert.ok(this.#done || this.#failed, 'a stream ends with [DONE] or an error'); }

  #chunk(chunk) {
    checkSchema(this.#asked.chat ? 'ChatCompletionChunk' : 'CompletionChunk', chunk);
    checkHead(chunk, this.#asked);
    assert.equal(this.#usage, null, 'the event with usage is the last');
    const {id, created, model, system_fingerprint} = chunk;
    this.#head ??= {id, created, model, system_fingerprint};
    assert.deepEqual({id, created, model, system_fingerprint}, this.#head, 'all events are of one answer');
    if (chunk.choices.length === 0) {
      assert.ok(this.#asked.usage, 'an event without choices has the usage that was asked for');
      checkUsage(chunk.usage);
      this.#usage = chunk.usage;
      return;
    }
    assert.equal('usage' in chunk, this.#asked.usage, 'usage is there, as null, if it was asked for');
    assert.equal(chunk.usage ?? null, null);
    chunk.choices.forEach(choice => this.#choice(choice));
  }

  #choice({index, delta, finish_reason, logprobs}) {
    const choice = this.#choices[index];
    assert.ok(choice, `no choice ${index} was asked for`);
    assert.equal(choice.finish, null, `choice ${index} was finished`);
    assert.notEqual(logprobs, undefined, 'logprobs is there, if only as null');
    checkLogprobs(logprobs, this.#asked);
    const role = this.#asked.chat && !choice.begun ? 'assistant' : undefined;
    assert.equal(delta?.role, role, 'the role comes once, first');
    choice.begun = true;
    choice.finish = finish_reason;
  }

  #allDone() {
    this.#done = true;
    for (const [index, {finish}] of this.#choices.entries()) assert.ok(finish, `choice ${index} has an end`);
    assert.equal(this.#usage !== null, this.#asked.usage, 'usage comes if it was asked for');
  }
}
