import { describe, expect, it, vi } from 'vitest';

import type { IFlowSummary } from '../wire';
import { EngineModel } from './engine';
import { EngineError, sentenceOf } from './errors';
import { aRow } from './factories';
import { nextPath } from './links';
import { RECENT, recentRuns } from './recent-runs';
import { RunStore } from './store';

describe('the engine', () => {
  it('keeps what it said before when only its state changes', () => {
    const engine = new EngineModel();
    const listener = vi.fn();
    engine.subscribe(listener);
    expect(engine.view.kind).toBe('loading');

    engine.set({ state: 'ready', message: '', person: 'ada' });
    engine.set({ state: 'away', message: 'It does not answer.' });

    expect(engine.view).toEqual({
      kind: 'known',
      state: 'away',
      message: 'It does not answer.',
      person: 'ada'
    });
    expect(engine.isReady).toBe(false);
    expect(listener).toHaveBeenCalledTimes(2);
  });

  it('is known again once the server is back', () => {
    const engine = new EngineModel();
    engine.set({ state: 'ready', message: '' });

    engine.setOffline('Jupyter Server does not answer.');
    expect(engine.isReady).toBe(false);
    engine.set({ state: 'ready', message: '' });

    expect(engine.isReady).toBe(true);
  });

  it('says once that what has not ended was counted', () => {
    const engine = new EngineModel();
    expect(engine.isCounted).toBe(false);

    engine.noteCounted();

    expect(engine.isCounted).toBe(true);
  });
});

describe('an error', () => {
  it('is shown as its sentence', () => {
    const error = new EngineError('Code', 'A sentence.', 409);

    expect(sentenceOf(error)).toBe('A sentence.');
    expect(sentenceOf('text')).toBe('text');
  });
});

describe('the next page', () => {
  it.each([
    [
      '</user/x/flowkernel/api/execution?limit=5&cursor=a>; rel="next"',
      'api/execution?limit=5&cursor=a'
    ],
    ['<flowkernel/api/flow?cursor=b>; rel="next"', 'api/flow?cursor=b'],
    ['</api/latest/flow?cursor=b>; rel="next"', 'api/flow?cursor=b'],
    ['<http://h/flowkernel/api/x>; rel="prev"', null],
    ['', null],
    [null, null]
  ])('of %s is %s', (link, path) => {
    expect(nextPath(link)).toBe(path);
  });
});

describe('the last runs of a flow', () => {
  const summary = (id: string): IFlowSummary => ({
    flow_name: 'report',
    last_status: 'RUNNING',
    runs: [
      {
        execution_id: id,
        status: 'RUNNING',
        duration_sec: null,
        created_at: '2026-11-28T03:00:00Z'
      }
    ]
  });

  it('have what changed since they were read', () => {
    const store = new RunStore();
    const [old, young] = [aRow(), aRow({ status: 'QUEUED', started_at: null })];
    store.addRuns([
      { ...old, status: 'ENDED_SUCCESS', ended_at: '2026-11-28T03:00:03Z' },
      young
    ]);

    const runs = recentRuns([summary(old.execution_id)], store).get('report');

    expect(runs).toMatchObject([
      { status: 'ENDED_SUCCESS', duration_sec: 2 },
      { status: 'QUEUED', duration_sec: null }
    ]);
  });

  it('are the newest ones', () => {
    const store = new RunStore();
    const rows = Array.from({ length: RECENT + 5 }, () => aRow());
    store.addRuns(rows);

    const runs = recentRuns([], store).get('report');

    expect(runs).toHaveLength(RECENT);
    expect(runs?.[RECENT - 1]?.execution_id).toBe(
      rows[rows.length - 1]?.execution_id
    );
  });
});
