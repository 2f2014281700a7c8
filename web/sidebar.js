// The list of conversations: open, search, rename, delete, and as files in and out.

import {Thread} from './conversation.js';
import {byId, download, h} from './dom.js';
import {t} from './i18n.js';
import {toast} from './toast.js';
import {fromFile, toJson, toMarkdown} from './transfer.js';

export class Sidebar extends EventTarget {
  // `openId()`: the conversation on screen.
  constructor({store, openId}) {
    super();
    Object.assign(this, {store, openId});
    byId('new-chat').addEventListener('click', () => this.tell('new'));
    byId('search').addEventListener('input', () => this.refresh());
    byId('export-all').addEventListener('click', () => this.exportAll());
    byId('import').addEventListener('click', () => byId('import-file').click());
    byId('import-file').addEventListener('change', ({currentTarget}) => this.importFiles(currentTarget));
  }

  // Reads the conversations again and shows those that the search finds, the newest first.
  async refresh() {
    const records = await this.matching(byId('search').value.trim().toLowerCase());
    records.sort((a, b) => b.updated - a.updated);
    const focused = document.activeElement?.closest('#conversations li')?.dataset.id;
    const what = document.activeElement?.className;
    const list = byId('conversations');
    if (list.querySelector('form')) return;  // somebody is typing a name
    list.replaceChildren(...records.map((record) => this.item(record)));
    byId('nothing-found').hidden = records.length > 0 || byId('search').value === '';
    if (focused) list.querySelector(`li[data-id="${focused}"] .${what.split(' ')[0] || 'x'}`)?.focus();
  }

  async matching(words) {
    const records = await this.store.all('conversations');
    if (!words) return records;
    const found = new Set();
    for (const {conversation, content} of await this.store.all('messages'))
      if (content.toLowerCase().includes(words)) found.add(conversation);
    return records.filter(({id, title}) => found.has(id) || title.toLowerCase().includes(words));
  }

  item(record) {
    const open = record.id === this.openId();
    const title = record.title || t('untitled');
    const button = (mark, words, run) =>
      h(`button.icon.${mark}`, {type: 'button', title: t(words), 'aria-label': t(`${words}Titled`, title), onclick: run},
        h('span', {'aria-hidden': 'true'}, {rename: '✎', export: '⤓', delete: '✕'}[mark]));
    const item = h('li', {'data-id': record.id},
      h('button.open', {type: 'button', dir: 'auto', 'aria-current': open ? 'true' : null,
                        onclick: () => this.tell('open', record)}, title),
      button('rename', 'rename', () => this.rename(item, record)),
      button('export', 'exportOne', () => this.exportOne(record)),
      button('delete', 'delete', () => this.delete(record)));
    return item;
  }

  rename(item, record) {
    const box = h('input', {'aria-label': t('rename'), maxlength: 300});
    box.value = record.title;
    const save = async () => {
      form.remove();
      record.title = box.value.trim() || record.title;
      await this.store.change({conversations: [record]});
      this.tell('renamed', record);
      await this.refresh();
      document.querySelector(`#conversations li[data-id="${record.id}"] .rename`)?.focus();
    };
    const form = h('form', {onsubmit: (event) => {
      event.preventDefault();
      box.blur();
    }}, box);
    box.addEventListener('blur', save, {once: true});
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      box.value = record.title;
      box.blur();
    });
    item.replaceChildren(form);
    box.select();
  }

  async delete(record) {
    const [messages, tokens] = await Promise.all(
      ['messages', 'tokens'].map((kind) => this.store.ofConversation(kind, record.id)));
    const ids = (records) => records.map(({id}) => id);
    await this.store.change({}, {conversations: [record.id], messages: ids(messages), tokens: ids(tokens)});
    this.tell('deleted', record);
    toast(t('deleted', record.title || t('untitled')), async () => {
      await this.store.change({conversations: [record], messages, tokens});
      this.tell('open', record);
    });
    await this.refresh();
  }

  async thread(record) {
    return new Thread(record, await this.store.ofConversation('messages', record.id));
  }

  async exportOne(record) {
    download(`${fileName(record.title)}.md`, 'text/markdown', toMarkdown(await this.thread(record)));
  }

  async exportAll() {
    const records = await this.store.all('conversations');
    const threads = await Promise.all(records.map((record) => this.thread(record)));
    download(`puna-${new Date().toISOString().slice(0, 10)}.json`, 'application/json', toJson(threads));
  }

  async importFiles(input) {
    let count = 0;
    for (const file of input.files) {
      try {
        for (const thread of fromFile(await file.text())) {
          await this.store.change({conversations: [thread.record], messages: [...thread.messages.values()]});
          count += 1;
        }
      } catch (error) {
        toast(t('notImported', file.name, error.message));
      }
    }
    input.value = '';
    if (count > 0) toast(t('imported', count));
    await this.refresh();
  }

  tell(name, record = null) {
    this.dispatchEvent(new CustomEvent(name, {detail: record}));
  }
}

function fileName(title) {
  return title.replace(/[^\p{Letter}\p{Number} _-]/gu, '').trim().slice(0, 60) || 'conversation';
}
