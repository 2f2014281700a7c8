// What the page says of the server above the conversation, and the field for a key when the server asks for one.

import {byId, h} from './dom.js';
import {t} from './i18n.js';

export function showStatus(status) {
  byId('model').textContent = status.model?.id ?? t(status.state === 'connecting' ? 'connecting' : 'notConnected');
  byId('state').dataset.state = status.state;
  byId('state').textContent = t(`state_${status.state}`);
  const banner = byId('banner');
  banner.hidden = status.state === 'ready' || status.state === 'connecting';
  if (banner.dataset.state === status.state && status.state !== 'key') return;
  banner.dataset.state = status.state;
  if (status.state === 'key') return showKeyForm(banner, status);
  const ways = status.state === 'offline'
    ? [h('button', {type: 'button', onclick: () => status.check()}, t('tryNow'))] : [];
  banner.replaceChildren(...(banner.hidden ? [] : [h('span', {}, t(`banner_${status.state}`)), ...ways]));
}

function showKeyForm(banner, status) {
  const box = h('input', {id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true});
  const form = h('form', {onsubmit: (event) => {
    event.preventDefault();
    status.useKey(box.value);
  }}, h('label', {for: 'key'}, t(status.keyWasSent ? 'keyWrong' : 'keyNeeded')), box,
     h('button.main', {type: 'submit'}, t('useKey')));
  banner.replaceChildren(form);
  box.focus();
}
