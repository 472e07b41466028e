/** The icon of flowkernel: one thing that leads to two. */
import { LabIcon } from '@jupyterlab/ui-components';

const FLOW_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24">' +
  '<g class="jp-icon3" fill="none" stroke="#616161" stroke-width="1.8">' +
  '<circle cx="5" cy="12" r="2.6"/><circle cx="19" cy="5.4" r="2.6"/>' +
  '<circle cx="19" cy="18.6" r="2.6"/>' +
  '<path d="M7.6 12 C12 12 12 5.4 16.4 5.4 M7.6 12 C12 12 12 18.6 16.4 18.6"/>' +
  '</g></svg>';

export const flowkernelIcon = new LabIcon({
  name: 'flowkernel:flow',
  svgstr: FLOW_SVG
});
