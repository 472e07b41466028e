/** Why a run started: what called it, or of what it is another try. */
import type { ReactNode } from 'react';

import { useFlowkernel, useTrans } from '../components/context';
import { durationText, momentOf } from '../model/durations';
import type { ICall } from '../model/lineage';
import { callsOf, callsSql } from '../model/lineage';
import type { ITranslate } from '../model/words';
import type { IFlowkernel } from '../tokens';
import type { IExecution } from '../wire';
import { useReading } from '../components/reading';

interface IOrigin {
  readonly parent: IExecution | null;
  readonly call: ICall | null;
  readonly retried: IExecution | null;
  readonly adopter: IExecution | null;
}

/** A wait in the queue that is shorter is not said. Seconds. */
const LEAST_QUEUED = 1;

export function Origin(props: {
  readonly execution: IExecution;
}): JSX.Element | null {
  const { execution } = props;
  const flowkernel = useFlowkernel();
  const trans = useTrans();
  const { execution_id: id, adopted_by: adopterId } = execution;
  const { value } = useReading(`origin:${id}`, adopterId, () =>
    readOrigin(flowkernel, execution)
  );
  const parts = [
    ...(value === null ? [] : originParts(value, trans)),
    ...queuedPart(execution, trans)
  ];
  return parts.length === 0 ? null : (
    <p className="jp-flowkernel-run-origin">
      {parts.map((part, place) => (
        <span key={place}>{part}</span>
      ))}
    </p>
  );
}

function originParts(
  { parent, call, retried, adopter }: IOrigin,
  trans: ITranslate
): readonly ReactNode[] {
  const number = call?.cellNumber ?? null;
  const parts: ReactNode[] = [];
  if (parent !== null) {
    const words =
      number === null
        ? trans.__('called by')
        : trans.__('called in cell %1 of', number);
    parts.push(<Link words={words} run={parent} title={call?.firstLine} />);
  }
  if (retried !== null) {
    parts.push(<Link words={trans.__('tries again')} run={retried} />);
  }
  if (adopter !== null) {
    parts.push(<Link words={trans.__('taken over by')} run={adopter} />);
  }
  return parts;
}

function queuedPart(
  execution: IExecution,
  trans: ITranslate
): readonly string[] {
  const created = momentOf(execution.created_at);
  const started = momentOf(execution.started_at);
  const isFirst = execution.losses === 0 && created !== null;
  const seconds = isFirst && started !== null ? (started - created) / 1000 : 0;
  return seconds >= LEAST_QUEUED
    ? [trans.__('queued for %1', durationText(seconds))]
    : [];
}

function Link(props: {
  readonly words: string;
  readonly run: IExecution;
  readonly title?: string | null | undefined;
}): JSX.Element {
  const { run } = props;
  const { open } = useFlowkernel();
  return (
    <>
      {props.words}{' '}
      <button
        type="button"
        className="jp-flowkernel-link"
        title={props.title ?? run.name}
        onClick={() => open(run.execution_id)}
      >
        {run.name}
      </button>
    </>
  );
}

async function readOrigin(
  { api }: IFlowkernel,
  execution: IExecution
): Promise<IOrigin> {
  const { parent_id, retry_of, adopted_by, execution_id } = execution;
  const [parent, retried, adopter, calls] = await Promise.all([
    orNull(parent_id, id => api.execution(id)),
    orNull(retry_of, id => api.execution(id)),
    orNull(adopted_by, id => api.execution(id)),
    orNull(parent_id, () => api.sql(callsSql([execution_id])))
  ]);
  const call = calls === null ? null : callsOf(calls).get(execution_id);
  return { parent, call: call ?? null, retried, adopter };
}

/** Null: there is none, or it was deleted, or cannot be read: then the rest is said. */
async function orNull<T>(
  id: string | null,
  read: (id: string) => Promise<T>
): Promise<T | null> {
  try {
    return id === null ? null : await read(id);
  } catch (error) {
    console.debug('flowkernel: why a run started is not known whole.', error);
    return null;
  }
}
