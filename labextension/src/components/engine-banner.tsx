/** The engine, where it is not ready: a state with a button, not a broken page. */
import { useState } from 'react';

import { sentenceOf } from '../model/errors';
import { ErrorBlock, Loading } from './blocks';
import { useEngine, useFlowkernel, useTrans } from './context';

/** Nothing while the engine is ready, or rests until it is needed. */
export function EngineBanner(): JSX.Element | null {
  const { startEngine } = useFlowkernel();
  const trans = useTrans();
  const view = useEngine();
  const [isStarting, setStarting] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const start = async (): Promise<void> => {
    setStarting(true);
    setRefusal(null);
    try {
      await startEngine();
    } catch (error) {
      setRefusal(sentenceOf(error));
    } finally {
      setStarting(false);
    }
  };

  if (isStarting || (view.kind === 'known' && view.state === 'starting')) {
    return <Loading label={trans.__('The engine is starting…')} />;
  }
  if (view.kind === 'offline') {
    return (
      <ErrorBlock
        title={trans.__('Jupyter Server is away')}
        actions={[
          { label: trans.__('Try again'), onClick: () => void start() }
        ]}
      >
        <p>{view.message}</p>
      </ErrorBlock>
    );
  }
  if (view.kind === 'known' && view.state === 'away') {
    return (
      <ErrorBlock
        title={trans.__('The engine is away')}
        actions={[
          { label: trans.__('Start the engine'), onClick: () => void start() }
        ]}
      >
        <p>{refusal ?? view.message}</p>
      </ErrorBlock>
    );
  }
  return null;
}
