// curl, which knows nothing of the API: what lies on the wire, judged as the answers to other clients are.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {after, before, test} from 'node:test';
import {promisify} from 'node:util';
import {checkWhole, readEvent} from './checked_fetch.mjs';
import {StreamChecker} from './openai_answers.mjs';
import {serve, user} from './support.mjs';

let server;
before(async () => { server = await serve(['--api-key', 'client-key']); });
after(async () => assert.equal(await server.stop(), 0));

// {status, type, text}
async function curl(path, body, key = 'client-key') {
  const data = body === null ? [] : ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)];
  const {stdout} = await promisify(execFile)(
    'curl', ['-sS', '-N', '-H', `Authorization: Bearer ${key}`, '-w', '\n%{http_code} %{content_type}', ...data,
             server.url + path]);
  const [, text, status, type] = stdout.match(/^([^]*)\n(\d+) ([^\n]*)$/);
  return {status: Number(status), type, text};
}

test('answers', async () => {
  const prompt = 'The capital of France is';
  const messages = user('What is the capital of France?');
  for (const [path, body, status] of [
    ['/v1/models', null, 200],
    ['/v1/models/demo', null, 200],
    ['/v1/models/gpt-4', null, 404],
    ['/v1/completions', {model: 'demo', prompt, n: 2}, 200],
    ['/v1/chat/completions', {model: 'demo', messages, n: 2}, 200],
    ['/v1/chat/completions', {model: 'demo', messages: 'x'}, 400],
    ['/v1/chat/completions', null, 405],
  ]) {
    const answer = await curl(path, body);
    assert.equal(answer.status, status, path);
    assert.equal(answer.type, 'application/json');
    checkWhole(path, body, status, JSON.parse(answer.text));
  }
  assert.equal((await curl('/v1/models', null, 'other')).status, 401);
});

test('streams', async () => {
  const prompt = ['The capital of France is', 'The capital of Italy is'];
  for (const [path, ask] of [
    ['/v1/completions', {model: 'demo', prompt}],
    ['/v1/chat/completions', {model: 'demo', messages: user('Count to ten.'), n: 2}],
  ]) {
    const body = {...ask, stream: true, stream_options: {include_usage: true}};
    const {status, type, text} = await curl(path, body);
    assert.equal(status, 200);
    assert.equal(type, 'text/event-stream');
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    const checker = new StreamChecker(path, body);
    const pieces = ['', ''];
    for (const event of text.split('\n\n').slice(0, -1).map(readEvent)) {
      checker.event(event);
      for (const {index, delta, text} of event.data.choices ?? []) pieces[index] += text ?? delta.content ?? '';
    }
    checker.end();
    const whole = JSON.parse((await curl(path, ask)).text);
    assert.deepEqual(pieces, whole.choices.map(({message, text}) => text ?? message.content));
  }
});
