// The official client, as its users use it.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';
import {serve, user} from './support.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--api-key', 'client-key']);
  client = new OpenAI({baseURL: server.url + '/v1', apiKey: 'client-key', maxRetries: 0});
});
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(), /does not know/, 'all that the client sends is known');
});

const ask = (content, more) => client.chat.completions.create({model: 'demo', messages: user(content), ...more});

async function chunks(stream) {
  const all = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
}

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['demo']);
  assert.equal((await client.models.retrieve('demo')).owned_by, 'puna');
  await assert.rejects(client.models.retrieve('gpt-4'), OpenAI.NotFoundError);
});

test('a chat, with the id that the log has', async () => {
  const answer = await ask('Hello!');
  assert.equal(answer.choices[0].message.content, 'Hello! I am a tiny demo model. How can I help you?');
  assert.equal(answer.usage.prompt_tokens, 12);
  assert.match(answer._request_id, /^req-/);
  await server.logged(new RegExp(answer._request_id));
});

test('a streamed chat', async () => {
  const messages = [...user('My name is Anna.'), {role: 'assistant', content: 'Nice to meet you, Anna!'},
                    ...user('What is my name?')];
  const all = await chunks(await client.chat.completions.create(
    {model: 'demo', messages, stream: true, stream_options: {include_usage: true}}));
  assert.equal(all.map(chunk => chunk.choices[0]?.delta.content ?? '').join(''), 'Your name is Anna.');
  const whole = await client.chat.completions.create({model: 'demo', messages});
  const {prompt_tokens, completion_tokens} = whole.usage;
  assert.equal(all.at(-1).usage.prompt_tokens, prompt_tokens);
  assert.equal(all.at(-1).usage.completion_tokens, completion_tokens);
});

test('the stream helper tells of the text as it grows and puts completions together', async () => {
  const body = {model: 'demo', messages: user('What is 7 + 5?')};
  const stream = client.chat.completions.stream(body);
  const deltas = [];
  let text = '';
  stream.on('content', (delta, snapshot) => {
    deltas.push(delta);
    text = snapshot;
  });
  assert.equal(await stream.finalContent(), '7 + 5 = 12');
  assert.equal(deltas.join(''), text);
  assert.equal(text, '7 + 5 = 12');
  const {choices} = await client.chat.completions.stream({...body, n: 2}).finalChatCompletion();
  for (const {message, finish_reason} of choices) {
    assert.equal(message.role, 'assistant');
    assert.equal(message.content, text);
    assert.equal(finish_reason, 'stop');
  }
});

test('a completion, whole and streamed', async () => {
  const body = {model: 'demo', prompt: 'The capital of France is', max_tokens: 5};
  assert.equal((await client.completions.create(body)).choices[0].text, ' Paris.');
  const all = await chunks(await client.completions.create({...body, stream: true}));
  assert.equal(all.map(chunk => chunk.choices[0].text).join(''), ' Paris.');
  const prompt = ['The capital of France is', 'The capital of Italy is'];
  const echoed = await client.completions.create({...body, prompt, echo: true});
  assert.deepEqual(echoed.choices.map(choice => choice.text), [prompt[0] + ' Paris.', prompt[1] + ' Rome.']);
});

test('several choices, each its own, the same again with the same seed', async () => {
  const story = async (seed, n) => {
    const answer = await ask('Tell me a story.', {seed, n, temperature: 1.5, max_completion_tokens: 30});
    assert.equal(answer.usage.completion_tokens <= 30 * n, true);
    return answer.choices.map(({message}) => message.content);
  };
  const [first, again, other] = await Promise.all([story(11, 3), story(11, 3), story(12, 3)]);
  assert.deepEqual(again, first);
  assert.equal(new Set(first).size, 3);
  assert.notDeepEqual(other, first);
  // However many are asked for, a choice is the same.
  assert.deepEqual(await story(11, 1), first.slice(0, 1));
});

test('several choices are streamed side by side and are those of the whole answer', async () => {
  const more = {seed: 5, n: 3, temperature: 1.2, max_completion_tokens: 20};
  const whole = await ask('Tell me a story.', more);
  const texts = ['', '', ''];
  for await (const {choices: [choice]} of await ask('Tell me a story.', {...more, stream: true}))
    texts[choice.index] += choice.delta.content ?? '';
  assert.deepEqual(texts, whole.choices.map(({message}) => message.content));
});

test('an answer ends before a stop string, whole and streamed', async () => {
  for (const stop of ['5, 6', ['never', '5, 6']]) {
    const {choices: [{message, finish_reason}]} = await ask('Count to ten.', {stop});
    assert.equal(message.content, '1, 2, 3, 4, ');
    assert.equal(finish_reason, 'stop');
    const all = await chunks(await ask('Count to ten.', {stop, stream: true}));
    assert.equal(all.map(chunk => chunk.choices[0].delta.content ?? '').join(''), message.content);
  }
});

test('a bias rules a token in or out', async () => {
  const hello = 601;  // the token's id
  const biased = async bias =>
    (await ask('Hello!', {logit_bias: {[hello]: bias}, max_tokens: 2})).choices[0].message.content;
  assert.equal(await biased(100), 'HelloHello');
  assert.ok(!(await biased(-100)).includes('Hello'));
});

test('log-probabilities of a chat: every token with its bytes, likeliest alternatives first', async () => {
  const body = {logprobs: true, top_logprobs: 3};
  const {choices: [{message, logprobs}]} = await ask('How to go from Beijing to NY? Use emojis.', body);
  const bytes = logprobs.content.flatMap(token => token.bytes ?? []);
  assert.equal(Buffer.from(bytes).toString(), message.content);
  for (const {token, logprob, top_logprobs} of logprobs.content) {
    // Greedy: what was chosen is the likeliest.
    assert.equal(top_logprobs[0].token, token);
    assert.equal(top_logprobs[0].logprob, logprob);
    assert.equal(top_logprobs.length, 3);
    assert.ok(top_logprobs.reduce((sum, other) => sum + Math.exp(other.logprob), 0) < 1.0001);
  }
  const streamed = (await chunks(await ask('How to go from Beijing to NY? Use emojis.', {...body, stream: true})))
    .flatMap(({choices: [choice]}) => choice.logprobs?.content ?? []);
  assert.deepEqual(streamed, logprobs.content);
});

test('log-probabilities of a completion, with those of its prompt', async () => {
  const body = {model: 'demo', prompt: 'The capital of France is', max_tokens: 5, logprobs: 2};
  const {choices: [plain]} = await client.completions.create(body);
  const {choices: [echoed]} = await client.completions.create({...body, echo: true});
  const {choices: [prompt]} = await client.completions.create({...body, echo: true, max_tokens: 0});
  const joined = name => [...prompt.logprobs[name], ...plain.logprobs[name]];
  assert.equal(prompt.text, body.prompt);
  assert.equal(prompt.logprobs.token_logprobs[0], null);
  assert.ok(prompt.logprobs.token_logprobs.slice(1).every(logprob => logprob <= 0));
  for (const name of ['tokens', 'token_logprobs', 'top_logprobs'])
    assert.deepEqual(echoed.logprobs[name], joined(name));
  const {text, logprobs: {tokens, text_offset}} = echoed;
  for (const [i, offset] of text_offset.entries())
    if (text_offset[i + 1] > offset) assert.equal(text.slice(offset, text_offset[i + 1]), tokens[i]);
});

test('the best of several answers is the likeliest', async () => {
  const body = {model: 'demo', prompt: 'Once upon a time', max_tokens: 12, temperature: 1.5, seed: 3, logprobs: 0};
  const mean = ({logprobs: {token_logprobs}}) => token_logprobs.reduce((a, b) => a + b, 0) / token_logprobs.length;
  const all = (await client.completions.create({...body, n: 4})).choices;
  const best = (await client.completions.create({...body, best_of: 4})).choices;
  assert.equal(best.length, 1);
  assert.equal(mean(best[0]), Math.max(...all.map(mean)));
});
