// The map: deck.gl draws the points and lines; titles are laid over it as text of the page.
/* global deck */
import { SIDE } from './books.js';
import { rgb } from './colours.js';
import { calm } from './dom.js';
import { Labels } from './labels.js';

const FURTHEST_OUT = -2;
const FURTHEST_IN = 9;
const FLIGHT = 700; // milliseconds

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
    this.positions = books.places(books.maps[0]);
    this.focus = { book: null, near: [], path: [], marked: [] };
    this.theme = 'light';
    this.view = { target: [SIDE / 2, SIDE / 2, 0], zoom: 0 };
    this.deck = new deck.Deck({
      parent: place,
      views: new deck.OrthographicView({ id: 'map', flipY: false, controller: { inertia: 250, doubleClickZoom: true, keyboard: false, scrollZoom: { speed: 0.01, smooth: false } } }),
      viewState: this.deckView(),
      layers: [],
      pickingRadius: matchMedia('(pointer: coarse)').matches ? 14 : 6,
      getCursor: ({ isDragging, isHovering }) => (isDragging ? 'grabbing' : isHovering ? 'pointer' : 'grab'),
      onViewStateChange: ({ viewState }) => this.setView(viewState),
      onHover: (info) => events.hover(this.bookOf(info), info.x, info.y),
      onClick: (info) => events.click(this.bookOf(info)),
      onError: (error) => events.failed(error),
      onAfterRender: () => { if (this.drawn === false) { this.drawn = true; events.drawn(); } },
    });
    new ResizeObserver(() => this.labelsLater()).observe(place);
  }

  get size() { return { width: this.place.clientWidth, height: this.place.clientHeight }; }

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
    const [on, off] = [[], []];
    for (let book = this.books.count - 1; book >= 0; book--) (shown[book] ? on : off).push(book); // the most linked are drawn last
    this.on = Uint32Array.from(on);
    this.off = Uint32Array.from(off);
    this.onColours = new Uint8Array(3 * on.length);
    on.forEach((book, i) => this.onColours.set(colours.subarray(3 * book, 3 * book + 3), 3 * i));
    this.place_();
  }

  setFocus(focus) {
    this.focus = { marked: [], ...focus };
    this.draw();
    this.labelsLater();
  }

  place_() {
    if (!this.on) return;
    const pick = (books) => {
      const places = new Float32Array(2 * books.length);
      books.forEach((book, i) => { places[2 * i] = this.positions[2 * book]; places[2 * i + 1] = this.positions[2 * book + 1]; });
      return places;
    };
    this.onData = { length: this.on.length, attributes: { getPosition: { value: pick(this.on), size: 2 }, getFillColor: { value: this.onColours, size: 3, normalized: true } } };
    this.offData = { length: this.off.length, attributes: { getPosition: { value: pick(this.off), size: 2 } } };
    this.draw();
    this.labelsLater();
  }

  /** Points grow slowly as one comes nearer, and are the smaller the more there are. */
  radius() {
    const { width, height } = this.size;
    const base = Math.min(4.5, Math.max(1.2, 0.19 * Math.sqrt((width * height) / Math.max(1, this.books.count))));
    return Math.min(9, base * 2 ** (0.38 * Math.max(0, this.view.zoom - Math.log2(Math.min(width, height) / SIDE))));
  }

  sizeLater() {
    if (this.sizing || !this.onData) return;
    this.sizing = requestAnimationFrame(() => { this.sizing = 0; this.draw(); });
  }

  labelsLater() {
    if (this.labelling || !this.shown) return;
    this.labelling = requestAnimationFrame(() => { this.labelling = 0; this.labels.draw(this); });
  }

  draw() {
    if (!this.onData) return;
    this.drawn ??= false;
    const { book, near, path, marked: listed } = this.focus;
    const focused = book !== null || path.length > 0 || listed.length > 0;
    const dark = this.theme === 'dark';
    const ink = dark ? [240, 242, 247] : [28, 32, 40];
    const radius = this.radius();
    const dots = { radiusUnits: 'pixels', getRadius: 1, radiusScale: radius, positionFormat: 'XY', antialiasing: true };
    const lines = path.length ? path.slice(1).map((to, i) => ({ from: path[i], to, similarity: 1 }))
      : near.map(({ book: to, similarity }) => ({ from: book, to, similarity }));
    const marked = path.length ? path : [...listed, ...near.map((one) => one.book), ...(book === null ? [] : [book])];
    const version = [this.positions, this.focus, this.theme];
    this.deck.setProps({ layers: [
      new deck.ScatterplotLayer({ ...dots, id: 'off', data: this.offData, getFillColor: dark ? [255, 255, 255, 16] : [20, 24, 40, 16], radiusScale: radius * 0.8 }),
      new deck.ScatterplotLayer({ ...dots, id: 'on', data: this.onData, pickable: true, opacity: focused ? (dark ? 0.4 : 0.42) : 0.86 }),
      new deck.LineLayer({
        id: 'lines', data: lines, widthUnits: 'pixels', updateTriggers: { getSourcePosition: version, getTargetPosition: version, getColor: version },
        getSourcePosition: (line) => this.at(line.from), getTargetPosition: (line) => this.at(line.to),
        getColor: (line) => [...ink, path.length ? 200 : 50 + 130 * Math.max(0, line.similarity)], getWidth: path.length ? 2 : 1.3,
      }),
      new deck.ScatterplotLayer({
        ...dots, id: 'marks', data: marked, stroked: true, lineWidthUnits: 'pixels', pickable: true, radiusScale: 1,
        updateTriggers: { getPosition: version, getFillColor: version, getRadius: [radius, ...version], getLineColor: version },
        getPosition: (one) => this.at(one), getFillColor: (one) => [...this.colours.subarray(3 * one, 3 * one + 3)],
        getRadius: (one) => Math.max(5, radius * 1.25) + (one === book ? 3 : 0), getLineColor: dark ? [16, 18, 24] : [255, 255, 255], getLineWidth: 1.5,
      }),
      new deck.ScatterplotLayer({
        ...dots, id: 'ring', data: book === null ? [] : [book], filled: false, stroked: true, lineWidthUnits: 'pixels', radiusScale: 1,
        updateTriggers: { getPosition: version, getRadius: radius, getLineColor: version },
        getPosition: (one) => this.at(one), getRadius: Math.max(5, radius * 1.25) + 7, getLineColor: ink, getLineWidth: 2,
      }),
    ] });
  }

  bookOf(info) {
    if (!info.layer || info.index < 0) return null;
    return info.layer.id === 'on' ? this.on[info.index] : info.object ?? null;
  }
}

/** Three bytes a book: the colour of its group. */
export function coloursOf(grouping, books, theme) {
  const palette = grouping.names.map((_, group) => rgb(grouping.colour(group, theme)));
  const colours = new Uint8Array(3 * books.count);
  for (let book = 0; book < books.count; book++) colours.set(palette[grouping.group[book]], 3 * book);
  return colours;
}
