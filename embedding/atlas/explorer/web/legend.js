// The legend: what a colour means, how many books it has, and, pressed, a filter.
import { DIMENSIONS, Grouping } from './colours.js';
import { announce, byId, count, el, fill } from './dom.js';

const NAMES = { genre: 'Genre', country: 'Country', decade: 'Time', language: 'Language' };

export class Legend {
  /** changed(): the grouping or the filter is another one. */
  constructor(books, changed) {
    this.books = books;
    this.changed = changed;
    this.groupings = new Map(DIMENSIONS.map((name) => [name, new Grouping(name, books)]));
    this.chosen = new Map(DIMENSIONS.map((name) => [name, new Set()]));
    this.name = DIMENSIONS.find((name) => this.groupings.get(name).names.length > 1) ?? 'genre';
    fill(byId('dimensions'), ...DIMENSIONS.map((name) => el('label', { class: 'choice' },
      el('input', { type: 'radio', name: 'dimension', value: name, checked: name === this.name, onchange: () => this.colourBy(name) }),
      el('span', {}, NAMES[name]))));
    byId('all').addEventListener('click', () => this.clear());
    byId('legend-open').addEventListener('click', () => this.fold());
  }

  get grouping() { return this.groupings.get(this.name); }

  get filtered() { return [...this.chosen.values()].some((groups) => groups.size); }

  colourBy(name) {
    this.name = name;
    announce(`Coloured by ${NAMES[name].toLowerCase()}`);
    this.update();
  }

  toggle(group) {
    const groups = this.chosen.get(this.name);
    if (!groups.delete(group)) groups.add(group);
    this.update();
    announce(`${count(this.shownCount)} of ${count(this.books.count)} books shown`);
  }

  clear() {
    for (const groups of this.chosen.values()) groups.clear();
    this.update();
    announce('All books shown');
  }

  fold() {
    const open = byId('legend').classList.toggle('open');
    byId('legend-open').setAttribute('aria-expanded', String(open));
  }

  /** Which books the filters of all dimensions let through, but perhaps one's: 1 or 0 of each. */
  passing(but) {
    const passing = new Uint8Array(this.books.count).fill(1);
    for (const [name, groups] of this.chosen) {
      if (name === but || !groups.size) continue;
      const { group } = this.groupings.get(name);
      for (let book = 0; book < passing.length; book++) if (!groups.has(group[book])) passing[book] = 0;
    }
    return passing;
  }

  /** Work out which books are shown and draw the legend anew. */
  update(theme = this.theme) {
    this.theme = theme;
    const { grouping } = this;
    const counts = new Uint32Array(grouping.names.length);
    const counted = this.passing(this.name);
    this.shown = this.passing(null);
    this.shownCount = 0;
    for (let book = 0; book < this.books.count; book++) {
      this.shownCount += this.shown[book];
      if (counted[book]) counts[grouping.group[book]]++;
    }
    const chosen = this.chosen.get(this.name);
    const focused = document.activeElement?.dataset?.group;
    const list = byId('groups');
    fill(list, ...grouping.names.map((name, group) => el('li', {}, el('button', {
      type: 'button', class: 'group', 'data-group': group, 'aria-pressed': String(chosen.has(group)),
      title: chosen.has(group) ? `Show all again` : `Show only ${name}`, onclick: () => this.toggle(group),
    },
    el('span', { class: 'dot', style: { background: grouping.colour(group, theme) } }),
    el('span', { class: 'name', dir: 'auto' }, name), el('span', { class: 'count' }, count(counts[group]))))));
    list.classList.toggle('some', chosen.size > 0);
    if (focused !== undefined) list.querySelector(`[data-group="${Number(focused)}"]`)?.focus();
    byId('all').hidden = !this.filtered;
    const kept = [...this.chosen].filter(([name, groups]) => name !== this.name && groups.size)
      .map(([name, groups]) => [...groups].map((group) => this.groupings.get(name).names[group]).join(', '));
    byId('filters').textContent = kept.length ? `Also filtered: ${kept.join('; ')}` : '';
    byId('shown').textContent = this.filtered ? `${count(this.shownCount)} of ${count(this.books.count)} books` : `${count(this.books.count)} books`;
    this.changed();
  }
}
