/** What the boot server counts, for Prometheus (`/metrics`). One registry a server. */

import { Counter, Gauge, Registry } from 'prom-client';

export type NetbootMetrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    dhcp: new Counter({ name: 'pxen_dhcp_requests_total', help: 'DHCP requests heard, by what they came to.', labelNames: ['answer'], registers }),
    tftp: new Counter({ name: 'pxen_tftp_transfers_total', help: 'TFTP requests, by outcome.', labelNames: ['outcome'], registers }),
    tftpBytes: new Counter({ name: 'pxen_tftp_sent_bytes_total', help: 'Bytes of whole files sent by TFTP.', registers }),
    tftpResent: new Counter({ name: 'pxen_tftp_resent_packets_total', help: 'TFTP packets sent more than once.', registers }),
    tftpRunning: new Gauge({ name: 'pxen_tftp_transfers_running', help: 'TFTP transfers now.', registers }),
    tftpWaiting: new Gauge({ name: 'pxen_tftp_requests_waiting', help: 'TFTP requests that wait for a place.', registers }),
    http: new Counter({ name: 'pxen_http_requests_total', help: 'HTTP requests, by route and status.', labelNames: ['route', 'status'], registers }),
    httpBytes: new Counter({ name: 'pxen_http_image_bytes_total', help: 'Bytes of image files sent by HTTP.', registers }),
    downloads: new Gauge({ name: 'pxen_http_image_downloads', help: 'Image files being sent now.', registers }),
    downloadsWaiting: new Gauge({ name: 'pxen_http_image_downloads_waiting', help: 'Image files that wait for their turn to be sent.', registers }),
    httpRefused: new Counter({ name: 'pxen_http_refused_total', help: 'Connections and downloads refused or cut off, by reason.', labelNames: ['reason'], registers }),
    dns: new Counter({ name: 'pxen_dns_queries_total', help: 'DNS queries, by answer.', labelNames: ['answer'], registers }),
  };
}
