// What is shown of a book, of a link, of a path: the panel below the search field.
import { bookAddress, linkAddress } from './address.js';
import { byId, count, el, fill } from './dom.js';
import { similarityOf } from './path.js';

const LINKS_SHOWN = 5;

export class Card {
  /** events: {hover(book or null), path(book), close()}. */
  constructor(books, events) {
    [this.books, this.events] = [books, events];
    this.place = byId('card');
  }

  get open() { return !this.place.hidden; }

  close() {
    this.place.hidden = true;
    document.body.classList.remove('with-card');
  }

  put(label, ...children) {
    this.place.setAttribute('aria-label', label);
    fill(this.place, el('button', { type: 'button', class: 'close', 'aria-label': 'Close', title: 'Close (Esc)', onclick: () => this.events.close() }, '×'), ...children);
    this.place.hidden = false;
    this.place.scrollTop = 0;
    document.body.classList.add('with-card');
  }

  book(book) {
    const { books } = this;
    const title = books.title(book);
    const facts = [['Genre', books.genres(book)], ['Country', books.country(book)], ['Language', books.language(book)],
      ['Linked', books.linked(book) ? `from ${count(books.linked(book))} other book${books.linked(book) === 1 ? '' : 's'}` : '']].filter(([, value]) => value);
    const article = books.article(title);
    const near = books.near ? books.neighbours(book) : null;
    this.put(title,
      el('h2', { dir: 'auto', tabindex: -1 }, title),
      books.byline(book) ? el('p', { class: 'byline', dir: 'auto' }, books.byline(book)) : null,
      facts.length ? el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', { dir: 'auto' }, value)])) : null,
      el('div', { class: 'actions' },
        article ? el('a', { class: 'action', href: article, target: '_blank', rel: 'noopener noreferrer' }, 'Wikipedia', el('span', { 'aria-hidden': 'true' }, ' ↗')) : null,
        el('button', { type: 'button', class: 'action', onclick: () => this.events.path(book) }, 'Path to another book')),
      el('h3', {}, 'Nearest books'),
      near === null ? el('p', { class: 'empty' }, 'Reading the neighbours …')
        : near.length ? el('ol', { class: 'near' }, ...near.map((one) => this.neighbour(one)))
        : el('p', { class: 'empty' }, 'None of its neighbours is on this page.'));
  }

  neighbour({ book, similarity, shared = [] }) {
    return el('li', { onpointerenter: () => this.events.hover(book), onpointerleave: () => this.events.hover(null) },
      this.bookLink(book, similarity),
      shared.length ? el('p', { class: 'shared', 'aria-label': 'Both link to' }, ...shared.slice(0, LINKS_SHOWN).map((link) => this.linkLink(link))) : null);
  }

  bookLink(book, similarity) {
    return el('a', { class: 'book', href: bookAddress(this.books.title(book)), onfocus: () => this.events.hover(book), onblur: () => this.events.hover(null) },
      el('span', { class: 'title', dir: 'auto' }, this.books.title(book)),
      similarity === undefined || similarity === null ? null : el('span', { class: 'similarity', title: 'cosine similarity' },
        el('span', { class: 'bar', 'aria-hidden': 'true', style: { '--part': Math.max(0, similarity).toFixed(3) } }),
        el('span', { class: 'visually-hidden' }, ', similarity '), similarity.toFixed(2)),
      el('span', { class: 'byline', dir: 'auto' }, this.books.byline(book)));
  }

  linkLink(link) {
    return el('a', { class: 'link', dir: 'auto', href: linkAddress(link), title: `Books nearest to ${link}` }, link);
  }

  link(link, found, how) {
    const article = this.books.article(link);
    this.put(link,
      el('p', { class: 'kind' }, 'Page that books link to'),
      el('h2', { dir: 'auto', tabindex: -1 }, link),
      article ? el('div', { class: 'actions' }, el('a', { class: 'action', href: article, target: '_blank', rel: 'noopener noreferrer' }, 'Wikipedia', el('span', { 'aria-hidden': 'true' }, ' ↗'))) : null,
      el('h3', {}, how),
      found.length ? el('ol', { class: 'near' }, ...found.map((one) => this.neighbour(one)))
        : el('p', { class: 'empty' }, 'No book on this page has it.'));
  }

  path(path, from, to) {
    const { books } = this;
    const ends = `From ${books.title(from)} to ${books.title(to)}`;
    this.put(ends,
      el('p', { class: 'kind' }, 'Path over neighbours'),
      el('h2', { tabindex: -1 }, el('bdi', {}, books.title(from)), ' → ', el('bdi', {}, books.title(to))),
      path === null ? el('p', { class: 'empty' }, 'No way leads from one to the other: their neighbours never meet.')
        : el('ol', { class: 'near path' }, ...path.map((book, i) => this.step(book, i ? path[i - 1] : null))));
  }

  step(book, before) {
    const shared = before === null ? [] : this.sharedBetween(before, book);
    return this.neighbour({ book, similarity: before === null ? undefined : similarityOf(this.books, before, book), shared });
  }

  sharedBetween(one, other) {
    const find = (a, b) => this.books.neighbours(a).find((near) => near.book === b)?.shared;
    return find(one, other) ?? find(other, one) ?? [];
  }

  message(title, text) {
    this.put(title, el('h2', { tabindex: -1 }, title), el('p', { class: 'empty' }, text));
  }
}
