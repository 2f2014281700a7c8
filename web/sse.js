// Server-sent events out of a fetch body: yields {event, data} per event, in order.
// Lines may end in \n, \r\n or \r, and may be cut anywhere between two network chunks, also inside a character.

export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let event = '';
  let data = [];
  try {
    for (;;) {
      const {value, done} = await reader.read();
      buffer += value ?? '';
      let end;
      while ((end = lineEnd(buffer, done)) !== null) {
        const line = buffer.slice(0, end.at);
        buffer = buffer.slice(end.at + end.length);
        if (line === '') {
          if (data.length > 0) yield {event: event || 'message', data: data.join('\n')};
          event = '';
          data = [];
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5));
        } else if (line.startsWith('event:')) {
          event = line.slice(6).trim();
        }
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// A \r at the very end may be the first half of \r\n: wait for more unless this is the end.
function lineEnd(text, done) {
  const at = text.search(/[\r\n]/);
  if (at < 0) return null;
  if (text[at] === '\n') return {at, length: 1};
  if (at + 1 === text.length && !done) return null;
  return {at, length: text[at + 1] === '\n' ? 2 : 1};
}
