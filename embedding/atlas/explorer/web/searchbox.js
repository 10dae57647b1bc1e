// The search field with its list of results, by the combobox pattern of WAI-ARIA.
import { announce, byId, count, el, fill } from './dom.js';

export class SearchBox {
  /** chosen(book): a result was taken; left(): the field was left with Escape. */
  constructor(books, search, chosen) {
    [this.books, this.search, this.chosen] = [books, search, chosen];
    this.input = byId('search');
    this.list = byId('results');
    this.active = -1;
    this.found = [];
    this.input.addEventListener('input', () => this.look());
    this.input.addEventListener('focus', () => { if (this.input.value) this.look(); });
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('pointerdown', (event) => event.preventDefault()); // the field keeps the focus
    document.addEventListener('pointerdown', (event) => { if (!event.target.closest('.search')) this.close(); });
    byId('clear').addEventListener('click', () => { this.clear(); this.input.focus(); });
  }

  ask(text) {
    this.input.placeholder = text;
  }

  clear() {
    this.input.value = '';
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
    byId('clear').hidden = !this.input.value;
  }

  look() {
    const text = this.input.value;
    if (!text.trim()) { this.close(); return; }
    const { found, total } = this.search.find(text);
    this.found = found;
    byId('clear').hidden = false;
    const rows = found.map((book, i) => el('li', {
      role: 'option', id: `ui-result-${i}`, class: 'result', 'aria-selected': 'false', onclick: () => this.take(i), onpointermove: () => this.activate(i, false),
    }, el('span', { class: 'title', dir: 'auto' }, this.books.title(book)), el('span', { class: 'byline', dir: 'auto' }, this.books.byline(book))));
    if (!found.length) rows.push(el('li', { class: 'empty', role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false' }, 'No book or author is called that. Fewer letters find more.'));
    else if (total > found.length) rows.push(el('li', { class: 'empty', role: 'presentation' }, `and ${count(total - found.length)} more; type on`));
    fill(this.list, ...rows);
    this.list.scrollTop = 0;
    this.list.hidden = false;
    this.active = -1;
    this.input.setAttribute('aria-expanded', 'true');
    if (found.length) this.activate(0);
    announce(found.length ? `${count(total)} found` : 'Nothing found');
  }

  activate(i, scroll = true) {
    if (i === this.active) return;
    this.list.querySelector('[aria-selected="true"]')?.setAttribute('aria-selected', 'false');
    this.active = i;
    const row = document.getElementById(`ui-result-${i}`);
    row.setAttribute('aria-selected', 'true');
    this.input.setAttribute('aria-activedescendant', row.id);
    if (scroll) row.scrollIntoView({ block: 'nearest' });
  }

  key(event) {
    const open = !this.list.hidden && this.found.length;
    const last = this.found.length - 1;
    if (event.key === 'ArrowDown' && open) this.activate(this.active >= last ? 0 : this.active + 1);
    else if (event.key === 'ArrowUp' && open) this.activate(this.active <= 0 ? last : this.active - 1);
    else if (event.key === 'ArrowDown' && this.input.value) this.look();
    else if (event.key === 'Enter' && open && this.active >= 0) this.take(this.active);
    else if (event.key === 'Escape' && (!this.list.hidden || this.input.value)) { this.clear(); event.stopPropagation(); }
    else return;
    event.preventDefault();
  }

  take(i) {
    const book = this.found[i];
    this.clear();
    this.chosen(book);
  }
}
