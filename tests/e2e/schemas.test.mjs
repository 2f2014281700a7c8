// The judges of answers: they are up to date and they see what is wrong.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {checkWhole} from './checked_fetch.mjs';
import {StreamChecker} from './openai_answers.mjs';
import {ResponseStreamChecker} from './openai_responses.mjs';
import {written} from './schemas/extract.mjs';

const now = Math.floor(Date.now() / 1000);
const head = object => ({id: 'chatcmpl-0123456789abcdef', object, created: now, model: 'demo',
                         system_fingerprint: 'fp_0123456789'});
const usage = {prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: {cached_tokens: 1}};
const token = (text, logprob, top_logprobs) => ({token: text, logprob, bytes: [...Buffer.from(text)], top_logprobs});
const logprobs = {
  content: [token('a', -0.5, [{token: 'a', logprob: -0.5, bytes: [97]}, {token: 'b', logprob: -1, bytes: [98]}])],
  refusal: null,
};

// Each change makes a good object bad: a path of members, and the value there; undefined takes it away.
function changed(good, path, value) {
  const bad = structuredClone(good);
  const last = path.at(-1);
  const holder = path.slice(0, -1).reduce((object, name) => object[name], bad);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return bad;
}

test('openai.json is what extract.mjs writes from the installed client', () => {
  assert.equal(readFileSync(new URL('schemas/openai.json', import.meta.url), 'utf8'), written());
});

test('a chat completion that is wrong anywhere is refused', () => {
  const request = {model: 'demo', logprobs: true, top_logprobs: 2};
  const choice = {index: 0, message: {role: 'assistant', content: 'a', refusal: null}, logprobs, finish_reason: 'stop'};
  const good = {...head('chat.completion'), choices: [choice], usage};
  const judge = body => checkWhole('/v1/chat/completions', request, 200, body);
  judge(good);
  const first = (...path) => ['choices', 0, ...path];
  const entry = (...path) => first('logprobs', 'content', 0, ...path);
  for (const [path, value] of [
    [['id']], [['id'], 'cmpl-0123456789abcdef'], [['object'], 'text_completion'], [['created'], now + 0.5],
    [['created'], 5], [['system_fingerprint']], [['choices'], []], [['surprise'], 1], [['usage']],
    [['usage', 'total_tokens'], 6], [['usage', 'prompt_tokens_details']], [['usage', 'completion_tokens'], 2.5],
    [['usage', 'prompt_tokens_details', 'cached_tokens'], 4], [first('index'), 1], [first('finish_reason'), null],
    [first('finish_reason'), 'eos'], [first('message', 'refusal')], [first('message', 'content')],
    [first('message', 'content'), null], [first('message', 'role'), 'user'], [first('logprobs')],
    [first('logprobs'), null], [first('logprobs', 'refusal')], [entry('logprob'), 1], [entry('bytes')],
    [entry('bytes'), [256]], [entry('top_logprobs')], [entry('top_logprobs', 0, 'logprob'), -2],
    [entry('top_logprobs'), []],
  ]) {
    const bad = changed(good, path, value);
    assert.throws(() => judge(bad), {name: 'AssertionError'}, `${path.join('.')} = ${JSON.stringify(value)}`);
  }
});

test('a completion, models, embeddings and errors that are wrong are refused', () => {
  const choice = {index: 0, text: 'a', logprobs: null, finish_reason: 'stop'};
  const completion = {...head('text_completion'), id: 'cmpl-0123456789abcdef', choices: [choice], usage};
  const scored = changed(completion, ['choices', 0, 'logprobs'],
                         {tokens: ['a'], token_logprobs: [-1], top_logprobs: [{a: -1}], text_offset: [0]});
  const model = {id: 'demo', object: 'model', created: now, owned_by: 'puna', context_length: 8192};
  const embeddings = {object: 'list', model: 'demo', data: [{object: 'embedding', index: 0, embedding: [0.5]}],
                      usage: {prompt_tokens: 1, total_tokens: 1}};
  const error = {error: {message: 'No.', type: 'invalid_request_error', param: null, code: null}};
  for (const [path, request, status, good, changes] of [
    ['/v1/completions', {prompt: 'x'}, 200, completion, [
      [['choices', 0, 'logprobs']], [['choices', 0, 'text']], [['choices', 0, 'logprobs'], {tokens: []}], [['id'], 'x'],
    ]],
    ['/v1/completions', {prompt: 'x', logprobs: 1}, 200, scored, [
      [['choices', 0, 'logprobs'], null], [['choices', 0, 'logprobs', 'token_logprobs'], []],
      [['choices', 0, 'logprobs', 'top_logprobs'], []],
    ]],
    ['/v1/models', null, 200, {object: 'list', data: [model]}, [[['object']], [['data', 0, 'owned_by']]]],
    ['/v1/models/demo', null, 200, model, [[['id']], [['created'], '1'], [['surprise'], 1]]],
    ['/v1/embeddings', {}, 200, embeddings, [[['usage']], [['data', 0, 'embedding'], ['a']], [['data', 0, 'index']]]],
    ['/v1/models', null, 404, error, [
      [['error']], [['error', 'param']], [['error', 'code'], 404], [['error', 'message'], ''],
      [['error', 'message'], 'two\nlines'], [['error', 'type'], null],
    ]],
  ]) {
    checkWhole(path, request, status, good);
    for (const [members, value] of changes) {
      const bad = changed(good, members, value);
      assert.throws(() => checkWhole(path, request, status, bad), {name: 'AssertionError'},
                    `${path} ${members.join('.')} = ${JSON.stringify(value)}`);
    }
  }
});

test('a stream that is wrong anywhere is refused', () => {
  const event = data => ({event: '', data});
  const choice = (delta, finish_reason = null) =>
    event({...head('chat.completion.chunk'), choices: [{index: 0, delta, logprobs: null, finish_reason}], usage: null});
  const good = [choice({role: 'assistant', content: '', refusal: null}), choice({content: 'a'}), choice({}, 'stop'),
                event({...head('chat.completion.chunk'), choices: [], usage}), event('[DONE]')];
  const judge = (events, request = {stream_options: {include_usage: true}}) => {
    const checker = new StreamChecker('/v1/chat/completions', request);
    events.forEach(one => checker.event(one));
    checker.end();
  };
  judge(good);
  const failed = {event: 'error', data: {error: {message: 'No.', type: 'server_error', param: null, code: null}}};
  judge([good[0], failed]);
  const bad = {
    'no end': good.slice(0, -1),
    'nothing at all': [],
    'no role': good.slice(1),
    'a role twice': [good[0], good[0], ...good.slice(1)],
    'no finish_reason': good.filter((_, i) => i !== 2),
    'text after the finish_reason': [...good.slice(0, 3), good[1], ...good.slice(3)],
    'no usage': good.filter((_, i) => i !== 3),
    'a choice after the usage': [good[0], good[1], good[3], good[2], good[4]],
    'something after [DONE]': [...good, good[4]],
    'something after an error': [good[0], failed, good[1]],
    'another id': good.map((one, i) => i === 1 ? changed(one, ['data', 'id'], 'chatcmpl-0123456789abcdeF') : one),
    'another created': good.map((one, i) => i === 1 ? changed(one, ['data', 'created'], now - 1) : one),
    'a choice nobody asked for': good.map((one, i) => i === 1 ? changed(one, ['data', 'choices', 0, 'index'], 1) : one),
    'no null before the usage': good.map((one, i) => i === 1 ? changed(one, ['data', 'usage']) : one),
    'a name': good.map((one, i) => i === 1 ? {...one, event: 'delta'} : one),
  };
  for (const [what, events] of Object.entries(bad)) assert.throws(() => judge(events), {name: 'AssertionError'}, what);
  assert.throws(() => judge(good, {}), {name: 'AssertionError'}, 'usage nobody asked for');
});

const part = text => ({type: 'output_text', annotations: [], logprobs: [], text});
const item = (status, content) => ({id: 'msg_0', type: 'message', role: 'assistant', status, content});
const response = (status, more = {}) => ({
  id: 'resp_0123456789abcdef', object: 'response', created_at: now, status, completed_at: null, error: null,
  incomplete_details: null, instructions: null, metadata: {}, model: 'demo', output: [], parallel_tool_calls: true,
  temperature: 0, top_p: 1, tool_choice: 'auto', tools: [], ...more,
});
const completed = response('completed', {
  completed_at: now, output: [item('completed', [part('Hi.')])],
  usage: {input_tokens: 3, input_tokens_details: {cached_tokens: 1, cache_write_tokens: 0}, output_tokens: 2,
          output_tokens_details: {reasoning_tokens: 0}, total_tokens: 5},
});

test('a response that is wrong anywhere is refused', () => {
  const judge = body => checkWhole('/v1/responses', {}, 200, body);
  judge(completed);
  judge(changed(changed(changed(changed(completed, ['status'], 'incomplete'), ['completed_at'], null),
                        ['incomplete_details'], {reason: 'max_output_tokens'}), ['output', 0, 'status'], 'incomplete'));
  for (const [path, value] of [
    [['id']], [['id'], 'chatcmpl-0123456789abcdef'], [['created_at'], 5], [['object'], 'list'], [['surprise'], 1], [['usage']],
    [['usage', 'total_tokens'], 6], [['usage', 'input_tokens_details'], {}], [['status'], 'done'], [['status'], 'incomplete'],
    [['status'], 'failed'], [['completed_at'], null], [['output'], []], [['output', 0, 'status'], 'in_progress'],
    [['output', 0, 'id']], [['output', 0, 'role'], 'user'], [['output', 0, 'content', 0, 'annotations']], [['tools'], null],
    [['error'], {code: 'server_error', message: 'x'}], [['incomplete_details'], {reason: 'max_output_tokens'}],
  ]) {
    const bad = changed(completed, path, value);
    assert.throws(() => judge(bad), {name: 'AssertionError'}, `${path.join('.')} = ${JSON.stringify(value)}`);
  }
});

test('a stream of a response that is wrong anywhere is refused', () => {
  const place = {item_id: 'msg_0', output_index: 0, content_index: 0};
  const good = [
    ['response.created', {response: response('in_progress')}],
    ['response.in_progress', {response: response('in_progress')}],
    ['response.output_item.added', {output_index: 0, item: item('in_progress', [])}],
    ['response.content_part.added', {...place, part: part('')}],
    ['response.output_text.delta', {...place, delta: 'Hi', logprobs: []}],
    ['response.output_text.delta', {...place, delta: '.', logprobs: []}],
    ['response.output_text.done', {...place, text: 'Hi.', logprobs: []}],
    ['response.content_part.done', {...place, part: part('Hi.')}],
    ['response.output_item.done', {output_index: 0, item: completed.output[0]}],
    ['response.completed', {response: completed}],
  ].map(([type, data], sequence_number) => ({event: type, data: {type, sequence_number, ...data}}));
  const numbered = events => events.map((one, i) => changed(one, ['data', 'sequence_number'], i));
  const judge = events => {
    const checker = new ResponseStreamChecker();
    events.forEach(one => checker.event(one));
    checker.end();
  };
  judge(good);
  const without = i => numbered(good.filter((_, j) => j !== i));
  const bad = {
    'no name': good.map((one, i) => i === 4 ? {...one, event: ''} : one),
    'a number twice': good.map((one, i) => i === 5 ? changed(one, ['data', 'sequence_number'], 4) : one),
    'another item': good.map((one, i) => i === 5 ? changed(one, ['data', 'item_id'], 'msg_1') : one),
    'another id': good.map((one, i) => i === 9 ? changed(one, ['data', 'response', 'id'], 'resp_0123456789abcdeF') : one),
    'another text': good.map((one, i) => i === 6 ? changed(one, ['data', 'text'], 'Ho.') : one),
    'another item in the end': good.map((one, i) => i === 9 ? changed(one, ['data', 'response', 'output', 0, 'id'], 'msg_1') : one),
    'something after the end': numbered([...good, good[5]]),
  };
  for (const i of good.keys()) bad[`without ${good[i].event}`] = without(i);
  for (const [what, events] of Object.entries(bad)) assert.throws(() => judge(events), {name: 'AssertionError'}, what);
});
