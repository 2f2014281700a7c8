// The page's modules that know no browser: branches, files, metrics.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {rateOf} from '../../web/answering.js';
import {Thread, newConversation, titleOf} from '../../web/conversation.js';
import {parseMetrics, ratesBetween, readServer} from '../../web/metrics.js';
import {readEvents} from '../../web/sse.js';
import {fromFile, toJson, toMarkdown} from '../../web/transfer.js';

const texts = (thread) => thread.path.map(({content}) => content);

function twoBranches() {
  const thread = new Thread(newConversation({system: 'Be brief.'}));
  const first = thread.add('user', 'one');
  const answer = thread.add('assistant', 'answer one');
  thread.add('user', 'two');
  thread.add('assistant', 'answer two', answer.parent);
  return {thread, first, answer};
}

test('a branch is another child, and choosing one shows it to its newest end', () => {
  const {thread, answer} = twoBranches();
  assert.deepEqual(texts(thread), ['one', 'answer two']);
  assert.equal(thread.siblings(answer).length, 2);
  thread.select(answer);
  assert.deepEqual(texts(thread), ['one', 'answer one', 'two']);
});

test('what is removed takes all that follows with it and comes back whole', () => {
  const {thread, answer} = twoBranches();
  thread.select(answer);
  const head = thread.record.head;
  const removed = thread.remove(answer);
  assert.deepEqual(removed.map(({content}) => content), ['answer one', 'two']);
  assert.deepEqual(texts(thread), ['one', 'answer two']);
  thread.restore(removed, head);
  assert.deepEqual(texts(thread), ['one', 'answer one', 'two']);
});

test('the server is sent the system prompt and the branch, without answers that never began', () => {
  const {thread} = twoBranches();
  thread.add('assistant', '');
  thread.add('user', 'three');
  assert.deepEqual(thread.requestMessages(thread.record.head), [
    {role: 'system', content: 'Be brief.'}, {role: 'user', content: 'one'}, {role: 'assistant', content: 'answer two'},
    {role: 'user', content: 'three'}]);
  assert.equal('temperature' in thread.request(thread.record.head, 'demo'), false);
  thread.record.settings.temperature = 0;
  assert.equal(thread.request(thread.record.head, 'demo').temperature, 0);
});

test('a title is the first line, cut between words and never inside a character', () => {
  assert.equal(titleOf('  What is\tthis?\nmore'), 'What is this?');
  assert.equal(titleOf(`${'word '.repeat(20)}`), `${'word '.repeat(9).trim()}…`);
  assert.equal(titleOf('👩‍👩‍👧‍👦'.repeat(20)).isWellFormed(), true);
});

test('JSON brings every branch back under new ids', () => {
  const {thread} = twoBranches();
  const [back] = fromFile(toJson([thread]));
  assert.deepEqual(texts(back), texts(thread));
  assert.equal(back.messages.size, 4);
  assert.equal(back.record.settings.system, 'Be brief.');
  assert.notEqual(back.record.id, thread.record.id);
});

test('Markdown brings the shown branch back, whatever its messages contain', () => {
  const hostile = ['', '# x', '## User', '<!-- puna: user -->', '\\<!-- puna: user -->\ntext', 'a\n\n\nb', '\nleading', '```\ncode\n```', '## a\n\nb'];
  const thread = new Thread(newConversation({system: '## System'}));
  hostile.forEach((text, i) => thread.add(i % 2 ? 'assistant' : 'user', text));
  thread.record.title = 'Title';
  const [back] = fromFile(toMarkdown(thread));
  assert.deepEqual(texts(back), hostile);
  assert.deepEqual(back.path.map(({role}) => role), thread.path.map(({role}) => role));
  assert.equal(back.record.settings.system, '## System');
  assert.equal(back.record.title, 'Title');
});

test('files that are no conversations are refused with a reason', () => {
  for (const [text, reason] of [['', /no line says/], ['{', /not JSON/], ['{}', /"format"/],
                                ['{"format":"puna.conversations","version":2}', /"version" is 2/]])
    assert.throws(() => fromFile(text), reason);
});

test('metrics are numbers, and rates are differences over time', () => {
  const text = (generated, used) => `# HELP x y\npuna_generated_tokens_total ${generated}\npuna_requests_running 2\n` +
    `puna_kv_blocks{state="free"} 10\npuna_kv_blocks{state="used"} ${used}\npuna_step_rows_sum 1e3\nodd{a="b\\"c",d="e"} +Inf\n`;
  assert.deepEqual(parseMetrics(text(1, 2)).odd, [{labels: {a: 'b\\"c', d: 'e'}, value: NaN}]);
  const before = readServer(text(100, 1), 1000);
  const after = readServer(text(300, 4), 3000);
  const rates = ratesBetween(before, after);
  assert.equal(rates.answer, 100);
  assert.equal(rates.running, 2);
  assert.deepEqual(rates.blocks, {free: 10, used: 4, cached: 0});
  assert.equal(ratesBetween(after, readServer(text(5, 1), 4000)).answer, 0, 'a server that began anew');
});

test('events are read whole however their bytes are cut', async () => {
  const stream = 'data: {"a":"🗽"}\n\n: comment\n\nevent: error\r\ndata: 1\r\ndata: 2\r\n\r\ndata:x\r\rdata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(stream);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(body)) events.push(event);
    assert.deepEqual(events, [{event: 'message', data: '{"a":"🗽"}'}, {event: 'error', data: '1\n2'},
                              {event: 'message', data: 'x'}, {event: 'message', data: '[DONE]'}], `pieces of ${size}`);
  }
});

test('speed is that of the tokens after the first, or of all where they came at once', () => {
  assert.equal(rateOf(11, 1000, 3000), 10);
  assert.equal(rateOf(10, 0.1, 2000), 5);
  assert.equal(rateOf(0, NaN, NaN), null);
});
