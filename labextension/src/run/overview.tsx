/** What a run was started with, what it gave, why it failed, and what people decided. */
import { useExecution } from '../components/reading';
import { RunContent } from '../components/run-dialog';
import { Decisions } from './decisions';
import type { ISectionProps } from './sections';
import { useSubject } from './subject';

export function Overview(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const id = useSubject(execution)?.execution_id ?? execution.execution_id;
  const { value } = useExecution(id);
  const isSubject = value !== null && value.type !== 'WRAPPER';
  return (
    <>
      <Decisions execution={execution} />
      <RunContent execution={execution} subject={isSubject ? value : null} />
    </>
  );
}
