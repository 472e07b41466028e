/** The sidebar: runs, flows and the inbox, one at a time. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { useSyncExternalStore } from 'react';

import {
  FlowkernelProvider,
  useOpenMessages,
  useTrans
} from '../components/context';
import { EngineBanner } from '../components/engine-banner';
import { Tabs } from '../components/tabs';
import type { Section } from '../model/view-options';
import { SECTIONS } from '../model/view-options';
import type { ITranslate } from '../model/words';
import { CommandIDs } from '../tokens';
import { FlowsSection } from './flows';
import { InboxSection } from './inbox';
import { RunsSection } from './runs';
import type { SidebarModel } from './sidebar-model';

/** Tabs are commands, so that others hear of them. */
const SECTION_COMMANDS: { readonly [section in Section]: string } = {
  runs: CommandIDs.openRuns,
  flows: CommandIDs.openFlows,
  inbox: CommandIDs.openInbox
};

export const SIDEBAR_ID = 'flowkernel-sidebar';
/** Begins the ids of its tabs in the document. */
const TAB = 'jp-flowkernel-tab';

export class Sidebar extends ReactWidget {
  constructor(
    private readonly _model: SidebarModel,
    private readonly _commands: CommandRegistry
  ) {
    super();
    this.id = SIDEBAR_ID;
    this.addClass('jp-flowkernel-sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute(
      'aria-label',
      _model.flowkernel.trans.__('flowkernel')
    );
  }

  override dispose(): void {
    this._model.dispose();
    super.dispose();
  }

  protected override onAfterShow(): void {
    this._model.wake();
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._model.flowkernel}>
        <Sections model={this._model} commands={this._commands} />
      </FlowkernelProvider>
    );
  }
}

export interface ISectionProps {
  readonly model: SidebarModel;
  readonly commands: CommandRegistry;
}

function Sections(props: ISectionProps): JSX.Element {
  const { view } = props.model;
  const { section } = useSyncExternalStore(view.subscribe, view.get);
  return (
    <div className="jp-flowkernel-panel">
      <SectionTabs
        section={section}
        onChoose={chosen =>
          void props.commands.execute(SECTION_COMMANDS[chosen])
        }
      />
      <EngineBanner />
      <div
        role="tabpanel"
        id="jp-flowkernel-section"
        className="jp-flowkernel-section"
        aria-labelledby={`${TAB}-${section}`}
      >
        {section === 'runs' && <RunsSection {...props} />}
        {section === 'flows' && <FlowsSection {...props} />}
        {section === 'inbox' && <InboxSection {...props} />}
      </div>
    </div>
  );
}

function SectionTabs(props: {
  readonly section: Section;
  readonly onChoose: (section: Section) => void;
}): JSX.Element {
  const trans = useTrans();
  const waiting = useOpenMessages().length;
  const tabs = SECTIONS.map(id => ({
    id,
    content: (
      <>
        {sectionLabel(id, trans)}
        {id === 'inbox' && waiting > 0 && (
          <span
            className="jp-flowkernel-badge"
            aria-label={trans._n('%1 waits', '%1 wait', waiting)}
          >
            {waiting}
          </span>
        )}
      </>
    )
  }));
  return (
    <Tabs
      label={trans.__('What to show')}
      prefix={TAB}
      panelId="jp-flowkernel-section"
      tabs={tabs}
      chosen={props.section}
      onChoose={props.onChoose}
    />
  );
}

function sectionLabel(section: Section, trans: ITranslate): string {
  switch (section) {
    case 'runs':
      return trans.__('Runs');
    case 'flows':
      return trans.__('Flows');
    case 'inbox':
      return trans.__('Inbox');
  }
}
