import { describe, expect, it, vi } from 'vitest';

import type { IExecutionRow } from '../wire';
import { agoText, durationText, leftText, Ticker, tookOf } from './durations';
import { aChild, aRow } from './factories';
import { matches, NO_FILTER, queryOf, searchSql } from './filters';
import { groupsOf } from './grouping';
import type { IRunPage } from './run-list';
import { RunList } from './run-list';
import { RunStore } from './store';
import type { IRows, TreeLine } from './tree';
import { groupLinesOf, linesOf } from './tree';
import { detailText, interventionText } from './words';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const TRANS = {
  __: (text: string, ...values: unknown[]) =>
    text.replace(/%(\d)/g, (_, place: string) => String(values[+place - 1])),
  _n: (one: string, many: string, count: number) =>
    (count === 1 ? one : many).replace('%1', String(count))
};

function storeOf(...rows: readonly IExecutionRow[]): RunStore {
  const store = new RunStore();
  store.addRuns(rows);
  return store;
}

/** All lines; each is found where it is. */
function all(lines: IRows<TreeLine>): readonly TreeLine[] {
  const found = Array.from({ length: lines.length }, (_, i) => lines.at(i)!);
  expect(found.map(line => lines.indexOf(line.key))).toEqual([...found.keys()]);
  expect(lines.at(lines.length)).toBeUndefined();
  expect(lines.indexOf('nothing')).toBe(-1);
  return found;
}

function runOf(values: Partial<IExecutionRow>) {
  const row = aRow(values);
  return storeOf(row).run(row.execution_id)!;
}

describe('a duration', () => {
  it.each([
    [0.04, '0.0 s'],
    [9.94, '9.9 s'],
    [9.95, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 00 s'],
    [125, '2 min 05 s'],
    [12_000, '3 h 20 min'],
    [187_200, '2 d 4 h']
  ])('of %d seconds is %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it('of a run is its work, and what it waited for people', () => {
    const run = runOf({
      started_at: '2026-11-28T11:50:00Z',
      answer_seconds: 60,
      asked_at: '2026-11-28T11:58:00Z'
    });

    expect(tookOf(run, NOW)).toEqual({
      work: 420,
      waited: 180,
      isTicking: true
    });
    const waitsBelow = runOf({
      started_at: '2026-11-28T11:50:00Z',
      waiting_since: '2026-11-28T11:59:00Z'
    });
    expect(tookOf(waitsBelow, NOW)?.waited).toBe(60);
    expect(tookOf(runOf({ started_at: null }), NOW)).toBeNull();
  });

  it('is an age in whole units', () => {
    const formats = {
      relative: new Intl.RelativeTimeFormat('en', { style: 'short' }),
      now: 'now'
    };

    expect(agoText(NOW - 2_000, NOW, formats)).toBe('now');
    expect(agoText(NOW - 119_000, NOW, formats)).toBe('1 min. ago');
    expect(agoText(NOW - 86_400_000, NOW, formats)).toBe('1 day ago');
  });

  it('says how long it is until a moment, in one unit', () => {
    const texts = [-5_000, 59_000, 29.9 * 60_000, 5_400_000, 86_400_000].map(
      later => leftText(NOW + later, NOW)
    );

    expect(texts).toEqual(['1 min', '1 min', '29 min', '1 h', '1 d']);
  });

  it('ticks with one timer for all, and with none for nobody', () => {
    vi.useFakeTimers();
    const ticker = new Ticker(1_000);
    const listeners = [vi.fn(), vi.fn()];
    const leaves = listeners.map(listener => ticker.subscribe(listener));

    vi.advanceTimersByTime(2_000);

    expect(listeners.map(l => l.mock.calls.length)).toEqual([2, 2]);
    expect(vi.getTimerCount()).toBe(1);
    leaves.forEach(leave => leave());
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe('a filter', () => {
  it.each([
    ['all', 'ENDED_ERROR', true],
    ['active', 'WAITING', true],
    ['active', 'ENDED_SUCCESS', false],
    ['failed', 'ENDED_ERROR', true],
    ['failed', 'RUNNING', false],
    ['cancelled', 'ENDED_CANCELLED', true]
  ] as const)('for %s takes what is %s: %s', (state, status, isTaken) => {
    const filter = { ...NO_FILTER, state };

    expect(matches(runOf({ status }), filter, NOW)).toBe(isTaken);
  });

  it('shows archived runs only to those who want them', () => {
    const run = runOf({ is_archived: true });

    expect(matches(run, NO_FILTER, NOW)).toBe(false);
    expect(matches(run, { ...NO_FILTER, state: 'archived' }, NOW)).toBe(true);
  });

  it('looks for text in names, sentences and people', () => {
    const run = runOf({
      name: 'Sales',
      status_message: 'KeyError: day',
      started_by: 'Ada (panel)'
    });
    const finds = (text: string) => matches(run, { ...NO_FILTER, text }, NOW);

    expect(['sal', 'keyerror', ' ADA ', run.execution_id].map(finds)).toEqual([
      true,
      true,
      true,
      true
    ]);
    expect(finds('bob')).toBe(false);
  });

  it('takes runs that are young enough', () => {
    const run = runOf({ created_at: '2026-11-28T10:30:00Z' });

    expect(matches(run, { ...NO_FILTER, age: 'hour' }, NOW)).toBe(false);
    expect(matches(run, { ...NO_FILTER, age: 'day' }, NOW)).toBe(true);
  });

  it('is asked of the engine in its words', () => {
    const filter = { ...NO_FILTER, state: 'active', age: 'hour' } as const;

    expect(queryOf(filter, NOW)).toMatchObject({
      level: 'root',
      is_ended: false,
      since: '2026-11-28T11:00:00.000Z'
    });
  });

  it('searches for what is typed, whatever characters it has', () => {
    const sql = searchSql({ ...NO_FILTER, text: "50%_o'x!" }, NOW, 10, null);

    expect(sql).toContain("name ILIKE '%50!%!_o''x!!%' ESCAPE '!'");
  });
});

describe('a list of runs', () => {
  const rows = Array.from({ length: 6 }, () => aRow()).reverse();
  const ids = rows.map(row => row.execution_id);

  function listOf(store: RunStore, pages: readonly IRunPage[]) {
    const queue = [...pages];
    return new RunList(store, () => Promise.resolve(queue.shift()!));
  }

  it('reads the next page when it is wanted', async () => {
    const list = listOf(new RunStore(), [
      { rows: rows.slice(0, 3), next: 'a' },
      { rows: rows.slice(3), next: null }
    ]);

    await list.show(NO_FILTER);
    expect([list.ids, list.hasMore]).toEqual([ids.slice(0, 3), true]);
    await list.more();
    expect([list.ids, list.hasMore]).toEqual([ids, false]);
  });

  it('has no gap, whatever older runs another list has read', async () => {
    const store = storeOf(rows[5]!);
    const list = listOf(store, [{ rows: rows.slice(0, 2), next: 'a' }]);

    await list.show(NO_FILTER);

    expect(list.ids).toEqual(ids.slice(0, 2));
  });

  it('takes in a new run, and drops one that no longer matches', async () => {
    const store = new RunStore();
    const list = listOf(store, [{ rows: rows.slice(0, 2), next: null }]);
    await list.show({ ...NO_FILTER, state: 'active' });

    const ended = {
      ...rows[0]!,
      status: 'ENDED_SUCCESS',
      last_seq: 2
    } as const;
    const young = aRow();
    store.apply([
      { seq: 2, execution: ended },
      { seq: 3, execution: young }
    ]);

    expect(list.ids).toEqual([young.execution_id, ids[1]]);
  });

  it('keeps its identity while the same runs are in it', async () => {
    const store = new RunStore();
    const list = listOf(store, [{ rows, next: null }]);
    await list.show(NO_FILTER);
    const [before, version] = [list.ids, list.version()];

    store.apply([{ seq: 2, execution: { ...rows[0]!, last_seq: 2 } }]);

    expect(list.ids).toBe(before);
    expect(list.version()).toBe(version);
  });

  it('takes in roots of another list as soon as it reaches them', async () => {
    const store = storeOf(rows[3]!);
    const list = listOf(store, [
      { rows: [rows[0]!], next: 'a' },
      { rows: [rows[1]!, rows[2]!, rows[4]!], next: 'b' },
      { rows: [rows[5]!], next: null }
    ]);

    await list.show(NO_FILTER);
    await list.more();
    expect(list.ids).toEqual(ids.slice(0, 5));
    await list.more();
    expect(list.ids).toEqual(ids);
  });

  it('stays as deep as it was when its first page is read again', async () => {
    const list = listOf(new RunStore(), [
      { rows: rows.slice(0, 2), next: 'a' },
      { rows: rows.slice(2, 4), next: 'b' },
      { rows: rows.slice(0, 2), next: 'a' },
      { rows: rows.slice(4), next: null }
    ]);
    await list.show(NO_FILTER);
    await list.more();

    await list.show(null);
    expect(list.ids).toEqual(ids.slice(0, 4));
    await list.more();

    expect(list.ids).toEqual(ids);
  });

  it('has no gap after all was read again', async () => {
    const store = new RunStore();
    const list = listOf(store, [
      { rows, next: null },
      { rows: rows.slice(0, 2), next: 'a' }
    ]);
    await list.show(NO_FILTER);

    store.beginAgain();
    await list.again();
    store.endAgain();

    expect(list.ids).toEqual(ids.slice(0, 2));
    expect(list.hasMore).toBe(true);
  });

  it('says what went wrong, and shows the answer to the last question alone', async () => {
    const answers: ((page: IRunPage) => void)[] = [];
    const list = new RunList(
      new RunStore(),
      () => new Promise(resolve => answers.push(resolve))
    );
    void list.show(NO_FILTER);
    const second = list.show({ ...NO_FILTER, flow: 'report' });

    answers[1]!({ rows: rows.slice(0, 1), next: null });
    await second;
    answers[0]!({ rows, next: 'x' });
    await Promise.resolve();

    expect([list.ids, list.hasMore]).toEqual([ids.slice(0, 1), false]);
    const broken = new RunList(new RunStore(), () =>
      Promise.reject(new Error('away'))
    );
    await broken.show(NO_FILTER);
    expect(broken.state).toEqual({ kind: 'failed', error: new Error('away') });
  });
});

describe('a tree', () => {
  it('has the lines of what is open', () => {
    const [root, other] = [aRow(), aRow()];
    const child = aChild(root);
    const store = new RunStore();
    store.keepFamily(root.root_id);
    store.addRuns([root, other, child]);
    const open = new Set([root.execution_id]);

    const lines = linesOf(store, store.roots, open);

    expect(all(lines).map(line => [line.key, line.level, line.place])).toEqual([
      [other.execution_id, 1, 1],
      [root.execution_id, 1, 2],
      [child.execution_id, 2, 1]
    ]);
  });

  it('has each line in its place, whatever is open', () => {
    const store = new RunStore();
    const roots = Array.from({ length: 6 }, () => aRow());
    roots.forEach(root => store.keepFamily(root.root_id));
    store.addRuns(roots);
    const children = roots.flatMap(root => [aChild(root), aChild(root)]);
    store.addRuns(children);
    const grandchildren = children.map(child => aChild(child));
    store.addRuns(grandchildren);
    const open = new Set(
      [roots[0], roots[3], roots[5], children[1], children[7]].map(
        row => row!.execution_id
      )
    );

    const lines = all(linesOf(store, store.roots, open));

    expect(lines.map(line => line.level).join('')).toBe('12211223111223');
  });

  it('opens only what has something under it', () => {
    const store = storeOf(aRow(), aRow({ type: 'WRAPPER' }));

    const lines = linesOf(store, store.roots, new Set());

    expect(all(lines).map(line => line.isOpen)).toEqual([false, null]);
  });

  it('has groups by flow, that of the newest run first', () => {
    const rows = [
      aRow({ flow_name: 'a', status: 'ENDED_ERROR' }),
      aRow({ flow_name: 'b' }),
      aRow({ flow_name: 'a' })
    ];
    const store = storeOf(...rows);

    const groups = groupsOf(store, store.roots);

    expect(groups).toMatchObject([
      { flow: 'a', active: 1, failed: 1, lastStatus: 'RUNNING' },
      { flow: 'b', active: 1, failed: 0 }
    ]);
    const lines = groupLinesOf(store, groups, new Set(['flow:a']));
    expect(all(lines).map(line => line.level)).toEqual([1, 2, 2, 1]);
  });
});

describe('the words for a run', () => {
  it('say what people did', () => {
    const run = runOf({ skipped_cells: 1, mended_cells: 2, decided_by: 'ada' });

    expect(interventionText(run, TRANS)).toBe(
      '1 cell skipped, 2 cells edited by ada'
    );
    expect(interventionText(runOf({ decided_by: 'ada' }), TRANS)).toBe(
      'decided by ada'
    );
    expect(interventionText(runOf({}), TRANS)).toBe('');
  });

  it('say what it does, or why it failed', () => {
    const progress = {
      cells_ended: 1,
      cell_index: 2,
      cell_number: 2,
      first_line: 'load()',
      last_log: 'x'
    };
    const running = { ...runOf({}), progress };
    const failed = runOf({
      status: 'ENDED_ERROR',
      status_message: 'KeyError: day\nmore'
    });

    expect(detailText(running, TRANS)).toBe('cell 2 of 3: load()');
    expect(detailText(failed, TRANS)).toBe('KeyError: day\nmore');
  });
});
