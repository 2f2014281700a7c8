// The conversation on screen and what can be done in it. Answers run on their own (answering.js); this shows those of the open
// conversation.

import {Answering} from './answering.js';
import {Announcer} from './announcer.js';
import {Composer} from './composer.js';
import {Thread, newConversation} from './conversation.js';
import {byId, h} from './dom.js';
import {formatNumber, t} from './i18n.js';
import {MessageView} from './message_view.js';
import {Follower} from './scroll.js';
import {toast} from './toast.js';
import {TokensView} from './tokens_view.js';

const shownAtOnce = 80;  // messages; older ones are drawn when somebody asks for them

export class Chat extends EventTarget {
  constructor({store, status, openSettings}) {
    super();
    Object.assign(this, {store, status, openSettings});
    this.list = byId('thread');
    this.follower = new Follower(byId('messages'), this.list);
    this.announcer = new Announcer(byId('announcer'));
    this.composer = new Composer({send: (text) => this.send(text), stop: () => this.current()?.stop()});
    this.running = new Map();  // message id -> Answering, of all conversations
    this.views = new Map();    // message id -> MessageView, of the open one
    this.thread = new Thread(newConversation());
    this.shown = shownAtOnce;
    this.actions = {
      edit: (view) => this.edit(view),
      regenerate: (message) => this.answer(message.parent),
      goOn: (message) => this.run(message, {goesOn: true}),
      remove: (message) => this.remove(message),
      select: (message) => this.select(message),
      showTokens: (view) => this.showTokens(view),
      tryAgain: (message) => this.tryAgain(message),
      startAnew: (message) => this.startAnew(message),
      openSettings: () => this.openSettings(),
    };
  }

  // Shows a conversation of the store, or a new one.
  async open(record = null) {
    const messages = record ? await this.store.ofConversation('messages', record.id) : [];
    const live = [...this.running.values()].find(({thread}) => thread.record.id === record?.id);
    this.thread = live?.thread ?? new Thread(record ?? newConversation(this.settingsForNew()), messages);
    // The page went away while these were written.
    for (const message of this.thread.messages.values())
      if (message.state === 'running' && !this.running.has(message.id)) message.state = 'stopped';
    this.shown = shownAtOnce;
    this.views.clear();
    this.list.replaceChildren();
    this.composer.open(record?.id);
    this.draw();
    this.follower.toEnd();
    if (matchMedia('(hover: hover)').matches) this.composer.input.focus();
  }

  settingsForNew() {
    return {};
  }

  // The answer that is being written in the branch on screen, or null.
  current() {
    const head = this.thread.head;
    return head ? this.running.get(head.id) ?? null : null;
  }

  draw() {
    const path = this.thread.path;
    const visible = path.slice(-this.shown);
    const elements = visible.map((message) => {
      const view = this.view(message);
      view.refresh(this.thread.siblings(message), this.running.get(message.id) ?? null);
      return view.element;
    });
    if (visible.length < path.length) elements.unshift(this.earlierButton(path.length - visible.length));
    if (path.length === 0) elements.push(h('div.empty', {}, h('p', {}, t('emptyChat'))));
    // Elements that stay where they are keep the focus and the selection.
    const same = elements.length === this.list.childNodes.length && elements.every((e, i) => e === this.list.childNodes[i]);
    if (!same) this.list.replaceChildren(...elements);
    this.composer.showRunning(this.current() !== null);
    this.drawContext();
  }

  view(message) {
    if (!this.views.has(message.id)) this.views.set(message.id, new MessageView(message, this.actions));
    return this.views.get(message.id);
  }

  earlierButton(count) {
    return h('button.earlier', {type: 'button', onclick: () => {
      const first = this.list.querySelector('.message');
      this.shown += 4 * shownAtOnce;
      this.draw();
      this.follower.follows = false;
      first?.scrollIntoView();
    }}, t('showEarlier', count));
  }

  // How much of the context the conversation has used, as the last answer counted it.
  drawContext() {
    const last = this.thread.path.findLast((message) => message.stats?.prompt);
    const most = this.status.model?.context;
    byId('context').textContent = last && most
      ? t('contextUsed', formatNumber(last.stats.prompt + last.stats.tokens), formatNumber(most)) : '';
  }

  async send(text) {
    // An answer that never began stays out of the branch that goes on.
    const head = this.thread.head;
    if (head?.state === 'broken' && head.content === '') await this.drop(head);
    const message = this.thread.add('user', text);
    this.composer.moveTo(this.thread.record.id);
    await this.keep({messages: [message], conversations: [this.thread.record]});
    this.changed();
    await this.answer(message.id);
  }

  // Has the message after `parent` written, as a new branch if there is one already.
  async answer(parent) {
    await this.run(this.thread.add('assistant', '', parent));
  }

  // Has `message` written, or written to its end.
  async run(message, {goesOn = false} = {}) {
    const {thread} = this;
    const answering = new Answering({thread, message, store: this.store, status: this.status, goesOn});
    this.running.set(message.id, answering);
    answering.addEventListener('change', () => this.progress(answering));
    answering.addEventListener('unsaved', ({detail}) => toast(t('notSaved', String(detail))));
    this.draw();
    this.follower.toEnd();
    this.announcer.begin();
    await this.keep({messages: [message], conversations: [thread.record]});
    this.changed();
    await answering.run();
    this.running.delete(message.id);
    if (this.thread === thread) {
      this.draw();
      this.announcer.end(message.content, t(message.state === 'complete' ? 'answerComplete' : 'answerEnded'));
    }
    this.changed();
  }

  progress(answering) {
    if (this.thread !== answering.thread) return;
    this.views.get(answering.message.id)?.changed();
    if (this.current() === answering) this.announcer.progress(answering.message.content);
  }

  // A question is sent again in its new words, beside the old ones; an answer is kept in its new words.
  edit(view) {
    const {message} = view;
    const box = h('textarea', {'aria-label': t('edit'), dir: 'auto', rows: Math.min(12, message.content.split('\n').length + 1)});
    box.value = message.content;
    const close = () => {
      form.replaceWith(view.text);
      view.buttons.hidden = false;
      view.element.querySelector('[data-action="edit"]')?.focus();
    };
    const form = h('form.edit', {onsubmit: (event) => {
      event.preventDefault();
      close();
      this.edited(message, box.value);
    }}, box, h('div.ways', {},
      h('button.main', {type: 'submit'}, t(message.role === 'user' ? 'send' : 'save')),
      h('button', {type: 'button', onclick: close}, t('cancel'))));
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        event.preventDefault();
        close();
      } else if (event.key === 'Enter' && message.role === 'user' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    view.text.replaceWith(form);
    view.buttons.hidden = true;
    box.focus();
  }

  async edited(message, text) {
    if (!text.trim() || text === message.content) return;
    const branch = this.thread.add(message.role, text, message.parent);
    if (message.role === 'assistant') branch.state = 'edited';
    this.draw();
    await this.keep({messages: [branch], conversations: [this.thread.record]});
    if (message.role === 'user') await this.answer(branch.id);
  }

  async remove(message) {
    const {thread} = this;
    const head = thread.record.head;
    for (const answering of this.running.values()) if (answering.thread === thread) answering.stop();
    const tokens = await this.store.ofConversation('tokens', thread.record.id);
    const removed = await this.drop(message);
    toast(t('removed', removed.length), async () => {
      const ids = new Set(removed.map(({id}) => id));
      thread.restore(removed, head);
      await this.keep({messages: removed, conversations: [thread.record], tokens: tokens.filter(({id}) => ids.has(id))});
      if (this.thread === thread) this.draw();
      this.changed();
    });
  }

  async drop(message) {
    const removed = this.thread.remove(message);
    const ids = removed.map(({id}) => id);
    for (const id of ids) this.views.delete(id);
    this.draw();
    await this.keep({conversations: [this.thread.record]}, {messages: ids, tokens: ids});
    this.changed();
    return removed;
  }

  async select(message) {
    this.thread.select(message);
    this.draw();
    this.view(message).element.querySelector('.branches button:not(:disabled)')?.focus();
    await this.keep({conversations: [this.thread.record]});
  }

  async tryAgain(message) {
    const {parent} = message;
    if (message.content === '') await this.drop(message);
    await this.answer(parent);
  }

  // Out of context: the question moves to a new conversation.
  startAnew(message) {
    const question = this.thread.messages.get(message.parent);
    this.dispatchEvent(new Event('new'));
    if (question) this.composer.giveBack(question.content);
  }

  showTokens(view) {
    if (view.more.childNodes.length > 0) view.more.replaceChildren();
    else new TokensView({store: this.store, status: this.status, thread: this.thread, message: view.message}).open(view.more);
    view.element.querySelector('[data-action="tokens"]')?.setAttribute('aria-expanded', String(view.more.childNodes.length > 0));
  }

  async keep(put, remove = {}) {
    try {
      await this.store.change(put, remove);
    } catch (error) {
      toast(t('notSaved', String(error)));
    }
  }

  // The list of conversations may look different now.
  changed() {
    this.dispatchEvent(new Event('change'));
  }
}
