/** What people decided about a run, and under it: who, when, from where, and what. */
import { useFlowkernel, useRun, useTrans } from '../components/context';
import { useReading } from '../components/reading';
import { momentText } from '../components/time';
import type { IDecision } from '../model/decisions';
import {
  deciderText,
  decisionsOf,
  decisionsSql,
  decisionText
} from '../model/decisions';
import type { IExecution, IExecutionRow } from '../wire';

/** Other runs decided upon are read again after this. Milliseconds. */
const PAUSE = 2_000;

export function Decisions(props: {
  readonly execution: IExecution;
}): JSX.Element | null {
  const { execution } = props;
  const { execution_id: id } = execution;
  const { api } = useFlowkernel();
  const trans = useTrans();
  const run = useRun(id) ?? execution;
  const { value, error } = useReading(
    `decisions:${id}`,
    versionOf(run),
    async () => decisionsOf(await api.sql(decisionsSql(id))),
    PAUSE
  );
  if (error !== null && value === null) {
    return (
      <p className="jp-flowkernel-secondary">
        {trans.__('What people decided cannot be read just now.')}
      </p>
    );
  }
  if (value === null || value.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Decisions')}>
      <h3>{trans.__('Decisions')}</h3>
      <ol className="jp-flowkernel-run-decisions">
        {value.map((decision, place) => (
          <Decision key={place} decision={decision} pageId={id} />
        ))}
      </ol>
    </section>
  );
}

/** Another text when somebody may have decided something. */
function versionOf(run: IExecutionRow): string {
  return [
    ...[run.status, run.decided_by, run.decided_under, run.inputs_changed_by],
    ...[run.skipped_cells, run.mended_cells, run.retried_cells],
    ...[run.asked_at, run.waiting_since, run.answer_seconds]
  ].join(' ');
}

function Decision(props: {
  readonly decision: IDecision;
  readonly pageId: string;
}): JSX.Element {
  const { decision, pageId } = props;
  const { executionId, name, at, difference } = decision;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const moment = new Date(at).toISOString();
  return (
    <li>
      <time dateTime={moment}>{momentText(moment)}</time>{' '}
      <strong>{deciderText(decision, trans)}</strong>
      {': '}
      {decisionText(decision, trans)}
      {executionId !== pageId && (
        <>
          {' '}
          {trans.__('in')}{' '}
          <button
            type="button"
            className="jp-flowkernel-link"
            onClick={() => open(executionId)}
          >
            {name}
          </button>
        </>
      )}
      {difference !== '' && (
        <details>
          <summary>{trans.__('What was changed')}</summary>
          <pre className="jp-flowkernel-source" tabIndex={0}>
            {difference}
          </pre>
        </details>
      )}
    </li>
  );
}
