// Puts the parts together: what is chosen, and what the address says, is shown on the map and in the card.
import { bookAddress, pathAddress, readAddress } from './address.js';
import { Books } from './books.js';
import { Card } from './card.js';
import { unpack } from './data.js';
import { announce, byId, count, el, fill } from './dom.js';
import { Search } from './fold.js';
import { Legend } from './legend.js';
import { BookMap, coloursOf } from './map.js';
import { graphOf, shortestPath } from './path.js';
import { SearchBox } from './searchbox.js';
import { Theme } from './theme.js';

class App {
  constructor(books) {
    this.books = books;
    this.pathFrom = null;
    this.search = new Search(books);
    this.searchBox = new SearchBox(books, this.search, (book) => this.chosen(book));
    this.card = new Card(books, {
      hover: (book) => this.point(book), path: (book) => this.beginPath(book), close: () => this.close(),
    });
    this.theme = new Theme(() => this.legend.update(this.theme.now));
    this.legend = new Legend(books, () => this.look());
    this.makeMap();
    this.makeChoices();
    this.legend.update(this.theme.now);
    this.map?.showAll(false);
    addEventListener('hashchange', () => this.follow());
    addEventListener('keydown', (event) => this.key(event));
    byId('map').addEventListener('keydown', (event) => this.mapKey(event));
    byId('cancel-path').addEventListener('click', () => this.endPath());
  }

  makeMap() {
    const fail = (why) => {
      fill(byId('no-map'), el('p', {}, 'The map cannot be drawn here: ', why), el('p', {}, 'Search, cards and paths work all the same.'));
      byId('no-map').hidden = false;
      document.documentElement.dataset.map = 'none';
    };
    if (!this.books.maps.length) { fail('the snapshot has none.'); return; }
    if (!document.createElement('canvas').getContext('webgl2')) { fail('this browser has no WebGL 2.'); return; }
    this.map = new BookMap(byId('map'), this.books, {
      hover: (book, x, y) => this.tip(book, x, y),
      click: (book) => { if (book !== null) this.chosen(book); else if (this.pathFrom === null) this.close(); },
      moved: () => { if (this.pointed !== undefined) this.point(this.pointed); },
      drawn: () => { document.documentElement.dataset.map = 'drawn'; performance.mark('map drawn'); },
      settled: () => this.map.showAgain(),
      failed: (error) => { if (!this.map?.drawn) fail(error.message); else console.error(error); },
    }, () => this.covered());
  }

  makeChoices() {
    const { maps } = this.books;
    byId('maps').hidden = maps.length < 2;
    fill(byId('maps'), ...maps.map((name, i) => el('label', { class: 'choice' },
      el('input', { type: 'radio', name: 'map', value: name, checked: i === 0, onchange: () => { this.map?.setMap(name); announce(`Map by ${name}`); } }),
      el('span', {}, name))));
    byId('back').addEventListener('click', () => history.back());
    byId('forward').addEventListener('click', () => history.forward());
    byId('whole').addEventListener('click', () => this.map?.showAll());
    byId('nearer').addEventListener('click', () => this.map?.zoomBy(1));
    byId('farther').addEventListener('click', () => this.map?.zoomBy(-1));
    byId('help-open').addEventListener('click', () => byId('help').showModal());
    byId('help-close').addEventListener('click', () => byId('help').close());
  }

  /** Pixels that panel and legend cover on each side of the map. */
  covered() {
    const panel = byId('panel').getBoundingClientRect();
    const card = byId('card').getBoundingClientRect();
    if (innerWidth > 720) return { left: panel.right, right: byId('legend').offsetWidth, top: 0, bottom: 0 };
    return { left: 0, right: 0, top: panel.top + byId('head').offsetHeight, bottom: this.card.open ? innerHeight - card.top : 0 };
  }

  look() {
    this.map?.setLook(coloursOf(this.legend.grouping, this.books, this.theme.now), this.legend.shown, this.theme.now);
  }

  chosen(book) {
    if (this.pathFrom !== null && book !== this.pathFrom) {
      const from = this.pathFrom;
      this.endPath();
      this.go(pathAddress(this.books.title(from), this.books.title(book)));
    } else this.go(bookAddress(this.books.title(book)));
  }

  /** Change the address, which shows what it names; the same again is shown anew. */
  go(address) {
    this.opened = true;
    if (location.hash === address) this.follow();
    else location.hash = address;
  }

  close() {
    if (this.card.open) history.pushState(null, '', location.href.replace(/#.*/, '#'));
    this.follow();
  }

  beginPath(book) {
    this.pathFrom = book;
    byId('path-from').textContent = this.books.title(book);
    byId('path-bar').hidden = false;
    this.searchBox.ask('Path to which book?');
    byId('search').focus();
  }

  endPath() {
    this.pathFrom = null;
    byId('path-bar').hidden = true;
    this.searchBox.ask('Search title or author');
  }

  /** Show what the address names. */
  follow() {
    const named = readAddress(location.hash);
    const titles = { book: [named.title], path: [named.from, named.to] }[named.kind] ?? [];
    const unknown = titles.find((title) => this.find(title) === null);
    this.tip(null);
    this.point(null);
    if (named.kind === 'none') this.nothing();
    else if (named.kind === 'damaged' || unknown !== undefined) this.missing(unknown ?? named.text);
    else if (named.kind === 'book') this.book(this.find(named.title));
    else if (!this.books.near) this.card.message('One moment', 'The neighbours are being read.');
    else if (named.kind === 'link') this.link(named.title);
    else this.path(this.find(named.from), this.find(named.to));
    if (this.opened) this.place().focus({ preventScroll: true });
    this.opened = true;
  }

  place() { return this.card.open ? byId('card').querySelector('h2') : byId('map'); }

  /** The book of this title: as it stands, else with case and accents forgiven. */
  find(title) {
    const book = this.books.byTitle.get(title);
    if (book !== undefined) return book;
    return this.search.exactly(title);
  }

  nothing() {
    this.card.close();
    this.title('');
    this.map?.setFocus({ book: null, near: [], path: [] });
  }

  missing(title) {
    this.nothing();
    this.card.message('Not here', `No book of this page is called “${title}”. ${this.books.about.left_out ? 'It holds the most linked books only.' : 'Search for it above.'}`);
  }

  book(book) {
    this.card.book(book);
    const near = this.books.near ? this.books.neighbours(book) : [];
    this.title(this.books.title(book));
    announce(`${this.books.title(book)}. ${near.length} neighbours`);
    this.map?.setFocus({ book, near, path: [] });
    this.map?.show([book, ...near.map((one) => one.book)]);
  }

  link(link) {
    const nearest = this.books.nearestTo(link);
    const found = nearest ?? this.books.explainedBy(link).slice(0, 50);
    this.card.link(link, found, nearest ? 'Books nearest to it' : 'Books that share it with a neighbour');
    this.title(link);
    announce(`${link}. ${found.length} books`);
    this.map?.setFocus({ book: null, near: [], path: [], marked: found.map((one) => one.book) });
    if (found.length) this.map?.show(found.map((one) => one.book));
  }

  path(from, to) {
    this.graph ??= graphOf(this.books);
    const path = shortestPath(this.graph, from, to);
    this.card.path(path, from, to);
    this.title(`${this.books.title(from)} → ${this.books.title(to)}`);
    announce(path ? `Path of ${path.length - 1} steps` : 'No path');
    this.map?.setFocus({ book: null, near: [], path: path ?? [] });
    this.map?.show(path ?? [from, to]);
  }

  title(text) {
    document.title = text ? `${text} · bookspace` : 'bookspace';
  }

  /** A book's title beside the pointer. */
  tip(book, x, y) {
    const tip = byId('tip');
    tip.hidden = book === null;
    if (book === null) return;
    fill(tip, el('strong', { dir: 'auto' }, this.books.title(book)), el('span', { dir: 'auto' }, this.books.byline(book)));
    const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
    const top = y + 18 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 12 : y + 18;
    tip.style.transform = `translate(${Math.max(8, left)}px, ${top}px)`;
  }

  /** Show on the map which book is meant in the card. */
  point(book) {
    this.pointed = book ?? undefined;
    const pointer = byId('pointer');
    pointer.hidden = book === null || !this.map;
    if (pointer.hidden) return;
    const [x, y] = this.map.onScreen(book);
    pointer.style.transform = `translate(${x}px, ${y}px)`;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
    const typing = event.target.matches?.('input:not([type=radio])');
    if (event.key === 'Escape') {
      if (this.pathFrom !== null) this.endPath();
      else if (this.card.open) this.close();
    } else if (typing) return;
    else if (event.key === '/') byId('search').focus();
    else if (event.key === '?') byId('help').showModal();
    else return;
    event.preventDefault();
  }

  mapKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.map) return;
    const far = 120;
    const does = {
      ArrowLeft: () => this.map.pan(-far, 0), ArrowRight: () => this.map.pan(far, 0), ArrowUp: () => this.map.pan(0, far), ArrowDown: () => this.map.pan(0, -far),
      '+': () => this.map.zoomBy(1), '=': () => this.map.zoomBy(1), '-': () => this.map.zoomBy(-1), 0: () => this.map.showAll(),
      Enter: () => { const book = this.map.middleBook(); if (book !== null) this.chosen(book); },
    }[event.key];
    if (!does) return;
    does();
    event.preventDefault();
  }
}

const whole = new Promise((done) => { addEventListener('DOMContentLoaded', done, { once: true }); });

async function begin() {
  const books = new Books(await unpack('ui-books'));
  byId('about').textContent = `${books.about.name}, ${books.about.day}`;
  if (books.about.left_out) byId('left-out').textContent = `The ${count(books.count)} most linked of ${count(books.count + books.about.left_out)} books.`;
  const app = new App(books);
  app.follow();
  document.documentElement.dataset.ready = 'books';
  await whole;
  books.setNeighbours(await unpack('ui-neighbours'));
  if (readAddress(location.hash).kind !== 'none') app.follow();
  document.documentElement.dataset.ready = 'all';
  performance.mark('all ready');
  (window.requestIdleCallback ?? setTimeout)(() => app.search.prepare());
}

begin().catch((error) => {
  byId('no-map').hidden = false;
  byId('no-map').textContent = `This page could not be read: ${error.message}`;
  throw error;
});
