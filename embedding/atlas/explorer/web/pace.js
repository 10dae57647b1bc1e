// Where a frame takes long, as without a graphics card, fewer points are drawn while the map moves, and all when it rests.

const SLOW_FRAME = 100; // milliseconds between two frames
const SURE = 3; // slow frames in a row
const AT_REST = 250; // milliseconds without a move, but never fewer than so many frames take:
const FRAMES_AT_REST = 3;

export class Pace {
  /** changed(): `thin` is another one. */
  constructor(changed) {
    this.changed = changed;
    this.weak = false; // this computer was slow
    this.thin = false;
    this.slow = 0;
    this.gap = 500; // between the last two frames; not known yet
  }

  /** The map moved: measure how long its frames take, and notice when it stops. */
  moved() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), Math.max(AT_REST, FRAMES_AT_REST * this.gap));
    if (this.weak) this.set(true);
    this.asked ??= requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.asked = undefined;
    if (this.before !== undefined) {
      this.gap = now - this.before;
      this.slow = this.gap > SLOW_FRAME ? this.slow + 1 : 0;
    }
    this.before = now;
    if (this.slow < SURE) return;
    this.weak = true;
    this.set(true);
  }

  rest() {
    this.before = undefined;
    this.slow = 0;
    this.set(false);
  }

  set(thin) {
    if (thin === this.thin) return;
    this.thin = thin;
    this.changed();
  }
}
