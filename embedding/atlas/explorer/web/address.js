// The page's address says what is shown, so that it can be shared and the browser's back and forward work.
// "#Title" is a book; "#?link=Title" the books of a link; "#?from=Title&to=Title" a path. A title's own "?" is written %3F.

const encode = (title) => encodeURIComponent(title.replaceAll(' ', '_'));
const decode = (text) => decodeURIComponent(text).replaceAll('_', ' ');

export const bookAddress = (title) => `#${encode(title)}`;
export const linkAddress = (title) => `#?link=${encode(title)}`;
export const pathAddress = (from, to) => `#?from=${encode(from)}&to=${encode(to)}`;

/** What an address names: {kind: 'none' | 'book' | 'link' | 'path' | 'damaged', ...}. */
export function readAddress(hash) {
  const text = hash.replace(/^#/, '');
  if (!text) return { kind: 'none' };
  try {
    if (!text.startsWith('?')) return { kind: 'book', title: decode(text) };
    const parts = Object.fromEntries(text.slice(1).split('&').map((part) => {
      const [name, value = ''] = part.split('=');
      return [name, decode(value)];
    }));
    if (parts.link) return { kind: 'link', title: parts.link };
    if (parts.from && parts.to) return { kind: 'path', from: parts.from, to: parts.to };
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  return { kind: 'damaged', text };
}
