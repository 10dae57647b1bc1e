// Elements made by hand: titles come from a dump and are hostile, so text is only ever set as text.

export const byId = (id) => document.getElementById(`ui-${id}`);

/** An element. Children are elements or texts; a text is never read as markup. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [key, one] of Object.entries(value)) made.style.setProperty(key, one);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

/** Put other children into an element. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter(Boolean));
}

export const count = (number) => number.toLocaleString('en');

/** Say something to people who hear the page; the same twice is said twice. */
export function announce(text) {
  const place = byId('status');
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
