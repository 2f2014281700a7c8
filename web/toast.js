// A short word at the edge of the page, with a way back where something was taken away.

import {byId, h} from './dom.js';
import {t} from './i18n.js';

let timer = 0;

// `undo`: takes the change back; without it the words alone are shown.
export function toast(words, undo = null) {
  const box = byId('toast');
  clearTimeout(timer);
  const hide = () => (box.hidden = true);
  box.replaceChildren(h('span', {}, words));
  if (undo) {
    box.append(h('button', {type: 'button', onclick: () => {
      hide();
      undo();
    }}, t('undo')));
  }
  box.hidden = false;
  timer = setTimeout(hide, undo ? 12_000 : 5000);
}
