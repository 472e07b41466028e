/** Two runs side by side: facts, inputs, sources, outputs and environments. */
import { useMemo } from 'react';
import type { ReactNode } from 'react';

import { useFlowkernel, useTrans } from '../components/context';
import { momentText } from '../components/time';
import { durationText, tookOf } from '../model/durations';
import { valueText } from '../model/forms';
import { effectiveInputs } from '../model/run-values';
import type { IComparedCell, IComparedValue } from '../model/tries';
import {
  comparedCells,
  comparedValues,
  namedParts,
  wholeSource
} from '../model/tries';
import type { ITranslate } from '../model/words';
import { interventionText, statusWord } from '../model/words';
import type { IExecution, INotebookCell, Json, JsonObject } from '../wire';
import { Check } from './check';
import { Difference } from './difference';
import { Output } from './foreign';
import { useOption } from './lab';
import { useNotebook } from './notebook-reading';

export interface IComparisonProps {
  readonly left: IExecution;
  readonly right: IExecution;
  readonly leftLabel: string;
  readonly rightLabel: string;
}

export function Comparison(props: IComparisonProps): JSX.Element {
  const { left, right } = props;
  const trans = useTrans();
  const [showsAll, setShowsAll] = useOption<boolean>('tries:all', false);
  const word = trans.__('value');
  return (
    <>
      <Check
        label={trans.__('Show what is the same, too')}
        isOn={showsAll}
        onChange={setShowsAll}
      />
      <Runs {...props} />
      <Values
        {...props}
        title={trans.__('How they went')}
        values={comparedValues(factsOf(left, trans), factsOf(right, trans))}
        showsAll
      />
      <Values
        {...props}
        title={trans.__('Inputs')}
        values={comparedValues(inputsOf(left), inputsOf(right))}
        showsAll={showsAll}
      />
      <Values
        {...props}
        title={trans.__('Output')}
        values={comparedValues(
          namedParts(left.output, word),
          namedParts(right.output, word)
        )}
        showsAll={showsAll}
      />
      <Notebooks {...props} showsAll={showsAll} />
      <Values
        {...props}
        title={trans.__('Environment')}
        values={comparedValues(left.environment ?? {}, right.environment ?? {})}
        showsAll={showsAll}
      />
    </>
  );
}

/** Their names, as clickable as anywhere. */
function Runs(props: IComparisonProps): JSX.Element {
  const flowkernel = useFlowkernel();
  const trans = useTrans();
  const runs = [
    [props.left, props.leftLabel],
    [props.right, props.rightLabel]
  ] as const;
  return (
    <p className="jp-flowkernel-section-bar">
      {runs.map(([run, label]) => (
        <button
          key={run.execution_id}
          type="button"
          className="jp-flowkernel-link"
          onClick={() => flowkernel.open(run.execution_id)}
        >
          {trans.__('Open %1', label)}
        </button>
      ))}
    </p>
  );
}

function factsOf(run: IExecution, trans: ITranslate): JsonObject {
  const took = tookOf(run, Date.now());
  return Object.fromEntries(
    Object.entries({
      [trans.__('status')]: statusWord(run.status, trans),
      [trans.__('why')]: run.status_message,
      [trans.__('started')]: momentText(run.started_at),
      [trans.__('work')]: took && durationText(took.work),
      // Its parent started any other one.
      [trans.__('started by')]: run.parent_id === null ? run.started_by : null,
      [trans.__('what people did')]: interventionText(run, trans),
      [trans.__('source')]: run.flow_version?.slice(0, 12) ?? null
    }).filter(([, value]) => value !== null && value !== '')
  );
}

function inputsOf(run: IExecution): JsonObject {
  return Object.fromEntries(
    effectiveInputs(run).map(({ name, value }) => [name, value])
  );
}

function Values(
  props: IComparisonProps & {
    readonly title: string;
    readonly values: readonly IComparedValue[];
    readonly showsAll: boolean;
  }
): JSX.Element | null {
  const { title, values, showsAll } = props;
  const rows = values.filter(value => showsAll || !value.isSame);
  if (values.length === 0) {
    return null;
  }
  return (
    <Part title={title} isEqual={values.every(value => value.isSame)}>
      {rows.length > 0 && (
        <table className="jp-flowkernel-values jp-flowkernel-compared">
          <thead>
            <Titles {...props} />
          </thead>
          <tbody>
            {rows.map(value => (
              <tr key={value.name} data-other={!value.isSame || undefined}>
                <th scope="row">{value.name}</th>
                <td>{shownSide(value.left)}</td>
                <td>{shownSide(value.right)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Part>
  );
}

function Titles(props: IComparisonProps): JSX.Element {
  const trans = useTrans();
  return (
    <tr>
      <th scope="col">{trans.__('name')}</th>
      <th scope="col">{props.leftLabel}</th>
      <th scope="col">{props.rightLabel}</th>
    </tr>
  );
}

function shownSide(value: Json | undefined): string {
  return value === undefined ? '' : valueText(value);
}

function Part(props: {
  readonly title: string;
  readonly isEqual: boolean;
  readonly children: ReactNode;
}): JSX.Element {
  const trans = useTrans();
  return (
    <section aria-label={props.title}>
      <h2 className="jp-flowkernel-section-title">
        {props.isEqual
          ? trans.__('%1: the same in both', props.title)
          : props.title}
      </h2>
      {props.children}
    </section>
  );
}

/** Sources and outputs, once both notebooks are here. */
function Notebooks(
  props: IComparisonProps & { readonly showsAll: boolean }
): JSX.Element {
  const { left, right, showsAll } = props;
  const trans = useTrans();
  const { value: leftNotebook } = useNotebook(left.execution_id);
  const { value: rightNotebook } = useNotebook(right.execution_id);
  const [cells, others] = [leftNotebook?.cells, rightNotebook?.cells];
  const sources = useMemo(() => {
    const title = (number: number): string => trans.__('cell %1', number);
    return [
      wholeSource(cells ?? [], title),
      wholeSource(others ?? [], title)
    ] as const;
  }, [cells, others, trans]);
  const compared = useMemo(
    () => comparedCells(cells ?? [], others ?? []),
    [cells, others]
  );
  const rows = compared.filter(cell => showsAll || !cell.isSame);
  const isEqual = sources[0] === sources[1];
  return (
    <>
      <Part title={trans.__('Source')} isEqual={isEqual}>
        {!isEqual && (
          <Difference
            {...props}
            left={sources[0]}
            right={sources[1]}
            language={
              leftNotebook?.language ?? rightNotebook?.language ?? 'python'
            }
          />
        )}
      </Part>
      {compared.length > 0 && (
        <Part
          title={trans.__('Outputs of cells')}
          isEqual={compared.every(cell => cell.isSame)}
        >
          {rows.map(cell => (
            <Pair key={cell.number} cell={cell} {...props} />
          ))}
        </Part>
      )}
    </>
  );
}

function Pair(
  props: IComparisonProps & { readonly cell: IComparedCell }
): JSX.Element {
  const { cell, leftLabel, rightLabel } = props;
  const trans = useTrans();
  return (
    <>
      <h3 className="jp-flowkernel-section-title">
        {trans.__('Cell %1', cell.number)}
      </h3>
      <div className="jp-flowkernel-pair">
        <Side cell={cell.left} run={leftLabel} />
        <Side cell={cell.right} run={rightLabel} />
      </div>
    </>
  );
}

function Side(props: {
  readonly cell: INotebookCell | null;
  readonly run: string;
}): JSX.Element {
  const { cell, run } = props;
  const trans = useTrans();
  const label = trans.__('Output of cell %1 in %2', cell?.number ?? '', run);
  return (
    <div>
      {cell === null || cell.outputs.length === 0 ? (
        <p className="jp-flowkernel-remark">{trans.__('No output')}</p>
      ) : (
        cell.outputs.map((output, place) => (
          <Output key={place} output={output} label={label} />
        ))
      )}
    </div>
  );
}
