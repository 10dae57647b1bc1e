// The books: what is known of each, and of its neighbours once these are there.

/** Where each row's part of a flat list begins: one place more than there are rows. */
function starts(counts) {
  const begin = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) begin[i + 1] = begin[i] + counts[i];
  return begin;
}

export class Books {
  constructor({ about, columns }) {
    this.about = about;
    this.count = about.books;
    this.columns = columns;
    this.titles = columns.title;
    this.maps = about.maps;
    this.near = null;
    this.byTitle = new Map();
    for (let i = this.count - 1; i >= 0; i--) this.byTitle.set(this.titles[i], i);
  }

  title(book) { return this.titles[book]; }
  author(book) { return this.columns['author names'][this.columns.author[book]]; }
  genres(book) { return this.columns['genres names'][this.columns.genres[book]] || this.columns['genre names'][this.columns.genre[book]]; }
  country(book) { return this.columns['country names'][this.columns.country[book]]; }
  language(book) { return this.columns['language names'][this.columns.language[book]]; }
  linked(book) { return this.columns.links[book]; }

  /** The year, or null. Years before Christ are negative. */
  year(book) {
    const kept = this.columns.year[book];
    return kept ? kept - this.about.year_zero : null;
  }

  yearText(book) {
    const year = this.year(book);
    return year === null ? '' : year < 0 ? `${-year} BC` : String(year);
  }

  /** "author, year", of what is known. */
  byline(book) {
    return [this.author(book), this.yearText(book)].filter(Boolean).join(', ');
  }

  /** Where the books lie on a map: x, y, x, y, ... from 0 to SIDE. */
  places(map) {
    const [x, y] = [this.columns[`${map} x`], this.columns[`${map} y`]];
    const places = new Float32Array(2 * this.count);
    const scale = SIDE / this.about.grid;
    for (let i = 0; i < this.count; i++) {
      places[2 * i] = x[i] * scale;
      places[2 * i + 1] = y[i] * scale;
    }
    return places;
  }

  setNeighbours({ columns }) {
    this.near = columns;
    this.nearStart = starts(columns['neighbours of']);
    this.sharedStart = starts(columns['shared of']);
    this.explainedStart = starts(columns['explained by']);
    this.topics = columns['topic names'] ?? [];
    this.topicStart = starts(columns['topic books'] ?? []);
    this.topicByName = new Map(this.topics.map((name, i) => [name, i]));
  }

  /** [{book, similarity, shared: [title of a link, ...]}], nearest first. */
  neighbours(book) {
    const found = [];
    for (let at = this.nearStart[book]; at < this.nearStart[book + 1]; at++) {
      const shared = [];
      for (let i = this.explainedStart[at]; i < this.explainedStart[at + 1]; i++) {
        shared.push(this.near['link names'][this.near.shared[this.sharedStart[book] + this.near.explanation[i]]]);
      }
      found.push({ book: this.near.neighbour[at], similarity: this.cosine(this.near.similarity[at]), shared });
    }
    return found;
  }

  /** The books nearest to a link: [{book, similarity}], or null where no list of them is there. */
  nearestTo(link) {
    const topic = this.topicByName.get(link);
    if (topic === undefined) return null;
    const found = [];
    for (let at = this.topicStart[topic]; at < this.topicStart[topic + 1]; at++) {
      found.push({ book: this.near['topic book'][at], similarity: this.cosine(this.near['topic similarity'][at]) });
    }
    return found;
  }

  /** Books of whose neighbourhoods a link explains any, most often first: [{book}]. */
  explainedBy(link) {
    const number = this.near['link names'].indexOf(link);
    const found = [];
    if (number > 0) {
      for (let book = 0; book < this.count; book++) {
        for (let i = this.sharedStart[book]; i < this.sharedStart[book + 1]; i++) {
          if (this.near.shared[i] === number) found.push({ book });
        }
      }
    }
    return found;
  }

  cosine(kept) { return kept / this.about.similarity - 1; }

  /** The article's address, or "" where the wiki's site is not known. */
  article(title) {
    return this.about.articles ? this.about.articles + encodeURIComponent(title.replaceAll(' ', '_')).replaceAll('%2F', '/').replaceAll('%3A', ':') : '';
  }
}

export const SIDE = 1024;
