/** The engine, where it is not ready: a state with a button, not a broken page. */
import { useState } from 'react';

import { EngineError, sentenceOf } from '../model/errors';
import { EmptyState, ErrorBlock, Loading } from './blocks';
import { useEngine, useFlowkernel, useTrans } from './context';

interface IStarter {
  readonly start: () => void;
  readonly isStarting: boolean;
  /** Why it did not start; empty: it was not tried, or it did. */
  readonly refusal: string;
}

function useStarter(): IStarter {
  const { startEngine } = useFlowkernel();
  const [isStarting, setStarting] = useState(false);
  const [refusal, setRefusal] = useState('');
  const start = async (): Promise<void> => {
    setStarting(true);
    setRefusal('');
    try {
      await startEngine();
    } catch (error) {
      setRefusal(sentenceOf(error));
    } finally {
      setStarting(false);
    }
  };
  return { start: () => void start(), isStarting, refusal };
}

/** Nothing while the engine is ready, or rests until it is needed. */
export function EngineBanner(): JSX.Element | null {
  const trans = useTrans();
  const view = useEngine();
  const { start, isStarting, refusal } = useStarter();
  if (isStarting || (view.kind === 'known' && view.state === 'starting')) {
    return <Loading label={trans.__('The engine is starting…')} />;
  }
  if (view.kind === 'offline') {
    return (
      <ErrorBlock
        title={trans.__('Jupyter Server is away')}
        actions={[{ label: trans.__('Try again'), onClick: start }]}
      >
        <p>{view.message}</p>
      </ErrorBlock>
    );
  }
  if (view.kind === 'known' && view.state === 'away') {
    return (
      <ErrorBlock
        title={trans.__('The engine is away')}
        actions={[{ label: trans.__('Start the engine'), onClick: start }]}
      >
        <p>{refusal || view.message}</p>
      </ErrorBlock>
    );
  }
  return null;
}

/** What a list shows that could not be read: an engine that rests is no error. */
export function ReadFailure(props: {
  readonly title: string;
  readonly error: unknown;
  readonly onRetry: () => void;
}): JSX.Element {
  const { error } = props;
  const trans = useTrans();
  const { start, isStarting, refusal } = useStarter();
  if (isStarting) {
    return <Loading label={trans.__('The engine is starting…')} />;
  }
  if (error instanceof EngineError && error.code === 'EngineStopped') {
    return (
      <EmptyState
        title={trans.__('The engine is not running.')}
        actions={[{ label: trans.__('Start the engine'), onClick: start }]}
      >
        <p>{refusal || error.message}</p>
      </EmptyState>
    );
  }
  return (
    <ErrorBlock
      title={props.title}
      error={error}
      actions={[{ label: trans.__('Try again'), onClick: props.onRetry }]}
    />
  );
}
