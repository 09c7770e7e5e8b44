import type { Command } from './context';

export const showLog: Command = ({ log }) => {
  log.show();
  return Promise.resolve();
};
