// The shortest way between two books over the graph of neighbours.

/** The graph, in both directions: {start, to, length}; a length is the angle between two vectors. */
export function graphOf(books) {
  const edges = books.near.neighbour.length;
  const from = new Uint32Array(edges);
  for (let book = 0; book < books.count; book++) from.fill(book, books.nearStart[book], books.nearStart[book + 1]);
  const start = new Uint32Array(books.count + 1);
  for (let i = 0; i < edges; i++) {
    start[from[i] + 1]++;
    start[books.near.neighbour[i] + 1]++;
  }
  for (let i = 0; i < books.count; i++) start[i + 1] += start[i];
  const next = start.slice();
  const to = new Uint32Array(2 * edges);
  const length = new Float32Array(2 * edges);
  for (let i = 0; i < edges; i++) {
    const angle = Math.acos(Math.min(1, Math.max(-1, books.cosine(books.near.similarity[i]))));
    for (const [a, b] of [[from[i], books.near.neighbour[i]], [books.near.neighbour[i], from[i]]]) {
      to[next[a]] = b;
      length[next[a]++] = angle;
    }
  }
  return { start, to, length };
}

/** The books on the way from one to another, both with them, by Dijkstra's algorithm; null where no way leads there. */
export function shortestPath({ start, to, length }, from, goal) {
  const distance = new Float64Array(start.length - 1).fill(Infinity);
  const before = new Int32Array(start.length - 1).fill(-1);
  const heap = new Heap();
  distance[from] = 0;
  heap.push(0, from);
  while (heap.size) {
    const [reached, book] = heap.pop();
    if (reached > distance[book]) continue;
    if (book === goal) break;
    for (let i = start[book]; i < start[book + 1]; i++) {
      const further = reached + length[i];
      if (further < distance[to[i]]) {
        distance[to[i]] = further;
        before[to[i]] = book;
        heap.push(further, to[i]);
      }
    }
  }
  if (distance[goal] === Infinity) return null;
  const path = [goal];
  while (path[0] !== from) path.unshift(before[path[0]]);
  return path;
}

/** The cosine of two books that are neighbours in either direction. */
export function similarityOf(books, one, other) {
  for (const [a, b] of [[one, other], [other, one]]) {
    for (let i = books.nearStart[a]; i < books.nearStart[a + 1]; i++) {
      if (books.near.neighbour[i] === b) return books.cosine(books.near.similarity[i]);
    }
  }
  return null;
}

class Heap {
  constructor() { this.keys = []; this.values = []; }

  get size() { return this.keys.length; }

  push(key, value) {
    let at = this.keys.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.keys[parent] <= key) break;
      this.keys[at] = this.keys[parent];
      this.values[at] = this.values[parent];
      at = parent;
    }
    this.keys[at] = key;
    this.values[at] = value;
  }

  pop() {
    const top = [this.keys[0], this.values[0]];
    const key = this.keys.pop();
    const value = this.values.pop();
    const size = this.keys.length;
    if (size) {
      let at = 0;
      for (let child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && this.keys[child + 1] < this.keys[child]) child++;
        if (this.keys[child] >= key) break;
        this.keys[at] = this.keys[child];
        this.values[at] = this.values[child];
        at = child;
      }
      this.keys[at] = key;
      this.values[at] = value;
    }
    return top;
  }
}
