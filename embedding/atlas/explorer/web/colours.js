// What the books are coloured by: genre, country, decade, language; each has at most so many groups, and grey for the rest.

const GROUPS = 11;
// Paul Tol's "muted" scheme and orange, which people with any colour vision can tell apart; lighter for a dark ground.
const LIGHT = ['#cc6677', '#332288', '#ddaa33', '#117733', '#66b4dd', '#882255', '#44aa99', '#999933', '#aa4499', '#ee7733', '#6d7f99'];
const DARK = ['#e5808f', '#8b7cf0', '#ecd07a', '#4fb36a', '#8ed3f4', '#d1578f', '#4fc7b3', '#bcbc55', '#cf7cc1', '#f59a5b', '#9fb0c9'];
const TIME = { light: ['#3b2a86', '#7c2a86', '#bf3f76', '#e8705a', '#e9a63a'], dark: ['#8272e8', '#b765cf', '#ea6f92', '#f99a72', '#f6d778'] };
const REST = { light: '#a9adb5', dark: '#6b7079' };
const UNKNOWN = { light: '#cfd2d8', dark: '#454a53' };

export const DIMENSIONS = ['genre', 'country', 'decade', 'language'];

/** A way to group the books: names of the groups, and the group of every book. */
export class Grouping {
  constructor(name, books) {
    this.name = name;
    this.group = new Uint8Array(books.count);
    this.names = [];
    if (name === 'decade') this.byTime(books);
    else this.byName(books.columns[name], books.columns[`${name} names`], books.count);
  }

  byName(values, names, count) {
    const sizes = new Uint32Array(names.length);
    for (let i = 0; i < count; i++) sizes[values[i]]++;
    const order = [...sizes.keys()].filter((i) => i > 0 && sizes[i]).sort((a, b) => sizes[b] - sizes[a] || a - b);
    const shown = order.length > GROUPS + 1 ? order.slice(0, GROUPS) : order;
    const place = new Uint8Array(names.length).fill(shown.length);
    shown.forEach((value, i) => { place[value] = i; });
    this.names = shown.map((value) => names[value]);
    this.addRest(order.length > shown.length, sizes[0] > 0);
    place[0] = this.unknown ?? 0;
    for (let i = 0; i < count; i++) this.group[i] = place[values[i]];
  }

  byTime(books) {
    const last = Number(books.about.snapshot.slice(0, 4)) + 5; // what is said to appear later is an error of the article
    const years = Array.from({ length: books.count }, (_, book) => books.year(book)).map((year) => (year > last ? null : year));
    const sizes = new Map();
    for (const year of years) if (year !== null) sizes.set(period(year), (sizes.get(period(year)) ?? 0) + 1);
    const order = [...sizes.keys()].sort((a, b) => a - b);
    const place = new Map(order.map((begin, i) => [begin, i]));
    this.names = order.map(periodName);
    this.ordered = true;
    this.addRest(false, years.includes(null));
    years.forEach((year, book) => { this.group[book] = year === null ? this.unknown : place.get(period(year)); });
  }

  addRest(others, unknown) {
    if (others) this.rest = this.names.push('Other') - 1;
    if (unknown) this.unknown = this.names.push('Not known') - 1;
  }

  /** The colour of a group, as #rrggbb. */
  colour(group, theme) {
    if (group === this.rest) return REST[theme];
    if (group === this.unknown) return UNKNOWN[theme];
    if (!this.ordered) return (theme === 'dark' ? DARK : LIGHT)[group % LIGHT.length];
    const steps = this.names.length - (this.unknown === undefined ? 1 : 2);
    return between(TIME[theme], steps > 0 ? group / steps : 1);
  }
}

/** The first year of the period that a year counts to: decades from 1900 on, then half centuries, centuries, all before 1500. */
function period(year) {
  if (year < 1500) return -Infinity;
  return year < 1800 ? year - (year % 100) : year < 1900 ? year - (year % 50) : year - (year % 10);
}

function periodName(begin) {
  if (begin === -Infinity) return 'Before 1500';
  return begin < 1800 ? `${begin}–${begin + 99}` : begin < 1900 ? `${begin}–${begin + 49}` : `${begin}s`;
}

function between(stops, part) {
  const at = part * (stops.length - 1);
  const [low, high] = [rgb(stops[Math.floor(at)]), rgb(stops[Math.ceil(at)])];
  return `#${low.map((one, i) => Math.round(one + (high[i] - one) * (at % 1)).toString(16).padStart(2, '0')).join('')}`;
}

export const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
