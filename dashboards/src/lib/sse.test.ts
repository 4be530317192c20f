import { describe, expect, test } from 'vitest';
import { EventParser, type ServerEvent } from './sse';

const STREAM =
  '\ufeff: hello\n\nevent: live\ndata: {"a":1}\n\n' +
  'event: live\r\ndata: {"b":\r\ndata: 2}\r\nid: 7\r\n\r\n' +
  'data:no space\rdata:  two spaces\r\rdata\n\n' +
  'event: empty\n\nretry: 10\ndata: é漢\n\ndata: never ended\n';

const EVENTS: ServerEvent[] = [
  { event: 'live', data: '{"a":1}' },
  { event: 'live', data: '{"b":\n2}' },
  { event: 'message', data: 'no space\n two spaces' },
  { event: 'message', data: '' },
  { event: 'message', data: 'é漢' },
];

describe('server-sent events', () => {
  test('in one piece', () => expect(new EventParser().push(STREAM)).toEqual(EVENTS));

  test('cut anywhere, the events are the same', () => {
    for (let cut = 0; cut <= STREAM.length; cut += 1) {
      const parser = new EventParser();
      expect([...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))]).toEqual(
        EVENTS,
      );
    }
    const parser = new EventParser();
    expect([...STREAM].flatMap((char) => parser.push(char))).toEqual(EVENTS);
  });

  test('a stream without end of line does not fill the memory', () => {
    const parser = new EventParser();
    const push = () => {
      for (let n = 0; n < 20; n += 1) parser.push('data: ' + 'x'.repeat(100_000));
    };
    expect(push).toThrow('too long');
    const lines = new EventParser();
    expect(() => {
      for (let n = 0; n < 20; n += 1) lines.push(`data: ${'x'.repeat(100_000)}\n`);
    }).toThrow('too long');
  });
});
