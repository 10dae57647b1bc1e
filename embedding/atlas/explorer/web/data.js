// Reads what pack.py wrote: base64 of gzip of a header and columns, whose numbers lie byte plane by byte plane.

/** The columns of the data block with this id: {about, columns: {name: typed array or list of texts}}. */
export async function unpack(id) {
  const place = document.getElementById(id);
  const packed = bytesOf(place.textContent);
  place.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const columns = {};
  for (const column of header.columns) {
    const part = bytes.subarray(4 + length + column.start, 4 + length + column.start + column.bytes);
    columns[column.name] = column.width ? numbers(part, column.rows, column.width) : texts(part, column.rows);
  }
  return { about: header.about, columns };
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function numbers(part, rows, width) {
  if (width === 1) return part;
  const values = width === 2 ? new Uint16Array(rows) : new Uint32Array(rows);
  for (let plane = 0, at = 0; plane < width; plane++) {
    const shift = 256 ** plane;
    for (let i = 0; i < rows; i++, at++) values[i] += part[at] * shift;
  }
  return values;
}

function texts(part, rows) {
  return rows ? new TextDecoder().decode(part).split('\n') : [];
}
