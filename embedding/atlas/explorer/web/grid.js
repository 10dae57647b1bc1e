// Which book is under the pointer. The books lie by fields, so that few are looked at; nothing need be drawn to find out.

const FIELDS = 256; // to a side

export class Grid {
  /** books: those that can be found, the one drawn last comes last; positions: x, y of every book; side: of the map. */
  constructor(books, positions, side) {
    this.books = books;
    this.positions = positions;
    this.width = side / FIELDS;
    const fields = new Uint32Array(books.length);
    this.start = new Uint32Array(FIELDS * FIELDS + 1);
    for (let i = 0; i < books.length; i++) {
      fields[i] = this.column(positions[2 * books[i]]) + FIELDS * this.column(positions[2 * books[i] + 1]);
      this.start[fields[i] + 1]++;
    }
    for (let i = 0; i < FIELDS * FIELDS; i++) this.start[i + 1] += this.start[i];
    const next = this.start.slice();
    this.sorted = new Uint32Array(books.length);
    for (let i = 0; i < books.length; i++) this.sorted[next[fields[i]]++] = books[i];
  }

  column(place) { return Math.min(FIELDS - 1, Math.max(0, Math.floor(place / this.width))); }

  /** The nearest book within `reach` of a place, of equally near ones the one drawn last; null where there is none. */
  nearest(x, y, reach) {
    let [best, least] = [null, reach * reach];
    const [left, right] = [this.column(x - reach), this.column(x + reach)];
    for (let row = this.column(y - reach), last = this.column(y + reach); row <= last; row++) {
      for (let at = this.start[row * FIELDS + left], end = this.start[row * FIELDS + right + 1]; at < end; at++) {
        const book = this.sorted[at];
        const far = (this.positions[2 * book] - x) ** 2 + (this.positions[2 * book + 1] - y) ** 2;
        if (far <= least) [best, least] = [book, far];
      }
    }
    return best;
  }
}

/** The nearest of some books within `reach` of a place, or null. */
export function nearestOf(books, positions, x, y, reach) {
  let [best, least] = [null, reach * reach];
  for (const book of books) {
    const far = (positions[2 * book] - x) ** 2 + (positions[2 * book + 1] - y) ** 2;
    if (far <= least) [best, least] = [book, far];
  }
  return best;
}
