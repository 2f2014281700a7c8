// The page's words in the reader's language, and numbers as that language writes them.

export const languages = {en: 'English', de: 'Deutsch'};

let strings = {};
let language = 'en';

function remembered() {
  try {
    return localStorage.getItem('puna.language');
  } catch {
    return null;
  }
}

function preferred() {
  const wanted = [remembered(), ...navigator.languages.map((tag) => tag.split('-')[0])];
  return wanted.find((tag) => Object.hasOwn(languages, tag)) ?? 'en';
}

// Before anything is shown: the language chosen earlier, else the browser's first that the page speaks.
export async function loadLanguage() {
  language = preferred();
  strings = (await import(`./locales/${language}.js`)).default;
  document.documentElement.lang = language;
}

export function chooseLanguage(tag) {
  try {
    localStorage.setItem('puna.language', tag);
  } catch {
    // A browser that keeps nothing asks its own language next time.
  }
}

export function currentLanguage() {
  return language;
}

// The words of `key`; those that depend on values are functions of them.
export function t(key, ...values) {
  const words = strings[key];
  if (words === undefined) throw new Error(`no words for '${key}' in '${language}'`);
  return typeof words === 'function' ? words(...values) : words;
}

// What index.html marks: data-t for text, data-t-label, data-t-title and data-t-placeholder for attributes.
export function translatePage(root) {
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  const attributes = {tLabel: 'aria-label', tTitle: 'title', tPlaceholder: 'placeholder'};
  for (const [data, attribute] of Object.entries(attributes)) {
    const mark = `data-t-${attribute.replace('aria-', '')}`;
    for (const element of root.querySelectorAll(`[${mark}]`)) element.setAttribute(attribute, t(element.dataset[data]));
  }
}

export function formatNumber(value, options) {
  return new Intl.NumberFormat(language, options).format(value);
}

// 1.23 million as "1.23M".
export function formatShort(value) {
  return formatNumber(value, {notation: 'compact', maximumSignificantDigits: 3});
}

export function formatPercent(share) {
  if (share > 0 && share < 0.00005) return `< ${formatPercent(0.0001)}`;
  const digits = share >= 0.9995 || share < 0.0005 ? 2 : 1;
  return formatNumber(share, {style: 'percent', maximumFractionDigits: digits});
}

export function formatBytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value, {maximumSignificantDigits: 3})} ${units[unit]}`;
}

export function formatDuration(milliseconds) {
  if (milliseconds < 1000) return `${formatNumber(Math.round(milliseconds))} ms`;
  return `${formatNumber(milliseconds / 1000, {maximumFractionDigits: 1})} s`;
}

export function formatRate(perSecond) {
  return formatNumber(perSecond, {maximumFractionDigits: perSecond < 10 ? 1 : 0});
}
