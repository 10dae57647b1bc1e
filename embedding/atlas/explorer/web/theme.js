// Light or dark: as the system says until one is chosen, which this browser then remembers.
import { announce, byId } from './dom.js';

const KEY = 'bookspace-theme';

export class Theme {
  constructor(changed) {
    this.changed = changed;
    this.system = matchMedia('(prefers-color-scheme: dark)');
    this.chosen = kept();
    this.apply();
    this.system.addEventListener('change', () => { this.apply(); changed(); });
    byId('theme').addEventListener('click', () => {
      this.chosen = this.now === 'dark' ? 'light' : 'dark';
      keep(this.chosen);
      this.apply();
      announce(`${this.now === 'dark' ? 'Dark' : 'Light'} colours`);
      changed();
    });
  }

  get now() { return this.chosen ?? (this.system.matches ? 'dark' : 'light'); }

  apply() {
    document.documentElement.dataset.theme = this.now;
    byId('theme').setAttribute('aria-pressed', String(this.now === 'dark'));
  }
}

// A page opened from a file may be allowed no storage.
function kept() {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : null;
  } catch { return null; }
}

function keep(value) {
  try { localStorage.setItem(KEY, value); } catch { /* it is forgotten with the page */ }
}
