// The OpenAI HTTP API as this page uses it. Knows no DOM.

import {readEvents} from './sse.js';

// What the server said when it refused, or that it could not be reached (status 0).
export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function call(path, {key, ...init}) {
  const headers = {...init.headers};
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, {...init, headers});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The server cannot be reached. Is it still running?', 0);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(body?.error?.message ?? `The server answered ${response.status}.`, response.status,
                     body?.error?.code);
}

export async function listModels(key) {
  const response = await call('/v1/models', {key});
  return (await response.json()).data;
}

// Streams one chat answer: calls onText with each piece of text; resolves to {finishReason, usage}.
// Aborting `signal` ends it with an AbortError, and the server frees what it held for the answer.
export async function streamChat({model, messages, key, signal, onText}) {
  const response = await call('/v1/chat/completions', {
    key,
    signal,
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({model, messages, stream: true, stream_options: {include_usage: true}}),
  });
  const answer = {finishReason: null, usage: null};
  for await (const {event, data} of readEvents(response.body)) {
    if (data === '[DONE]') return answer;
    const chunk = JSON.parse(data);
    if (event === 'error' || chunk.error) throw new ApiError(chunk.error?.message ?? data, response.status);
    const choice = chunk.choices[0];
    if (choice?.delta?.content) onText(choice.delta.content);
    if (choice?.finish_reason) answer.finishReason = choice.finish_reason;
    if (chunk.usage) answer.usage = chunk.usage;
  }
  throw new ApiError('The connection ended in the middle of the answer.', 0);
}
