/** How a run is started again from a terminal, a notebook, or a program: texts to copy. */
import { Clipboard } from '@jupyterlab/apputils';
import { useState } from 'react';

import { EngineError } from '../model/errors';
import type { ICommandTexts } from '../model/run-command';
import {
  commandTexts,
  ranFlow,
  ranVersion,
  startWordsOf
} from '../model/run-command';
import type { ITranslate } from '../model/words';
import type { IFlowkernel } from '../tokens';
import { Button, ErrorBlock, Loading } from './blocks';
import { useEngine, useFlowkernel, useTrans } from './context';
import { Modal, showModal } from './modal';
import { useReading } from './reading';

export function showCommandDialog(
  flowkernel: IFlowkernel,
  executionId: string
): void {
  showModal(flowkernel, close => (
    <CommandDialog executionId={executionId} onClose={close} />
  ));
}

function CommandDialog(props: {
  readonly executionId: string;
  readonly onClose: () => void;
}): JSX.Element {
  const { executionId, onClose } = props;
  const trans = useTrans();
  const flowkernel = useFlowkernel();
  const { value: texts, error } = useReading(executionId, null, () =>
    readTexts(flowkernel, executionId)
  );
  const [copied, setCopied] = useState<string | null>(null);
  return (
    <Modal title={trans.__('Start it elsewhere')} onClose={onClose}>
      <div className="jp-flowkernel-modal-body">
        {texts === null && error !== null && (
          <ErrorBlock title={trans.__('It cannot be read')} error={error} />
        )}
        {texts === null && error === null && <Loading />}
        {texts !== null &&
          partsOf(texts, trans).map(([title, text]) => (
            <CopyText
              key={title}
              title={title}
              text={text}
              isCopied={copied === title}
              onCopied={() => setCopied(title)}
            />
          ))}
        {texts !== null && <TokenHint />}
      </div>
      <div className="jp-flowkernel-actions">
        <Button label={trans.__('Close')} onClick={onClose} isPrimary />
      </div>
    </Modal>
  );
}

function partsOf(
  texts: ICommandTexts,
  trans: ITranslate
): readonly (readonly [string, string])[] {
  const parts = [
    [trans.__('In a terminal'), texts.commandLine],
    [trans.__('In a notebook'), texts.magic],
    [trans.__('Over REST'), texts.curl]
  ] as const;
  return parts.flatMap(([title, text]) =>
    text === null ? [] : [[title, text] as const]
  );
}

function CopyText(props: {
  readonly title: string;
  readonly text: string;
  readonly isCopied: boolean;
  readonly onCopied: () => void;
}): JSX.Element {
  const { title, text } = props;
  const trans = useTrans();
  const copy = (): void => {
    Clipboard.copyToSystem(text);
    props.onCopied();
  };
  return (
    <section className="jp-flowkernel-copy-text" aria-label={title}>
      <div className="jp-flowkernel-copy-title">
        <h3>{title}</h3>
        <span role="status">{props.isCopied && trans.__('Copied.')}</span>
        <Button label={trans.__('Copy')} onClick={copy} />
      </div>
      <pre className="jp-flowkernel-source" tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}

/** Where the two words of the last text come from. */
function TokenHint(): JSX.Element {
  const trans = useTrans();
  const engine = useEngine();
  const home = engine.kind === 'known' ? engine.home : undefined;
  const file = home === undefined ? 'engine.json' : `${home}/engine.json`;
  return (
    <p className="jp-flowkernel-secondary">
      {trans.__('URL and TOKEN are the address and the token in %1.', file)}
    </p>
  );
}

async function readTexts(
  { api }: IFlowkernel,
  executionId: string
): Promise<ICommandTexts> {
  const execution = await api.execution(executionId);
  const [name, hash] = [ranFlow(execution), ranVersion(execution)];
  const [flow, version] = await Promise.all([
    name === null ? null : orNull(api.flow(name)),
    hash === null ? null : orNull(api.flowVersion(hash))
  ]);
  return commandTexts(startWordsOf(execution, flow, version));
}

/** Null: there is none. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) {
      return null;
    }
    throw error;
  }
}
