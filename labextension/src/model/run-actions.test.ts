import { describe, expect, it } from 'vitest';

import type { IExecutionRow } from '../wire';
import { aChild, aRow } from './factories';
import { actionsOf, activeUnder, retryPlan, targetOf } from './run-actions';

function actions(
  row: IExecutionRow,
  top: IExecutionRow | null = null,
  canOpen = true
) {
  const always = ['runWithInputs', 'copyCommand'];
  return actionsOf(row, { top, canOpen }).filter(
    action => !always.includes(action)
  );
}

describe('what can be done', () => {
  it('is to stop or pause what runs, unless that was requested already', () => {
    expect(actions(aRow())).toEqual(['cancel', 'pause']);
    expect(actions(aRow({ requested_action: 'pause' }))).toEqual(['cancel']);
    expect(actions(aRow({ requested_action: 'cancel' }))).toEqual([]);
  });

  it('is to resume what was paused, and not what waits for a decision', () => {
    const paused = aRow({ status: 'PAUSED' });
    expect(actions(paused)).toEqual(['cancel', 'resume']);
    expect(actions({ ...paused, parked_at: '2026-11-28T03:00:00Z' })).toEqual([
      'cancel'
    ]);
  });

  it('is to open the notebook where there is one, and something opens it', () => {
    const ended = aRow({ status: 'ENDED_SUCCESS', notebook_path: 'a.ipynb' });
    expect(actions(ended)).toEqual(['retry', 'openNotebook']);
    expect(actions(ended, null, false)).toEqual(['retry']);
    expect(actions({ ...ended, type: 'SCRIPT' })).toEqual(['retry']);
  });

  it('is to release a kernel that is kept after the end', () => {
    const kept = aRow({
      status: 'ENDED_SUCCESS',
      notebook_path: 'a.ipynb',
      parked_at: '2026-11-28T03:00:00Z'
    });
    expect(actions(kept)).toEqual(['retry', 'openNotebook', 'releaseKernel']);
    expect(actions({ ...kept, type: 'SCRIPT' })).toContain('openNotebook');
    expect(actions({ ...kept, status: 'PAUSED' })).not.toContain(
      'releaseKernel'
    );
  });

  it('is to go on from what failed once the whole has ended', () => {
    const top = aRow({ status: 'ENDED_ERROR' });
    const failed = aChild(top, { status: 'ENDED_ERROR' });
    const done = aChild(top, { status: 'ENDED_SUCCESS' });
    expect(actions(failed, top)).toEqual(['retryFromHere', 'retry']);
    expect(actions(failed, { ...top, status: 'RUNNING' })).toEqual(['retry']);
    expect(actions(done, top)).toEqual(['retry']);
    expect(actions(top, null)).toEqual(['retry']);
  });
});

describe('a retry of the whole', () => {
  it('keeps what succeeded with all under it, and repeats the rest', () => {
    const top = aRow({ status: 'ENDED_ERROR' });
    const done = aChild(top, { status: 'ENDED_SUCCESS' });
    const under = aChild(done, { status: 'ENDED_CANCELLED' });
    const failed = aChild(top, { status: 'ENDED_ERROR' });
    const part = aChild(failed, { status: 'ENDED_SUCCESS' });

    expect(retryPlan([top, done, under, failed, part])).toEqual({
      kept: 3,
      again: 2
    });
  });
});

describe('a cancel', () => {
  it('stops what is under it and has not ended', () => {
    const top = aRow();
    const rows = [top, aChild(top), aChild(top, { status: 'ENDED_ERROR' })];
    expect(activeUnder(rows, top.execution_id)).toBe(1);
  });
});

describe('what is done with a wrapper', () => {
  const wrapper = aRow({ type: 'WRAPPER', status: 'WAITING' });
  const facts = { top: null, canOpen: true };

  function actionsWith(values: Partial<IExecutionRow>, row = wrapper) {
    const subject = aChild(row, { notebook_path: 'a.ipynb', ...values });
    return actionsOf(row, { ...facts, subject });
  }

  it('is paused, resumed and looked at in what it runs', () => {
    expect(actionsWith({})).toContain('pause');
    expect(actionsWith({ requested_action: 'pause' })).not.toContain('pause');
    expect(actionsWith({ status: 'PAUSED' })).toContain('resume');
    expect(actionsWith({ status: 'PAUSED' })).not.toContain('pause');
    expect(actionsWith({})).toContain('openNotebook');
    expect(actionsWith({ type: 'SCRIPT' })).not.toContain('openNotebook');
  });

  it('goes to the run that it wraps, all else to itself', () => {
    const subject = aChild(wrapper);

    expect(targetOf('pause', wrapper, subject)).toBe(subject);
    expect(targetOf('openNotebook', wrapper, subject)).toBe(subject);
    expect(targetOf('cancel', wrapper, subject)).toBe(wrapper);
    expect(targetOf('retry', wrapper, subject)).toBe(wrapper);
    expect(targetOf('pause', wrapper, null)).toBe(wrapper);
  });

  it('resumes the wrapper if that was paused itself', () => {
    const paused = aRow({ type: 'WRAPPER', status: 'PAUSED' });
    const subject = aChild(paused);

    expect(targetOf('resume', paused, subject)).toBe(paused);
    expect(actionsOf(paused, { ...facts, subject })).toContain('resume');
  });
});
