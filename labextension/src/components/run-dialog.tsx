/** A run in short, over any page: how it went, why, with what, and the end of its log. */
import type { CommandRegistry } from '@lumino/commands';
import { useState } from 'react';

import { valueText } from '../model/forms';
import type { INamedValue, ITable } from '../model/run-values';
import { effectiveInputs, tableOf } from '../model/run-values';
import { isEnded } from '../model/store';
import { contentOf } from '../model/subject';
import { interventionText } from '../model/words';
import { parametersAround } from '../model/wrapper-uses';
import type { IFlowkernel } from '../tokens';
import { CommandIDs } from '../tokens';
import type { IExecution, Json } from '../wire';
import { Button, ErrorBlock, Loading } from './blocks';
import { useFlowkernel, useRun, useTrans } from './context';
import { Modal, showModal } from './modal';
import type { IRead } from './reading';
import { useReading, useRunVersion } from './reading';
import { Status } from './status';
import { Ago, Took } from './time';

/** Lines of the log that are shown, inclusive: the last ones. */
const LOG_LINES = 200;

/** Characters of a value that are shown at first, inclusive. */
const MOST_TEXT = 2_000;

interface IRunDetails {
  readonly execution: IExecution;
  readonly log: string;
}

export function showRunDialog(
  flowkernel: IFlowkernel,
  commands: CommandRegistry,
  executionId: string
): void {
  showModal(flowkernel, close => (
    <RunDialog executionId={executionId} commands={commands} onClose={close} />
  ));
}

interface IRunDialogProps {
  readonly executionId: string;
  readonly commands: CommandRegistry;
  readonly onClose: () => void;
}

function RunDialog(props: IRunDialogProps): JSX.Element {
  const { executionId, onClose } = props;
  const trans = useTrans();
  const run = useRun(executionId);
  const { value: details, error } = useRunDetails(executionId);
  const name = details?.execution.name ?? run?.name ?? executionId;
  return (
    <Modal title={name} onClose={onClose}>
      <RunBody executionId={executionId} details={details} error={error} />
      <div className="jp-flowkernel-actions">
        {details !== null && (
          <RunActions {...props} onActed={onClose} row={details.execution} />
        )}
        <Button label={trans.__('Close')} onClick={onClose} isPrimary />
      </div>
    </Modal>
  );
}

/** What is known of a run, read again after each change of it. */
function useRunDetails(executionId: string): IRead<IRunDetails> {
  const flowkernel = useFlowkernel();
  const version = useRunVersion(executionId);
  return useReading(executionId, version, () =>
    readDetails(flowkernel, executionId)
  );
}

function RunBody(props: {
  readonly executionId: string;
  readonly details: IRunDetails | null;
  readonly error: unknown;
}): JSX.Element {
  const { executionId, details, error } = props;
  const trans = useTrans();
  if (details === null && error !== null) {
    return (
      <ErrorBlock title={trans.__('The run cannot be read')} error={error} />
    );
  }
  return details === null ? (
    <Loading />
  ) : (
    <Details executionId={executionId} details={details} />
  );
}

async function readDetails(
  flowkernel: IFlowkernel,
  id: string
): Promise<IRunDetails> {
  const { api } = flowkernel;
  const execution = await api.execution(id);
  const { rows } = await api.sql(
    'SELECT text FROM log ' +
      `WHERE execution_id = '${execution.execution_id}'::UUID ` +
      `ORDER BY seq DESC LIMIT ${LOG_LINES}`
  );
  const log = rows.map(row => String(row[0]).replace(/\n$/, '')).reverse();
  return { execution, log: log.join('\n') };
}

function Details(props: {
  readonly executionId: string;
  readonly details: IRunDetails;
}): JSX.Element {
  const { execution, log } = props.details;
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-modal-body">
      <RunFacts execution={execution} />
      <RunContent execution={execution} subject={null} />
      {log !== '' && <Part title={trans.__('End of the log')} text={log} />}
    </div>
  );
}

/** Where it stands, since when, by whom, and what people did to it. */
export function RunFacts(props: {
  readonly execution: IExecution;
  /** Whether what it waits for is said elsewhere. */
  readonly isBrief?: boolean;
}): JSX.Element {
  const { execution, isBrief = false } = props;
  const trans = useTrans();
  const run = useRun(execution.execution_id) ?? execution;
  const people = interventionText(run, trans);
  return (
    <>
      <p className="jp-flowkernel-facts">
        <Status status={run.status} />
        <Took run={run} />
        <Ago at={run.created_at} />
        {run.started_by !== null && run.parent_id === null && (
          <span>{trans.__('started by %1', run.started_by)}</span>
        )}
        {people !== '' && <span>{people}</span>}
      </p>
      {run.status_message !== null && run.status_message !== '' && !isBrief && (
        <p>{run.status_message}</p>
      )}
    </>
  );
}

/** Why it failed, with what it was started, and what it gave. */
export function RunContent(props: {
  readonly execution: IExecution;
  /** What it is about, if it is a wrapper; null: that never started, or is not read yet. */
  readonly subject: IExecution | null;
}): JSX.Element {
  const { execution, subject } = props;
  const trans = useTrans();
  const content = contentOf(execution, subject);
  const { error } = content;
  return (
    <>
      {error?.traceback && (
        <Part title={trans.__('Error')} text={error.traceback} />
      )}
      <Values title={trans.__('Inputs')} values={effectiveInputs(content)} />
      <Values
        title={trans.__('Output')}
        values={namedOutput(execution, trans.__('value'))}
      />
      {parametersAround(execution, trans.__('it waits without a limit')).map(
        ({ name, values }, place) => (
          <Values
            key={place}
            title={trans.__('Wrapper %1', name)}
            values={values}
          />
        )
      )}
    </>
  );
}

/** Each part of an output by its name; one that has no names as a whole. */
function namedOutput(
  execution: IExecution,
  word: string
): readonly INamedValue[] {
  const { output } = execution;
  if (output === null) {
    return [];
  }
  const parts =
    typeof output === 'object' && !Array.isArray(output)
      ? Object.entries(output as { readonly [name: string]: Json })
      : [[word, output] as const];
  return parts.map(([name, value]) => ({ name, value, isDefault: false }));
}

function Values(props: {
  readonly title: string;
  readonly values: readonly INamedValue[];
}): JSX.Element | null {
  const trans = useTrans();
  if (props.values.length === 0) {
    return null;
  }
  return (
    <table className="jp-flowkernel-values">
      <caption>{props.title}</caption>
      <tbody>
        {props.values.map(({ name, value, isDefault }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <Value name={name} value={value} />
              {isDefault && ` ${trans.__('(default)')}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A list of records as a table, anything else as text. */
function Value(props: {
  readonly name: string;
  readonly value: Json;
}): JSX.Element {
  const table = tableOf(props.value);
  return table === null ? (
    <Text text={valueText(props.value)} />
  ) : (
    <RecordTable name={props.name} table={table} />
  );
}

/** A text, as far as it is read at a glance; on request all of it. */
function Text(props: { readonly text: string }): JSX.Element {
  const { text } = props;
  const trans = useTrans();
  const [isWhole, setWhole] = useState(false);
  if (isWhole || text.length <= MOST_TEXT) {
    return <>{text}</>;
  }
  const label = trans.__('Show all of it (%1 characters)', text.length);
  return (
    <>
      {`${text.slice(0, MOST_TEXT)}…`}{' '}
      <Button label={label} onClick={() => setWhole(true)} />
    </>
  );
}

/** A list of records. */
export function RecordTable(props: {
  readonly name: string;
  readonly table: ITable;
}): JSX.Element {
  const { columns, rows, total } = props.table;
  const trans = useTrans();
  return (
    <>
      <table className="jp-flowkernel-records" aria-label={props.name}>
        <thead>
          <tr>
            {columns.map(column => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, place) => (
                <td key={place}>{cell === undefined ? '' : valueText(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {total > rows.length && (
        <p>{trans.__('The first %1 of %2 rows', rows.length, total)}</p>
      )}
    </>
  );
}

function Part(props: {
  readonly title: string;
  readonly text: string;
}): JSX.Element {
  return (
    <>
      <h3>{props.title}</h3>
      <pre className="jp-flowkernel-source" tabIndex={0}>
        {props.text}
      </pre>
    </>
  );
}

function RunActions(props: {
  readonly executionId: string;
  readonly commands: CommandRegistry;
  readonly row: IExecution;
  readonly onActed?: () => void;
}): JSX.Element {
  const { executionId, commands, onActed } = props;
  const trans = useTrans();
  const row = useRun(executionId) ?? props.row;
  const act = (command: string): void => {
    onActed?.();
    void commands.execute(command, { executionId });
  };
  return (
    <>
      <Button
        label={trans.__('Run with other inputs…')}
        onClick={() => act(CommandIDs.runWithInputs)}
      />
      {isEnded(row.status) ? (
        <Button
          label={trans.__('Run again')}
          onClick={() => act(CommandIDs.retryRun)}
        />
      ) : (
        <Button
          label={trans.__('Cancel it')}
          onClick={() => act(CommandIDs.cancelRun)}
        />
      )}
    </>
  );
}
