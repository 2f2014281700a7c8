// One answer under way: asks the server, fills the message, keeps what has arrived, and tells whoever shows it. It goes on when
// its conversation is not the one on screen.

import {ApiError, detokenize, readHealth, streamAnswer, tokenize} from './api.js';

const saveEvery = 1000;       // ms between two copies of an unfinished answer in the store
const lookAtQueueEvery = 700; // ms without a token until the queue is asked for

// Tokens per second after the first one. An answer that came at once gives no such time: then from the question on.
export function rateOf(tokens, writing, whole) {
  if (writing >= 50) return (tokens - 1) / writing * 1000;
  return tokens > 0 && whole > 0 ? tokens / whole * 1000 : null;
}

export class Answering extends EventTarget {
  // `message`: the answer's, already part of `thread`; empty, or with what there is of it if the answer `goesOn`.
  constructor({thread, message, store, status, goesOn = false}) {
    super();
    Object.assign(this, {thread, message, store, status, goesOn});
    this.abort = new AbortController();
    this.tokens = {id: message.id, conversation: message.conversation, prompt: [], answer: []};
    this.phase = 'waiting';  // 'waiting' for the server, 'asked', 'writing', 'ended'
    this.before = 0;         // tokens that were there already
    this.queue = null;       // {running, waiting} of the server while no token has come
  }

  stop() {
    this.abort.abort();
  }

  // Runs to the end, whatever that is; the message's state says which. Never throws.
  async run() {
    this.message.state = 'running';
    this.started = performance.now();
    this.saving = setInterval(() => this.save(), saveEvery);
    const leaving = () => this.save();
    addEventListener('pagehide', leaving);
    try {
      if (this.status.state !== 'ready') await this.status.ready(this.abort.signal);
      this.phase = 'asked';
      this.started = performance.now();
      this.looking = setInterval(() => this.lookAtQueue(), lookAtQueueEvery);
      this.#tell();
      if (this.goesOn) await this.loadTokens();
      this.before = this.tokens.answer.length;
      this.finish(await streamAnswer({
        request: this.request(),
        signal: this.abort.signal,
        onPrompt: (ids) => {
          if (!this.goesOn) this.tokens.prompt = ids;
        },
        onPiece: (text, ids, logprobs) => this.add(text, ids, logprobs),
      }));
    } catch (error) {
      this.fail(error);
    }
    await this.mendSeam();
    clearInterval(this.saving);
    removeEventListener('pagehide', leaving);
    clearInterval(this.looking);
    this.phase = 'ended';
    await this.save(true);
    this.#tell();
  }

  request() {
    const {id, context} = this.status.model;
    if (!this.goesOn) return this.thread.request(this.message.parent, id);
    return this.thread.requestToGoOn([...this.tokens.prompt, ...this.tokens.answer.map((token) => token.id)], id, context);
  }

  // The tokens up to here: those recorded, else those that the texts have.
  async loadTokens() {
    delete this.message.error;
    const recorded = await this.store.get('tokens', this.message.id);
    if (recorded) return void (this.tokens = recorded);
    const ids = async (what) => (await tokenize(what)).map(({id}) => id);
    this.tokens.prompt = await ids({messages: this.thread.requestMessages(this.message.parent)});
    const answer = await ids({content: this.message.content});
    this.tokens.answer = answer.map((id) => ({id, text: null, bytes: null, logprob: null, top: []}));
  }

  // A character whose first bytes came before the cut and whose last ones came after it.
  async mendSeam() {
    if (!this.goesOn || !this.message.content.includes('\uFFFD')) return;
    this.message.content = await detokenize(this.tokens.answer.map(({id}) => id)).catch(() => this.message.content);
  }

  add(text, ids, logprobs) {
    const now = performance.now();
    if (this.phase !== 'writing') {
      this.phase = 'writing';
      this.firstAt = now;
      clearInterval(this.looking);
    }
    this.lastAt = now;
    this.message.content += text;
    ids.forEach((id, i) => {
      const {token = null, bytes = null, logprob = null, top_logprobs = []} = logprobs[i] ?? {};
      this.tokens.answer.push({id, text: token, bytes, logprob,
                               top: top_logprobs.map((other) => ({text: other.token, logprob: other.logprob}))});
    });
    this.#tell();
  }

  finish({finishReason, usage}) {
    this.message.state = finishReason === 'length' ? 'length' : 'complete';
    this.message.stats = {...this.measured(), cached: usage?.prompt_tokens_details?.cached_tokens ?? 0};
    if (usage && !this.goesOn) Object.assign(this.message.stats, {prompt: usage.prompt_tokens, tokens: usage.completion_tokens});
  }

  // Stopped, refused or broken off: what has arrived stays.
  fail(error) {
    this.message.stats = this.tokens.answer.length > 0 ? this.measured() : null;
    if (this.abort.signal.aborted) {
      this.message.state = 'stopped';
      return;
    }
    this.message.state = 'broken';
    const {status = -1, code = null, message} = error;
    this.message.error = {status, code, message: String(message)};
    if (error instanceof ApiError) this.status.noticed(error);
    else console.error(error);
  }

  measured() {
    const tokens = this.tokens.answer.length;
    const written = tokens - this.before;
    const writing = this.lastAt - this.firstAt;
    return {tokens, prompt: this.tokens.prompt.length, cached: null, first: this.firstAt - this.started,
            rate: rateOf(written, writing, this.lastAt - this.started)};
  }

  async lookAtQueue() {
    const health = await readHealth().catch(() => null);
    if (this.phase !== 'asked' || !health?.requests) return;
    this.queue = health.requests;
    this.#tell();
  }

  async save(whole = false) {
    const records = {messages: [this.message]};
    if (whole) {
      records.conversations = [this.thread.record];
      if (this.tokens.answer.length > 0) records.tokens = [this.tokens];
    }
    try {
      await this.store.change(records);
    } catch (error) {
      this.dispatchEvent(new CustomEvent('unsaved', {detail: error}));
    }
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
