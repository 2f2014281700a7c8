// Wires the page together.

import {Chat} from './chat.js';
import {byId} from './dom.js';
import {loadLanguage, t, translatePage} from './i18n.js';
import {showStatus} from './banner.js';
import {ModelView} from './model_view.js';
import {Settings} from './settings.js';
import {Sidebar} from './sidebar.js';
import {SpeedView} from './speed_view.js';
import {ServerStatus} from './status.js';
import {openStore} from './store.js';
import {toast} from './toast.js';

await loadLanguage();
translatePage(document);

const {store, kept} = await openStore();
const status = new ServerStatus();
const settings = new Settings((values) => {
  chat.thread.record.settings = values;
  if (chat.thread.messages.size > 0) chat.keep({conversations: [chat.thread.record]});
});
const chat = new Chat({store, status, openSettings: () => settings.open(chat.thread.record.settings)});
const sidebar = new Sidebar({store, openId: () => chat.thread.record.id});
const views = {chat: null, model: new ModelView(), speed: new SpeedView()};

// #/ a new chat, #/c/ID a conversation, #/model and #/speed: what the address says is on screen.
async function show() {
  const [, place = '', id] = location.hash.match(/^#\/(\w*)(?:\/(\w+))?$/) ?? [];
  const name = place in views ? place : 'chat';
  for (const [other, view] of Object.entries(views)) {
    byId(`${other}-view`).hidden = other !== name;
    if (other !== name) view?.close();
    document.querySelector(`[data-view="${other}"]`).toggleAttribute('aria-current', other === name);
  }
  document.title = name === 'chat' ? 'Puna' : `${t(`${name}Tab`)} · Puna`;
  views[name]?.open();
  // A new chat that nobody has begun stays, with the settings it may have got.
  const there = id ? chat.thread.record.id === id : chat.thread.messages.size === 0;
  if (name === 'chat' && !there) {
    const record = id ? await store.get('conversations', id) : null;
    await chat.open(record);
    await sidebar.refresh();
  }
}

function address() {
  return chat.thread.messages.size > 0 ? `#/c/${chat.thread.record.id}` : '#/';
}

async function go(hash) {
  closeMenu();
  if (location.hash === hash) return show();
  location.hash = hash;
}

chat.addEventListener('change', () => {
  if (!byId('chat-view').hidden && location.hash !== address()) history.replaceState(null, '', address());
  sidebar.refresh();
});
chat.addEventListener('new', () => newChat());
sidebar.addEventListener('new', () => newChat());
sidebar.addEventListener('open', async ({detail}) => {
  await sidebar.refresh();
  go(`#/c/${detail.id}`);
});
sidebar.addEventListener('renamed', ({detail}) => {
  if (chat.thread.record.id === detail.id) chat.thread.record.title = detail.title;
});
sidebar.addEventListener('deleted', ({detail}) => {
  chat.composer.forget(detail.id);
  if (chat.thread.record.id === detail.id) newChat();
});

// A new chat begins with the settings of the one before, which the user chose last.
async function newChat() {
  const {settings: last} = chat.thread.record;
  chat.settingsForNew = () => last;
  await chat.open();
  history.replaceState(null, '', '#/');
  await show();
  closeMenu();
  await sidebar.refresh();
}

byId('chat-tab').addEventListener('click', (event) => {
  event.preventDefault();
  go(address());
});
byId('open-settings').addEventListener('click', () => settings.open(chat.thread.record.settings));

// On narrow screens the list of conversations lies over the page.
function closeMenu() {
  document.body.classList.remove('menu-open');
  byId('menu').setAttribute('aria-expanded', 'false');
}
byId('menu').addEventListener('click', () => {
  const open = document.body.classList.toggle('menu-open');
  byId('menu').setAttribute('aria-expanded', String(open));
  if (open) byId('new-chat').focus();
});
byId('shade').addEventListener('click', closeMenu);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && document.body.classList.contains('menu-open')) {
    closeMenu();
    byId('menu').focus();
  }
});

status.addEventListener('change', () => {
  showStatus(status);
  chat.drawContext();
});
addEventListener('hashchange', show);
showStatus(status);
await Promise.all([status.start(), sidebar.refresh(), location.hash.startsWith('#/c/') ? null : chat.open()]);
await show();
document.body.dataset.ready = 'true';
if (!kept) toast(t('nothingKept'));
