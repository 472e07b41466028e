/** A run beside another try of it, or beside another run of its flow. */
import { useId, useState } from 'react';

import type { Api } from '../api';
import { EmptyState, ErrorBlock, Loading } from '../components/blocks';
import { useFlowkernel, useTrans } from '../components/context';
import { momentText } from '../components/time';
import type { IOtherRun } from '../model/tries';
import { firstOther, triesQuery } from '../model/tries';
import type { ITranslate } from '../model/words';
import { statusWord } from '../model/words';
import type { ExecutionStatus, IExecution } from '../wire';
import { Comparison } from './comparison';
import { useExecution, useReading, useRunVersion } from '../components/reading';
import type { ISectionProps } from './sections';

/** Other runs of the flow that are offered, inclusive: the newest ones. */
const MOST_OTHERS = 30;

interface IOthers {
  readonly tries: readonly IOtherRun[];
  /** Other runs of the same flow, the newest first. */
  readonly runs: readonly IOtherRun[];
}

export function Tries(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const { execution_id: executionId } = execution;
  const { api } = useFlowkernel();
  const trans = useTrans();
  const version = useRunVersion(executionId);
  const { value, error } = useReading(executionId, version, () =>
    readOthers(api, execution)
  );
  const [chosen, choose] = useState<string | null>(null);
  if (value === null) {
    return error === null ? (
      <Loading />
    ) : (
      <ErrorBlock title={trans.__('The tries cannot be read')} error={error} />
    );
  }
  const { tries, runs } = value;
  const other = chosen ?? firstOther(tries, executionId) ?? runs[0]?.id ?? null;
  if (other === null) {
    return (
      <EmptyState title={trans.__('There is nothing to compare it with.')}>
        <p>
          {trans.__(
            'This is its only try, and the only run of its flow so far.'
          )}
        </p>
      </EmptyState>
    );
  }
  return (
    <>
      <Choice
        others={value}
        executionId={executionId}
        chosen={other}
        onChoose={choose}
      />
      <TryComparison execution={execution} otherId={other} tries={tries} />
    </>
  );
}

async function readOthers(api: Api, execution: IExecution): Promise<IOthers> {
  const { execution_id: executionId, flow_name: flow } = execution;
  const [{ rows }, page] = await Promise.all([
    api.sql(triesQuery(executionId)),
    flow === null
      ? { rows: [] }
      : api.executions({ flow_name: flow, limit: MOST_OTHERS })
  ]);
  const tries = rows.map(([id, name, status, createdAt]) => ({
    id: String(id),
    name: String(name),
    status: String(status),
    createdAt: String(createdAt)
  }));
  const tryIds = new Set([executionId, ...tries.map(({ id }) => id)]);
  const runs = page.rows
    .filter(row => !tryIds.has(row.execution_id))
    .map(otherRun);
  return { tries, runs };
}

function otherRun(row: IExecution): IOtherRun {
  return {
    id: row.execution_id,
    name: row.name,
    status: row.status,
    createdAt: row.created_at
  };
}

function Choice(props: {
  readonly others: IOthers;
  readonly executionId: string;
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
}): JSX.Element {
  const { others, executionId, chosen, onChoose } = props;
  const { tries, runs } = others;
  const trans = useTrans();
  const id = useId();
  const otherTries = tries.filter(run => run.id !== executionId);
  return (
    <div className="jp-flowkernel-section-bar">
      <label htmlFor={id}>{trans.__('Compare with')}</label>
      <select
        id={id}
        className="jp-flowkernel-input jp-mod-styled"
        value={chosen}
        onChange={event => onChoose(event.target.value)}
      >
        {otherTries.length > 0 && (
          <optgroup label={trans.__('Tries')}>
            {otherTries.map(run => (
              <option key={run.id} value={run.id}>
                {tryLabel(tries, run.id, trans)}
              </option>
            ))}
          </optgroup>
        )}
        {runs.length > 0 && (
          <optgroup label={trans.__('Other runs of the flow')}>
            {runs.map(run => (
              <option key={run.id} value={run.id}>
                {runLabel(run, trans)}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </div>
  );
}

function word(run: IOtherRun, trans: ITranslate): string {
  return statusWord(run.status as ExecutionStatus, trans);
}

/** "Try 2, failed"; null: it is no try, or the only one. */
function tryLabel(
  tries: readonly IOtherRun[],
  id: string,
  trans: ITranslate
): string | null {
  const place = tries.findIndex(run => run.id === id);
  const run = tries[place];
  return run === undefined || tries.length === 1
    ? null
    : trans.__('Try %1, %2', place + 1, word(run, trans));
}

/** "report, failed, Jan 31, 2026, 12:00:00 PM". */
function runLabel(run: IOtherRun, trans: ITranslate): string {
  return [run.name, word(run, trans), momentText(run.createdAt)].join(', ');
}

/** The earlier one is on the left. */
function TryComparison(props: {
  readonly execution: IExecution;
  readonly otherId: string;
  readonly tries: readonly IOtherRun[];
}): JSX.Element {
  const { execution, otherId, tries } = props;
  const trans = useTrans();
  const { value: other, error } = useExecution(otherId);
  if (other === null) {
    return error === null ? (
      <Loading />
    ) : (
      <ErrorBlock
        title={trans.__('The other run cannot be read')}
        error={error}
      />
    );
  }
  const isEarlier = other.created_at <= execution.created_at;
  const [left, right] = isEarlier ? [other, execution] : [execution, other];
  const label = (run: IExecution): string =>
    tryLabel(tries, run.execution_id, trans) ?? runLabel(otherRun(run), trans);
  return (
    <Comparison
      left={left}
      right={right}
      leftLabel={label(left)}
      rightLabel={label(right)}
    />
  );
}
