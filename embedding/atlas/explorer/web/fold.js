// Search that forgives case, accents and punctuation.

const LETTERS = { 'ø': 'o', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'þ': 'th', 'ß': 'ss', 'æ': 'ae', 'œ': 'oe', 'ı': 'i', 'ħ': 'h', 'ŋ': 'n' };
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g');
const ASCII = /^[\x20-\x7e]*$/;

/** A text as it is compared: lower case, no accents, words parted by one space. */
export function fold(text) {
  let folded = text.toLowerCase();
  if (!ASCII.test(folded)) {
    folded = folded.normalize('NFKD').replace(/\p{M}+/gu, '').replace(SPECIAL, (letter) => LETTERS[letter]);
  }
  return folded.replace(/['’‘ʼ`´]/g, '').replace(/[^\p{L}\p{N}\p{So}]+/gu, ' ').trim() || folded.trim();
}

/** Finds books by words of title and author. */
export class Search {
  constructor(books) {
    this.books = books;
    this.titles = null;
  }

  /** Fold all titles and authors, once. */
  prepare() {
    if (this.titles) return;
    this.authors = this.books.columns['author names'].map(fold);
    this.titles = this.books.titles.map(fold);
  }

  /** The most linked book whose folded title is this one's, or null. */
  exactly(title) {
    this.prepare();
    const book = this.titles.indexOf(fold(title));
    return book < 0 ? null : book;
  }

  /** At most `most` books, best first: the whole title, its beginning, a word's beginning, anything; then the most linked. */
  find(text, most = 50) {
    this.prepare();
    const wanted = fold(text);
    const words = wanted.split(' ').filter(Boolean);
    if (!words.length) return { found: [], total: 0 };
    const ranked = [[], [], [], [], []];
    let total = 0;
    for (let book = 0; book < this.books.count; book++) {
      const title = this.titles[book];
      const author = this.authors[this.books.columns.author[book]];
      if (!words.every((word) => title.includes(word) || author.includes(word))) continue;
      total++;
      const rank = title === wanted ? 0
        : title.startsWith(wanted) ? 1
        : words.every((word) => ` ${title}`.includes(` ${word}`)) ? 2
        : words.every((word) => ` ${title} ${author}`.includes(` ${word}`)) ? 3 : 4;
      if (ranked[rank].length < most) ranked[rank].push(book);
    }
    return { found: ranked.flat().slice(0, most), total };
  }
}
