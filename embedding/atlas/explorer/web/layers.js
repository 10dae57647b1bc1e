// What deck.gl draws: the points of all books, and upon them the books that are meant, with the lines between them.
/* global deck */

/** The layers of a map as it is now, for points of a radius in pixels. */
export function layersOf(map, radius) {
  const { book, near, path } = map.focus;
  const marked = map.marked();
  const dark = map.theme === 'dark';
  const ink = dark ? [240, 242, 247] : [28, 32, 40];
  const dots = { radiusUnits: 'pixels', getRadius: 1, radiusScale: radius, positionFormat: 'XY', antialiasing: true };
  const lines = path.length ? path.slice(1).map((to, i) => ({ from: path[i], to, similarity: 1 }))
    : near.map(({ book: to, similarity }) => ({ from: book, to, similarity }));
  const version = [map.positions, map.focus, map.theme];
  return [
    new deck.ScatterplotLayer({ ...dots, id: 'off', data: map.offData, getFillColor: dark ? [255, 255, 255, 16] : [20, 24, 40, 16], radiusScale: radius * 0.8 }),
    new deck.ScatterplotLayer({ ...dots, id: 'on', data: map.onData, opacity: marked.length ? (dark ? 0.4 : 0.42) : 0.86 }),
    new deck.LineLayer({
      id: 'lines', data: lines, widthUnits: 'pixels', updateTriggers: { getSourcePosition: version, getTargetPosition: version, getColor: version },
      getSourcePosition: (line) => map.at(line.from), getTargetPosition: (line) => map.at(line.to),
      getColor: (line) => [...ink, path.length ? 200 : 50 + 130 * Math.max(0, line.similarity)], getWidth: path.length ? 2 : 1.3,
    }),
    new deck.ScatterplotLayer({
      ...dots, id: 'marks', data: marked, stroked: true, lineWidthUnits: 'pixels', radiusScale: 1,
      updateTriggers: { getPosition: version, getFillColor: version, getRadius: [radius, ...version], getLineColor: version },
      getPosition: (one) => map.at(one), getFillColor: (one) => [...map.colours.subarray(3 * one, 3 * one + 3)],
      getRadius: (one) => markRadius(radius) + (one === book ? 3 : 0), getLineColor: dark ? [16, 18, 24] : [255, 255, 255], getLineWidth: 1.5,
    }),
    new deck.ScatterplotLayer({
      ...dots, id: 'ring', data: book === null ? [] : [book], filled: false, stroked: true, lineWidthUnits: 'pixels', radiusScale: 1,
      updateTriggers: { getPosition: version, getRadius: radius, getLineColor: version },
      getPosition: (one) => map.at(one), getRadius: markRadius(radius) + 7, getLineColor: ink, getLineWidth: 2,
    }),
  ];
}

export const markRadius = (radius) => Math.max(5, radius * 1.25);
