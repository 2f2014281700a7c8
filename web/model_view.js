// What the served model is made of: a drawing of its parts in the order in which a token passes them, each with its shape, its
// share of the parameters, and a sentence that says what happens there.

import {describeModel} from './api.js';
import {byId, factList, h, svg} from './dom.js';
import {formatBytes, formatNumber, formatPercent, formatShort, t} from './i18n.js';

// The parts of Meta's checkpoints, by the ends of their tensors' names. A part may hold several tensors.
const layerParts = [
  ['attentionNorm', ['attention_norm.weight']],
  ['attention', ['attention.wq.weight', 'attention.wk.weight', 'attention.wv.weight', 'attention.wo.weight']],
  ['ffnNorm', ['ffn_norm.weight']],
  ['feedForward', ['feed_forward.w1.weight', 'feed_forward.w2.weight', 'feed_forward.w3.weight']],
];

// {embedding, layers: {part: ...}, finalNorm, output, other}: tensors, parameters and bytes of each part; layers' are summed.
export function partsOf(tensors) {
  const part = () => ({tensors: [], parameters: 0, bytes: 0});
  const parts = {embedding: part(), attentionNorm: part(), attention: part(), ffnNorm: part(), feedForward: part(),
                 finalNorm: part(), output: part(), other: part()};
  for (const tensor of tensors) {
    const into = parts[partOf(tensor.name)];
    into.tensors.push(tensor);
    if (tensor.shared) continue;
    into.parameters += tensor.parameters;
    into.bytes += tensor.bytes;
  }
  return parts;
}

function partOf(name) {
  const whole = {'tok_embeddings.weight': 'embedding', 'norm.weight': 'finalNorm', 'output.weight': 'output'}[name];
  if (whole) return whole;
  const inLayer = name.match(/^layers\.\d+\.(.+)$/)?.[1];
  return layerParts.find(([, names]) => names.includes(inLayer))?.[0] ?? 'other';
}

export class ModelView {
  constructor() {
    this.place = byId('model-view');
  }

  async open() {
    if (this.place.childNodes.length === 0) this.place.append(h('p.note', {role: 'status'}, t('loadingModelView')));
    try {
      this.draw(await describeModel());
    } catch (error) {
      this.place.replaceChildren(h('p.note', {role: 'status'}, error.status === 0 ? t('unreachable') : error.message));
    }
  }

  close() {}

  draw(model) {
    const {config} = model;
    const [vocabulary, dim] = [config.vocab_size, config.dim].map((value) => formatNumber(value));
    const parts = partsOf(model.tensors);
    const tied = parts.output.tensors.length === 0 || parts.output.tensors.every(({shared}) => shared);
    this.model = model;
    this.place.replaceChildren(
      h('h2', {}, model.id), this.numbers(), h('p', {}, t('modelIntro', model.id)),
      h('figure', {}, h('figcaption', {}, t('whereParametersAre')), shares(parts, model.parameters)),
      h('ol.flow', {},
        this.stop('text', pieces(), null),
        this.stop('embedding', grid(config.vocab_size, config.dim), parts.embedding, vocabulary, dim),
        h('li.layers', {},
          h('div.layers-head', {}, h('h3', {}, t('layersTitle', config.n_layers)), stack(config.n_layers),
            h('p', {}, t('layersSentence', config.n_layers, dim))),
          h('ol', {},
            this.stop('attentionNorm', norm(), parts.attentionNorm, dim),
            this.stop('attention', heads(config), parts.attention, config.n_heads, config.n_kv_heads, config.head_dim),
            this.stop('ffnNorm', norm(), parts.ffnNorm, dim),
            this.stop('feedForward', funnel(config), parts.feedForward, dim, formatNumber(config.hidden_dim)))),
        this.stop('finalNorm', norm(), parts.finalNorm, dim),
        this.stop('output', grid(config.vocab_size, config.dim), tied ? null : parts.output, vocabulary, tied),
        this.stop('sampling', bars(), null)),
      this.table(parts));
  }

  numbers() {
    const {model} = this;
    const {config} = model;
    const types = [...new Set(model.tensors.map(({type}) => type))].join(', ');
    const facts = [
      ['parameters', `${formatShort(model.parameters)} (${formatNumber(model.parameters)})`],
      ['weights', `${formatBytes(model.bytes)}, ${types}`],
      ['layers', formatNumber(config.n_layers)],
      ['headsFact', t('headsValue', config.n_heads, config.n_kv_heads, config.head_dim)],
      ['contextFact', t('contextValue', formatNumber(model.context_length), formatNumber(config.max_context))],
      ['kvFact', t('kvValue', formatBytes(model.kv_cache.bytes_per_token), formatNumber(model.kv_cache.tokens))],
      ['machine', t('machineValue', model.threads, model.instruction_set)],
    ];
    return factList(facts.map(([words, value]) => [words, t(words), value]));
  }

  // One station of a token's way. `values` are what its sentence speaks of.
  stop(name, drawing, part, ...values) {
    const {model} = this;
    const facts = [];
    if (part?.tensors.length > 0) {
      const shapes = [...new Set(part.tensors.map(({name: tensor, shape}) =>
        `${tensor.split('.').slice(-2, -1)[0]} [${shape.map((size) => formatNumber(size)).join(' × ')}]`))];
      facts.push(h('p.shapes', {}, shapes.join(', ')),
                 h('p.cost', {}, t('partCost', formatShort(part.parameters), formatBytes(part.bytes),
                                   formatPercent(part.parameters / model.parameters))));
    }
    return h('li.stop', {'data-part': name}, h('div.drawing', {'aria-hidden': 'true'}, drawing),
             h('div', {}, h('h3', {}, t(`part_${name}`)), h('p', {}, t(`sentence_${name}`, ...values)), ...facts));
  }

  table(parts) {
    const rows = Object.entries(parts).filter(([, part]) => part.tensors.length > 0).map(([name, part]) =>
      h('tr', {}, h('th', {scope: 'row'}, t(`part_${name}`)), h('td', {}, formatNumber(part.tensors.length)),
        h('td', {}, formatNumber(part.parameters)), h('td', {}, formatNumber(part.bytes))));
    const head = ['part', 'tensors', 'parameters', 'bytes'].map((words) => h('th', {scope: 'col'}, t(words)));
    return h('div.table', {tabindex: 0, role: 'group', 'aria-label': t('partsTable')}, h('table', {},
      h('caption', {}, t('partsTable')), h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...rows),
      h('tfoot', {}, h('tr', {}, h('th', {scope: 'row'}, t('together')), h('td', {}, formatNumber(this.model.tensors.length)),
        h('td', {}, formatNumber(this.model.parameters)), h('td', {}, formatNumber(this.model.bytes))))));
  }
}

// A bar of 100 parts, each as wide as its share.
function shares(parts, all) {
  let from = 0;
  const drawn = Object.entries(parts).filter(([, {parameters}]) => parameters > 0).map(([name, {parameters}]) => {
    const share = {name, parameters, from};
    from += parameters;
    return share;
  });
  return h('div.chart', {},
    svg('svg', {viewBox: '0 0 600 28', role: 'img', preserveAspectRatio: 'none', class: 'pool',
                'aria-label': t('whereParametersAre')}, ...drawn.map(({name, parameters, from: x}) => svg('rect', {
          class: `part-${name}`, x: x / all * 600, y: 0, width: parameters / all * 600, height: 28,
        }))),
    h('p.legend', {}, ...drawn.map(({name, parameters}) =>
      h(`span.key-part-${name}`, {}, `${t(`part_${name}`)} ${formatPercent(parameters / all)}`))));
}

function drawing(...shapes) {
  return svg('svg', {viewBox: '0 0 120 80', width: 120, height: 80}, ...shapes);
}

// A text cut into pieces, one of which is followed from here on.
function pieces() {
  const widths = [22, 34, 16, 28];
  let x = 4;
  return drawing(...widths.map((width, i) => {
    const piece = svg('rect', {class: i === 1 ? 'lit' : 'box', x, y: 28, width, height: 24, rx: 4});
    x += width + 4;
    return piece;
  }));
}

// Scores of tokens, of which the best is chosen.
function bars() {
  const heights = [10, 22, 16, 58, 8, 30, 12];
  return drawing(...heights.map((height, i) =>
    svg('rect', {class: i === 3 ? 'lit' : 'box', x: 6 + i * 16, y: 72 - height, width: 11, height})));
}

// A matrix: as high as it has rows, at a scale that shows the relation.
function grid(rows, columns) {
  const wide = Math.max(14, Math.min(110, 70 * Math.sqrt(columns / rows)));
  const lines = Array.from({length: 6}, (_, i) =>
    svg('line', {class: 'thin', x1: 60 - wide / 2, x2: 60 + wide / 2, y1: 5 + (i + 1) * 10, y2: 5 + (i + 1) * 10}));
  return drawing(svg('rect', {class: 'box', x: 60 - wide / 2, y: 5, width: wide, height: 70}), ...lines,
                 svg('rect', {class: 'lit', x: 60 - wide / 2, y: 35, width: wide, height: 10}));
}

function norm() {
  const heights = [14, 34, 22, 44, 18, 30];
  return drawing(...heights.map((height, i) => svg('rect', {class: 'box', x: 12 + i * 17, y: 40 - height / 2, width: 10, height})),
                 ...[26, 54].map((y) => svg('line', {class: 'strong', x1: 6, x2: 114, y1: y, y2: y})));
}

// Query heads as dots; those that share a key and value head are in one box.
function heads({n_heads: queries, n_kv_heads: groups}) {
  const each = queries / groups;
  const columns = Math.ceil(Math.sqrt(groups * 1.5));
  const rows = Math.ceil(groups / columns);
  const wide = 116 / columns;
  const high = 76 / rows;
  const shapes = [];
  for (let group = 0; group < groups; ++group) {
    const x = 2 + (group % columns) * wide;
    const y = 2 + Math.floor(group / columns) * high;
    shapes.push(svg('rect', {class: 'box', x: x + 1, y: y + 1, width: wide - 2, height: high - 2, rx: 3}));
    for (let i = 0; i < each; ++i) {
      const inRow = Math.ceil(Math.sqrt(each));
      const lines = Math.ceil(each / inRow);
      const size = Math.min(wide / (inRow + 1), high / (lines + 1));
      shapes.push(svg('circle', {class: 'lit', r: Math.max(1, size / 3), cx: x + (i % inRow + 1) * wide / (inRow + 1),
                                 cy: y + (Math.floor(i / inRow) + 1) * high / (lines + 1)}));
    }
  }
  return drawing(...shapes);
}

// dim to hidden_dim and back.
function funnel({dim, hidden_dim: hidden}) {
  const narrow = 64 * dim / Math.max(dim, hidden);
  const wide = 64 * hidden / Math.max(dim, hidden);
  const bar = (x, height, kind) => svg('rect', {class: kind, x, y: 40 - height / 2, width: 10, height, rx: 2});
  const slope = (x1, from, x2, to, sign) =>
    svg('line', {class: 'thin', x1, x2, y1: 40 + sign * from / 2, y2: 40 + sign * to / 2});
  return drawing(bar(6, narrow, 'lit'), bar(55, wide, 'box'), bar(104, narrow, 'lit'),
                 ...[-1, 1].flatMap((sign) => [slope(16, narrow, 55, wide, sign), slope(65, wide, 104, narrow, sign)]));
}

function stack(layers) {
  const shown = Math.min(layers, 40);
  const high = 70 / shown;
  return drawing(...Array.from({length: shown}, (_, i) =>
    svg('rect', {class: i === 0 ? 'lit' : 'box', x: 20, y: 5 + (shown - 1 - i) * high, width: 80, height: Math.max(1, high - 1)})));
}
