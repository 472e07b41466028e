import { expect, it } from 'vitest';

import { aRow } from '../model/factories';
import { RunStore } from '../model/store';
import type { Section } from '../model/view-options';
import { ViewOptions } from '../model/view-options';
import type { IFlowkernel } from '../tokens';
import { SidebarModel } from './sidebar-model';

/** What was asked for, in order, until nothing more is. */
async function askedFor(section: Section): Promise<readonly string[]> {
  const asked: string[] = [];
  const answer = async <T>(name: string, value: T): Promise<T> => {
    asked.push(name);
    await Promise.resolve();
    return value;
  };
  const api = {
    executions: () => answer('runs', { rows: [aRow()], next: null }),
    flows: () => answer('flows', []),
    flowSummaries: () => answer('summaries', []),
    sql: () => answer('children', { rows: [] })
  };
  const refreshed = { connect: () => true, disconnect: () => true };
  const flowkernel = { api, refreshed, store: new RunStore() };
  const view = new ViewOptions(() => undefined);
  view.set({ section });
  const model = new SidebarModel(flowkernel as unknown as IFlowkernel, view);
  model.wake();
  await new Promise(resolve => setTimeout(resolve));
  model.dispose();
  return asked;
}

it('the runs are read before what takes long, where people look at them', async () => {
  expect((await askedFor('runs'))[0]).toBe('runs');
  expect((await askedFor('runs')).slice(1)).toContain('summaries');
  const asked = await askedFor('runs');
  expect(asked.indexOf('flows')).toBeGreaterThan(asked.indexOf('children'));
});

it('the flows do not wait for the runs, where people look at them', async () => {
  expect((await askedFor('flows'))[0]).toBe('flows');
});
