/** What a run was started with, what it gave, and why it failed. */
import { RunContent } from '../components/run-dialog';
import type { ISectionProps } from './sections';

export function Overview(props: ISectionProps): JSX.Element {
  return <RunContent execution={props.execution} />;
}
