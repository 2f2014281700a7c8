// A block of code with its language's name, a button that copies it, and colours where the language is known. The program that
// colours, and each language, is fetched from this server when the first code in it appears.

import {copyText, h} from './dom.js';
import {t} from './i18n.js';

const languages = new Set(['bash', 'c', 'cmake', 'cpp', 'csharp', 'css', 'diff', 'dockerfile', 'go', 'ini', 'java', 'javascript',
  'json', 'kotlin', 'markdown', 'php', 'python', 'ruby', 'rust', 'sql', 'swift', 'typescript', 'xml', 'yaml']);
const otherNames = {
  'c#': 'csharp', 'c++': 'cpp', cc: 'cpp', console: 'bash', cs: 'csharp', cxx: 'cpp', docker: 'dockerfile', golang: 'go', h: 'c',
  hpp: 'cpp', html: 'xml', js: 'javascript', jsx: 'javascript', kt: 'kotlin', md: 'markdown', mjs: 'javascript', patch: 'diff',
  py: 'python', python3: 'python', rb: 'ruby', rs: 'rust', sh: 'bash', shell: 'bash', svg: 'xml', toml: 'ini', ts: 'typescript',
  tsx: 'typescript', yml: 'yaml', zsh: 'bash',
};
const mostColoured = 200_000;       // characters; more is shown plain
const mostColouredAtOnce = 10_000;  // while it is still being written

let highlighter = null;
const grammars = new Map();  // language -> promise of the program with it

function knownLanguage(name) {
  const tag = name.trim().split(/\s/, 1)[0].toLowerCase();
  const language = Object.hasOwn(otherNames, tag) ? otherNames[tag] : tag;
  return languages.has(language) ? language : null;
}

function load(language) {
  if (!grammars.has(language)) {
    highlighter ??= import('./packages/highlight.js').then((module) => module.default);
    const grammar = import(`./packages/languages/${language}.js`).then((module) => module.default);
    grammars.set(language, Promise.all([highlighter, grammar]).then(([program, definition]) => {
      program.registerLanguage(language, definition);
      return program;
    }));
  }
  return grammars.get(language);
}

export class CodeBlock {
  constructor(language) {
    this.language = language;
    this.known = knownLanguage(language);
    this.code = h('code', {dir: 'ltr'});
    this.button = h('button.quiet', {type: 'button', onclick: () => this.copy()}, t('copy'));
    this.element = h('div.code', {},
                     h('div.code-head', {}, h('span', {}, language || t('code')), this.button),
                     h('pre', {tabindex: 0}, this.code));
    this.text = '';
  }

  update(text, complete) {
    if (text !== this.text || !this.code.firstChild) {
      const last = this.code.lastChild;
      if (last?.nodeType === Node.TEXT_NODE && this.code.childNodes.length === 1 && text.startsWith(this.text))
        last.appendData(text.slice(this.text.length));
      else this.code.textContent = text;
      this.text = text;
    }
    if (this.known && text.length <= (complete ? mostColoured : mostColouredAtOnce)) this.colour();
  }

  async colour() {
    const text = this.text;
    const program = await load(this.known).catch(() => null);
    if (!program || text !== this.text) return;
    const html = program.highlight(text, {language: this.known, ignoreIllegals: true}).value;
    this.code.replaceChildren(DOMPurify.sanitize(html, {
      ALLOWED_TAGS: ['span', '#text'], ALLOWED_ATTR: ['class'], RETURN_DOM_FRAGMENT: true,
    }));
  }

  async copy() {
    await copyText(this.text);
    this.button.textContent = t('copied');
    setTimeout(() => (this.button.textContent = t('copy')), 1500);
  }
}
