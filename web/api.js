// The server's HTTP API as this page uses it. Knows no DOM.

import {readEvents} from './sse.js';

// What the server said when it refused, or that it could not be reached (status 0).
export class ApiError extends Error {
  constructor(message, status, code, retryAfter = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;  // seconds, where the server named them
  }
}

// The key is the session's: gone with the tab, never in a file of the browser that outlives it.
export const apiKey = {
  get: () => sessionStorage.getItem('puna.key') ?? '',
  set: (key) => sessionStorage.setItem('puna.key', key),
};

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new ApiError(body?.error?.message ?? `HTTP ${response.status}`, response.status, body?.error?.code,
                      Number(response.headers.get('Retry-After')) || null);
}

async function call(path, init = {}) {
  const headers = {...init.headers};
  if (apiKey.get()) headers.Authorization = `Bearer ${apiKey.get()}`;
  let response;
  try {
    response = await fetch(path, {...init, headers, cache: 'no-store'});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(error.message, 0, 'unreachable');
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

function post(path, body, signal) {
  return call(path, {signal, method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
}

export async function listModels() {
  return (await (await call('/v1/models')).json()).data;
}

// What /health says, also with a status that is not 200: {status: 'ok' | 'loading' | 'draining', ...}.
export async function readHealth() {
  try {
    return await (await fetch('/health', {cache: 'no-store'})).json();
  } catch (error) {
    throw new ApiError(error.message, 0, 'unreachable');
  }
}

export async function readMetrics(signal) {
  return (await call('/metrics', {signal})).text();
}

export async function describeModel() {
  return (await call('/model')).json();
}

// A text ({content}) or a chat ({messages}) as tokens: [{id, piece}], a piece being text or bytes.
export async function tokenize(what) {
  return (await (await post('/tokenize', {...what, with_pieces: true})).json()).tokens;
}

// The log-probabilities of given tokens, each after those before it: OpenAI's {tokens, token_logprobs, top_logprobs}.
export async function scoreTokens({model, ids, top, signal}) {
  const body = {model, prompt: ids, max_tokens: 0, echo: true, logprobs: top};
  return (await (await post('/v1/completions', body, signal)).json()).choices[0].logprobs;
}

// The text of token ids.
export async function detokenize(ids) {
  return (await (await post('/detokenize', {tokens: ids})).json()).content;
}

const encoder = new TextEncoder();

// What /v1/completions says of tokens, as /v1/chat/completions says it: bytes that are no text are written "bytes:\\xe2" there.
function likeChat({tokens, token_logprobs: logprobs, top_logprobs: tops}) {
  const bytesOf = (key) => {
    if (!key.startsWith('bytes:')) return [...encoder.encode(key)];
    const parts = [...key.slice(6).matchAll(/\\x([0-9a-f]{2})|([^]+?)(?=\\x|$)/g)];
    return parts.flatMap(([, hex, text]) => (hex ? [parseInt(hex, 16)] : [...encoder.encode(text)]));
  };
  const byProbability = (a, b) => b.logprob - a.logprob;
  const token = (key, logprob) => ({token: key.replace(/^bytes:/, ''), logprob, bytes: bytesOf(key)});
  return tokens.map((key, i) => ({
    ...token(key, logprobs[i]),
    top_logprobs: Object.entries(tops[i] ?? {}).map(([other, logprob]) => token(other, logprob)).sort(byProbability),
  }));
}

// Streams one answer of /v1/chat/completions, or of /v1/completions where the request has a prompt: calls
// `onPiece(text, ids, logprobs)` with each piece as it arrives and `onPrompt(ids)` before the first; resolves to
// {finishReason, usage}. Aborting `signal` ends it with an AbortError, and the server frees what it held.
export async function streamAnswer({request, signal, onPiece, onPrompt}) {
  const response = await post(request.prompt ? '/v1/completions' : '/v1/chat/completions', {
    ...request, stream: true, stream_options: {include_usage: true}, return_token_ids: true,
  }, signal);
  const answer = {finishReason: null, usage: null};
  try {
    for await (const {event, data} of readEvents(response.body)) {
      if (data === '[DONE]') return answer;
      const chunk = JSON.parse(data);
      if (event === 'error' || chunk.error)
        throw new ApiError(chunk.error?.message ?? data, response.status, chunk.error?.code ?? 'broken');
      if (chunk.prompt_token_ids) onPrompt(chunk.prompt_token_ids);
      const choice = chunk.choices[0];
      const text = choice?.delta?.content ?? choice?.text ?? '';
      const logprobs = choice?.logprobs?.tokens ? likeChat(choice.logprobs) : choice?.logprobs?.content ?? [];
      if (text || choice?.token_ids?.length) onPiece(text, choice.token_ids ?? [], logprobs);
      if (choice?.finish_reason) answer.finishReason = choice.finish_reason;
      if (chunk.usage) answer.usage = chunk.usage;
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof ApiError) throw error;
    throw new ApiError(error.message, 0, 'broken');
  }
  throw new ApiError('The stream ended before the answer did.', 0, 'broken');
}
