import { describe, expect, it } from 'vitest';

import type { ISqlResult } from '../wire';
import { aChild, aRow } from './factories';
import { familyLines, familyOf, FamilyView } from './family';
import { Histories } from './histories';
import { RunStore } from './store';
import type { ICell, IHistory, IMove, MoveKind } from './timeline';
import { cellLanesOf, Lanes, totalsOf, wholeSpan } from './timeline';
import { laneSentence } from './timeline-words';
import {
  barOf,
  panned,
  tickPrecision,
  ticksOf,
  windowAround,
  zoomed
} from './time-window';

const START = Date.parse('2026-11-28T03:00:00Z');

function at(second: number): string {
  return new Date(START + second * 1000).toISOString();
}

function move(
  kind: MoveKind,
  second: number,
  values: Partial<IMove> = {}
): IMove {
  const bare = { messageId: null, word: null, cellId: null, isEdited: false };
  return { kind, at: START + second * 1000, ...bare, ...values };
}

function cell(values: Partial<ICell> = {}): ICell {
  return {
    cellId: 'a',
    index: 1,
    number: 1,
    firstLine: 'x = 1',
    status: 'SUCCESS',
    from: START,
    to: START + 1000,
    ...values
  };
}

/** Lanes of a root with these moves, and of children that lived in these seconds. */
function lanes(
  moves: readonly IMove[],
  values: Parameters<typeof aRow>[0] = {},
  children: readonly (readonly [number, number])[] = [],
  cells: readonly ICell[] = []
) {
  const store = new RunStore();
  const root = aRow({ created_at: at(0), started_at: at(1), ...values });
  store.keepFamily(root.root_id);
  store.addRuns([root]);
  store.addRuns(
    children.map(([from, to]) =>
      aChild(root, { created_at: at(from), ended_at: at(to), started_at: null })
    )
  );
  const histories = new Map<string, IHistory>([
    [root.execution_id, { moves, cells }]
  ]);
  const rows = familyOf(store, root.execution_id);
  return new Lanes().of(rows, histories, START + 100_000);
}

/** Its segments in words: `queued 0-1`. */
function words(...args: Parameters<typeof lanes>): readonly string[] {
  const second = (moment: number): number => (moment - START) / 1000;
  return lanes(...args)[0]!.segments.map(
    ({ kind, from, to }) => `${kind} ${second(from)}-${second(to)}`
  );
}

const BEGUN = [
  move('created', 0, { word: 'QUEUED' }),
  move('started', 1)
] as const;

describe('the segments of a run', () => {
  it('are its queue and its work', () => {
    const ended = { status: 'ENDED_SUCCESS', ended_at: at(5) } as const;
    const end = move('ended', 5, { word: 'ENDED_SUCCESS' });
    expect(words([...BEGUN, end], ended)).toEqual([
      'queued 0-1',
      'working 1-5'
    ]);
  });

  it('grow while it runs', () => {
    expect(words(BEGUN)).toEqual(['queued 0-1', 'working 1-100']);
  });

  it('show the wait for a person until the answer, then the wait for a slot', () => {
    const moves = [
      ...BEGUN,
      move('waiting', 2, { messageId: 'm' }),
      move('message_answered', 4, { messageId: 'other' }),
      move('message_answered', 8, { messageId: 'm' }),
      move('resumed', 9)
    ];
    expect(words(moves)).toEqual([
      'queued 0-1',
      'working 1-2',
      'people 2-8',
      'queued 8-9',
      'working 9-100'
    ]);
  });

  it('tell a wait for children from one for a moment', () => {
    const moves = [
      ...BEGUN,
      move('waiting', 10),
      move('resumed', 20),
      move('waiting', 30),
      move('resumed', 40)
    ];
    expect(words(moves, {}, [[12, 18]])).toEqual([
      'queued 0-1',
      'working 1-10',
      'children 10-20',
      'working 20-30',
      'other 30-40',
      'working 40-100'
    ]);
  });

  it('count a failure as waiting for a person only from when one is asked', () => {
    const moves = [
      ...BEGUN,
      move('failed', 3),
      move('asked', 4),
      move('decided', 9, { word: 'retry_cell' }),
      move('resumed', 10)
    ];
    expect(words(moves)).toEqual([
      'queued 0-1',
      'working 1-3',
      'other 3-4',
      'people 4-9',
      'queued 9-10',
      'working 10-100'
    ]);
  });

  it('begin again in the queue when its worker is lost', () => {
    const moves = [...BEGUN, move('lost', 5), move('started', 7)];
    expect(words(moves)).toEqual([
      'queued 0-1',
      'working 1-5',
      'queued 5-7',
      'working 7-100'
    ]);
    expect(lanes(moves)[0]!.marks.map(mark => mark.kind)).toEqual(['lost']);
  });

  it('are those of its row before its events are read', () => {
    expect(words([])).toEqual(['queued 0-1', 'working 1-100']);
    expect(words([], { asked_at: at(50) })).toEqual([
      'queued 0-1',
      'working 1-50',
      'people 50-100'
    ]);
  });

  it('are none of a run that was not started', () => {
    const pending = { status: 'PENDING', started_at: null } as const;
    expect(words([], pending)).toEqual([]);
    expect(words([move('created', 0, { word: 'PENDING' })], pending)).toEqual(
      []
    );
  });

  it('are in order and do not overlap, whatever happens when', () => {
    const kinds: readonly MoveKind[] = [
      ...([
        'queued',
        'started',
        'waiting',
        'resumed',
        'paused',
        'lost'
      ] as const),
      ...(['failed', 'decided', 'asked', 'unasked', 'message_closed'] as const)
    ];
    const random = numbers(7);
    for (let round = 0; round < 300; round += 1) {
      const moves = Array.from({ length: random(12) }, () =>
        move(kinds[random(kinds.length)]!, random(60), {
          messageId: random(2) === 0 ? 'm' : null
        })
      );
      const { segments } = lanes([...BEGUN, ...moves])[0]!;
      segments.forEach(({ from, to }, place) => {
        expect(from).toBeLessThan(to);
        expect(from).toBeGreaterThanOrEqual(segments[place - 1]?.to ?? 0);
      });
      const spanned = Object.values(totalsOf(segments));
      const total = spanned.reduce((sum, seconds) => sum + seconds, 0);
      expect(total).toBeLessThanOrEqual(100.001);
    }
  });
});

/** Numbers that look random, and are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe('the marks of a run', () => {
  it('say which cells were skipped, edited and retried', () => {
    const cells = [cell({ cellId: 'b', number: 3, status: 'ERROR' })];
    const decided = { cellId: 'b' };
    const moves = [
      ...BEGUN,
      move('failed', 2),
      move('decided', 3, { ...decided, word: 'retry_cell' }),
      move('decided', 5, { ...decided, word: 'retry_cell', isEdited: true }),
      move('decided', 7, { ...decided, word: 'skip' }),
      move('decided', 8, { ...decided, word: 'fail' })
    ];
    const { marks } = lanes(moves, {}, [], cells)[0]!;
    expect(marks.map(mark => [mark.kind, mark.cellNumber])).toEqual([
      ['failed', null],
      ['retried', 3],
      ['mended', 3],
      ['skipped', 3]
    ]);
  });

  it('say where it failed, also if nobody could decide', () => {
    const failed = { status: 'ENDED_ERROR', ended_at: at(4) } as const;
    const cells = [cell({ number: 2, status: 'ERROR' })];
    const { marks } = lanes(BEGUN, failed, [], cells)[0]!;
    expect(marks).toEqual([
      { kind: 'failed', at: START + 4000, cellNumber: 2 }
    ]);
  });
});

describe('the cells of a run', () => {
  it('have a lane each, with what the run waited for in it', () => {
    const moves = [
      ...BEGUN,
      move('waiting', 3, { messageId: 'm' }),
      move('resumed', 5)
    ];
    const cells = [
      cell({ cellId: 'b', index: 2, number: 2, from: START + 2000, to: null }),
      cell({ cellId: 'a', from: START + 1000, to: START + 2000 }),
      cell({ cellId: 'inputs', number: null })
    ];
    const [first, second, ...others] = cellLanesOf(
      lanes(moves)[0]!,
      cells,
      START + 9000
    );
    expect(others).toEqual([]);
    expect(first!.segments.map(segment => segment.kind)).toEqual(['working']);
    expect(second!.segments.map(segment => segment.kind)).toEqual([
      'working',
      'people',
      'working'
    ]);
    expect(second!.segments[2]!.to).toBe(START + 9000);
  });

  it('that are one to their author share one lane', () => {
    const cells = [
      cell({ cellId: 'flow', from: START + 1000, to: START + 1100 }),
      cell({ cellId: 'handler', index: 2, from: START + 1100, to: null })
    ];
    const found = cellLanesOf(lanes(BEGUN)[0]!, cells, START + 9000);
    expect(found.map(lane => lane.segments.length)).toEqual([2]);
  });

  it('that ran again share one lane', () => {
    const cells = [
      cell({ status: 'ERROR', from: START + 1000, to: START + 2000 }),
      cell({ from: START + 3000, to: START + 4000 })
    ];
    const found = cellLanesOf(lanes(BEGUN)[0]!, cells, START);
    expect(found).toHaveLength(1);
    expect(found[0]!.segments).toHaveLength(2);
    expect(found[0]!.marks.map(mark => mark.kind)).toEqual(['failed']);
  });
});

describe('a window of time', () => {
  const whole = { from: 0, to: 1000 };

  it('is all of it until somebody zooms, and again when zoomed out', () => {
    const near = zoomed(null, whole, 0.5, 250);
    expect(near).toEqual({ from: 125, to: 625 });
    expect(zoomed(near, whole, 2, 250)).toBeNull();
    expect(panned(null, whole, 0.2)).toBeNull();
  });

  it('never leaves what there is', () => {
    const near = zoomed(null, whole, 0.1, 0);
    expect(near).toEqual({ from: 0, to: 100 });
    expect(panned(near, whole, -1)).toEqual({ from: 0, to: 100 });
    expect(panned(near, whole, 50)).toEqual({ from: 900, to: 1000 });
    expect(windowAround({ from: 990, to: 1000 }, whole)).toEqual({
      from: 980,
      to: 1000
    });
  });

  it('has bars that can be seen, and none of what is out of sight', () => {
    const near = { from: 100, to: 200 };
    expect(barOf(near, 50, { from: 150, to: 150.1 })).toEqual({
      x: 25,
      width: 2
    });
    expect(barOf(near, 50, { from: 0, to: 1000 })).toEqual({ x: 0, width: 50 });
    expect(barOf(near, 50, { from: 0, to: 50 })).toBeNull();
  });

  it.each([
    [1, 5],
    [37, 5],
    [999, 7],
    [61_000, 6],
    [86_400_000, 8],
    [40 * 86_400_000, 3],
    [9_000 * 86_400_000, 4]
  ])('of %d ms has at most %d ticks, at round moments', (width, most) => {
    const window = { from: START + 123, to: START + 123 + width };
    const zone = 3_600_000;
    const { at: moments, step } = ticksOf(window, most, zone);
    expect(moments.length).toBeLessThanOrEqual(most);
    for (const moment of moments) {
      expect((moment + zone) % step).toBe(0);
      expect(moment).toBeGreaterThanOrEqual(window.from);
      expect(moment).toBeLessThanOrEqual(window.to);
    }
  });

  it('says its ticks as exactly as is needed', () => {
    const precisions = [100, 5_000, 300_000, 86_400_000].map(tickPrecision);
    expect(precisions).toEqual(['fraction', 'second', 'minute', 'day']);
  });

  it('spans what all lanes did', () => {
    const lane = lanes(BEGUN);
    expect(wholeSpan(lane, 0)).toEqual({ from: START, to: START + 100_000 });
    expect(wholeSpan([], 5)).toEqual({ from: 5, to: 6 });
  });
});

describe('a family', () => {
  it('has each run once, also one that another family has adopted', () => {
    const store = new RunStore();
    const root = aRow();
    const retry = aRow({ retry_of: root.execution_id });
    store.keepFamily(root.root_id);
    store.keepFamily(retry.root_id);
    const done = aChild(root, { adopted_by: retry.execution_id });
    const under = aChild(done);
    const other = aChild(root);
    store.addRuns([root, retry, done, under, other]);

    const lines = (id: string) =>
      familyOf(store, id).map(({ run, level, tie }) => [
        run.execution_id,
        level,
        tie
      ]);

    expect(lines(root.execution_id)).toEqual([
      [root.execution_id, 1, 'started'],
      [done.execution_id, 2, 'away'],
      [under.execution_id, 3, 'started'],
      [other.execution_id, 2, 'started']
    ]);
    expect(lines(retry.execution_id)).toEqual([
      [retry.execution_id, 1, 'started'],
      [done.execution_id, 2, 'adopted'],
      [under.execution_id, 3, 'started']
    ]);
  });

  it('is a tree that opens, with what was taken over', () => {
    const store = new RunStore();
    const root = aRow();
    const away = aChild(root, { adopted_by: aRow().execution_id });
    const part = aChild(root, { name: 'part' });
    const step = aChild(part);
    store.keepFamily(root.root_id);
    store.addRuns([root, away, part, step]);
    const rows = familyOf(store, root.execution_id);

    const closed = familyLines(rows, () => false);
    expect(closed.map(line => [line.key, line.tie, line.isOpen])).toEqual([
      [away.execution_id, 'away', null],
      [part.execution_id, 'started', false]
    ]);
    expect(closed.map(line => [line.place, line.siblings])).toEqual([
      [1, 2],
      [2, 2]
    ]);
    const open = familyLines(rows, id => id === part.execution_id);
    expect(open.map(line => line.level)).toEqual([1, 1, 2]);
    expect(familyLines([], () => true)).toEqual([]);
  });

  it('keeps what is under something adopted while only the adopter is kept', () => {
    const store = new RunStore();
    const retry = aRow();
    const done = aRow({
      root_id: aRow().root_id,
      parent_id: aRow().execution_id,
      adopted_by: retry.execution_id,
      depth: 1
    });
    const under = aChild(done);
    store.keepFamily(retry.root_id);
    store.addRuns([retry, done, under]);

    expect(store.run(under.execution_id)).toBeDefined();
  });

  it('is the same list until one of its runs changes, and hears of new ones', () => {
    const store = new RunStore();
    const root = aRow();
    const part = aChild(root);
    store.keepFamily(root.root_id);
    store.addRuns([root, part]);
    const view = new FamilyView(store, root.execution_id);
    let count = 0;
    const leave = view.subscribe(() => (count += 1));
    const before = view.rows();

    store.addRuns([aRow()]);
    expect(view.rows()).toBe(before);

    const later = aChild(part);
    store.addRuns([later]);
    expect(view.rows().map(row => row.level)).toEqual([1, 2, 3]);
    store.addRuns([{ ...later, status: 'ENDED_SUCCESS', last_seq: 9 }]);
    expect(view.rows()[2]!.run.status).toBe('ENDED_SUCCESS');
    expect(count).toBe(2);
    leave();
  });
});

describe('lanes that are made again', () => {
  it('are the same of what has ended, until it or its events change', () => {
    const store = new RunStore();
    const root = aRow({ created_at: at(0) });
    const done = aChild(root, { status: 'ENDED_SUCCESS', ended_at: at(5) });
    store.keepFamily(root.root_id);
    store.addRuns([root, done]);
    const rows = familyOf(store, root.execution_id);
    const maker = new Lanes();

    const first = maker.of(rows, new Map(), START + 9000);
    const second = maker.of(rows, new Map(), START + 10_000);
    const history = { moves: [...BEGUN], cells: [] };
    const histories = new Map([[done.execution_id, history]]);
    const third = maker.of(rows, histories, START + 10_000);

    expect(second[0]).not.toBe(first[0]);
    expect(second[1]).toBe(first[1]);
    expect(third[1]).not.toBe(first[1]);
  });
});

describe('the lanes of a retry', () => {
  it('know what was taken over from an earlier try, with all under it', () => {
    const store = new RunStore();
    const retry = aRow();
    const earlier = aRow();
    const done = aChild(earlier, { adopted_by: retry.execution_id });
    store.keepFamily(retry.root_id);
    store.addRuns([retry, done, aChild(done), aChild(retry)]);
    const rows = familyOf(store, retry.execution_id);

    const found = new Lanes().of(rows, new Map(), START);

    expect(found.map(lane => lane.isOwn)).toEqual([true, false, false, true]);
  });
});

describe('histories', () => {
  it('are read again only of runs that changed', async () => {
    const store = new RunStore();
    const root = aRow();
    const part = aChild(root);
    store.keepFamily(root.root_id);
    store.addRuns([root, part]);
    const queries: string[] = [];
    const id = root.execution_id;
    const histories = new Histories(id, async query => {
      queries.push(query);
      const isMoves = query.includes('FROM event');
      const rows = isMoves
        ? [[id, 'started', START, null, null, null, false]]
        : [[id, 'a', 1, 1, 'x = 1', 'SUCCESS', START, null]];
      return { columns: [], types: [], rows, is_cut: false } as ISqlResult;
    });

    const first = await histories.read(familyOf(store, id));
    expect(first.get(id)!.moves).toEqual([move('started', 0)]);
    expect(first.get(id)!.cells[0]).toMatchObject({ cellId: 'a', to: null });
    await histories.read(familyOf(store, id));
    expect(queries).toHaveLength(2);

    store.addRuns([{ ...part, last_seq: 5 }]);
    await histories.read(familyOf(store, id));
    expect(queries).toHaveLength(4);
    expect(queries[3]!.split(part.execution_id)).toHaveLength(2);
    expect(queries[2]).not.toContain(id);
  });
});

describe('a lane in words', () => {
  it('says how it went, how long it did what, and what people did', () => {
    const trans = {
      __: (text: string, ...values: unknown[]) =>
        values.reduce<string>(
          (sum, value, place) => sum.replace(`%${place + 1}`, String(value)),
          text
        ),
      _n: (one: string) => one
    };
    const moves = [
      ...BEGUN,
      move('waiting', 3, { messageId: 'm' }),
      move('resumed', 63),
      move('decided', 70, { word: 'skip', cellId: 'b' })
    ];
    const cells = [cell({ cellId: 'b', number: 2, status: 'ERROR' })];
    const [lane] = lanes(moves, { name: 'night' }, [], cells);

    expect(laneSentence(lane!, trans)).toBe(
      'night, running, working 39 s, waiting for people 1 min 00 s, queued 1.0 s, ' +
        'cell 2 skipped'
    );
    const [first] = cellLanesOf(lane!, cells, START);
    expect(laneSentence(first!, trans)).toContain('Cell 2: x = 1, failed');
  });
});
