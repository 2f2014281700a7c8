// What is known of the server: which model it serves, or why it cannot answer. Asks again by itself while it cannot.

import {ApiError, apiKey, listModels, readHealth} from './api.js';

const waits = {connecting: 0, loading: 1000, draining: 1000, offline: 2000};  // ms until it is asked again

export class ServerStatus extends EventTarget {
  // 'connecting', 'ready', 'loading', 'draining', 'offline', or 'key': it asks for one, or for another one.
  state = 'connecting';
  model = null;    // {id, context} once it was ready
  #timer = 0;
  #asking = null;

  start() {
    addEventListener('online', () => this.check());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.state !== 'ready') this.check();
    });
    return this.check();
  }

  // Asks now. Calls that overlap share one question.
  check() {
    clearTimeout(this.#timer);
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask() {
    try {
      const {status} = await readHealth();
      if (status !== 'ok') return this.#become(status === 'loading' ? 'loading' : 'draining');
      const [model] = await listModels();
      this.model = {id: model.id, context: model.context_length};
      this.#become('ready');
    } catch (error) {
      this.noticed(error);
    }
  }

  // An error of any request tells something of the server, too.
  noticed(error) {
    if (!(error instanceof ApiError)) return;
    if (error.status === 401) this.#become('key');
    else if (error.status === 0) this.#become('offline');
    else if (error.code === 'model_loading') this.#become('loading');
    else if (error.code === 'server_shutting_down') this.#become('draining');
    else if (error.code === 'model_not_found') this.check();
  }

  useKey(key) {
    apiKey.set(key);
    return this.check();
  }

  get keyWasSent() {
    return apiKey.get() !== '';
  }

  // Resolves once it can answer; rejects if `signal` aborts first.
  ready(signal) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.state === 'ready') resolve();
        else if (signal.aborted) reject(signal.reason);
        else return;
        this.removeEventListener('change', look);
        signal.removeEventListener('abort', look);
      };
      this.addEventListener('change', look);
      signal.addEventListener('abort', look);
      look();
    });
  }

  #become(state) {
    clearTimeout(this.#timer);
    if (waits[state]) this.#timer = setTimeout(() => this.check(), waits[state]);
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}
