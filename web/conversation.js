// A conversation is a tree: an edited question or a repeated answer is another child of the same parent, and what is shown
// is the path from the root to `head`. Plain data and arithmetic; knows no DOM, no storage and no server.

export const defaultSettings = {
  system: '', temperature: null, top_p: null, max_tokens: null, seed: null, probabilities: true,
};

// Not crypto.randomUUID, which pages that came over plain HTTP from another machine do not have.
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function newConversation(settings = {}) {
  const now = Date.now();
  return {id: newId(), title: '', created: now, updated: now, head: null, settings: {...defaultSettings, ...settings}};
}

// The beginning of what was asked first, cut between words.
export function titleOf(text) {
  const line = text.trim().split('\n', 1)[0].replace(/\s+/g, ' ');
  const characters = Array.from(line);
  if (characters.length <= 48) return line;
  const cut = characters.slice(0, 48).join('');
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), 24))}…`;
}

export class Thread {
  constructor(record, messages = []) {
    this.record = record;
    this.messages = new Map(messages.map((message) => [message.id, message]));
  }

  get head() {
    return this.messages.get(this.record.head) ?? null;
  }

  // What is shown: from the first message to the head.
  get path() {
    const path = [];
    for (let at = this.head; at; at = this.messages.get(at.parent)) path.unshift(at);
    return path;
  }

  children(parent) {
    return [...this.messages.values()].filter((message) => message.parent === parent)
        .sort((a, b) => a.created - b.created);
  }

  // The other ways the conversation went on at this place, and this one.
  siblings(message) {
    return this.children(message.parent);
  }

  // Adds a message below `parent` (an id, or null for the first) and shows it.
  add(role, content, parent = this.record.head) {
    const siblings = this.children(parent);
    const created = Math.max(Date.now(), 1 + (siblings.at(-1)?.created ?? 0));
    const message = {id: newId(), conversation: this.record.id, parent, role, content, created, state: 'complete'};
    this.messages.set(message.id, message);
    this.record.head = message.id;
    this.record.updated = Date.now();
    if (!this.record.title && role === 'user') this.record.title = titleOf(content);
    return message;
  }

  // Shows the branch of `message`, to its newest end.
  select(message) {
    let end = message;
    for (let next = end; next; next = this.children(end.id).at(-1)) end = next;
    this.record.head = end.id;
  }

  // Takes out a message and all that follow it, in every branch; returns them. Shows a neighbour, else what was before.
  remove(message) {
    const siblings = this.siblings(message);
    const neighbour = siblings[siblings.indexOf(message) - 1] ?? siblings[siblings.indexOf(message) + 1];
    const removed = [message];
    for (const one of removed) removed.push(...this.children(one.id));
    for (const {id} of removed) this.messages.delete(id);
    if (neighbour) this.select(neighbour);
    else this.record.head = message.parent;
    return removed;
  }

  restore(messages, head) {
    for (const message of messages) this.messages.set(message.id, message);
    this.record.head = head;
  }

  // What the server is sent to have the next message after `parent`: the system prompt and the path to it. An answer that
  // never began says nothing.
  requestMessages(parent) {
    const turns = [];
    for (let at = this.messages.get(parent); at; at = this.messages.get(at.parent)) {
      if (at.content !== '') turns.unshift({role: at.role, content: at.content});
    }
    const system = this.record.settings.system.trim();
    return system ? [{role: 'system', content: system}, ...turns] : turns;
  }

  // The request for the next answer. What is not set is left to the server.
  request(parent, model) {
    const request = {model, messages: this.requestMessages(parent), ...this.sampling()};
    if (this.record.settings.probabilities) Object.assign(request, {logprobs: true, top_logprobs: 5});
    return request;
  }

  // The request that goes on after `ids`: a prompt and the beginning of its answer. Where nothing else is set, the rest of the
  // `context` may be filled, as completions are short by themselves.
  requestToGoOn(ids, model, context) {
    const request = {model, prompt: ids, max_tokens: Math.max(1, context - ids.length), ...this.sampling()};
    if (this.record.settings.probabilities) request.logprobs = 5;
    return request;
  }

  sampling() {
    const {temperature, top_p, max_tokens, seed} = this.record.settings;
    return Object.fromEntries(Object.entries({temperature, top_p, max_tokens, seed}).filter(([, value]) => value !== null));
  }
}
