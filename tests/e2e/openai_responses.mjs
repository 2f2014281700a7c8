// Judges what /v1/responses answers: responses, and the events of streamed ones in their order. Throws an AssertionError
// that says what is wrong.

import assert from 'node:assert/strict';
import {checkSchema} from './openai_answers.mjs';

const ended = ['completed', 'incomplete', 'failed'];

function checkUsage(usage) {
  assert.ok(usage, 'usage is there');
  const {input_tokens, input_tokens_details, output_tokens, total_tokens} = usage;
  assert.ok(input_tokens > 0);
  assert.equal(total_tokens, input_tokens + output_tokens);
  assert.ok(input_tokens_details.cached_tokens <= input_tokens);
}

export function checkResponse(response) {
  checkSchema('Response', response);
  assert.match(response.id, /^resp_[0-9A-Za-z]{16,}$/);
  assert.ok(Math.abs(response.created_at - Date.now() / 1000) < 86400, 'created_at is in seconds since 1970');
  const {status, output, usage, error, incomplete_details, completed_at} = response;
  assert.equal(new Set(output.map(({id}) => id)).size, output.length, 'ids differ');
  assert.equal(incomplete_details !== null, status === 'incomplete');
  assert.equal(error !== null, status === 'failed');
  assert.equal(completed_at !== null, status === 'completed');
  if (status === 'completed' || status === 'incomplete') {
    checkUsage(usage);
    assert.ok(output.length > 0, 'a response says something');
    assert.deepEqual(output.slice(0, -1).filter(item => item.status !== 'completed'), []);
    assert.equal(output.at(-1).status, status, 'what is not complete is the last item');
  } else {
    assert.equal(usage, undefined);
  }
}

const schemas = {
  'response.output_text.delta': 'ResponseTextDeltaEvent',
  'response.output_text.done': 'ResponseTextDoneEvent',
  'response.function_call_arguments.delta': 'ResponseFunctionCallArgumentsDeltaEvent',
  'response.function_call_arguments.done': 'ResponseFunctionCallArgumentsDoneEvent',
};

// What is told of an item between its beginning and its end, but for the pieces.
const steps = {
  message: ['response.content_part.added', 'response.output_text.done', 'response.content_part.done'],
  function_call: ['response.function_call_arguments.done'],
};

// The events of one streamed response.
export class ResponseStreamChecker {
  #count = 0;
  #response = null;  // as the last event had it
  #items = [];       // those that ended
  #item = null;      // the one that grows, with its `text`

  event({event, data}) {
    assert.equal(event, data.type, 'an event is named by its type');
    checkSchema(schemas[event] ?? event, data);
    assert.equal(data.sequence_number, this.#count++);
    assert.ok(!ended.includes(this.#response?.status), 'nothing comes after the end');
    const begins = event === 'response.created' || event === 'response.in_progress';
    assert.equal(begins, this.#count <= 2, 'a response is created and in progress before all else');
    if (data.response) return this.#lifecycle(event, data.response);
    assert.equal(data.output_index, this.#items.length);
    if (event === 'response.output_item.added') return this.#added(data.item);
    assert.ok(this.#item, `${event} is of an item`);
    if (event === 'response.output_item.done') return this.#done(data.item);
    assert.equal(data.item_id, this.#item.id);
    if (event.endsWith('.delta')) {
      assert.notEqual(data.delta, '');
      assert.equal(this.#item.told.length, this.#item.type === 'message' ? 1 : 0, 'pieces come before what was told');
      this.#item.text += data.delta;
    } else {
      assert.equal(data.text ?? data.arguments ?? data.part.text, this.#item.text, 'what was told piece by piece');
      this.#item.told.push(event);
    }
  }

  // Where the server ended the connection.
  end() { assert.ok(ended.includes(this.#response?.status), 'a stream ends with the end of its response'); }

  #lifecycle(event, response) {
    checkResponse(response);
    assert.equal(event, this.#count === 1 ? 'response.created' : `response.${response.status}`);
    if (this.#response) assert.equal(response.id, this.#response.id);
    this.#response = response;
    if (event === 'response.failed') return;
    assert.equal(this.#item, null);
    assert.deepEqual(response.output, this.#items, 'the items are those that were told');
  }

  #added({id, type, status}) {
    assert.equal(this.#item, null, 'one item after the other');
    assert.equal(status, 'in_progress');
    this.#item = {id, type, text: '', told: []};
  }

  #done(item) {
    const {id, type, text, told} = this.#item;
    assert.deepEqual([item.id, item.type, item.arguments ?? item.content[0].text], [id, type, text]);
    assert.deepEqual(told, steps[type]);
    assert.notEqual(item.status, 'in_progress');
    this.#items.push(item);
    this.#item = null;
  }
}
