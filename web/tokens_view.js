// An answer as the model sees it: tokens with their ids and bytes, shaded by how probable each was, and what else could have
// stood in its place. The probabilities are those recorded while the answer was written, else they are computed anew.

import {scoreTokens, tokenize} from './api.js';
import {h} from './dom.js';
import {formatPercent, t} from './i18n.js';

const shownAtOnce = 1500;
const encoder = new TextEncoder();

// Blanks and line ends as something that can be seen.
export function visible(text) {
  return text.replace(/\n/g, '↵').replace(/\t/g, '⇥').replace(/ /g, '·');
}

// A token of /tokenize, whose piece is text or bytes.
function fromPiece({id, piece}) {
  const bytes = typeof piece === 'string' ? [...encoder.encode(piece)] : piece;
  const text = typeof piece === 'string' ? piece : bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return {id, text, bytes, logprob: null, top: []};
}

export class TokensView {
  constructor({store, status, thread, message}) {
    Object.assign(this, {store, status, thread, message});
  }

  async open(place) {
    this.detail = h('div.token-detail', {role: 'status'}, h('p', {}, t('tokenHint')));
    this.notes = h('div.token-notes');
    this.promptChips = h('div.chips');
    this.answerChips = h('div.chips');
    place.replaceChildren(h('section.tokens', {'aria-label': t('tokensOf')},
      this.detail,
      h('details', {}, h('summary', {}, t('promptTokens')), this.promptChips),
      h('h3', {}, t('answerTokens')), this.answerChips, this.notes));
    try {
      await this.load();
    } catch (error) {
      this.notes.replaceChildren(h('p.bad', {}, error.message));
    }
  }

  async load() {
    const recorded = await this.store.get('tokens', this.message.id);
    const request = {messages: this.thread.requestMessages(this.message.parent)};
    this.prompt = (await tokenize(request)).map(fromPiece);
    // What was asked with then: other ids than now if something before the answer, or the system prompt, was changed since.
    if (recorded?.prompt.length > 0) {
      const pieces = new Map(this.prompt.map((token) => [token.id, token]));
      this.prompt = recorded.prompt.map((id) => ({...pieces.get(id) ?? {id, text: `#${id}`, bytes: null, logprob: null, top: []}}));
    }
    this.answer = recorded ? recorded.answer.map((token) => ({...token}))
                           : (await tokenize({content: this.message.content})).map(fromPiece);
    if (recorded && this.answer.some(({text}) => text === null)) await this.name(this.answer);
    this.draw();
  }

  // Ids that were recorded without probabilities have no text yet: the same text has the same tokens but at its seams.
  async name(tokens) {
    const pieces = new Map((await tokenize({content: this.message.content})).map((token) => [token.id, fromPiece(token)]));
    for (const token of tokens) {
      const piece = pieces.get(token.id);
      token.text ??= piece?.text ?? `#${token.id}`;
      token.bytes ??= piece?.bytes ?? null;
    }
  }

  draw() {
    this.promptChips.replaceChildren(...this.chips(this.prompt));
    this.answerChips.replaceChildren(...this.chips(this.answer));
    const known = this.answer.some(({logprob}) => logprob !== null);
    const notes = [h('p', {}, t('tokensSummary', this.prompt.length, this.answer.length))];
    if (known) notes.push(this.scale());
    if (!known || this.prompt.every(({logprob}) => logprob === null)) {
      notes.push(h('button', {type: 'button', 'data-action': 'score', onclick: (event) => this.score(event.currentTarget)},
                   t(known ? 'scorePrompt' : 'scoreAll')));
    }
    this.notes.replaceChildren(...notes);
  }

  scale() {
    const chip = (share) => {
      const mark = h('span.chip', {}, formatPercent(share));
      shade(mark, Math.log(share));
      return mark;
    };
    return h('p.scale', {}, t('scale'), ' ', ...[1, 0.5, 0.1, 0.01].map(chip));
  }

  // Has the server say how probable each token was after those before it.
  async score(button) {
    button.disabled = true;
    button.textContent = t('scoring');
    try {
      const tokens = [...this.prompt, ...this.answer];
      const scores = await scoreTokens({model: this.status.model.id, ids: tokens.map(({id}) => id), top: 5});
      tokens.forEach((token, i) => {
        token.logprob = scores.token_logprobs[i];
        token.top = Object.entries(scores.top_logprobs[i] ?? {})
            .map(([text, logprob]) => ({text: text.replace(/^bytes:/, ''), logprob})).sort((a, b) => b.logprob - a.logprob);
      });
      this.draw();
    } catch (error) {
      button.disabled = false;
      button.textContent = t('scoreAll');
      this.notes.append(h('p.bad', {}, error.message));
    }
  }

  chips(tokens) {
    const chips = tokens.slice(0, shownAtOnce).map((token, i) => this.chip(token, i));
    // One stop for the Tab key; the arrows go on from there.
    chips[0]?.setAttribute('tabindex', '0');
    if (tokens.length > shownAtOnce) {
      const more = h('button', {type: 'button', onclick: () =>
        more.replaceWith(...tokens.slice(shownAtOnce).map((token, i) => this.chip(token, shownAtOnce + i)))},
                     t('showAllTokens', tokens.length));
      chips.push(more);
    }
    return chips;
  }

  chip(token, index) {
    const show = () => this.show(token, index);
    const chip = h('button.chip', {type: 'button', tabindex: -1, 'data-token': token.id, onmouseenter: show, onfocus: show,
                                   onclick: show, onkeydown: walk},
                   h('span.piece', {dir: 'auto'}, visible(token.text) || '∅'), h('span.id', {}, String(token.id)));
    if (token.logprob !== null) shade(chip, token.logprob);
    return chip;
  }

  show(token, index) {
    const bytes = token.bytes?.map((byte) => byte.toString(16).padStart(2, '0')).join(' ') ?? '';
    const facts = [t('tokenNumber', index + 1, token.id), bytes ? t('tokenBytes', bytes) : t('specialToken')];
    if (token.logprob !== null) facts.push(t('tokenProbability', formatPercent(Math.exp(token.logprob))));
    const rows = token.top.map(({text, logprob}) => {
      const share = Math.exp(logprob);
      const bar = h('span.bar');
      bar.style.setProperty('--share', share);
      return h('tr', {class: text === token.text ? 'chosen' : null},
               h('td', {dir: 'auto'}, visible(text)), h('td', {}, formatPercent(share)), h('td', {}, bar));
    });
    this.detail.replaceChildren(
      h('p', {}, h('strong', {dir: 'auto'}, visible(token.text)), ' ', facts.join(' · ')),
      rows.length > 0 ? h('table', {}, h('caption', {}, t('alternatives')), h('tbody', {}, ...rows)) : '');
  }
}

// From sure to a surprise: the less probable, the more colour.
function shade(chip, logprob) {
  const surprise = Math.min(1, -logprob / Math.log(100));
  chip.style.setProperty('--surprise', `${Math.round(surprise * 100)}%`);
}

function walk(event) {
  const steps = {ArrowRight: 'nextElementSibling', ArrowDown: 'nextElementSibling',
                 ArrowLeft: 'previousElementSibling', ArrowUp: 'previousElementSibling'};
  const next = event.currentTarget[steps[event.key]];
  if (!next) return;
  event.preventDefault();
  event.currentTarget.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
