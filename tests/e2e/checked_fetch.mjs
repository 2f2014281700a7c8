// Replaces `fetch`, which the tests and all clients use, by one that judges every answer and every event of /v1, and
// every refusal, as it passes: whoever reads a wrong one gets an AssertionError. It reaches nothing but this machine.

import assert from 'node:assert/strict';
import {checkAnthropicAnswer, checkAnthropicError, isAnthropic, MessageStreamChecker} from './anthropic_answers.mjs';
import {checkAnswer, checkError, checkSchema, StreamChecker} from './openai_answers.mjs';
import {checkResponse, ResponseStreamChecker} from './openai_responses.mjs';

const plainFetch = globalThis.fetch;

const parsed = body => {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
};

// The event of one block of lines: {event, data}, data parsed unless it is [DONE]; null for a comment.
export function readEvent(block) {
  if (block.startsWith(':')) return null;
  const lines = block.split('\n');
  const values = name => lines.filter(line => line.startsWith(`${name}: `)).map(line => line.slice(name.length + 2));
  const [data, ...more] = values('data');
  assert.ok(data !== undefined && more.length === 0, `one line of data: ${block}`);
  return {event: values('event')[0] ?? '', data: data === '[DONE]' ? data : JSON.parse(data)};
}

function checkEvents(path, request) {
  const checker = path === '/v1/responses' ? new ResponseStreamChecker()
    : isAnthropic(path) ? new MessageStreamChecker(request) : new StreamChecker(path, request);
  const decoder = new TextDecoder('utf-8', {fatal: true});
  let rest = '';
  return new TransformStream({
    transform(bytes, controller) {
      const blocks = (rest + decoder.decode(bytes, {stream: true})).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const event = readEvent(block);
        if (event !== null) checker.event(event);
      }
      controller.enqueue(bytes);
    },
    flush() {
      assert.equal(rest + decoder.decode(), '', 'the last event is whole');
      checker.end();
    },
  });
}

// `request` is the body that was sent, if it was JSON.
export function checkWhole(path, request, status, body) {
  if (isAnthropic(path)) return (status >= 400 ? checkAnthropicError(body, status) : checkAnthropicAnswer(path, request, body));
  if (status >= 400) return checkError(path === '/health' ? {error: body.error} : body);
  if (path === '/v1/models') return checkSchema('ModelList', body);
  if (path.startsWith('/v1/models/')) return checkSchema('Model', body);
  if (path === '/v1/embeddings') return checkSchema('CreateEmbeddingResponse', body);
  if (path === '/v1/chat/completions' || path === '/v1/completions') checkAnswer(path, request, body);
  if (path.endsWith('/input_items')) return checkSchema('ResponseItemList', body);
  if (path.startsWith('/v1/responses') && body.deleted !== true) checkResponse(body);
}

globalThis.fetch = async (input, init) => {
  const url = new URL(input.url ?? input);
  assert.match(url.hostname, /^(127\.[\d.]+|\[::1\]|localhost)$/, `tests ask this machine only, not ${url}`);
  const response = await plainFetch(input, init);
  const {status, headers} = response;
  const judged = url.pathname.startsWith('/v1/') || status >= 400;
  if (!judged || response.body === null) return response;
  const request = parsed(init?.body?.toString());
  if (headers.get('content-type') === 'text/event-stream') {
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-accel-buffering'), 'no');
    return new Response(response.body.pipeThrough(checkEvents(url.pathname, request)), response);
  }
  // Read here, so that it is judged even where a test looks at the status alone.
  const bytes = await response.arrayBuffer();
  if (bytes.byteLength > 0) {
    assert.match(headers.get('content-type'), /^application\/json/);
    checkWhole(url.pathname, request, status, JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes)));
  }
  return new Response(bytes, response);
};
