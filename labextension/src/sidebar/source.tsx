/** The source of a flow: its file, if Jupyter shows it, else the text as it is registered. */
import { Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';

import { Button } from '../components/blocks';
import { useTrans } from '../components/context';
import { Modal, showModal } from '../components/modal';
import { sentenceOf } from '../model/errors';
import { shownPath } from '../model/files';
import type { IFlowkernel } from '../tokens';
import type { IFlow } from '../wire';

export async function showSource(
  commands: CommandRegistry,
  flowkernel: IFlowkernel,
  name: string
): Promise<void> {
  try {
    const flow = await flowkernel.api.flow(name);
    const path = shownPath(flow.path, folderOf(flowkernel));
    const isFile = flow.kind !== 'CELL' && path !== null;
    if (isFile && (await isOpened(commands, path))) {
      return;
    }
    showModal(flowkernel, close => <Source flow={flow} onClose={close} />);
  } catch (error) {
    Notification.error(sentenceOf(error), { autoClose: false });
  }
}

async function isOpened(
  commands: CommandRegistry,
  path: string
): Promise<boolean> {
  try {
    await commands.execute('docmanager:open', { path });
    return true;
  } catch {
    return false; // It was moved or deleted: then the registered text is shown.
  }
}

/** The folder that Jupyter shows. The page of Lab has it with `~` for what is before it. */
function folderOf({ engine }: IFlowkernel): string {
  const { view } = engine;
  return view.kind === 'known' ? (view.folder ?? '') : '';
}

function Source(props: {
  readonly flow: IFlow;
  readonly onClose: () => void;
}): JSX.Element {
  const { flow, onClose } = props;
  const trans = useTrans();
  return (
    <Modal title={trans.__('Source of %1', flow.name)} onClose={onClose}>
      {flow.path !== null && (
        <p className="jp-flowkernel-secondary">{flow.path}</p>
      )}
      <pre className="jp-flowkernel-source" tabIndex={0}>
        {sourceText(flow)}
      </pre>
      <div className="jp-flowkernel-actions">
        <Button label={trans.__('Close')} onClick={onClose} />
      </div>
    </Modal>
  );
}

/** Of a notebook its cells, not its JSON. */
function sourceText(flow: IFlow): string {
  const source = flow.source ?? '';
  if (flow.kind !== 'NOTEBOOK') {
    return source;
  }
  try {
    const { cells } = JSON.parse(source) as {
      readonly cells: readonly { readonly source: string | string[] }[];
    };
    return cells
      .map(cell => [cell.source].flat().join(''))
      .join('\n\n# ---\n\n');
  } catch {
    return source;
  }
}
