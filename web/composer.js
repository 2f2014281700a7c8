// The box for the next message. What is typed is kept until it is sent, per conversation, whatever happens to the page.

import {byId} from './dom.js';

function keep(key, text) {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Without storage the draft lasts as long as the page.
  }
}

function kept(key) {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

export class Composer {
  // `send(text)`, `stop()`: what the buttons and keys do.
  constructor({send, stop}) {
    this.input = byId('input');
    this.send = send;
    this.stop = stop;
    this.key = 'puna.draft.new';
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener('keydown', (event) => {
      // Enter that picks a word from an input method is not "send"; 229 is how some browsers say that they compose.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener('input', () => {
      this.fit();
      keep(this.key, this.input.value);
    });
    byId('stop').addEventListener('click', stop);
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('dialog[open]')) stop();
    });
  }

  // Shows the draft of a conversation.
  open(id) {
    this.key = `puna.draft.${id ?? 'new'}`;
    this.input.value = kept(this.key);
    this.fit();
  }

  // The new conversation on screen has got its id.
  moveTo(id) {
    this.key = `puna.draft.${id}`;
  }

  submit() {
    const text = this.input.value;
    if (!text.trim() || byId('send').hidden) return;
    this.input.value = '';
    keep(this.key, '');
    this.fit();
    this.send(text);
  }

  // Puts text into the box that was not sent after all; what is there already stays.
  giveBack(text) {
    this.input.value = this.input.value ? `${text}\n${this.input.value}` : text;
    keep(this.key, this.input.value);
    this.fit();
    this.input.focus();
  }

  forget(id) {
    keep(`puna.draft.${id}`, '');
  }

  showRunning(running) {
    byId('send').hidden = running;
    byId('stop').hidden = !running;
  }

  fit() {
    this.input.style.height = 'auto';
    this.input.style.height = `${this.input.scrollHeight + 2}px`;
  }
}
