// One message on screen: its text, what is known of it, and what can be done with it.

import {copyText, h} from './dom.js';
import {formatDuration, formatNumber, formatRate, t} from './i18n.js';
import {MarkdownView} from './markdown.js';

// Drawing may take this share of the time, so that typing and scrolling stay smooth however fast the model writes.
const shareForDrawing = 0.4;
// What a frame adds at most, in characters: a flood is drawn a little later than it comes, and stalls nothing.
const mostPerFrame = 6000;

export class MessageView {
  // `actions`: what the chat does with a message: edit, regenerate, remove, select, showTokens, and the ways on after a failure.
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.frame = 0;
    this.nextDraw = 0;
    this.shown = message.content.length;  // characters on screen
    const answer = message.role === 'assistant';
    this.markdown = answer ? new MarkdownView() : null;
    this.text = answer ? this.markdown.element : h('div.plain', {dir: 'auto'});
    this.text.classList.add('text');
    this.facts = h('p.facts');
    this.trouble = h('div.trouble', {role: answer ? 'alert' : null});
    this.buttons = h('div.actions');
    this.more = h('div.more');  // where the tokens are shown
    this.element = h(`article.message.${message.role}`, {'data-id': message.id},
                     h('h2.visually-hidden', {}, t(answer ? 'modelSays' : 'youSay')),
                     this.text, this.trouble, h('div.foot', {}, this.facts, this.buttons), this.more);
  }

  // Draws the whole message. `siblings`: its branches; `answering`: what writes it, or null.
  refresh(siblings, answering) {
    const {message} = this;
    this.answering = answering;
    this.siblings = siblings;
    this.element.classList.toggle('running', Boolean(answering) || this.lags());
    if (this.lags()) return this.changed();
    this.draw();
    this.facts.textContent = answering ? this.progress() : factsOf(message).join(' · ');
    this.trouble.replaceChildren(...(message.state === 'broken' ? this.troubleParts() : []));
    // Buttons that are the same stay, with the focus that one of them may have.
    const now = JSON.stringify([siblings.map(({id}) => id), message.state, message.content === '', Boolean(answering)]);
    if (now !== this.drawnButtons) this.buttons.replaceChildren(...(answering ? [] : this.actionButtons(siblings)));
    this.drawnButtons = now;
  }

  // Something was added: drawn with the next frame that has time for it.
  changed() {
    this.frame ||= requestAnimationFrame((now) => this.onFrame(now));
  }

  onFrame(now) {
    this.frame = 0;
    if (now < this.nextDraw) return this.changed();
    const begin = performance.now();
    this.shown = Math.min(this.shown + mostPerFrame, this.message.content.length);
    this.draw();
    if (this.answering) this.facts.textContent = this.progress();
    const took = performance.now() - begin;
    this.nextDraw = now + took / shareForDrawing;
    if (this.lags()) this.changed();
    else if (!this.answering) this.refresh(this.siblings, null);
  }

  // Whether more has arrived than is on screen.
  lags() {
    return this.shown < this.message.content.length;
  }

  draw() {
    const {content} = this.message;
    if (!this.markdown) this.text.textContent = content;
    else if (this.lags()) this.markdown.update(content.slice(0, this.shown), false);
    else this.markdown.update(content, !this.answering);
  }

  progress() {
    const {phase, queue, tokens} = this.answering;
    if (phase === 'waiting') return t('waitingForServer');
    if (phase === 'asked') {
      if (queue?.waiting > 0) return t('inQueue', queue.waiting, queue.running);
      return t('reading', Math.round((performance.now() - this.answering.started) / 1000));
    }
    const {rate} = this.answering.measured();
    const parts = [t('tokens', tokens.answer.length)];
    if (rate) parts.push(t('rate', formatRate(rate)));
    return parts.join(' · ');
  }

  actionButtons(siblings) {
    const {message, actions} = this;
    const button = (words, run, name = words) =>
      h('button.quiet', {type: 'button', 'data-action': name, onclick: run}, t(words));
    const buttons = [];
    if (siblings.length > 1) buttons.push(this.branches(siblings));
    if (message.content) buttons.push(button('copy', (event) => this.copy(event.currentTarget)));
    buttons.push(button('edit', () => actions.edit(this)));
    if (message.role === 'assistant') buttons.push(button('again', () => actions.regenerate(message)));
    if (['length', 'stopped', 'broken'].includes(message.state) && message.content)
      buttons.push(button('goOn', () => actions.goOn(message)));
    if (message.role === 'assistant' && message.content) {
      const tokens = button('tokensButton', () => actions.showTokens(this), 'tokens');
      tokens.setAttribute('aria-expanded', String(this.more.childNodes.length > 0));
      buttons.push(tokens);
    }
    buttons.push(button('remove', () => actions.remove(message)));
    return buttons;
  }

  branches(siblings) {
    const at = siblings.indexOf(this.message);
    const step = (by, mark, words) =>
      h('button.quiet', {type: 'button', 'aria-label': t(words), disabled: !siblings[at + by],
                         onclick: () => this.actions.select(siblings[at + by])}, mark);
    return h('span.branches', {role: 'group', 'aria-label': t('branches')},
             step(-1, '‹', 'earlierBranch'), h('span', {}, `${at + 1}/${siblings.length}`), step(1, '›', 'laterBranch'));
  }

  troubleParts() {
    const {error} = this.message;
    const {words, ways} = whatToDo(error, this.message.content !== '');
    return [
      h('p', {}, words),
      h('div.ways', {}, ...ways.map((way) =>
        h('button', {type: 'button', 'data-way': way, onclick: () => this.actions[way](this.message)}, t(way)))),
    ];
  }

  async copy(button) {
    await copyText(this.message.content);
    button.textContent = t('copied');
    setTimeout(() => (button.textContent = t('copy')), 1500);
  }
}

function factsOf({role, state, stats}) {
  if (role !== 'assistant') return [];
  const facts = [];
  if (stats) {
    facts.push(t('tokens', stats.tokens));
    if (stats.rate) facts.push(t('rate', formatRate(stats.rate)));
    if (Number.isFinite(stats.first)) facts.push(t('firstAfter', formatDuration(stats.first)));
    if (stats.cached !== null) facts.push(t('cached', formatNumber(stats.cached), formatNumber(stats.prompt)));
  }
  if (state === 'length') facts.push(t('cutAtLimit'));
  if (state === 'stopped') facts.push(t('stopped'));
  if (state === 'edited') facts.push(t('edited'));
  return facts;
}

// The words for a failure, and the ways on from it: names of actions, which are also the buttons' words.
function whatToDo({status, code, message}, hasText) {
  if (code === 'context_length_exceeded') return {words: `${t('outOfContext')} ${message}`, ways: ['startAnew', 'openSettings']};
  if (status === 0 || code === 'broken') return {words: t(hasText ? 'brokenOff' : 'unreachable'), ways: ['tryAgain']};
  if (status === 429) return {words: t('queueFull'), ways: ['tryAgain']};
  if (status === 401) return {words: t('keyNeeded'), ways: ['tryAgain']};
  if (status === 400) return {words: message, ways: ['openSettings', 'tryAgain']};
  return {words: message, ways: ['tryAgain']};
}
