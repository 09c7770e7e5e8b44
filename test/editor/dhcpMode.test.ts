import { expect, test } from 'vitest';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { proxyModeEdit } from '../../src/editor/features/dhcpMode';
import { applied, textsOf } from './cursor';

const cluster = (network: string) => `kind: Cluster\nname: c\n${network}`;

test.each([
  ['network:\n  subnet: 10.77.0.0/24\n  server: 10.77.0.1\n  dhcp: authoritative   # ours\n', 'network:\n  subnet: 10.77.0.0/24\n  server: 10.77.0.1\n  dhcp: proxy   # ours\n'],
  ['network:\n  subnet: 10.77.0.0/24\n  server: 10.77.0.1\n', 'network:\n  subnet: 10.77.0.0/24\n  server: 10.77.0.1\n  dhcp: proxy\n'],
  ['network: {subnet: 10.77.0.0/24, server: 10.77.0.1}\n', 'network: {subnet: 10.77.0.0/24, server: 10.77.0.1, dhcp: proxy}\n'],
])('Proxy mode is one line of pxen.yaml: %j', (before, after) => {
  const drive = EditorDrive.of(new Map([['pxen.yaml', cluster(before)]]));
  expect(applied(textsOf(drive), proxyModeEdit(drive)).get('pxen.yaml')).toBe(cluster(after));
});
