/** Server-sent events, read from a stream (WHATWG HTML, section 9.2.6). No I/O here. */

export interface ServerEvent {
  event: string;
  data: string;
}

/** An event is a few kB; whatever grows beyond this is not one of ours. */
const LONGEST = 1_000_000;

/** Takes text in pieces of any size, gives the events that are complete. */
export class EventParser {
  #rest = '';
  #started = false;
  #event = '';
  #data: string[] = [];
  #size = 0;

  /** Throws when a line or an event is longer than any that the API sends. */
  push(text: string): ServerEvent[] {
    let buffer = this.#rest + text;
    if (!this.#started && buffer.length > 0) {
      this.#started = true;
      if (buffer.startsWith('\ufeff')) buffer = buffer.slice(1);
    }
    const events: ServerEvent[] = [];
    let at = 0;
    for (;;) {
      const end = nextLineEnd(buffer, at);
      if (!end) break;
      const done = this.#line(buffer.slice(at, end.line));
      if (done) events.push(done);
      at = end.next;
    }
    this.#rest = buffer.slice(at);
    if (this.#rest.length + this.#size > LONGEST) {
      throw new Error('the live stream sent an event that is too long');
    }
    return events;
  }

  #line(line: string): ServerEvent | null {
    if (line === '') {
      const event = { event: this.#event || 'message', data: this.#data.join('\n') };
      const empty = this.#data.length === 0;
      this.#event = '';
      this.#data = [];
      this.#size = 0;
      return empty ? null : event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null; // A comment: keeps the connection open.
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'event') this.#event = value;
    if (field === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    }
    return null;
  }
}

/** Lines end with LF, CR or CR LF. A CR at the very end waits: an LF may follow. */
function nextLineEnd(text: string, from: number): { line: number; next: number } | null {
  for (let at = from; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 10) return { line: at, next: at + 1 };
    if (char === 13) {
      if (at + 1 === text.length) return null;
      return { line: at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
  }
  return null;
}
