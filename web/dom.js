// Building elements without HTML text, so that nothing a model or a user wrote can become markup.

const svgSpace = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// h('p.note.quiet', {id: 'x', onclick: f}, 'text', child): an element with classes, attributes, listeners and children.
// Values of null and false leave an attribute out, children of null and false too.
export function h(spec, properties = {}, ...children) {
  const [tag, ...classes] = spec.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  return fill(element, properties, children);
}

// The same for drawings.
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(svgSpace, tag), properties, children);
}

// Numbers with their names: [[key, name, value], ...].
export function factList(facts) {
  return h('dl.numbers', {}, ...facts.map(([key, name, value]) => h('div', {}, h('dt', {}, name), h('dd', {'data-fact': key}, value))));
}

export function byId(id) {
  return document.getElementById(id);
}

// A clipboard also where the browser offers none: pages that came over plain HTTP from another machine.
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = h('textarea.visually-hidden', {readonly: true, 'aria-hidden': 'true'});
  box.value = text;
  const focused = document.activeElement;
  document.body.append(box);
  box.select();
  const copied = document.execCommand('copy');
  box.remove();
  focused?.focus();
  if (!copied) throw new Error('The browser does not let the page copy.');
}

// Offers `text` as a file.
export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  h('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
