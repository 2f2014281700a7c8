// Judges answers of Anthropic's API: by the schemas of its specification (schemas/anthropic.json), closed to members
// that it does not have, and by what those schemas leave open. Throws an AssertionError that says what is wrong.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import Ajv from 'ajv';

export const specification = JSON.parse(readFileSync(new URL('schemas/anthropic.json', import.meta.url)));

function validators() {
  const {$answers, $defs} = structuredClone(specification);
  for (const schema of Object.values($defs)) if (schema.properties) schema.additionalProperties = false;
  // The specification's types leave the one of a 413 out.
  $defs.TooLarge = structuredClone($defs.NotFoundErrorObject);
  $defs.TooLarge.properties.type.const = 'request_too_large';
  $defs.ErrorResponse.properties.error.anyOf.push({$ref: '#/$defs/TooLarge'});
  // Its types have the details of errors elsewhere.
  $defs.InvalidRequestErrorObject.properties.details = {
    type: 'object', required: ['error_code', 'unsupported'],
    properties: {error_code: {const: 'thread_unsupported_request'}, unsupported: {type: 'array', items: {type: 'string'}}},
  };
  const ajv = new Ajv({allErrors: true, allowUnionTypes: true}).addSchema({$id: 'anthropic', $defs});
  return Object.fromEntries(Object.entries($answers).map(([name, schema]) =>
    [name, ajv.compile(schema.$ref ? {$ref: `anthropic${schema.$ref}`} : schema)]));
}

const validate = validators();

function checkSchema(name, value) {
  assert.ok(name in validate, `there is a '${name}'`);
  if (validate[name](value)) return;
  const mistakes = validate[name].errors.map(({instancePath, message, params}) =>
    `${instancePath || 'the whole'} ${message}${params.additionalProperty ? ` ('${params.additionalProperty}')` : ''}`);
  assert.fail(`not a ${name}: ${mistakes.join('; ')}\n${JSON.stringify(value)}`);
}

export const isAnthropic = path => /^\/v1\/messages($|\/)/.test(path);

const types = {400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error',
               413: 'request_too_large', 504: 'timeout_error', 529: 'overloaded_error'};

export function checkAnthropicError(body, status) {
  checkSchema('ErrorResponse', body);
  assert.notEqual(body.error.message, '');
  assert.ok(!body.error.message.includes('\n'), 'an error message is one line');
  assert.match(body.request_id, /^req-/);
  if (status in types) assert.equal(body.error.type, types[status]);
}

function checkUsage({input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens}) {
  assert.ok(input_tokens + cache_read_input_tokens > 0, 'a prompt has tokens');
  for (const count of [input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens])
    assert.ok(count >= 0);
}

// `request` is a parsed body.
function checkEnd(request, {stop_reason, stop_sequence}, blocks) {
  const called = blocks.some(({type}) => type === 'tool_use');
  assert.notEqual(stop_reason, null, 'there is a reason for the end');
  assert.equal(stop_reason === 'stop_sequence', stop_sequence !== null);
  if (stop_sequence !== null) assert.ok(request.stop_sequences.includes(stop_sequence));
  if (stop_reason === 'tool_use' || stop_reason === 'end_turn') assert.equal(called, stop_reason === 'tool_use');
}

function checkBlocks(request, blocks) {
  const ids = new Set();
  for (const block of blocks) {
    if (block.type === 'text') {
      assert.notEqual(block.text, '', 'a block of text is not empty');
      continue;
    }
    assert.match(block.id, /^toolu_[0-9A-Za-z]{16,}$/);
    assert.ok(!ids.has(block.id), 'every call has its own id');
    ids.add(block.id);
    assert.ok(request.tools.some(({name}) => name === block.name), `there is a tool '${block.name}'`);
    assert.equal(typeof block.input, 'object');
  }
}

export function checkAnthropicAnswer(path, request, answer) {
  if (path === '/v1/messages/count_tokens') return checkSchema('MessageTokensCount', answer);
  checkSchema('Message', answer);
  assert.match(answer.id, /^msg_[0-9A-Za-z]{16,}$/);
  checkUsage(answer.usage);
  checkBlocks(request, answer.content);
  checkEnd(request, answer, answer.content);
}

// The events of one streamed message, in their order.
export class MessageStreamChecker {
  #request;
  #begun = false;
  #blocks = [];
  #open = false;
  #end = null;
  #done = false;

  constructor(request) { this.#request = request; }

  event({event, data}) {
    assert.ok(!this.#done, 'nothing comes after the end');
    assert.equal(event, data.type, 'an event is named as its type');
    checkSchema(event, data);
    if (event === 'ping') return;
    if (event === 'error') {
      checkAnthropicError(data);
      this.#done = true;
      return;
    }
    assert.equal(this.#begun, event !== 'message_start', 'message_start comes once, first');
    if (this.#end !== null) assert.equal(event, 'message_stop');
    this[event](data);
  }

  // Where the server ended the connection.
  end() { assert.ok(this.#done, 'a stream ends with message_stop or an error'); }

  message_start({message}) {
    this.#begun = true;
    assert.match(message.id, /^msg_[0-9A-Za-z]{16,}$/);
    assert.deepEqual(message.content, []);
    assert.equal(message.stop_reason, null);
    checkUsage(message.usage);
  }

  content_block_start({index, content_block}) {
    assert.ok(!this.#open, 'the block before has ended');
    assert.equal(index, this.#blocks.length);
    this.#open = true;
    this.#blocks.push({...content_block, json: ''});
  }

  content_block_delta({index, delta}) {
    assert.ok(this.#open);
    assert.equal(index, this.#blocks.length - 1);
    const block = this.#blocks[index];
    assert.equal(delta.type, block.type === 'text' ? 'text_delta' : 'input_json_delta');
    if (block.type === 'text') block.text += delta.text;
    else block.json += delta.partial_json;
  }

  content_block_stop({index}) {
    assert.ok(this.#open);
    assert.equal(index, this.#blocks.length - 1);
    this.#open = false;
  }

  message_delta({delta, usage}) {
    assert.ok(!this.#open, 'all blocks have ended');
    this.#end = delta;
    checkUsage(usage);
    checkBlocks(this.#request, this.#blocks);
    checkEnd(this.#request, delta, this.#blocks);
    if (delta.stop_reason === 'tool_use')
      for (const {type, json} of this.#blocks) if (type === 'tool_use') JSON.parse(json);
  }

  message_stop() {
    assert.ok(this.#end, 'the end was told');
    this.#done = true;
  }
}
