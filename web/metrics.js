// Prometheus' text as numbers, and what they say about the time between two readings. Knows no DOM.

// {name: [{labels: {...}, value}]}
export function parseMetrics(text) {
  const families = {};
  for (const line of text.split('\n')) {
    const [, name, labels, value] = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/) ?? [];
    if (name === undefined) continue;
    const found = {};
    for (const [, label, quoted] of (labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) found[label] = quoted;
    (families[name] ??= []).push({labels: found, value: Number(value)});
  }
  return families;
}

// What one reading of /metrics says of the server.
export function readServer(text, at) {
  const families = parseMetrics(text);
  const one = (name) => families[name]?.[0]?.value ?? 0;
  const blocks = Object.fromEntries((families.puna_kv_blocks ?? []).map(({labels, value}) => [labels.state, value]));
  return {
    at, generated: one('puna_generated_tokens_total'), prompts: one('puna_prompt_tokens_total'),
    cached: one('puna_cached_tokens_total'), steps: one('puna_steps_total'), rows: one('puna_step_rows_sum'),
    running: one('puna_requests_running'), waiting: one('puna_requests_waiting'),
    blocks: {free: blocks.free ?? 0, used: blocks.used ?? 0, cached: blocks.cached ?? 0},
  };
}

// The rates between two readings, per second; counters that fell say that the server began anew.
export function ratesBetween(before, after) {
  const seconds = (after.at - before.at) / 1000;
  const rate = (name) => (seconds > 0 ? Math.max(0, after[name] - before[name]) / seconds : 0);
  const steps = Math.max(0, after.steps - before.steps);
  return {
    at: after.at, answer: rate('generated'), prompt: Math.max(0, rate('prompts') - rate('cached')),
    rowsPerStep: steps > 0 ? (after.rows - before.rows) / steps : 0,
    running: after.running, waiting: after.waiting, blocks: after.blocks,
  };
}
