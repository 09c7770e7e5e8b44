/** Hears the magic packets on the lab's network, as the machines' network cards would. */

import dgram from 'node:dgram';
import { decodeMagicPacket } from '../../backend/power/magicPacket';

export interface WakeListener {
  close(): Promise<void>;
}

/** Listens on each port of the namespace; `onWake` gets the MAC of each magic packet. Rejects when a port can't be had. */
export async function listenForMagicPackets(ports: readonly number[], onWake: (mac: string) => void): Promise<WakeListener> {
  const sockets: dgram.Socket[] = [];
  const close = async () => {
    for (const socket of sockets.splice(0)) await new Promise<void>((resolve) => socket.close(resolve));
  };
  try {
    for (const port of new Set(ports)) {
      const socket = dgram.createSocket('udp4');
      await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, '0.0.0.0', resolve));
      sockets.push(socket);
      socket.on('message', (message) => {
        const packet = decodeMagicPacket(message);
        if (packet) onWake(packet.mac);
      });
    }
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}
