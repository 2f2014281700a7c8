// How fast the server is right now: tokens per second, requests and the KV pool, from its metrics once a second while the view is
// open.

import {readMetrics} from './api.js';
import {byId, factList, h, svg} from './dom.js';
import {formatNumber, formatPercent, formatRate, t} from './i18n.js';
import {ratesBetween, readServer} from './metrics.js';

const every = 1000;   // ms
const kept = 120;     // readings in the charts
const width = 600;
const height = 140;

export class SpeedView {
  constructor() {
    this.place = byId('speed-view');
    this.rates = [];
    this.before = null;
    this.timer = 0;
  }

  open() {
    if (!this.speed) this.build();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), every);
    this.look();
  }

  close() {
    clearInterval(this.timer);
    this.timer = 0;
    this.before = null;
  }

  build() {
    this.note = h('p.note', {role: 'status'});
    this.speed = new Chart([['answer', 'speedNow'], ['prompt', 'promptNow']]);
    this.requests = new Chart([['running', 'running'], ['waiting', 'waiting']]);
    this.pool = h('div');
    this.numbers = h('div');
    this.place.replaceChildren(
      h('h2', {}, t('speedTitle')), h('p', {}, t('speedIntro')), this.note, this.numbers,
      h('figure', {}, h('figcaption', {}, t('speedChart')), this.speed.element),
      h('figure', {}, h('figcaption', {}, t('requestsChart')), this.requests.element),
      h('figure', {}, h('figcaption', {}, t('poolChart')), this.pool));
  }

  async look() {
    try {
      const now = readServer(await readMetrics(), performance.now());
      if (this.before) this.rates.push(ratesBetween(this.before, now));
      this.rates.splice(0, this.rates.length - kept);
      this.before = now;
      this.note.textContent = '';
      this.draw(now);
    } catch (error) {
      this.before = null;
      this.note.textContent = error.status === 0 ? t('unreachable') : error.message;
    }
  }

  draw(now) {
    const last = this.rates.at(-1) ?? {answer: 0, prompt: 0, rowsPerStep: 0};
    const facts = [
      ['speedNow', `${formatRate(last.answer)} / s`], ['promptNow', `${formatRate(last.prompt)} / s`],
      ['running', formatNumber(now.running)], ['waiting', formatNumber(now.waiting)],
      ['rowsPerStep', formatRate(last.rowsPerStep)], ['generatedTotal', formatNumber(now.generated)],
    ];
    this.numbers.replaceChildren(factList(facts.map(([words, value]) => [words, t(words), value])));
    this.speed.draw(this.rates);
    this.requests.draw(this.rates);
    this.pool.replaceChildren(poolBar(now.blocks));
  }
}

// Lines over time, the newest at the right, on one scale from zero.
class Chart {
  // `series`: [[name in a reading, words], ...]
  constructor(series) {
    this.series = series;
    this.lines = series.map((_, i) => svg('polyline', {class: `line line-${i}`, fill: 'none'}));
    this.top = h('span.top');
    this.drawing = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', preserveAspectRatio: 'none'},
                       svg('line', {class: 'axis', x1: 0, x2: width, y1: height - 1, y2: height - 1}), ...this.lines);
    this.legend = h('p.legend', {}, ...series.map(([, words], i) => h(`span.key-${i}`, {}, t(words))));
    this.element = h('div.chart', {}, this.top, this.drawing, this.legend);
  }

  draw(readings) {
    const most = Math.max(1, ...readings.flatMap((reading) => this.series.map(([name]) => reading[name])));
    this.series.forEach(([name], i) => {
      const points = readings.map((reading, at) => {
        const x = width - (readings.length - 1 - at) * width / (kept - 1);
        return `${x.toFixed(1)},${(height - 2 - reading[name] / most * (height - 20)).toFixed(1)}`;
      });
      this.lines[i].setAttribute('points', points.join(' '));
    });
    this.top.textContent = formatNumber(most, {maximumSignificantDigits: 3});
    const last = readings.at(-1);
    this.drawing.setAttribute('aria-label', this.series.map(([name, words]) =>
      `${t(words)}: ${last ? formatRate(last[name]) : '–'}`).join(', '));
  }
}

function poolBar({free, used, cached}) {
  const all = Math.max(1, free + used + cached);
  const part = (name, value, from) =>
    svg('rect', {class: `pool-${name}`, x: from / all * width, y: 0, width: value / all * width, height: 24});
  const words = t('poolWords', formatPercent(used / all), formatPercent(cached / all), formatPercent(free / all));
  return h('div.chart', {},
           svg('svg', {viewBox: `0 0 ${width} 24`, role: 'img', 'aria-label': words, preserveAspectRatio: 'none', class: 'pool'},
               part('used', used, 0), part('cached', cached, used), part('free', free, used + cached)),
           h('p.legend', {}, h('span.key-pool-used', {}, t('poolUsed', formatPercent(used / all))),
             h('span.key-pool-cached', {}, t('poolCached', formatPercent(cached / all))),
             h('span.key-pool-free', {}, t('poolFree', formatPercent(free / all)))));
}
