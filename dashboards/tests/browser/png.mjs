/** Screenshots as files of a size that a repository can bear: at most 256 colours, the commonest ones. */

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MOST = 256;
/** So many are the commonest; the others those that would be missed most: a swatch is small. */
const COMMON = 160;

/** The same picture with a palette. Takes what Chromium writes: 8 bits, RGB or RGBA, not interlaced. */
export function withPalette(png) {
  const { width, height, channels, pixels } = decode(png);
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += channels) {
    const colour = pixels.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = paletteOf(counts);
  const places = new Map([...counts.keys()].map((colour) => [colour, nearest(palette, colour)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = pixels.readUIntBE((y * width + x) * channels, 3);
      rows[y * (width + 1) + 1 + x] = places.get(colour);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk(
      'PLTE',
      Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    ),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function paletteOf(counts) {
  const colours = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const palette = colours.splice(0, COMMON);
  const missed = colours.map((colour) => distance(colour, palette[nearest(palette, colour)]));
  while (palette.length < MOST && colours.length > 0) {
    let most = 0;
    for (let at = 1; at < colours.length; at++) {
      if (missed[at] > missed[most]) most = at;
    }
    const next = colours[most];
    if (missed[most] === 0) break;
    palette.push(next);
    colours.forEach((colour, at) => (missed[at] = Math.min(missed[at], distance(colour, next))));
  }
  return palette;
}

/** By how much the eye tells two colours apart, roughly. */
function distance(a, b) {
  const red = (a >> 16) - (b >> 16);
  const green = ((a >> 8) & 255) - ((b >> 8) & 255);
  const blue = (a & 255) - (b & 255);
  return 3 * red * red + 4 * green * green + 2 * blue * blue;
}

function nearest(palette, colour) {
  let [best, least] = [0, Infinity];
  for (let place = 0; place < palette.length; place++) {
    const apart = distance(colour, palette[place]);
    if (apart < least) [best, least] = [place, apart];
    if (least === 0) break;
  }
  return best;
}

function chunk(type, data) {
  const name = Buffer.from(type, 'latin1');
  const framed = Buffer.alloc(12 + data.length);
  framed.writeUInt32BE(data.length, 0);
  name.copy(framed, 4);
  data.copy(framed, 8);
  framed.writeUInt32BE(crc32(data, crc32(name)), 8 + data.length);
  return framed;
}

function decode(png) {
  let header;
  const parts = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = data;
    if (type === 'IDAT') parts.push(data);
    at += 12 + length;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = header[9] === 6 ? 4 : 3;
  return {
    width,
    height,
    channels,
    pixels: unfiltered(inflateSync(Buffer.concat(parts)), width * channels, height, channels),
  };
}

/** Undoes the filters of PNG (its specification, section 9.2). */
function unfiltered(raw, stride, height, channels) {
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= channels ? pixels[at - channels] : 0;
      const up = y > 0 ? pixels[at - stride] : 0;
      const corner = y > 0 && x >= channels ? pixels[at - stride - channels] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      pixels[at] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return pixels;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
