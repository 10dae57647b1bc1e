// Where a frame takes long, as without a graphics card, fewer points are drawn while the map moves, and all when it rests.

const SLOW_FRAME = 100; // milliseconds between two frames
const AT_REST = 250; // milliseconds without a move
const SURE = 3; // slow frames in a row

export class Pace {
  /** changed(): `thin` is another one. */
  constructor(changed) {
    this.changed = changed;
    this.weak = false; // this computer was slow
    this.thin = false;
    this.slow = 0;
  }

  /** The map moved: measure how long its frames take, and notice when it stops. */
  moved() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), AT_REST);
    if (this.weak) this.set(true);
    else this.asked ??= requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.asked = undefined;
    if (this.before !== undefined) this.slow = now - this.before > SLOW_FRAME ? this.slow + 1 : 0;
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
