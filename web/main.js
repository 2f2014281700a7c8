// Wires the page: one conversation, one answer at a time.

import {ApiError, listModels, streamChat} from './api.js';
import {MessageView} from './view.js';

const element = (id) => document.getElementById(id);
const list = element('messages');
const input = element('input');

let model = null;
let messages = [];    // what the server is sent, without the system prompt
let running = null;   // AbortController of the answer under way

element('key').value = sessionStorage.getItem('key') ?? '';

function notice(text) {
  element('notice').textContent = text;
  element('notice').hidden = !text;
}

function describe(error) {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 401) {
    element('settings').open = true;
    return 'This server asks for an API key: enter it under Settings.';
  }
  return error.message;
}

async function connect() {
  try {
    model = (await listModels(element('key').value))[0].id;
    element('model').textContent = model;
    notice('');
  } catch (error) {
    element('model').textContent = 'not connected';
    notice(describe(error));
  }
}

function showRunning(isRunning) {
  element('send').hidden = isRunning;
  element('stop').hidden = !isRunning;
  element('clear').disabled = isRunning || messages.length === 0;
}

function facts({finishReason, usage}, started, firstText) {
  const parts = [];
  if (usage) {
    const seconds = (performance.now() - started) / 1000;
    const rate = usage.completion_tokens / seconds;
    parts.push(`${usage.completion_tokens} tokens`, `${rate.toFixed(rate < 10 ? 1 : 0)} tokens/s`);
  }
  if (firstText) parts.push(`first after ${Math.round(firstText - started)} ms`);
  if (finishReason === 'length') parts.push('cut at the token limit');
  return parts.join(' · ');
}

// Sends the conversation and streams the answer into the page. The partial answer stays when the user stops it.
async function answer() {
  const system = element('system').value.trim();
  const request = system ? [{role: 'system', content: system}, ...messages] : [...messages];
  const view = new MessageView(list, 'assistant', '');
  view.setPending(true);
  running = new AbortController();
  showRunning(true);
  const started = performance.now();
  let firstText = 0;
  let text = '';
  let failed = null;
  try {
    const done = await streamChat({
      model, messages: request, key: element('key').value, signal: running.signal,
      onText: (piece) => {
        firstText ||= performance.now();
        text += piece;
        view.append(piece);
      },
    });
    view.setFacts(facts(done, started, firstText));
  } catch (error) {
    if (error.name === 'AbortError') {
      view.setFacts('stopped');
    } else {
      failed = error;
    }
  }
  view.flush();
  view.setPending(false);
  running = null;
  if (text || !failed) {
    messages.push({role: 'assistant', content: text});
    element('announce').textContent = text;
  }
  if (failed) {
    if (!text) giveBack(view);
    notice(describe(failed));
  }
  showRunning(false);
  input.focus();
}

// Nothing was answered: the question goes back into the box, so that it is not lost and can be sent again.
function giveBack(view) {
  const question = messages.pop();
  const shown = view.element.previousElementSibling;
  view.remove();
  shown?.remove();
  if (!input.value) input.value = question.content;
  fitInput();
}

async function send() {
  const text = input.value;
  if (running || !text.trim()) return;
  if (!model) await connect();
  if (!model) return;
  notice('');
  messages.push({role: 'user', content: text});
  new MessageView(list, 'user', text);
  input.value = '';
  fitInput();
  await answer();
}

function clear() {
  messages = [];
  list.replaceChildren();
  element('announce').textContent = '';
  notice('');
  showRunning(false);
  input.focus();
}

function fitInput() {
  input.style.height = 'auto';
  input.style.height = `${input.scrollHeight + 2}px`;
}

element('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
input.addEventListener('keydown', (event) => {
  // isComposing: Enter that picks a word from an input method is not "send".
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
input.addEventListener('input', fitInput);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
element('stop').addEventListener('click', () => running?.abort());
element('clear').addEventListener('click', clear);
element('key').addEventListener('change', () => {
  sessionStorage.setItem('key', element('key').value);
  connect();
});

await connect();
