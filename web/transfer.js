// Conversations as files, out and in. JSON keeps everything but the probabilities of tokens, which can be computed again;
// Markdown keeps the branch that is shown. A file may come from anywhere: what does not fit is refused with a sentence.

import {Thread, defaultSettings, newConversation, newId, titleOf} from './conversation.js';

const format = 'puna.conversations';
const mark = (role) => `<!-- puna: ${role} -->`;
const headings = {system: '## System', user: '## User', assistant: '## Assistant'};

// `threads`: Threads.
export function toJson(threads) {
  const conversations = threads.map(({record, messages}) => ({...record, messages: [...messages.values()]}));
  return JSON.stringify({format, version: 1, conversations}, null, 1);
}

// A line that looks like one of our marks gets a backslash, which the way back takes off.
export function toMarkdown(thread) {
  const escape = (text) => text.replace(/^(\\*<!-- puna: )/gm, '\\$1');
  const section = (role, text) => `${mark(role)}\n${headings[role]}\n\n${escape(text)}\n`;
  const parts = [`# ${thread.record.title}\n`];
  if (thread.record.settings.system) parts.push(section('system', thread.record.settings.system));
  for (const {role, content} of thread.path) parts.push(section(role, content));
  return parts.join('\n');
}

// The threads in a file's text, with ids of their own. Throws Error with the reason.
export function fromFile(text) {
  return text.trimStart().startsWith('{') ? fromJson(text) : [fromMarkdown(text)];
}

function check(condition, reason) {
  if (!condition) throw new Error(reason);
}

function fromJson(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${error.message}`);
  }
  check(file.format === format, `"format" is not "${format}"`);
  check(file.version === 1, `"version" is ${JSON.stringify(file.version)}, expected 1`);
  check(Array.isArray(file.conversations), '"conversations" is not a list');
  return file.conversations.map(readThread);
}

function readThread(from, index) {
  const where = `conversations[${index}]`;
  check(typeof from === 'object' && from !== null && Array.isArray(from.messages), `${where} has no list of messages`);
  const record = newConversation(readSettings(from.settings));
  if (typeof from.title === 'string') record.title = from.title.slice(0, 300);
  for (const time of ['created', 'updated']) if (Number.isFinite(from[time])) record[time] = from[time];
  const ids = new Map();
  // A parent comes before its children, so there are no rings.
  const messages = [...from.messages].sort((a, b) => (a?.created ?? 0) - (b?.created ?? 0)).map((message, at) => {
    const place = `${where}.messages[${at}]`;
    check(typeof message === 'object' && message !== null, `${place} is not an object`);
    check(['user', 'assistant'].includes(message.role), `${place} has the unknown role ${JSON.stringify(message.role)}`);
    check(typeof message.content === 'string', `${place} has no content`);
    check(message.parent === null || ids.has(message.parent), `${place} follows a message that is not before it`);
    check(typeof message.id === 'string' && !ids.has(message.id), `${place} has no id of its own`);
    const id = newId();
    ids.set(message.id, id);
    return {id, conversation: record.id, parent: message.parent === null ? null : ids.get(message.parent),
            role: message.role, content: message.content, created: Number.isFinite(message.created) ? message.created : at,
            state: ['complete', 'stopped', 'length', 'broken'].includes(message.state) ? message.state : 'complete'};
  });
  const thread = new Thread(record, messages);
  const head = ids.get(from.head) ?? messages.at(-1)?.id;
  if (head) thread.record.head = head;
  return thread;
}

function readSettings(from) {
  const settings = {...defaultSettings};
  if (typeof from?.system === 'string') settings.system = from.system;
  for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'])
    if (Number.isFinite(from?.[name])) settings[name] = from[name];
  return settings;
}

function fromMarkdown(text) {
  const [before, ...sections] = text.replace(/\r\n?/g, '\n').split(/^<!-- puna: (?=(?:system|user|assistant) -->$)/m);
  check(sections.length > 0, `no line says ${mark('user')}`);
  const thread = new Thread(newConversation());
  for (const section of sections) {
    const [, role, body] = section.match(/^(\w+) -->\n([^]*)$/) ?? [];
    check(role !== undefined, 'a mark at the end of the file has no text');
    const content = body.replace(/^## .*\n/, '').replace(/^\n/, '').replace(/\n{1,2}$/, '')
        .replace(/^\\(\\*<!-- puna: )/gm, '$1');
    if (role === 'system') thread.record.settings.system = content;
    else thread.add(role, content);
  }
  thread.record.title = before.match(/^# (.+)$/m)?.[1].slice(0, 300) ?? titleOf(thread.path[0]?.content ?? '');
  return thread;
}
