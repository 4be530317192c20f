/** What leaves the page as a file: a panel's numbers as CSV, a panel as it is seen as PNG. */

export type Cell = string | number | bigint | null | undefined;

/** RFC 4180; numbers with a point and all digits in any language, what is not known empty. */
export function csvOf(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

function field(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  const text = String(cell);
  // A spreadsheet would take a name that begins so for a formula.
  const safe = typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers begin to read a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What is not to be on the picture, such as the buttons that make it. */
const NOT_ON_PICTURE = '[data-no-picture]';

/** An element of the page as a picture, at twice its size, with the styles that it has now. */
export async function pictureOf(element: HTMLElement): Promise<Blob> {
  const { width, height } = element.getBoundingClientRect();
  const copy = styledCopy(element) as HTMLElement;
  copy.style.margin = '0';
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<foreignObject width="100%" height="100%">${new XMLSerializer().serializeToString(copy)}</foreignObject></svg>`;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  const scale = 2;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser gives no canvas to draw on.');
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0);
  return new Promise((done, failed) =>
    canvas.toBlob(
      (blob) => (blob ? done(blob) : failed(new Error('The picture is too large.'))),
      'image/png',
    ),
  );
}

/** A copy that needs no style sheet; canvases become pictures of what they show. */
function styledCopy(node: Node): Node {
  if (node instanceof HTMLCanvasElement) {
    const image = document.createElement('img');
    image.src = node.toDataURL();
    copyStyle(node, image);
    return image;
  }
  const copy = node.cloneNode(false);
  if (node instanceof Element && !(node instanceof SVGElement && node.tagName !== 'svg')) {
    copyStyle(node, copy as HTMLElement);
  } else if (node instanceof Element) {
    copyStyle(node, copy as SVGElement);
  }
  for (const child of node.childNodes) {
    if (child instanceof Element && child.matches(NOT_ON_PICTURE)) continue;
    if (child instanceof Comment) continue;
    copy.appendChild(styledCopy(child));
  }
  return copy;
}

function copyStyle(from: Element, to: HTMLElement | SVGElement): void {
  const style = getComputedStyle(from);
  let text = '';
  for (const name of style) text += `${name}:${style.getPropertyValue(name)};`;
  to.setAttribute('style', text);
}
