import { describe, expect, it, vi } from 'vitest';

import { aChild, aMessage, aRow, newId } from './factories';
import { RunStore } from './store';

describe('RunStore', () => {
  it('lists roots with the newest first, in whatever order they come', () => {
    const rows = [aRow(), aRow(), aRow()];
    const store = new RunStore();

    store.addRuns([rows[1]!, rows[2]!, rows[0]!]);

    expect(store.roots).toEqual(
      [rows[2], rows[1], rows[0]].map(row => row!.execution_id)
    );
  });

  it('does not let an older row overwrite a newer one', () => {
    const store = new RunStore();
    const row = aRow({ last_seq: 5, status: 'ENDED_SUCCESS' });
    store.apply([{ seq: 5, execution: row }]);

    store.addRuns([{ ...row, last_seq: 4, status: 'RUNNING' }]);

    expect(store.run(row.execution_id)?.status).toBe('ENDED_SUCCESS');
  });

  it('takes progress that is newer than the row', () => {
    const store = new RunStore();
    const row = aRow({ last_seq: 5 });
    const progress = {
      cells_ended: 1,
      cell_index: 2,
      cell_number: 2,
      first_line: 'load()',
      last_log: null
    };
    store.apply([{ seq: 5, execution: row, progress: null }]);

    store.apply([{ seq: 7, execution: row, progress }]);

    expect(store.run(row.execution_id)?.progress).toEqual(progress);
  });

  it('keeps the identity of rows and lists that did not change', () => {
    const store = new RunStore();
    const [still, moving] = [aRow(), aRow()];
    store.addRuns([still, moving]);
    const before = [store.run(still.execution_id), store.roots];

    store.apply([{ seq: 2, execution: { ...moving, last_seq: 2 } }]);

    expect(store.run(still.execution_id)).toBe(before[0]);
    expect(store.roots).toBe(before[1]);
  });

  it('counts the roots that end, each once, and what is deleted', () => {
    const store = new RunStore();
    const [root, other] = [aRow(), aRow()];
    const ended = { ...root, status: 'ENDED_ERROR', last_seq: 2 } as const;
    const archived = { ...ended, is_archived: true, last_seq: 3 };
    const counts: number[] = [];
    store.subscribe(() => counts.push(store.endings), 'roots', 'root-rows');

    store.addRuns([root, other, aRow({ status: 'ENDED_SUCCESS' })]);
    store.apply([{ execution: ended }]);
    store.apply([{ execution: archived }]);
    store.apply([{ execution: aChild(root, { status: 'ENDED_ERROR' }) }]);
    store.apply([{ removed: [other.execution_id] }]);

    expect(counts).toEqual([0, 1, 1, 1, 2]);
  });

  it('keeps what is under a run only while somebody looks at it', () => {
    const store = new RunStore();
    const root = aRow();
    const child = aChild(root);
    store.addRuns([root, child]);
    expect(store.run(child.execution_id)).toBeUndefined();

    const release = store.keepChildren(root.execution_id);
    store.addRuns([child]);
    expect(store.childrenOf(root.execution_id)).toEqual([child.execution_id]);

    release();
    expect(store.run(child.execution_id)).toBeUndefined();
    expect(store.childrenOf(root.execution_id)).toEqual([]);
  });

  it('knows that a run has children whose rows came before its own', () => {
    const store = new RunStore();
    const root = aRow({ last_seq: 9 });

    store.apply([
      { seq: 8, execution: aChild(root) },
      { seq: 9, execution: root }
    ]);

    expect(store.hasChildren(root.execution_id)).toBe(true);
  });

  it('knows what has something under it, also if nobody looks there', () => {
    const store = new RunStore();
    const [root, leaf, live] = [aRow(), aRow(), aRow()];
    store.addRuns([root, leaf, live]);

    store.apply([{ seq: 1, execution: aChild(live) }]);
    store.noteChildren(
      [root, leaf, live].map(row => row.execution_id),
      new Set([root.execution_id])
    );

    const has = [root, leaf, live].map(row =>
      store.hasChildren(row.execution_id)
    );
    expect(has).toEqual([true, false, true]);
    expect(store.hasChildren(aRow().execution_id)).toBeUndefined();
  });

  it('keeps a family as long as one of two looks at it', () => {
    const store = new RunStore();
    const root = aRow();
    const grandchild = aChild(aChild(root));
    const releases = [
      store.keepFamily(root.root_id),
      store.keepFamily(root.root_id)
    ];
    store.addRuns([root, grandchild]);

    releases[0]!();
    releases[0]!(); // A second call is none.

    expect(store.run(grandchild.execution_id)).toBeDefined();
    releases[1]!();
    expect(store.run(grandchild.execution_id)).toBeUndefined();
  });

  it('moves a child that was adopted to its new parent', () => {
    const store = new RunStore();
    const [first, second] = [aRow(), aRow()];
    const child = aChild(first);
    store.keepChildren(first.execution_id);
    store.keepChildren(second.execution_id);
    store.addRuns([first, second, child]);

    const adopted = { ...child, adopted_by: second.execution_id, last_seq: 2 };
    store.apply([{ seq: 2, execution: adopted }]);

    expect(store.childrenOf(first.execution_id)).toEqual([]);
    expect(store.childrenOf(second.execution_id)).toEqual([child.execution_id]);
  });

  it('forgets what was deleted, and everything under it', () => {
    const store = new RunStore();
    const root = aRow();
    store.keepFamily(root.root_id);
    const child = aChild(root);
    store.addRuns([root, child]);
    store.setOpenMessages([aMessage({ root_id: root.root_id })]);

    store.apply([{ removed: [root.execution_id] }]);

    expect(store.roots).toEqual([]);
    expect(store.run(child.execution_id)).toBeUndefined();
    expect(store.openMessages).toEqual([]);
  });

  it('drops JSON columns of rows that were read whole', () => {
    const store = new RunStore();
    const row = { ...aRow(), inputs: { day: 'monday' }, output: { rows: 3 } };

    store.addRuns([row]);

    expect(store.run(row.execution_id)).not.toHaveProperty('inputs');
    expect(store.run(row.execution_id)).not.toHaveProperty('output');
  });

  it('tells only those whose topic changed, once for many changes', () => {
    const store = new RunStore();
    const [one, other] = [aRow(), aRow()];
    store.addRuns([one, other]);
    const [hearsOne, hearsOther, hearsRoots] = [vi.fn(), vi.fn(), vi.fn()];
    store.subscribe(hearsOne, `run:${one.execution_id}`);
    store.subscribe(hearsOther, `run:${other.execution_id}`);
    store.subscribe(hearsRoots, 'roots', `run:${one.execution_id}`);

    store.apply([
      { seq: 2, execution: { ...one, last_seq: 2 } },
      { seq: 3, execution: { ...one, last_seq: 3 } }
    ]);

    expect(hearsOne).toHaveBeenCalledTimes(1);
    expect(hearsRoots).toHaveBeenCalledTimes(1);
    expect(hearsOther).not.toHaveBeenCalled();
  });

  it('tells of the list of roots only if a root comes or goes', () => {
    const store = new RunStore();
    const root = aRow();
    store.addRuns([root]);
    const [hearsList, hearsRows] = [vi.fn(), vi.fn()];
    store.subscribe(hearsList, 'roots');
    store.subscribe(hearsRows, 'root-rows');

    store.apply([{ seq: 2, execution: { ...root, last_seq: 2 } }]);

    expect(hearsList).not.toHaveBeenCalled();
    expect(hearsRows).toHaveBeenCalledTimes(1);
  });

  it('remembers what a wrapper runs, which its changes do not say', () => {
    const store = new RunStore();
    const row = aRow({ type: 'WRAPPER', flow_name: 'retry', name: 'mine' });
    const whole = { ...row, wrapped: { flow_name: 'report' } };
    store.addRuns([whole]);

    store.apply([{ seq: 2, execution: { ...row, last_seq: 2 } }]);

    const named = aRow({
      type: 'WRAPPER',
      flow_name: 'retry',
      name: 'nightly (retry)'
    });
    store.apply([{ seq: 3, execution: named }]);

    expect(store.run(row.execution_id)?.flow).toBe('report');
    expect(store.run(named.execution_id)?.flow).toBe('nightly');
  });

  it('no longer tells who has gone', () => {
    const store = new RunStore();
    const listener = vi.fn();
    const leave = store.subscribe(listener, 'roots');

    leave();
    store.addRuns([aRow()]);

    expect(listener).not.toHaveBeenCalled();
  });

  it('has the messages that wait, and none that was answered elsewhere', () => {
    const store = new RunStore();
    const [first, second] = [aMessage(), aMessage()];
    store.setOpenMessages([second, first]);
    expect(store.openMessages).toEqual([first, second]);

    const answered = {
      ...first,
      status: 'ANSWERED' as const,
      answered_by: 'bob',
      last_seq: 9
    };
    store.apply([{ seq: 9, message: answered }]);

    expect(store.openMessages).toEqual([second]);
    expect(store.message(first.message_id)?.answered_by).toBe('bob');
  });

  it('ignores messages that never waited', () => {
    const store = new RunStore();
    const note = aMessage({ status: 'NOTE' });

    store.apply([{ seq: 1, message: note }]);

    expect(store.message(note.message_id)).toBeUndefined();
  });

  it('removes messages that a newer list of those that wait does not have', () => {
    const store = new RunStore();
    store.setOpenMessages([aMessage()]);

    store.setOpenMessages([]);

    expect(store.openMessages).toEqual([]);
  });

  it('keeps a message that came while the list was being read', () => {
    const store = new RunStore();
    const young = aMessage({ last_seq: 9 });
    store.apply([{ seq: 9, message: young }]);

    store.setOpenMessages([], 8);

    expect(store.openMessages).toEqual([young]);
  });

  it('does not open a message again that was answered while the list was read', () => {
    const store = new RunStore();
    const message = aMessage({ last_seq: 5 });
    const answered = { ...message, status: 'ANSWERED', last_seq: 9 } as const;
    store.apply([{ seq: 9, message: answered }]);

    store.setOpenMessages([message], 4);

    expect(store.openMessages).toEqual([]);
  });

  it('counts the roots that have not ended', () => {
    const store = new RunStore();
    const [one, other] = [aRow(), aRow()];
    store.addRuns([one, other, aRow({ status: 'ENDED_ERROR' }), aChild(one)]);
    expect(store.activeRoots).toBe(2);

    const ended = { ...one, status: 'ENDED_SUCCESS', last_seq: 2 } as const;
    store.apply([{ execution: ended }, { removed: [other.execution_id] }]);

    expect(store.activeRoots).toBe(0);
  });

  it('keeps rows until all is read again, and drops those that are gone', () => {
    const store = new RunStore();
    const [stays, gone] = [aRow({ last_seq: 9 }), aRow({ last_seq: 9 })];
    store.addRuns([stays, gone]);

    store.beginAgain();
    expect(store.roots).toHaveLength(2);
    // Of a backup that was restored: its numbers are lower.
    store.addRuns([{ ...stays, status: 'QUEUED', last_seq: 3 }]);
    store.endAgain();

    expect(store.roots).toEqual([stays.execution_id]);
    expect(store.run(stays.execution_id)?.status).toBe('QUEUED');
  });

  it('takes in 100,000 rows', () => {
    const store = new RunStore();
    const rows = Array.from({ length: 100_000 }, () =>
      aRow({ execution_id: newId() })
    ).reverse();
    store.addRuns(rows);

    expect(store.roots).toHaveLength(100_000);
  }, 30_000); // On a machine that does much else; alone it takes a second.
});
