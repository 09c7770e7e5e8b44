/** The commands that write new specs: rarely used, and loaded when they are (dist/adding.js). */

export { addHost } from './addHost';
export { addVm } from './addVm';
export { newDrive } from './newDrive';
