import { describe, expect, it } from 'vitest';

import type { ILogLine } from '../wire';
import type { LogStream } from './log-lines';
import {
  LogFollower,
  LogLines,
  lineText,
  partsOf,
  placesOf,
  placesWith
} from './log-lines';

let seq = 0;

function aRow(text: string, stream: LogStream = 'stdout'): ILogLine {
  seq += 1;
  return {
    seq,
    happened_at: '2026-01-31T12:00:00Z',
    stream,
    text
  };
}

function linesOf(...rows: readonly ILogLine[]): readonly string[] {
  const log = new LogLines();
  log.add(rows);
  return log.lines.map(line => line.text);
}

describe('LogLines', () => {
  it.each([
    [['a\nb\n'], ['a', 'b']],
    [['a', 'b\n'], ['ab']],
    [
      ['a\nb', 'c', 'd\ne'],
      ['a', 'bcd', 'e']
    ],
    [
      ['a\n', '\n', 'b'],
      ['a', '', 'b']
    ],
    [['10 %\r', '20 %\r', '30 %\n'], ['30 %']],
    [['a\r\nb\r\n'], ['a', 'b']]
  ])('are the same however the text came: %j', (pieces, lines) => {
    expect(linesOf(...pieces.map(piece => aRow(piece)))).toEqual(lines);
  });

  it('do not mix streams, nor two lines that were logged', () => {
    const rows = [
      aRow('a', 'stdout'),
      aRow('b', 'stderr'),
      aRow('c', 'log'),
      aRow('d', 'log')
    ];

    expect(linesOf(...rows)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('show what a terminal shows of a line', () => {
    expect(lineText('\u001b[31mred\u001b[0m\u0000')).toBe('red');
    expect(lineText('\u001b]0;title\u0007text')).toBe('text');
    expect(lineText('x'.repeat(9_000))).toHaveLength(5_001);
    expect(lineText('\u001b[31m'.repeat(30_000))).toBe('…');
  });

  it('can be without a stream', () => {
    const log = new LogLines();
    log.add([aRow('a\n'), aRow('b\n', 'stderr'), aRow('c\n')]);

    expect(placesOf(log, new Set(['stderr']))).toEqual([0, 2]);
    expect(placesOf(log, new Set(['display']))).toBeNull();
  });
});

describe('searching', () => {
  it('finds lines in whatever case, and nothing for nothing', () => {
    const lines = ['An error', 'fine', 'ERROR again'];

    expect(placesWith(3, place => lines[place]!, 'error')).toEqual([0, 2]);
    expect(placesWith(3, place => lines[place]!, '')).toEqual([]);
  });

  it.each([
    ['an Error, an error', 'error', ['an ', 'Error', ', an ', 'error', '']],
    ['nothing', 'error', ['nothing']],
    ['a', '', ['a']],
    ['İ error', 'error', ['İ error']]
  ])('tells what was found in %j', (text, wanted, parts) => {
    expect(partsOf(text, wanted)).toEqual(parts);
  });
});

describe('LogFollower', () => {
  function aSource(rows: ILogLine[], size = 10) {
    return {
      page: (afterSeq: number) => {
        const after = rows.filter(row => row.seq > afterSeq);
        return Promise.resolve({
          rows: after.slice(0, size),
          isLast: after.length <= size
        });
      },
      tail: () => Promise.resolve(rows[rows.length - 21]?.seq ?? null)
    };
  }

  it('reads a long log from near its end, and all of it on request', async () => {
    const rows = Array.from({ length: 95 }, (_, i) => aRow(`line ${i}\n`));
    const end = new LogFollower(aSource(rows), false);
    const whole = new LogFollower(aSource(rows), true);

    await end.read();
    await whole.read();

    expect(end.log.lines.map(line => line.text)).toEqual(
      Array.from({ length: 20 }, (_, i) => `line ${75 + i}`)
    );
    expect(end.hasEarlier).toBe(true);
    expect(whole.log.lines).toHaveLength(95);
    expect(whole.hasEarlier).toBe(false);
  });

  it('reads what is new only, once', async () => {
    const rows = [aRow('a\n')];
    const follower = new LogFollower(aSource(rows), false);
    await follower.read();
    const before = follower.version();
    await follower.read();
    expect(follower.version()).toBe(before);

    rows.push(aRow('b\n'));
    await follower.read();

    expect(follower.log.lines.map(line => line.text)).toEqual(['a', 'b']);
    expect(follower.version()).toBe(before + 1);
  });
});
