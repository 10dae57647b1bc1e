// The map: deck.gl draws the points and lines; titles are laid over it as text of the page.
/* global deck */
import { SIDE } from './books.js';
import { rgb } from './colours.js';
import { calm } from './dom.js';
import { Grid, nearestOf } from './grid.js';
import { Labels } from './labels.js';
import { layersOf, markRadius } from './layers.js';

const FURTHEST_OUT = -2;
const FURTHEST_IN = 9;
const FLIGHT = 700; // milliseconds
const REACH = 6; // pixels around a point that count as on it
const REACH_OF_FINGERS = 14;

export class BookMap {
  /**
   * place: the element to draw in; events: {hover(book or null, x, y), click(book or null), moved()};
   * free(): how many pixels of each side are covered, {left, right, top, bottom}.
   */
  constructor(place, books, events, free) {
    this.place = place;
    this.books = books;
    this.events = events;
    this.free = free;
    this.labels = new Labels(books);
    this.reach = matchMedia('(pointer: coarse)').matches ? REACH_OF_FINGERS : REACH;
    this.over = null;
    this.measure();
    this.positions = books.places(books.maps[0]);
    this.focus = { book: null, near: [], path: [], marked: [] };
    this.theme = 'light';
    this.view = { target: [SIDE / 2, SIDE / 2, 0], zoom: 0 };
    this.deck = new deck.Deck({
      parent: place,
      views: new deck.OrthographicView({ id: 'map', flipY: false, controller: { inertia: 250, doubleClickZoom: true, keyboard: false, scrollZoom: { speed: 0.01, smooth: false } } }),
      viewState: this.deckView(),
      layers: [],
      getCursor: ({ isDragging }) => (isDragging ? 'grabbing' : this.over === null ? 'grab' : 'pointer'),
      onViewStateChange: ({ viewState }) => this.setView(viewState),
      onHover: ({ x, y }) => { this.over = this.bookAt(x, y); events.hover(this.over, x, y); },
      onClick: ({ x, y }) => events.click(this.bookAt(x, y)),
      onError: (error) => events.failed(error),
      onAfterRender: () => { if (this.drawn === false) { this.drawn = true; events.drawn(); } },
    });
    new ResizeObserver(() => { this.measure(); this.sizeLater(); this.labelsLater(); }).observe(place);
  }

  /** Asked for once a resize and not once a book: reading it makes the browser lay the page out. */
  measure() { this.size = { width: this.place.clientWidth, height: this.place.clientHeight }; }

  deckView(more = {}) {
    return { ...this.view, minZoom: FURTHEST_OUT, maxZoom: FURTHEST_IN, ...more };
  }

  setView(viewState, more = {}) {
    this.view = { target: [viewState.target[0], viewState.target[1], 0], zoom: viewState.zoom };
    // Transitions that are under way go on: deck.gl hands over their properties in viewState.
    this.deck.setProps({ viewState: { ...viewState, ...this.deckView(more) } });
    this.sizeLater();
    this.labelsLater();
    this.events.moved();
  }

  /** Move so that these books are in view; one alone is put in the middle. */
  show(books, { fly = true, closest = 3 } = {}) {
    this.showing = books;
    const { width, height } = this.size;
    const free = this.free();
    let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const book of books) {
      const [x, y] = this.at(book);
      [left, right, bottom, top] = [Math.min(left, x), Math.max(right, x), Math.min(bottom, y), Math.max(top, y)];
    }
    const across = Math.max(60, width - free.left - free.right - 80);
    const up = Math.max(60, height - free.top - free.bottom - 80);
    const zoom = Math.min(closest, Math.log2(Math.min(across / Math.max(right - left, 1e-3), up / Math.max(top - bottom, 1e-3))));
    const scale = 2 ** zoom;
    const target = [(left + right) / 2 - (free.left - free.right) / 2 / scale, (bottom + top) / 2 + (free.top - free.bottom) / 2 / scale];
    this.moveTo(target, zoom, fly);
  }

  /** The same books once more, wherever they lie now. */
  showAgain() {
    if (this.showing === 'all') this.showAll();
    else if (this.showing) this.show(this.showing);
  }

  showAll(fly = true) {
    const step = Math.max(1, Math.floor(this.books.count / 20000));
    this.show(Array.from({ length: Math.ceil(this.books.count / step) }, (_, i) => i * step), { fly });
    this.showing = 'all';
  }

  moveTo(target, zoom, fly = true) {
    const held = Math.min(FURTHEST_IN, Math.max(FURTHEST_OUT, zoom));
    const flight = fly && !calm()
      ? { transitionDuration: FLIGHT, transitionInterpolator: new deck.LinearInterpolator(['target', 'zoom']), transitionEasing: (t) => 1 - (1 - t) ** 3 }
      : { transitionDuration: 0 };
    this.setView({ target: [target[0], target[1], 0], zoom: held }, flight);
  }

  pan(x, y) {
    const scale = 2 ** this.view.zoom;
    this.moveTo([this.view.target[0] + x / scale, this.view.target[1] + y / scale], this.view.zoom);
  }

  zoomBy(steps) { this.moveTo(this.view.target, this.view.zoom + steps); }

  at(book) { return [this.positions[2 * book], this.positions[2 * book + 1]]; }

  /** Where a book is seen, in pixels of the map. */
  onScreen(book) {
    const { width, height } = this.size;
    const scale = 2 ** this.view.zoom;
    const [x, y] = this.at(book);
    return [(x - this.view.target[0]) * scale + width / 2, (this.view.target[1] - y) * scale + height / 2];
  }

  /** The book under a place in pixels, a marked one first; null where there is none. */
  bookAt(x, y) {
    if (!this.on || x === undefined || x < 0) return null;
    const { width, height } = this.size;
    const scale = 2 ** this.view.zoom;
    const place = [this.view.target[0] + (x - width / 2) / scale, this.view.target[1] - (y - height / 2) / scale];
    this.grid ??= new Grid(this.on, this.positions, SIDE);
    const radius = this.radius();
    return nearestOf(this.marked(), this.positions, ...place, (markRadius(radius) + 3) / scale) ?? this.grid.nearest(...place, (radius + this.reach) / scale);
  }

  /** The books that stand out: a path's, or the one that is open with its neighbours, or those of a link. */
  marked() {
    const { book, near, path, marked } = this.focus;
    return path.length ? path : [...marked, ...near.map((one) => one.book), ...(book === null ? [] : [book])];
  }

  /** The shown book that is nearest to the middle of what is not covered, or null. */
  middleBook() {
    const { width, height } = this.size;
    const free = this.free();
    const scale = 2 ** this.view.zoom;
    const x = this.view.target[0] + (free.left - free.right) / 2 / scale;
    const y = this.view.target[1] - (free.top - free.bottom) / 2 / scale;
    let best = null;
    let least = ((Math.min(width, height) / 4) / scale) ** 2;
    for (let book = 0; book < this.books.count; book++) {
      if (!this.shown[book]) continue;
      const far = (this.positions[2 * book] - x) ** 2 + (this.positions[2 * book + 1] - y) ** 2;
      if (far < least) [best, least] = [book, far];
    }
    return best;
  }

  setMap(name) {
    const from = this.positions;
    const to = this.books.places(name);
    cancelAnimationFrame(this.moving);
    const begun = performance.now();
    const step = () => {
      const t = calm() || !this.on ? 1 : Math.min(1, (performance.now() - begun) / FLIGHT);
      const eased = t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
      const now = t === 1 ? to : new Float32Array(from.length);
      if (t < 1) for (let i = 0; i < now.length; i++) now[i] = from[i] + (to[i] - from[i]) * eased;
      this.positions = now;
      this.place_();
      if (t < 1) this.moving = requestAnimationFrame(step);
      else this.events.settled();
    };
    step();
  }

  /** colours: of every book, 3 bytes each; shown: 1 for every book that the filter lets through. */
  setLook(colours, shown, theme) {
    [this.colours, this.shown, this.theme] = [colours, shown, theme];
    const { count } = this.books;
    let [ons, offs] = [0, 0];
    for (let book = 0; book < count; book++) ons += shown[book];
    this.on = new Uint32Array(ons);
    this.off = new Uint32Array(count - ons);
    this.onColours = new Uint8Array(3 * ons);
    ons = 0;
    for (let book = count - 1; book >= 0; book--) { // the most linked are drawn last
      if (!shown[book]) { this.off[offs++] = book; continue; }
      for (let part = 0; part < 3; part++) this.onColours[3 * ons + part] = colours[3 * book + part];
      this.on[ons++] = book;
    }
    this.place_();
  }

  setFocus(focus) {
    this.focus = { marked: [], ...focus };
    this.draw();
    this.labelsLater();
  }

  place_() {
    if (!this.on) return;
    const points = (books, positions, colours) => ({ length: books.length, attributes: {
      getPosition: { value: positions, size: 2 }, ...(colours && { getFillColor: { value: colours, size: 3, normalized: true } }),
    } });
    this.onData = points(this.on, this.placesOf(this.on), this.onColours);
    this.offData = points(this.off, this.placesOf(this.off));
    this.grid = null;
    this.draw();
    this.labelsLater();
  }

  placesOf(books) {
    const places = new Float32Array(2 * books.length);
    for (let i = 0; i < books.length; i++) {
      places[2 * i] = this.positions[2 * books[i]];
      places[2 * i + 1] = this.positions[2 * books[i] + 1];
    }
    return places;
  }

  /** Points grow slowly as one comes nearer, and are the smaller the more there are. */
  radius() {
    const { width, height } = this.size;
    const base = Math.min(4.5, Math.max(1.2, 0.19 * Math.sqrt((width * height) / Math.max(1, this.books.count))));
    return Math.min(9, base * 2 ** (0.38 * Math.max(0, this.view.zoom - Math.log2(Math.min(width, height) / SIDE))));
  }

  sizeLater() {
    if (this.sizing || this.radius() === this.drawnRadius) return;
    this.sizing = requestAnimationFrame(() => { this.sizing = 0; this.draw(); });
  }

  labelsLater() {
    if (this.labelling || !this.shown) return;
    this.labelling = requestAnimationFrame(() => { this.labelling = 0; this.labels.draw(this); });
  }

  draw() {
    if (!this.onData) return;
    this.drawn ??= false;
    this.drawnRadius = this.radius();
    this.deck.setProps({ layers: layersOf(this, this.drawnRadius) });
  }
}

/** Three bytes a book: the colour of its group. */
export function coloursOf(grouping, books, theme) {
  const palette = grouping.names.map((_, group) => rgb(grouping.colour(group, theme)));
  const colours = new Uint8Array(3 * books.count);
  for (let book = 0; book < books.count; book++) {
    const colour = palette[grouping.group[book]];
    for (let part = 0; part < 3; part++) colours[3 * book + part] = colour[part];
  }
  return colours;
}
