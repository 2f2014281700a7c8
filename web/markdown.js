// Markdown on the screen while it is being written. The text is cut into blocks (paragraphs, lists, code ...); only blocks
// that changed are drawn again, and those that can change no more are not even read again.
//
// What a model writes is hostile until proven otherwise: HTML in it is shown as text, and what marked makes of the rest passes
// DOMPurify with a short list of elements. Nothing is fetched: pictures become links.

import {CodeBlock} from './code_block.js';
import {h} from './dom.js';
import {t} from './i18n.js';
import {Marked} from './packages/marked.js';
import './packages/purify.js';

const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    // __init__ is more often a name than strong text, for which everybody writes asterisks.
    emStrong(source) {
      const [name] = source.match(/^__\w+__(?!\w)/) ?? [];
      return name ? {type: 'text', raw: name, text: name} : false;
    },
  },
  renderer: {
    html: ({text}) => (/^<br\s*\/?>$/i.test(text.trim()) ? '<br>' : escape(text)),
    image: ({href, text}) => `<a href="${escape(href)}">${escape(text || href)}</a>`,
    checkbox: ({checked}) => (checked ? '☑ ' : '☐ '),
  },
});

const definition = /^ {0,3}\[[^\]]+\]:/m;  // of a link: [name]: address

const allowed = {
  ALLOWED_TAGS: ['a', 'b', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'li', 'ol', 'p',
    'pre', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul', '#text'],
  ALLOWED_ATTR: ['align', 'class', 'href', 'start', 'title'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

// What a block's HTML may become in the document.
function sanitize(html) {
  const fragment = DOMPurify.sanitize(html, allowed);
  for (const link of fragment.querySelectorAll('a')) {
    if (!link.hasAttribute('href')) continue;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  for (const element of fragment.querySelectorAll('p, li, ul, ol, blockquote, td, th')) element.dir = 'auto';
  // Headings of an answer are below those of the page.
  for (const heading of fragment.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    heading.replaceWith(h(`div.heading.${heading.localName}`,
                          {role: 'heading', 'aria-level': Math.min(Number(heading.localName[1]) + 3, 9), dir: 'auto'},
                          ...heading.childNodes));
  }
  for (const pre of fragment.querySelectorAll('pre')) {
    const code = pre.querySelector('code');
    const block = new CodeBlock(code?.className.match(/language-(\S+)/)?.[1] ?? '');
    block.update(pre.textContent.replace(/\n$/, ''), true);
    pre.replaceWith(block.element);
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = h('div.table', {tabindex: 0, role: 'group', 'aria-label': t('table')});
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

class Block {
  constructor(token) {
    this.element = h('div.block');
    this.code = token.type === 'code' ? new CodeBlock(token.lang ?? '') : null;
    if (this.code) this.element.append(this.code.element);
  }

  // Whether the block can take what `token` says now without being made anew.
  fits(token) {
    return this.code ? token.type === 'code' && this.code.language === (token.lang ?? '') : token.type !== 'code';
  }

  draw(token, links, complete) {
    this.raw = token.raw;
    this.complete = complete;
    if (this.code) {
      this.code.update(token.text, complete);
    } else {
      this.element.replaceChildren(sanitize(marked.parser(Object.assign([token], {links}))));
    }
  }
}

export class MarkdownView {
  constructor() {
    this.element = h('div.markdown');
    this.text = '';
    this.clear();
  }

  clear() {
    this.blocks = [];
    this.kept = 0;   // blocks that are not read again
    this.start = 0;  // where the text after them begins
    this.element.replaceChildren();
  }

  // Shows `text`; `complete` says that no more follows. Cheap if it is the text of last time with something added.
  update(text, complete) {
    const plain = text.replace(/\r\n?/g, '\n');
    if (!plain.startsWith(this.text) || (complete && definition.test(plain))) this.rewind();
    this.text = plain;
    const tail = plain.slice(this.start);
    const read = marked.lexer(tail);
    const tokens = read.filter((token) => token.type !== 'space' && token.type !== 'def');
    tokens.forEach((token, i) => this.drawAt(this.kept + i, token, read.links, complete || i + 1 < tokens.length));
    for (const block of this.blocks.splice(this.kept + tokens.length)) block.element.remove();
    if (!complete) this.keep(read, tail);
  }

  // Everything is read once more: the text is another one, or has a definition of a link, which may come after its use.
  rewind() {
    this.kept = 0;
    this.start = 0;
  }

  drawAt(index, token, links, complete) {
    let block = this.blocks[index];
    if (block && !block.fits(token)) {
      const anew = new Block(token);
      block.element.replaceWith(anew.element);
      block = this.blocks[index] = anew;
    } else if (!block) {
      block = this.blocks[index] = new Block(token);
      this.element.append(block.element);
    }
    const same = block.raw === token.raw && block.complete === complete && Object.keys(links).length === 0;
    if (!same) block.draw(token, links, complete);
  }

  // All but the last two tokens stay as they are, whatever follows.
  keep(read, tail) {
    const length = read.reduce((sum, token) => sum + token.raw.length, 0);
    if (length !== tail.length) return;
    for (const token of read.slice(0, -2)) {
      this.start += token.raw.length;
      if (token.type !== 'space' && token.type !== 'def') this.kept += 1;
    }
  }
}
