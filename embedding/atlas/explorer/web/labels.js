// Titles on the map: the focused books first, then the most linked, as many as have room.
import { byId } from './dom.js';

const PIXELS_PER_LABEL = 26000;
const LINE = 17;
const LONGEST = 30;
const MOST_TRIED = 2000; // where there is no more room, looking at every book finds none

export class Labels {
  constructor(books) {
    this.books = books;
    this.place = byId('labels');
    this.nodes = [];
    this.widths = new Map();
    this.pen = document.createElement('canvas').getContext('2d');
  }

  /** Lay out the titles for what the map shows now. */
  draw(map) {
    const { width, height } = map.size;
    const focus = map.focus.path.length ? map.focus.path : [map.focus.book, ...map.focus.near.map((one) => one.book), ...map.focus.marked].filter((one) => one !== null);
    const taken = covered();
    this.gap = map.radius() + 5;
    const wanted = [];
    for (const book of focus) this.try(map, book, true, taken, wanted, width, height);
    const most = Math.max(6, Math.floor((width * height) / PIXELS_PER_LABEL));
    if (!focus.length) {
      const [middle, scale] = [map.view.target, 2 ** map.view.zoom];
      const [across, up] = [width / 2 / scale, height / 2 / scale];
      for (let book = 0, tried = 0; book < this.books.count && wanted.length < most && tried < MOST_TRIED; book++) {
        if (!map.shown[book] || Math.abs(map.positions[2 * book] - middle[0]) > across || Math.abs(map.positions[2 * book + 1] - middle[1]) > up) continue;
        tried++;
        this.try(map, book, false, taken, wanted, width, height);
      }
    }
    wanted.forEach(({ book, x, y, strong }, i) => this.put(i, book, x, y, strong ? (book === map.focus.book ? 'label here' : 'label near') : 'label'));
    for (let i = wanted.length; i < this.nodes.length; i++) this.nodes[i].hidden = true;
  }

  /** Take room for a title beside its point: right, left, and, where it must be seen, above or below. */
  try(map, book, strong, taken, wanted, width, height) {
    const [x, y] = map.onScreen(book);
    if (x < 0 || y < 0 || x > width || y > height) return;
    const wide = this.width(book);
    const gap = book === map.focus.book ? this.gap + 11 : strong ? Math.max(10, this.gap + 3) : this.gap;
    const places = [[x + gap, y], [x - gap - wide, y], [x - wide / 2, y - gap - 8], [x - wide / 2, y + gap + 8]];
    for (const [left, middle] of strong ? places : places.slice(0, 2)) {
      const box = [left - 3, middle - LINE / 2 - 1, left + wide + 3, middle + LINE / 2 + 1];
      if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) continue;
      if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      wanted.push({ book, x: left, y: middle - LINE / 2, strong });
      return;
    }
  }

  width(book) {
    if (!this.widths.has(book)) {
      this.pen.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
      this.widths.set(book, this.pen.measureText(this.text(book)).width);
    }
    return this.widths.get(book);
  }

  text(book) {
    const letters = [...this.books.title(book)];
    return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join('').trimEnd()}…` : letters.join('');
  }

  put(i, book, x, y, look) {
    let node = this.nodes[i];
    if (!node) {
      node = document.createElement('span');
      node.dir = 'auto';
      this.nodes.push(node);
      this.place.append(node);
    }
    if (node.book !== book) {
      node.textContent = this.text(book);
      node.book = book;
    }
    node.hidden = false;
    if (node.className !== look) node.className = look;
    node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  }
}

/** What panel, legend and tools cover; titles keep clear of it. */
function covered() {
  return ['head', 'card', 'legend', 'tools'].map((name) => byId(name).getBoundingClientRect()).filter((box) => box.width)
    .map((box) => [box.left - 4, box.top - 4, box.right + 4, box.bottom + 4]);
}
