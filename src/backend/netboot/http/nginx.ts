/**
 * nginx in front of the boot server, for pools of hundreds of hosts: it sends the image files itself (with sendfile, a
 * third of the processor time), and passes the rest on. Pure.
 *
 * The boot server still decides on each request: it answers one for an image file with `X-Accel-Redirect`, which names the
 * file to nginx, so an edited drive holds here too and the begin of a download is seen. Its end comes from nginx's
 * access log, by syslog over UDP. ETag and Last-Modified are those of the image, as without nginx: it is told them.
 * Requests that depend on them otherwise than for a range are answered by PXEN, file and all; no firmware sends such.
 *
 * Nobody waits for a turn here, and nobody is asked to come again: nginx begins every download at once. With sendfile a thousand
 * of them cost it little, but a link that they share gives all of them their files late, not some of them early.
 */

import { parseIpv4 } from '../ipv4';
import type { ListenAddress } from '../sockets';

/** A request with this header came through nginx, which serves the files. */
export const FRONT_HEADER = 'x-pxen-front';
const INTERNAL_PREFIX = '/pxen-images/';

export function internalPath(image: string, file: string): string {
  return `${INTERNAL_PREFIX}${image}/${file}`;
}

export interface NginxConfigInputs {
  /** Where machines reach HTTP. */
  readonly server: ListenAddress;
  /** Where the boot server listens. */
  readonly upstream: ListenAddress;
  /** Absolute. */
  readonly imagesFolder: string;
}

/** For `conf.d` or `sites-enabled`: what belongs into nginx's `http` block. Throws on a folder that nginx can't be told of. */
export function nginxConfig({ server, upstream, imagesFolder }: NginxConfigInputs): string {
  // nginx has no way to write a dollar sign that begins no variable.
  if (/[$\r\n]/.test(imagesFolder)) throw new RangeError(`nginx can't be told of the folder ${imagesFolder}: a dollar sign or line end is in its path`);
  const folder = imagesFolder.replace(/["\\]/g, (character) => `\\${character}`);
  const behind = `${upstream.address}:${upstream.port}`;
  return `# nginx in front of PXEN, made by: pxen serve --http-upstream ${behind} --print-nginx-config
# Put it into nginx's http block (conf.d/ or sites-enabled/), and start: pxen boot --stay --http-upstream ${behind} (or pxen serve)
# nginx's user (www-data on Debian) must be able to read ${imagesFolder}

log_format pxen escape=json '{"uri":"$request_uri","address":"$remote_addr","status":$status,"sent":$body_bytes_sent,"complete":"$request_completion","range":"$sent_http_content_range"}';

upstream pxen {
    server ${behind};
    keepalive 32;
}

server {
    listen ${server.address}:${server.port};
    server_tokens off;
    access_log off;
    client_max_body_size 64k;
    large_client_header_buffers 4 8k;
    send_timeout 120s;

    location / {
        proxy_pass http://pxen;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Pxen-Front accel;
        # A download that waits for its turn is answered late.
        proxy_read_timeout 120s;
        proxy_max_temp_file_size 0;
    }

    # Reached only by a word of PXEN's.
    location ${INTERNAL_PREFIX} {
        internal;
        alias "${folder}/";
        disable_symlinks on;
        sendfile on;
        tcp_nopush on;
        types { application/efi efi; }
        default_type application/octet-stream;
        # Those of the image, which PXEN tells, instead of nginx's own of this copy of it.
        etag off;
        add_header ETag $upstream_http_etag;
        add_header Last-Modified $upstream_http_last_modified;
        access_log syslog:server=${behind},tag=pxen,nohostname pxen;
    }
}
`;
}

/** The end of one download that nginx carried out. */
export interface FrontDownload {
  readonly image: string;
  readonly file: string;
  /** As the query says; empty if it doesn't. */
  readonly mac: string;
  /** Who fetched it. Configurations made by an older PXEN don't tell. */
  readonly address: string | undefined;
  /** Where the range began, 0 without one. */
  readonly start: number;
  readonly bytesSent: number;
  readonly whole: boolean;
}

/** One line of nginx's log, as a syslog datagram. Undefined for anything else: anybody on this machine may send one. */
export function parseFrontLog(datagram: string): FrontDownload | undefined {
  const text = /pxen: (\{.*\})\s*$/s.exec(datagram)?.[1];
  if (text === undefined) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { uri, address, status, sent, complete, range } = entry as Record<string, unknown>;
  if (typeof uri !== 'string' || (status !== 200 && status !== 206) || typeof sent !== 'number' || !(sent > 0)) return undefined;
  const match = /^\/images\/([A-Za-z0-9][A-Za-z0-9._-]*)\/([a-z.]+)(?:\?(.*))?$/.exec(uri);
  if (!match) return undefined;
  const [, image = '', file = '', query = ''] = match;
  const start = Number(/^bytes (\d+)-/.exec(typeof range === 'string' ? range : '')?.[1] ?? 0);
  return {
    image,
    file,
    mac: (new URLSearchParams(query).get('mac') ?? '').toLowerCase().replaceAll('-', ':'),
    address: typeof address === 'string' && parseIpv4(address) !== undefined ? address : undefined,
    start,
    bytesSent: sent,
    whole: complete === 'OK',
  };
}
