// How the open conversation is answered, and the page's own language. What is left empty is the server's to choose.

import {byId, h} from './dom.js';
import {chooseLanguage, currentLanguage, languages} from './i18n.js';

const numbers = {temperature: 'temperature', top_p: 'top-p', max_tokens: 'max-tokens', seed: 'seed'};  // setting -> field

export class Settings {
  // `saved(settings)` is told of every change that is valid.
  constructor(saved) {
    this.dialog = byId('settings');
    this.form = byId('settings-form');
    this.saved = saved;
    this.form.addEventListener('input', () => this.read());
    // Enter in a field closes the dialog only if all is valid, which the browser sees to.
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.dialog.close();
    });
    const language = byId('language');
    for (const [tag, name] of Object.entries(languages))
      language.append(h('option', {value: tag, selected: tag === currentLanguage()}, name));
    language.addEventListener('change', () => {
      chooseLanguage(language.value);
      location.reload();
    });
  }

  open(settings) {
    byId('system').value = settings.system;
    for (const [name, field] of Object.entries(numbers)) byId(field).value = settings[name] ?? '';
    byId('probabilities').checked = settings.probabilities;
    this.dialog.showModal();
  }

  read() {
    if (!this.form.checkValidity()) return;
    const settings = {system: byId('system').value, probabilities: byId('probabilities').checked};
    for (const [name, field] of Object.entries(numbers))
      settings[name] = byId(field).value === '' ? null : byId(field).valueAsNumber;
    this.saved(settings);
  }
}
